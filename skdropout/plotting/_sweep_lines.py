"""Scores over one parameter: as lines, as points, or by the rungs of a halving search."""

from typing import Any, NamedTuple

import numpy as np

from ._axes import label_categories, places_of, scale_axis
from ._results import lines_of
from ._style import (
    background,
    dash_of,
    draw_grid,
    draw_legend,
    draw_ring,
    foreground,
    line_styles,
    size_of,
    stronger_shades,
)
from ._values import are_numeric, floor_of, label_of

# Width of a category that its lines share.
_CATEGORY_WIDTH = 0.5


class Drawn(NamedTuple):
    """What has been drawn: the lines, the ring at the best and the marks at the edge."""

    lines: list[Any]
    best: Any
    outside: Any


class _Series(NamedTuple):
    label: str
    members: np.ndarray
    style: dict[str, Any]
    is_joined: bool


def draw_lines(sweep, ax, std_display_style) -> Drawn:
    """Draw the scores of a `SweepDisplay` over its one parameter."""
    (name,) = sweep.param_names
    chosen = [i for i, params in enumerate(sweep.params) if name in params]
    params = [sweep.params[i] for i in chosen]
    means, deviations = sweep.mean_scores[chosen], sweep.std_scores[chosen]
    values = [candidate[name] for candidate in params]
    numeric, x = are_numeric(values), places_of(values)
    if sweep.resource:
        series, title = _rungs(params, x, (name, sweep.resource), ax), sweep.resource
    else:
        series, title = _combinations(params, x, name, ax)
    if not numeric:
        for i, one in enumerate(series):
            x[one.members] += _CATEGORY_WIDTH * ((i + 0.5) / len(series) - 0.5)
    is_first = not ax.has_data()
    lines = []
    for one in series:
        is_line = numeric and one.is_joined and len(one.members) > 1
        style = one.style if is_line else one.style | {"linestyle": "none"}
        members = one.members
        lines += ax.plot(x[members], means[members], label=one.label, **style)
        _draw_spread(
            ax,
            (x[members], means[members], deviations[members]),
            style["color"],
            std_display_style if is_line or not std_display_style else "errorbar",
        )
    if sweep.resource:
        _draw_dropped_out(params, (x, means), sweep.resource, series, ax)
    if numeric:
        scale_axis(ax.xaxis, values, name in sweep.log_names)
    else:
        label_categories(
            ax.xaxis, values, is_narrow=len(series) > 4 or bool(sweep.resource)
        )
    ax.set(xlabel=name, ylabel=f"mean test {sweep.score_name}")
    draw_grid(ax)
    best = outside = None
    if sweep.best_index in chosen:
        place = chosen.index(sweep.best_index)
        best = draw_ring(ax, x[place], means[place], series[-1].style["markersize"])
    floor = floor_of(means)
    if floor is not None and is_first:
        shown = means >= floor
        spread = deviations if std_display_style else 0 * deviations
        ends = (means - spread)[shown].min(), (means + spread)[shown].max()
        outside = _leave_out(ax, x[~shown], means[~shown], ends)
    # The points of rungs leave no room for a legend.
    n_inside = 0 if sweep.resource else 5
    draw_legend(ax, title if len(series) > 1 else None, n_inside=n_inside)
    return Drawn(lines, best, outside)


def _combinations(params, x, name, ax):
    """A line for each combination of the other parameters, or points if none has two."""
    lines, title, ordered = lines_of(params, name)
    is_joined = len(lines) < len(params) or len(np.unique(x)) == 1
    if not is_joined:
        lines = [("", list(range(len(params))))]
    styles = line_styles(len(lines), ordered=ordered, ax=ax)
    return [
        _Series(
            label,
            _by_place(members, x),
            style | {"linestyle": "-" if ordered else dash_of(i)},
            is_joined,
        )
        for i, (style, (label, members)) in enumerate(zip(styles, lines, strict=True))
    ], title


def _rungs(params, x, names, ax) -> list[_Series]:
    """A series for each amount of the resource, larger and stronger the more it is."""
    is_joined = len({repr(_without(names, candidate)) for candidate in params}) == 1
    amounts = np.array([candidate[names[1]] for candidate in params])
    rungs = np.unique(amounts)
    largest = size_of("lines.markersize", 9.0)
    series = []
    for amount, style, color, size in zip(
        rungs,
        line_styles(len(rungs), ordered=True, ax=ax),
        stronger_shades(len(rungs), ax),
        np.linspace(0.6, 1, len(rungs)) * largest if len(rungs) > 1 else [largest],
        strict=True,
    ):
        members = _by_place(np.flatnonzero(amounts == amount), x)
        style |= {"color": color, "marker": "o", "markersize": size, "linestyle": "-"}
        series.append(_Series(label_of(amount), members, style, is_joined))
    return series


def _without(names, params) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in names}


def _by_place(members, x) -> np.ndarray:
    members = np.asarray(members)
    return members[np.argsort(x[members], kind="stable")]


def _draw_spread(ax, data, color, std_display_style) -> None:
    x, means, deviations = data
    if std_display_style == "fill_between":
        bounds = means - deviations, means + deviations
        ax.fill_between(x, *bounds, color=color, alpha=0.2, linewidth=0)
    elif std_display_style is not None:
        ax.errorbar(x, means, deviations, fmt="none", ecolor=color, capsize=4, zorder=1)


def _draw_dropped_out(params, points, resource: str, series, ax) -> None:
    """Hollow marks for the candidates that are in no later rung."""
    keys = [repr(_without((resource,), candidate)) for candidate in params]
    later: set[str] = set()
    for i, one in reversed(list(enumerate(series))):
        out = [m for m in one.members if keys[m] not in later and i < len(series) - 1]
        later |= {keys[m] for m in one.members}
        style = one.style | {"linestyle": "none", "markerfacecolor": background(ax)}
        if out:
            ax.plot(*(values[out] for values in points), label="dropped out", **style)


def _leave_out(ax, x, means, ends):
    """Let the y axis span what should be seen, with marks for the scores below."""
    bottom, top = ends
    margin = 0.08 * (top - bottom)
    ax.set_ylim(bottom - margin, top + margin)
    texts = label_of(float(means.min())), label_of(float(means.max()))
    range_ = texts[0] if texts[0] == texts[1] else " to ".join(texts)
    (marks,) = ax.plot(
        x,
        np.full(len(x), 0.02),
        transform=ax.get_xaxis_transform(),
        linestyle="none",
        marker="v",
        markersize=9,
        color=foreground(ax),
        clip_on=False,
        label=f"lower: {range_}",
    )
    return marks
