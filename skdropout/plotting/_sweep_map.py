"""Scores over a pair of parameters: as a heat map, or as points where they are sparse."""

import numpy as np

from ._axes import label_categories, scale_axis
from ._style import (
    draw_color_bar,
    draw_grid,
    draw_legend,
    draw_ring,
    foreground,
    size_of,
    text_color,
)
from ._values import are_numeric, distinct, floor_of, label_of, ranks

# Cells of a heat map up to which their numbers can be read.
_MAX_LABELLED_CELLS = 36
_POINT = 9.0


def draw_map(sweep, ax):
    """Draw the scores of a `SweepDisplay` over its two parameters.

    Returns
    -------
    image : matplotlib AxesImage or PathCollection
    best : matplotlib Artist or None
        What marks the best.
    """
    names = sweep.param_names
    chosen = [i for i, p in enumerate(sweep.params) if all(n in p for n in names)]
    if sweep.resource:
        chosen = _last_rungs(sweep.params, chosen, sweep.resource)
    params, means = [sweep.params[i] for i in chosen], sweep.mean_scores[chosen]
    columns = [[candidate[name] for candidate in params] for name in names]
    x, y = (distinct(values) for values in columns)
    places = list(zip(*(ranks(values) for values in columns), strict=True))
    cells: dict[tuple[int, int], float] = {}
    for place, mean in zip(places, means, strict=True):
        cells[place] = max(mean, cells.get(place, -np.inf))
    label = f"mean test {sweep.score_name}"
    if len(cells) < len(params):
        label += "\n(best over the other parameters)"
    ax.set(xlabel=names[0], ylabel=names[1])
    at_best = chosen.index(sweep.best_index) if sweep.best_index in chosen else None
    if are_numeric(x + y) and len(cells) < len(x) * len(y) / 2:
        floor = floor_of(means)
        amounts = [candidate.get(sweep.resource, 0) for candidate in params]
        image, best = _draw_points(ax, columns, means, (sweep.resource, amounts), at_best)
        for axis, values, name in zip((ax.xaxis, ax.yaxis), columns, names, strict=True):
            scale_axis(axis, values, name in sweep.log_names)
        draw_grid(ax)
    else:
        floor = floor_of(list(cells.values()))
        best_place = None if at_best is None else places[at_best]
        image, best = _draw_cells(ax, (x, y), cells, floor, best_place)
    if floor is not None:
        image.norm.vmin = floor
    extend = "neither" if floor is None else "min"
    draw_color_bar(ax, image, label, extend=extend)
    if ax.get_legend_handles_labels()[1]:
        draw_legend(ax, place="above")
    return image, best


def _draw_points(ax, columns, means, resource_amounts, at_best):
    """Points, of a halving search the larger the longer a candidate was in it."""
    resource, amounts = resource_amounts
    best_last = np.argsort(means)
    x, y = (np.array(values, float)[best_last] for values in columns)
    rungs = np.unique(amounts)
    sizes = np.linspace(0.5, 1, len(rungs)) if len(rungs) > 1 else np.ones(1)
    size_of_each = _POINT * sizes[np.searchsorted(rungs, amounts)]
    image = ax.scatter(
        x,
        y,
        c=means[best_last],
        s=size_of_each[best_last] ** 2,
        edgecolors=foreground(ax),
        linewidths=0.7,
    )
    if len(rungs) > 1:
        for i, (amount, size) in enumerate(zip(rungs, sizes, strict=True)):
            text = label_of(amount) if i else f"{resource}: {label_of(amount)}"
            ax.scatter([], [], s=(_POINT * size) ** 2, color="gray", label=text)
    if at_best is None:
        return image, None
    return image, draw_ring(ax, *(values[at_best] for values in columns), _POINT)


def _draw_cells(ax, values, cells, floor, best_place):
    x, y = values
    grid = np.full((len(y), len(x)), np.nan)
    for (column, row), mean in cells.items():
        grid[row, column] = mean
    image = ax.imshow(grid, origin="lower", aspect="auto", vmin=floor)
    ax.grid(False)
    label_categories(ax.xaxis, x)
    label_categories(ax.yaxis, y)
    if grid.size <= _MAX_LABELLED_CELLS:
        digits = _digits(min(cells.values()), max(cells.values()))
        for place, mean in cells.items():
            ax.text(
                *place,
                f"{mean:#.{digits}g}",
                ha="center",
                va="center",
                color=text_color(image.cmap(image.norm(mean))),
                fontsize=size_of("font.size", 12),
            )
    if best_place is None:
        return image, None
    return image, _frame(
        ax, best_place, text_color(image.cmap(image.norm(cells[best_place])))
    )


def _digits(least: float, greatest: float) -> int:
    """Significant digits in which these two differ, of three to five."""
    for digits in (3, 4):
        if f"{least:.{digits}g}" != f"{greatest:.{digits}g}":
            return digits
    return 3 if least == greatest else 5


def _frame(ax, place, color):
    """A frame within a cell, and "best" for a legend outside."""
    from matplotlib.patches import Rectangle

    column, row = place
    corner = column - 0.46, row - 0.46
    options = {"fill": False, "edgecolor": color, "linewidth": 2.5}
    edge = {"markeredgecolor": foreground(ax), "markeredgewidth": 2}
    (entry,) = ax.plot([], [], "s", markersize=11, label="best", **edge)
    entry.set_markerfacecolor("none")
    return ax.add_patch(Rectangle(corner, 0.92, 0.92, **options))


def _last_rungs(params, chosen, resource: str) -> list[int]:
    """Candidates of a halving search where each had the most."""
    last: dict[str, int] = {}
    for i in chosen:
        last[repr({k: v for k, v in params[i].items() if k != resource})] = i
    return list(last.values())
