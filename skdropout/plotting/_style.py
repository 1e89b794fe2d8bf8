"""One style for all pictures. matplotlib is imported only where something is drawn.

What the user has set in matplotlib's rcParams comes before what is set here.
"""

import textwrap
from typing import Any

import numpy as np

# The palette of Okabe and Ito, which colour-blind readers can tell apart; its yellow,
# which is faint on white, is left out, and its black is the colour of the axes' texts.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = "osD^vP*X"
# For prints without colours.
_LINE_STYLES = ("-", "--", "-.", (0, (1, 1.2)))
# Large enough for a thumbnail of the picture.
_LABEL_SIZE = 14
_TICK_SIZE = 12
# Difference in lightness from which something stands out from its background.
_VISIBLE = 0.27
_LONGEST_LINE = 28


def import_pyplot():
    """``matplotlib.pyplot``, or an error that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "The displays need matplotlib, which the extra `plot` brings: "
            'pip install "skdropout[plot]".'
        ) from error
    return plt


def size_of(name: str, size: float):
    """`size`, unless the user has set this rcParam, or the size of all letters."""
    import matplotlib as mpl

    own: Any = mpl.rcParams
    default: Any = mpl.rcParamsDefault
    names = (name,) if name.startswith("lines.") else (name, "font.size")
    return own[name] if any(own[n] != default[n] for n in names) else size


def axes_of(ax=None):
    """The axes to draw on, in this style: `ax`, or those of a new figure."""
    if ax is None:
        _, ax = import_pyplot().subplots(layout="constrained")
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size(size_of("axes.labelsize", _LABEL_SIZE))
        name = f"{axis.axis_name}tick.labelsize"
        axis.set_tick_params(labelsize=size_of(name, _TICK_SIZE))
    return ax


def draw_grid(ax) -> None:
    """A faint grid behind the data, where the user's style has none."""
    from matplotlib import rcParams

    if not rcParams["axes.grid"]:
        ax.grid(alpha=0.3)
    ax.set_axisbelow(True)


def background(ax) -> tuple[float, float, float]:
    """The colour behind the data."""
    from matplotlib.colors import to_rgba

    color = np.ones(3)
    for part in (ax.figure.figure, ax.figure, ax):
        *rgb, alpha = to_rgba(part.get_facecolor())
        color = alpha * np.array(rgb) + (1 - alpha) * color
    red, green, blue = color.tolist()
    return red, green, blue


def foreground(ax):
    """The colour of the axes' texts, if it stands out from what is behind the data."""
    from matplotlib.colors import to_rgb

    color, behind = ax.xaxis.label.get_color(), background(ax)
    if abs(lightness(to_rgb(color)) - lightness(behind)) > _VISIBLE:
        return color
    return text_color(behind)


def line_styles(n_lines: int, *, ordered: bool = False, ax=None) -> list[dict[str, Any]]:
    """Colours and markers of lines; from dark to light where their order means something.

    More lines than the palette has colours take the colours of ordered ones.
    """
    colors = [] if ordered else _palette(ax)
    if n_lines > len(colors):
        colors = shades(n_lines, ax)
    return [
        {
            "color": color,
            "marker": _MARKERS[i % len(_MARKERS)],
            "linewidth": size_of("lines.linewidth", 2.0),
            "markersize": size_of("lines.markersize", 7.0),
        }
        for i, color in enumerate(colors[:n_lines])
    ]


def dash_of(number: int):
    """Style of the line of this number, where colours alone would tell lines apart."""
    return _LINE_STYLES[number % len(_LINE_STYLES)]


def _palette(ax) -> list[Any]:
    from matplotlib import rcParams, rcParamsDefault

    cycle = rcParams["axes.prop_cycle"]
    if cycle != rcParamsDefault["axes.prop_cycle"] and "color" in cycle.keys:
        return list(dict.fromkeys(cycle.by_key()["color"]))
    return [*_COLORS, "black" if ax is None else foreground(ax)]


