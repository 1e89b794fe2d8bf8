"""The scores of a search over its parameters."""

from ._results import read_search
from ._style import axes_of
from ._sweep_lines import draw_lines
from ._sweep_map import draw_map


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

    best_index : int, default=None
        The candidate to mark.

    log_names : collection of str, default=()
        Parameters that stand on a logarithmic axis whatever their values are.

    resource : str, default=""
        Of a halving search, the name in `params` of what tells its rungs.

    histories : list of list of dict, default=None
        For each candidate and fold, the `history_` of its network; kept by a search with
        a :class:`skdropout.HistoryScorer`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the scores.

    figure_ : matplotlib Figure
        Figure of the axes.

    lines_ : list of matplotlib Line2D
        The mean scores, a line for each combination of the other parameters or for each
        rung; empty for a heat map.

    image_ : matplotlib AxesImage, PathCollection or None
        Cells of the heat map; points where most of its cells would be empty.

    best_ : matplotlib Line2D, Rectangle or None
        What marks the best candidate.

    outside_ : matplotlib Line2D or None
        Marks at the lower edge for scores that are left out.

    See Also
    --------
    LossCurveDisplay : The loss curves of networks.
    skdropout.HistoryScorer : Keeps the loss curves of a search.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.preprocessing import scale
    >>> from skdropout import DropoutMLPClassifier, fused_training
    >>> from skdropout.plotting import SweepDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier((32,), max_iter=20, n_iter_no_change=20)
    >>> grid = {"dropout_rate": [0.0, 0.2, 0.5], "batch_norm": [False, True]}
    >>> with fused_training():
    ...     search = GridSearchCV(mlp, grid, cv=2).fit(scale(X), y)
    >>> display = SweepDisplay.from_search(search, "dropout_rate")
    >>> display.ax_.get_xlabel(), len(display.lines_)
    ('dropout_rate', 2)
    """

    def __init__(
        self,
        *,
        param_names,
        params,
        mean_scores,
        std_scores,
        score_name="score",
        best_index=None,
        log_names=(),
        resource="",
        histories=None,
    ):
        self.param_names = param_names
        self.params = params
        self.mean_scores = mean_scores
        self.std_scores = std_scores
        self.score_name = score_name
        self.best_index = best_index
        self.log_names = log_names
        self.resource = resource
        self.histories = histories

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

        A halving search has a series for each rung, larger and stronger the more of the
        resource it had, with hollow marks for candidates that dropped out; in a heat map
        it has each candidate's last score.

        The best candidate has a ring or a frame: that of the best mean score, in a
        halving search of those in the last rung; or the choice of a callable `refit`.

        Candidates without a finite score are left out. A score that is ten times farther
        from the best than the median score is does not stretch the axis of the scores,
        if nothing else is drawn on the axes: a triangle at the edge stands for it, with
        its value in the legend. In a heat map it has the lowest colour, and the colour
        bar a pointed end.

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
            Axes to draw on; those of a new figure by default. A figure of yours needs
            ``layout="constrained"``, lest a legend beside the axes is cut off.

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
            best_index=results.best,
            log_names=results.log_names,
            resource=results.resource,
            histories=results.histories,
        )
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
        self.lines_, self.image_, self.outside_ = [], None, None
        if len(self.param_names) == 1:
            drawn = draw_lines(self, self.ax_, std_display_style)
            self.lines_, self.best_, self.outside_ = drawn
        else:
            self.image_, self.best_ = draw_map(self, self.ax_)
        return self
