"""The loss curves of one fit."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._base import BaseDropoutMLP
from ._style import axes_of, draw_grid, draw_legend, line_styles


class LossCurveDisplay:
    """Training and validation loss of each epoch.

    Made by `from_estimator`; `plot` draws it, again if need be.

    Parameters
    ----------
    training_loss : array-like of shape (n_epochs,)
        Mean loss of the training rows, with dropout on and with the penalty.

    validation_loss : array-like of shape (n_epochs,), default=None
        Mean loss of the validation rows, with dropout off and without the penalty.

    best_epoch : int, default=None
        The epoch to mark, counted from 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure of the axes.

    lines_ : list of matplotlib Line2D
        The curve of the training loss and, where there is one, that of the validation
        loss.

    best_line_ : matplotlib Line2D or None
        The mark at the best epoch.

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

    def __init__(self, *, training_loss, validation_loss=None, best_epoch=None):
        self.training_loss = training_loss
        self.validation_loss = validation_loss
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, validation=None, ax=None):
        """Draw the loss curves of a fitted estimator.

        The best epoch is marked where validation rows tell it: with `early_stopping` the
        epoch of the best validation score, whose weights were kept; otherwise that of
        the least validation loss, if it is drawn.

        Parameters
        ----------
        estimator : DropoutMLPClassifier, DropoutMLPRegressor or Pipeline
            Fitted; a pipeline whose last step is one of the two.

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
        while isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        if not isinstance(estimator, BaseDropoutMLP):
            raise TypeError(
                "estimator must be a DropoutMLPClassifier, a DropoutMLPRegressor or a "
                f"Pipeline that ends with one; got {estimator!r}."
            )
        check_is_fitted(estimator)
        n_epochs = len(estimator.loss_curve_)
        measured = None if validation is False else estimator.history_.get("val_loss")
        if validation and measured is None:
            raise ValueError(
                f"This {type(estimator).__name__} was fitted without validation rows. "
                "Pass X_val and y_val to fit, or set early_stopping=True, or draw the "
                "training loss alone by validation=False."
            )
        if measured is not None and len(measured) != n_epochs:
            raise ValueError(
                f"The validation loss was measured in {len(measured)} of {n_epochs} "
                "epochs only. Give each call of fit validation rows, or draw the "
                "training loss alone by validation=False."
            )
        scores = estimator.validation_scores_ or []
        best_epoch = None
        if len(scores) == n_epochs and np.isfinite(scores).any():
            best_epoch = int(np.nanargmax(scores)) + 1
        elif measured is not None and np.isfinite(measured).any():
            best_epoch = int(np.nanargmin(measured)) + 1
        display = cls(
            training_loss=estimator.loss_curve_,
            validation_loss=measured,
            best_epoch=best_epoch,
        )
        return display.plot(ax=ax)

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
        ax = axes_of(ax)
        training, validation = line_styles(2)
        curves = [(self.training_loss, training | {"label": "training"})]
        if self.validation_loss is not None:
            curves.append((self.validation_loss, validation | {"label": "validation"}))
        self.lines_ = []
        for losses, style in curves:
            if len(losses) > 1:
                style["marker"] = None
            self.lines_ += ax.plot(np.arange(1, len(losses) + 1), losses, **style)
        self.best_line_ = None
        if self.best_epoch is not None:
            label = f"best epoch: {self.best_epoch}"
            self.best_line_ = ax.axvline(
                self.best_epoch, color="black", linestyle=":", linewidth=2, label=label
            )
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="epoch", ylabel="loss")
        draw_grid(ax)
        draw_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
