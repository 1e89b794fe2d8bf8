"""One style for all pictures. matplotlib is imported only where something is drawn."""

from typing import Any

# The palette of Okabe and Ito, which colour-blind readers can tell apart; its yellow,
# which is faint on white, is left out.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vP*X"
# Of ordered values, and of heat maps.
COLOR_MAP = "viridis"
# Large enough for a thumbnail of the picture.
_LABEL_SIZE = 14
_TICK_SIZE = 12
_LINE = {"linewidth": 2.0, "markersize": 7}


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


def axes_of(ax=None):
    """The axes to draw on, in this style: `ax`, or those of a new figure."""
    if ax is None:
        _, ax = import_pyplot().subplots(layout="constrained")
    ax.xaxis.label.set_size(_LABEL_SIZE)
    ax.yaxis.label.set_size(_LABEL_SIZE)
    ax.tick_params(labelsize=_TICK_SIZE)
    return ax


def draw_grid(ax) -> None:
    """A faint grid behind the data."""
    ax.grid(alpha=0.3)
    ax.set_axisbelow(True)


def line_styles(n_lines: int, *, ordered: bool = False) -> list[dict[str, Any]]:
    """Colours and markers of lines; from dark to light where their order means something.

    More lines than the palette has colours take the colours of ordered ones.
    """
    colors: list[Any]
    if ordered or n_lines > len(_COLORS):
        from matplotlib import colormaps

        # The bright end of the map is faint on white.
        brightest = 0.85 / max(n_lines - 1, 1)
        colors = [colormaps[COLOR_MAP](brightest * i) for i in range(n_lines)]
    else:
        colors = list(_COLORS[:n_lines])
    return [
        {"color": color, "marker": _MARKERS[i % len(_MARKERS)], **_LINE}
        for i, color in enumerate(colors)
    ]


def draw_legend(ax, title: str | None = None) -> None:
    """A legend; beside the axes where it is long."""
    n_entries = len(ax.get_legend_handles_labels()[1])
    options: dict[str, Any] = {"fontsize": _TICK_SIZE, "title_fontsize": _TICK_SIZE}
    if n_entries > 5:
        options |= {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    ax.legend(title=title, framealpha=0.8, **options)


def draw_color_bar(ax, mappable, label: str):
    """A colour bar beside the axes."""
    bar = ax.figure.colorbar(mappable, ax=ax)
    bar.set_label(label, size=_LABEL_SIZE)
    bar.ax.tick_params(labelsize=_TICK_SIZE)
    return bar


def text_color(rgba) -> str:
    """Black or white, whichever is easier to read on a colour."""
    luminance = 0.299 * rgba[0] + 0.587 * rgba[1] + 0.114 * rgba[2]
    return "black" if luminance > 0.5 else "white"