def shades(n_shades: int, ax=None) -> list[Any]:
    """Colours of the map that stand out from the background, from one of its ends on."""
    colors = _color_map()(np.linspace(0, 1, 256))
    behind = 1.0 if ax is None else lightness(background(ax))
    visible = colors[np.abs(lightness(colors.T) - behind) > _VISIBLE]
    if not len(visible):
        visible = colors
    places = np.linspace(0, len(visible) - 1, n_shades).round().astype(int)
    return [tuple(color) for color in visible[places]]


def stronger_shades(n_shades: int, ax) -> list[Any]:
    """Such colours, from that most like the background to that most unlike it."""
    colors, behind = shades(n_shades, ax), lightness(background(ax))
    return sorted(colors, key=lambda color: abs(lightness(color) - behind))


def _color_map():
    from matplotlib import colormaps, rcParams

    return colormaps[rcParams["image.cmap"]]


def draw_legend(
    ax, title: str | None = None, *, place: str = "beside", n_inside: int = 5
) -> None:
    """A legend of what has a label; of several artists with one label the first.

    One of more than `n_inside` entries stands beside the axes or below them, where the
    layout of the figure has to make room for it. One above the axes is always there.
    """
    handles: dict[str, Any] = {}
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        handles.setdefault(label, handle)
    size = size_of("legend.fontsize", _TICK_SIZE)
    options: dict[str, Any] = {"fontsize": size}
    title_size = size_of("legend.title_fontsize", size)
    if title_size is not None:
        options["title_fontsize"] = title_size
    if place == "above":
        options |= {"loc": "lower right", "bbox_to_anchor": (1, 1), "frameon": False}
        options |= {"ncols": len(handles), "borderaxespad": 0.1, "columnspacing": 1}
    elif len(handles) > n_inside and place == "below":
        n_columns = 3 if max(map(len, handles)) <= _LONGEST_LINE // 2 else 2
        options |= {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": n_columns}
        options |= {"bbox_transform": _below_the_texts(ax), "borderaxespad": 0}
    elif len(handles) > n_inside:
        options |= {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    labels = [_wrapped(label) for label in handles]
    ax.legend(handles.values(), labels, title=title, **options)


def make_room(ax) -> None:
    """Make the figure higher by a legend below the axes."""
    figure, extent = ax.figure, ax.get_legend().get_window_extent()
    if extent.y1 <= ax.get_window_extent().y0:
        figure.set_figheight(figure.get_figheight() + extent.height / figure.dpi)


def _below_the_texts(ax):
    """Coordinates of the axes, moved down by the height of the x axis's texts."""
    from matplotlib.transforms import ScaledTranslation

    sizes = [text.get_size() for text in (ax.xaxis.label, *ax.get_xticklabels()[:1])]
    points = 1.3 * sum(sizes) + 11
    return ax.transAxes + ScaledTranslation(0, -points / 72, ax.figure.dpi_scale_trans)


def _wrapped(label: str) -> str:
    return textwrap.fill(label, _LONGEST_LINE, break_long_words=False) or label


def draw_color_bar(ax, mappable, label: str, *, extend: str = "neither"):
    """A colour bar beside the axes."""
    bar = ax.figure.colorbar(mappable, ax=ax, extend=extend)
    bar.set_label(label, size=size_of("axes.labelsize", _LABEL_SIZE))
    bar.ax.tick_params(labelsize=size_of("ytick.labelsize", _TICK_SIZE))
    return bar


def draw_ring(ax, x, y, size: float):
    """A ring around the mark at a point, named "best" in a legend."""
    (ring,) = ax.plot(
        [x],
        [y],
        linestyle="none",
        marker="o",
        markersize=size + 9,
        markerfacecolor="none",
        markeredgecolor=foreground(ax),
        markeredgewidth=2,
        label="best",
    )
    return ring


def lightness(rgb):
    """Of a colour, from 0 for black to 1 for white."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def text_color(rgba) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "black" if lightness(rgba) > 0.5 else "white"
