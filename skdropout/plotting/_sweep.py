"""The scores of a search over its parameters."""

import numpy as np

from ._results import (
    are_numeric,
    distinct,
    label_of,
    lines_of,
    ranks,
    read_search,
    scale_of,
)
from ._style import (
    COLOR_MAP,
    axes_of,
    draw_color_bar,
    draw_grid,
    draw_legend,
    line_styles,
    text_color,
)

# Cells of a heat map up to which their numbers can be read.
_MAX_LABELLED_CELLS = 36
# Width of a category that its lines share.
_CATEGORY_WIDTH = 0.5


class SweepDisplay:
    """Test scores of a search over one swept parameter, or over a pair of them.

    Made by `from_search`; `plot` draws it, again if need be.

    Parameters
    ----------
    param_names : tuple of str
        The parameter on the x axis and, for a heat map, that on the y axis.

    params : list of dict
        All swept parameters of each candidate, by the names to show.

    mean_scores, std_scores : ndarray of shape (n_candidates,)
        Mean and standard deviation of the test scores over the folds.

    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the scores.

    figure_ : matplotlib Figure
        Figure of the axes.

    lines_ : list of matplotlib Line2D
        The mean scores, a line for each combination of the other parameters; empty for a
        heat map.

    image_ : matplotlib AxesImage, PathCollection or None
        Cells or points of a heat map.

    See Also
    --------
    LossCurveDisplay : Losses of one fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.preprocessing import scale
    >>> from skdropout import DropoutMLPClassifier
    >>> from skdropout.plotting import SweepDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier((32,), random_state=0)
    >>> grid = {"dropout_rate": [0.0, 0.5], "batch_norm": [False, True]}
    >>> search = GridSearchCV(mlp, grid, cv=3).fit(scale(X), y)
    >>> display = SweepDisplay.from_search(search, "dropout_rate")
    >>> display.ax_.get_xlabel(), len(display.lines_)
    ('dropout_rate', 2)
    """

    _log_names: frozenset = frozenset()
    _resource = ""

    def __init__(
        self, *, param_names, params, mean_scores, std_scores, score_name="score"
    ):
        self.param_names = param_names
        self.params = params
        self.mean_scores = mean_scores
        self.std_scores = std_scores
        self.score_name = score_name

    @classmethod
    def from_search(
        cls, search, param, *, metric=None, std_display_style="fill_between", ax=None
    ):
        """Draw the scores of a fitted search.

        One parameter makes lines, one for each combination of the other swept parameters;
        or points, where no two candidates have a combination in common, as in a random
        search. A pair makes a heat map of the best mean score over the other parameters.
        Numbers stand on a logarithmic axis where they lie more evenly on it and span two
        decades, or were drawn so; values that are not numbers stand side by side.
        Candidates without a finite score are left out. A halving search has a line for
        each amount of its resource, and in a heat map each candidate's last score.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or the like
            Fitted.

        param : str or pair of str
            Swept parameter, or those of the x and the y axis; with or without the names
            of the steps before it (``"dropout_rate"``).

        metric : str, default=None
            Which score, where the search has measured several. By default the one that
            it refits by.

        std_display_style : {"fill_between", "errorbar"} or None, \
                default="fill_between"
            How to show the standard deviation over the folds: as a band, as bars or not
            at all. Points have bars instead of bands. Heat maps do not show it.

        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : SweepDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If `search` is not fitted.
        ValueError
            If `param` was not swept or is ambiguous, if `metric` was not measured, or if
            no candidate has a score.
        """
        results = read_search(search, metric)
        pair = (param,) if isinstance(param, str) else tuple(param)
        names = tuple(results.name_of(name) for name in pair)
        if len(set(names)) != len(names) or len(names) not in (1, 2):
            raise ValueError(
                f"param={param!r} must be a swept parameter or a pair of different ones."
            )
        display = cls(
            param_names=names,
            params=results.params,
            mean_scores=results.means,
            std_scores=results.deviations,
            score_name=results.score_name,
        )
        display._log_names, display._resource = results.log_names, results.resource
        return display.plot(std_display_style=std_display_style, ax=ax)

    def plot(self, *, std_display_style="fill_between", ax=None):
        """Draw the scores.

        Parameters
        ----------
        std_display_style : {"fill_between", "errorbar"} or None, \
                default="fill_between"
            As of `from_search`.

        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : SweepDisplay
        """
        if std_display_style not in ("fill_between", "errorbar", None):
            raise ValueError(
                f"std_display_style={std_display_style!r} must be 'fill_between', "
                "'errorbar' or None."
            )
        self.ax_ = axes_of(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        self.image_ = None
        if len(self.param_names) == 1:
            self._plot_lines(std_display_style)
        else:
            self._plot_map()
        return self

    def _plot_lines(self, std_display_style) -> None:
        ax, (name,) = self.ax_, self.param_names
        params, means, deviations = self._candidates(name)
        values = [candidate[name] for candidate in params]
        numeric = are_numeric(values)
        places = _places(values)
        lines, title, ordered = lines_of(params, name)
        n_places = len(np.unique(places))
        are_points = n_places > 1 and len(lines) == len(params)
        if are_points:
            lines = [("", list(range(len(params))))]
        for i, (style, (label, members)) in enumerate(
            zip(line_styles(len(lines), ordered=ordered), lines, strict=True)
        ):
            members = np.array(members)[np.argsort(places[members], kind="stable")]
            x = places[members]
            if not numeric:
                x = x + _CATEGORY_WIDTH * ((i + 0.5) / len(lines) - 0.5)
            y, spread = means[members], deviations[members]
            is_line = numeric and not are_points and len(x) > 1
            style |= {"linestyle": "-" if is_line else "none", "label": label}
            self.lines_ += ax.plot(x, y, **style)
            if std_display_style == "fill_between" and is_line:
                ax.fill_between(
                    x,
                    y - spread,
                    y + spread,
                    color=style["color"],
                    alpha=0.2,
                    linewidth=0,
                )
            elif std_display_style is not None:
                ax.errorbar(
                    x, y, spread, fmt="none", ecolor=style["color"], capsize=4, zorder=1
                )
        if numeric:
            _scale_axis(ax.xaxis, values, name in self._log_names)
        else:
            _label_categories(ax.xaxis, values)
        ax.set(xlabel=name, ylabel=f"mean test {self.score_name}")
        draw_grid(ax)
        if len(lines) > 1:
            draw_legend(ax, title)

    def _plot_map(self) -> None:
        ax, names = self.ax_, self.param_names
        params, means, _ = self._candidates(*names)
        if self._resource:
            params, means = _last_rungs(params, means, self._resource)
        columns = [[candidate[name] for candidate in params] for name in names]
        x, y = (distinct(values) for values in columns)
        cells: dict[tuple[int, int], float] = {}
        for place, mean in zip(
            zip(*(ranks(values) for values in columns), strict=True), means, strict=True
        ):
            cells[place] = max(mean, cells.get(place, -np.inf))
        label = f"mean test {self.score_name}"
        if len(cells) < len(params):
            label += "\n(best over the other parameters)"
        if are_numeric(x + y) and len(cells) < len(x) * len(y) / 2:
            self._draw_points(columns, means, [n in self._log_names for n in names])
        else:
            self._draw_cells(x, y, cells)
        ax.set(xlabel=names[0], ylabel=names[1])
        draw_color_bar(ax, self.image_, label)

    def _draw_points(self, columns, means, are_log) -> None:
        ax, best_last = self.ax_, np.argsort(means)
        self.image_ = ax.scatter(
            *(np.array(values, float)[best_last] for values in columns),
            c=means[best_last],
            s=80,
            cmap=COLOR_MAP,
            edgecolors="white",
        )
        for axis, values, is_log in zip(
            (ax.xaxis, ax.yaxis), columns, are_log, strict=True
        ):
            _scale_axis(axis, values, is_log)
        draw_grid(ax)

    def _draw_cells(self, x, y, cells) -> None:
        ax = self.ax_
        grid = np.full((len(y), len(x)), np.nan)
        for (column, row), mean in cells.items():
            grid[row, column] = mean
        self.image_ = ax.imshow(grid, origin="lower", aspect="auto", cmap=COLOR_MAP)
        _label_categories(ax.xaxis, x)
        _label_categories(ax.yaxis, y)
        if grid.size > _MAX_LABELLED_CELLS:
            return
        for place, mean in cells.items():
            color = text_color(self.image_.cmap(self.image_.norm(mean)))
            ax.text(
                *place, f"{mean:#.3g}", ha="center", va="center", color=color, fontsize=12
            )

    def _candidates(self, *names):
        """Parameters, means and deviations of the candidates that have these names."""
        chosen = [
            i for i, params in enumerate(self.params) if all(n in params for n in names)
        ]
        params = [self.params[i] for i in chosen]
        return params, self.mean_scores[chosen], self.std_scores[chosen]


def _last_rungs(params, means, resource: str):
    """Candidates of a halving search where each had the most, and their means."""
    last: dict[str, int] = {}
    for i, candidate in enumerate(params):
        last[repr({k: v for k, v in candidate.items() if k != resource})] = i
    chosen = list(last.values())
    return [params[i] for i in chosen], means[chosen]


def _places(values) -> np.ndarray:
    """Where values stand on an axis."""
    return np.array(values if are_numeric(values) else ranks(values), float)


def _scale_axis(axis, values, is_log: bool) -> None:
    """Scale an axis of numbers, with ticks at the values where these are few."""
    scale = "log" if is_log else scale_of(values)
    numbers = np.unique(np.asarray(values, float))
    if scale == "linear":
        gaps = np.diff(numbers)
        if 1 < len(numbers) <= 8 and gaps.min() > np.ptp(numbers) / 12:
            axis.set_ticks(numbers)
        return
    options = {"linthresh": numbers[numbers > 0][0]} if scale == "symlog" else {}
    set_scale = axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale
    set_scale(scale, **options)


def _label_categories(axis, values) -> None:
    """Name the values of an axis on which they stand side by side."""
    labels = [label_of(value) for value in distinct(values)]
    axis.set_ticks(range(len(labels)), labels)
    if axis.axis_name == "x" and sum(map(len, labels)) > 36:
        for text in axis.get_ticklabels():
            text.set(rotation=30, ha="right", rotation_mode="anchor")
