"""How loss curves are drawn."""

from typing import Any

import numpy as np

from ._curves import Curve
from ._style import foreground, line_styles, size_of

# Marks on a curve, which tell it from others in print.
_N_MARKS = 5


def draw_one(ax, curve: Curve) -> tuple[list[Any], Any]:
    """A network without a name, with a colour for each curve.

    Returns
    -------
    lines : list of Line2D
    best_line : Line2D or None
        At the best epoch.
    """
    training, validation = line_styles(2, ax=ax)
    curves = [(curve.training, training | {"label": "training"})]
    if curve.validation is not None:
        curves.append(
            (curve.validation, validation | {"label": "validation", "linestyle": "--"})
        )
    lines = []
    for losses, style in curves:
        if len(losses) > 1:
            style["marker"] = None
        lines += ax.plot(_epochs(losses), losses, **style)
    if curve.best_epoch is None:
        return lines, None
    label = f"best epoch: {curve.best_epoch}"
    color = foreground(ax)
    return lines, ax.axvline(
        curve.best_epoch, color=color, linestyle=":", linewidth=2, label=label
    )


def draw_several(ax, curves: list[Curve]) -> tuple[list[Any], list[Any]]:
    """Networks with names, with a colour and a marker each, after those on the axes.

    Returns
    -------
    lines, best_points : list of Line2D
    """
    n_drawn = sum(
        len(line.get_xdata()) > 0 and not line.get_label().startswith("_")
        for line in ax.lines
    )
    color = foreground(ax)
    styles = line_styles(n_drawn + len(curves), ax=ax)[n_drawn:]
    has_validation = any(curve.validation is not None for curve in curves)
    lines, points = [], []
    for i, (curve, style) in enumerate(zip(curves, styles, strict=True)):
        style |= {"zorder": 2 + i / len(curves)}
        step = max(1, -(-len(curve.training) // _N_MARKS))
        style["markevery"] = (i * step // len(curves), step)
        style["markersize"] *= 0.8
        width = style["linewidth"] * (0.7 if has_validation else 1)
        lines += ax.plot(
            _epochs(curve.training),
            curve.training,
            label=curve.name,
            **style | {"linewidth": width},
        )
        marked = curve.training
        if curve.validation is not None:
            marked = curve.validation
            lines += ax.plot(_epochs(marked), marked, linestyle="--", **style)
        if curve.best_epoch is not None:
            epoch, star = curve.best_epoch, _star(style["color"], color)
            points += ax.plot([epoch], [marked[epoch - 1]], **star)
    explained = []
    if has_validation:
        explained += [{"label": "training", "linewidth": 1.4}]
        explained += [{"label": "validation", "linewidth": 2, "linestyle": "--"}]
    if points:
        explained += [{"label": "best epoch", **_star(color, color)}]
    for entry in explained:
        ax.plot([], [], **{"color": color} | entry)
    return lines, points


def _star(color, edge) -> dict[str, Any]:
    size = size_of("lines.markersize", 7.0) * 2.2
    style = {"marker": "*", "markersize": size, "linestyle": "none", "zorder": 4}
    return style | {"color": color, "markeredgecolor": edge, "markeredgewidth": 0.8}


def _epochs(losses) -> np.ndarray:
    return np.arange(1, len(losses) + 1)
