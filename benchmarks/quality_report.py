"""Tables and a picture of what the quality benchmarks have measured."""

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from quality import ABLATION, TUNED, ablation_table
from quality_measure import RESULTS, Table, by_data_set, in_short, read, relative_error
from quality_models import BY_DEFAULT, OURS, PEER, TREES

_PICTURE, _MEANS, _TABLES = "quality.png", "quality_means.png", "quality_tables.md"
# Of Okabe and Ito, which colour-blind readers can tell apart.
_COLORS = {OURS: "#0072B2", PEER: "#D55E00", TREES: "#009E73"}
_OTHERS = "#555555"
# Errors of more times that of the trees are drawn at the edge.
_EDGE = 8.0


def quality_report(_: int) -> None:
    """Save what the files of results in the folder say, for the documentation."""
    results = read()
    if not results:
        sys.exit(f"There is no {RESULTS}: run `quality` first, and the others.")
    names = [model.name for model in BY_DEFAULT]
    tables = [
        in_short(results, names, [PEER, TREES]),
        *by_data_set(results, names),
    ]
    if _models_of_all(results).issuperset(TUNED):
        tables.append(in_short(results, TUNED, [TUNED[-1], TREES]))
        tables += by_data_set(results, TUNED)
    if ablation := read(ABLATION):
        tables.append(ablation_table(ablation))
    Path(_TABLES).write_text("\n".join(map(_markdown, tables)))
    _save_pictures(results)
    print(f"saved {_TABLES}, {_PICTURE} and {_MEANS}")


def _models_of_all(results: dict[str, Any]) -> set[str]:
    """Those that have been measured on all data sets."""
    return set.intersection(*(set(d["models"]) for d in results.values()))


def _markdown(table: Table) -> str:
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    rows = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return "\n".join([f"**{table.title}**", "", *rows, ""])


def _save_pictures(results: dict[str, Any]) -> None:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    _draw_means(left, results)
    _draw_sets(right, results)
    figure.savefig(_PICTURE, dpi=150)
    # For the first page, on a telephone as well.
    with plt.rc_context({"font.size": 15}):
        figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
        _draw_means(ax, results)
    ax.set_title("")
    figure.savefig(_MEANS, dpi=150)


def _relative_errors(results: dict[str, Any], model: str) -> np.ndarray:
    """Of each data set, divided by that of the trees."""
    return np.array([relative_error(d, model, TREES) for d in results.values()])


def _color(model: str) -> str:
    return next((c for name, c in _COLORS.items() if model.startswith(name)), _OTHERS)


def _draw_means(ax, results: dict[str, Any]) -> None:
    for model in (model.name for model in BY_DEFAULT):
        seconds = [d["models"][model]["seconds"] for d in results.values()]
        x = math.exp(np.mean(np.log(seconds)))
        y = math.exp(np.mean(np.log(_relative_errors(results, model))))
        ax.plot(x, y, "o", color=_color(model), markersize=9)
        offset = (8, -18) if y < 1.01 else (8, 5)  # off the line
        ax.annotate(model, (x, y), offset, textcoords="offset points")
    ax.axhline(1, color=_COLORS[TREES], linewidth=1, zorder=0)
    ax.set(xscale="log", yscale="log")
    ax.set_xlim(ax.get_xlim()[0], ax.get_xlim()[1] * 4)
    _plain_ticks(ax.xaxis, (0.1, 1, 10))
    _plain_ticks(ax.yaxis, (0.8, 1, 1.5, 2, 3))
    ax.set_xlabel("seconds to fit")
    ax.set_ylabel("error / that of gradient boosting")
    ax.set_title(f"By default, means over {len(results)} data sets", fontsize=13)
    ax.grid(alpha=0.3)


def _draw_sets(ax, results: dict[str, Any]) -> None:
    errors = {model: _relative_errors(results, model) for model in (OURS, PEER)}
    order = np.argsort(errors[OURS])
    for model, marker in ((PEER, "s"), (OURS, "o")):
        values = np.minimum(errors[model][order], _EDGE)
        ax.plot(values, np.arange(len(order)), marker, color=_COLORS[model], label=model)
    ax.axvline(1, color=_COLORS[TREES], linewidth=2, label=TREES, zorder=0)
    names = list(results)
    ax.set_yticks(range(len(order)), [names[i] for i in order], fontsize=9)
    ax.set_xscale("log")
    _plain_ticks(ax.xaxis, (0.5, 1, 2, 4, _EDGE), last="8+")
    ax.set_xlabel("error / that of gradient boosting", fontsize=12)
    ax.set_title("By default, by data set", fontsize=13)
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.45), fontsize=10)
    ax.grid(alpha=0.3)


def _plain_ticks(axis, values, last: str | None = None) -> None:
    labels = [f"{value:g}" for value in values]
    if last:
        labels[-1] = last
    axis.set_ticks(values, labels)
    axis.set_ticks([], minor=True)
