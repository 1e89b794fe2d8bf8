"""The loss curves of fits."""

from numbers import Integral

import numpy as np

from ._curves import Curve, curve_of, curves_of_search, named_networks, network_of
from ._draw_curves import draw_one, draw_several
from ._results import read_search
from ._style import axes_of, draw_grid, draw_legend, make_room


class LossCurveDisplay:
    """Training and validation loss of each epoch, of one network or of several.

    Made by `from_estimator`, `from_estimators` or `from_search`; `plot` draws it, again
    if need be.

    Parameters
    ----------
    training_loss : array-like of shape (n_epochs,) or list of array-likes
        Mean loss of the training rows, with dropout on and with the penalty; for several
        networks a list.

    validation_loss : array-like of shape (n_epochs,) or list, default=None
        Mean loss of the validation rows, with dropout off and without the penalty; for
        several networks a list, with None for those that have none.

    best_epoch : int or list, default=None
        The epoch to mark, counted from 1; for several networks a list, with None for
        those that have none.

    name : str or list of str, default=None
        Names for the legend. A single network without a name has a colour for each
        curve; those with names have one colour each.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure of the axes.

    lines_ : list of matplotlib Line2D
        Of each network in turn the curve of the training loss and, where there is one,
        that of the validation loss.

    best_line_ : matplotlib Line2D or None
        The mark at the best epoch of a single network without a name.

    best_points_ : list of matplotlib Line2D
        The marks at the best epochs of networks with names.

    See Also
    --------
    SweepDisplay : Scores of a search.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skdropout import DropoutMLPClassifier
    >>> from skdropout.plotting import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier(early_stopping=True, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(mlp.fit(scale(X), y))
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    _legend_title = ""

    def __init__(
        self, *, training_loss, validation_loss=None, best_epoch=None, name=None
    ):
        self.training_loss = training_loss
        self.validation_loss = validation_loss
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, validation=None, ax=None):
        """Draw the loss curves of a fitted estimator.

        The best epoch is marked where validation rows tell it: with `early_stopping` the
        epoch of the best validation score, whose weights were kept; otherwise that of
        the least validation loss, if it is drawn.

        Parameters
        ----------
        estimator : DropoutMLPClassifier, DropoutMLPRegressor or Pipeline
            Fitted; a pipeline whose last step is one of the two.

        name : str, default=None
            Name for the legend, to draw another network on the same axes.

        validation : bool, default=None
            Whether to draw the validation loss. None draws it where there is one.

        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If `estimator` is not fitted.
        TypeError
            If it is none of the estimators above.
        ValueError
            If ``validation=True`` and no validation loss was measured, or only in some
            of the epochs.
        """
        curve = curve_of(network_of(estimator), name, validation)
        display = cls(
            training_loss=curve.training,
            validation_loss=curve.validation,
            best_epoch=curve.best_epoch,
            name=name,
        )
        return display.plot(ax=ax)

    @classmethod
    def from_estimators(cls, estimators, *, name=None, validation=None, ax=None):
        """Draw the loss curves of several fitted estimators.

        Each has a colour and a marker; its training loss is solid, its validation loss
        dashed, and a star marks its best epoch, as in `from_estimator`.

        Parameters
        ----------
        estimators : dict of str to estimator, or list of estimators
            Fitted, each as in `from_estimator`.

        name : list of str, default=None
            Names for the legend; by default the keys of the dict, or the parameters in
            which the networks differ (their names are its title if they are several).

        validation : bool, default=None
            Whether to draw validation losses. None draws them where there are any.

        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default. A figure of yours needs
            ``layout="constrained"``, lest a legend beside the axes is cut off.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If one of the estimators is not fitted.
        TypeError
            If one of them is none of those of `from_estimator`.
        ValueError
            If there are none or not as many names, and as in `from_estimator`.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skdropout import DropoutMLPClassifier
        >>> from skdropout.plotting import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> networks = [
        ...     DropoutMLPClassifier(
        ...         (32,), dropout_rate=rate, early_stopping=True, random_state=0
        ...     ).fit(scale(X), y)
        ...     for rate in (0.0, 0.5)
        ... ]
        >>> display = LossCurveDisplay.from_estimators(networks)
        >>> display.name
        ['dropout_rate=0', 'dropout_rate=0.5']
        """
        networks, names, title = named_networks(estimators, name)
        curves = [
            curve_of(network, own, validation)
            for network, own in zip(networks, names, strict=True)
        ]
        return cls._of_curves(curves, title).plot(ax=ax)

    @classmethod
    def from_search(
        cls, search, param=None, *, metric=None, n_candidates=6, validation=None, ax=None
    ):
        """Draw mean loss curves of the best candidates of a fitted search.

        The search must have kept the histories of its networks, by a
        :class:`skdropout.HistoryScorer` as its scoring. A curve is the mean over the
        folds, up to the epoch where the first of them ended. A star marks the least mean
        validation loss. Of a halving search each candidate's last rung is drawn.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or the like
            Fitted.

        param : str, default=None
            A swept parameter, with or without the names of the steps before it: draw the
            best candidate with each of its values.

        metric : str, default=None
            The score by which candidates are the best, where the search has measured
            several. By default the one that it refits by.

        n_candidates : int, default=6
            How many candidates to draw, the best ones.

        validation : bool, default=None
            Whether to draw validation losses. None draws them where there are any.

        ax : matplotlib Axes, default=None
            Axes to draw on, as in `from_estimators`.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If `search` is not fitted.
        ValueError
            If it has kept no histories, if `param` was not swept or is ambiguous, if
            `metric` was not measured, if `n_candidates` is no positive integer, or if
            ``validation=True`` and no validation loss was measured.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import GridSearchCV
        >>> from sklearn.preprocessing import scale
        >>> from skdropout import DropoutMLPClassifier, HistoryScorer
        >>> from skdropout.plotting import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((32,), early_stopping=True, random_state=0)
        >>> grid = {"dropout_rate": [0.0, 0.2, 0.5]}
        >>> search = GridSearchCV(mlp, grid, scoring=HistoryScorer(), cv=2)
        >>> display = LossCurveDisplay.from_search(
        ...     search.fit(scale(X), y), "dropout_rate"
        ... )
        >>> display.name
        ['dropout_rate=0', 'dropout_rate=0.2', 'dropout_rate=0.5']
        """
        if not isinstance(n_candidates, Integral) or n_candidates < 1:
            raise ValueError(
                f"n_candidates={n_candidates!r} must be an int of 1 or more."
            )
        results = read_search(search, metric)
        shown = None if param is None else results.name_of(param)
        curves, title = curves_of_search(results, shown, n_candidates, validation)
        return cls._of_curves(curves, title).plot(ax=ax)

    @classmethod
    def _of_curves(cls, curves: list[Curve], title: str):
        training, validation, best, names = map(list, zip(*curves, strict=True))
        display = cls(
            training_loss=training,
            validation_loss=validation,
            best_epoch=best,
            name=names,
        )
        display._legend_title = title
        return display

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : LossCurveDisplay
        """
        curves = self._curves()
        is_own = ax is None
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        self.lines_, self.best_points_, self.best_line_ = [], [], None
        if len(curves) == 1 and curves[0].name is None:
            self.lines_, self.best_line_ = draw_one(ax, *curves)
        else:
            self.lines_, self.best_points_ = draw_several(ax, curves)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="epoch", ylabel="loss")
        draw_grid(ax)
        draw_legend(ax, self._legend_title, place="below")
        if is_own:
            make_room(ax)
        return self

    def _curves(self) -> list[Curve]:
        own = self.training_loss, self.validation_loss, self.best_epoch, self.name
        if not len(self.training_loss) or np.ndim(self.training_loss[0]) == 0:
            return [Curve(*own)]
        n_curves = len(self.training_loss)
        columns = [
            [None] * n_curves
            if values is None
            else ([values] if isinstance(values, (str, Integral)) else list(values))
            for values in own
        ]
        names = ("training_loss", "validation_loss", "best_epoch", "name")
        for name, values in zip(names, columns, strict=True):
            if len(values) != n_curves:
                raise ValueError(
                    f"{name} has {len(values)} entries, and training_loss {n_curves} "
                    "curves; give one for each."
                )
        columns[-1] = [name or f"network {i + 1}" for i, name in enumerate(columns[-1])]
        return [Curve(*values) for values in zip(*columns, strict=True)]
