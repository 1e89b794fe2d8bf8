"""scikit-learn's rules for when to stop, and the record of each epoch."""

import math
import sys
from collections.abc import Callable

import numpy as np

from .._output import write_line
from .learning_rate import LearningRate
from .scores import Validation, score_name, validation_scores
from .task import Checkpoint, Outcome, StopReason, Task

Weights = list[np.ndarray]
_BAD_WEIGHT = "A weight became infinite or NaN"


class Monitor:
    """Records each epoch of one network, keeps the best, and says when to stop.

    Parameters
    ----------
    task : Task
        Its progress is written to.
    learning_rate : LearningRate

    Attributes
    ----------
    n_iter : int
        Number of whole epochs.
    stop_reason : str or None
        None as long as another epoch is to follow.
    divergence : str
        What has diverged, where a network from before is kept.
    best_weights : list of ndarray or None
        With early stopping, those of the best score so far.
    """

    def __init__(self, task: Task, learning_rate: LearningRate):
        self._task, self._settings, self._progress = task, task.settings, task.progress
        self._learning_rate = learning_rate
        self._is_noisy = task.is_noisy
        self._n_samples = len(task.rows)
        self.n_iter = 0 if task.checkpoint is None else task.checkpoint.n_iter
        self.stop_reason: StopReason | None = None
        self.divergence = ""
        self.best_weights: Weights | None = None
        self._norm_steps_of_best = self._progress.norm_steps
        if task.checkpoint is not None:
            self.best_weights = task.checkpoint.best_weights
            self._norm_steps_of_best = task.checkpoint.norm_steps_of_best
        elif self._settings.early_stopping and self._progress.best_score > -np.inf:
            # A call before has scored them, on the same rows.
            self.best_weights = task.weights

    def end_epoch(
        self,
        loss: float,
        rate: float,
        validation: Validation | None,
        get_weights: Callable[[], Weights],
    ) -> dict[str, float]:
        """Take in one epoch; afterwards the attributes are up to date.

        Parameters
        ----------
        loss : float
            Mean training loss of the epoch, with the penalty.
        rate : float
            Learning rate of its first step.
        validation : Validation or None
        get_weights : callable
            Returns the network's weights.

        Returns
        -------
        dict
            The epoch's figures, as Keras's callbacks know them.

        Raises
        ------
        ValueError
            If training has diverged, and no network from before is to be kept.
        """
        settings, progress = self._settings, self._progress
        logs, score = {"loss": loss, "learning_rate": rate}, None
        if validation is not None:
            usual, judged = validation_scores(self._task, validation)
            logs["val_loss"] = validation.loss
            logs[f"val_{score_name(settings.loss)}"] = usual
            if settings.scoring is not None:
                logs["val_score"] = judged
            if settings.early_stopping:
                score = judged
        message = self._what_is_not_finite(loss, validation, score)
        if not message and score is not None and score > progress.best_score:
            weights = get_weights()
            if _are_finite(weights):
                self.best_weights = weights
                self._norm_steps_of_best = progress.norm_steps
            else:
                message = _divergence_message(_BAD_WEIGHT, self.n_iter + 1)
        if message:
            self._end_by_divergence(message)
            return logs
        self.n_iter += 1
        progress.epochs += 1
        progress.samples_seen += self._n_samples
        progress.loss_curve.append(loss)
        if settings.verbose:
            write_line(sys.stdout, f"Iteration {self.n_iter}, loss = {loss:.8f}")
        for name, value in logs.items():
            progress.history.setdefault(name, []).append(value)
        if score is not None:
            self._judge_score(score)
        else:
            self._judge_loss(loss)
        self._decide()
        return logs

    def _what_is_not_finite(
        self, loss: float, validation: Validation | None, score: float | None
    ) -> str:
        """A message where a figure that counts is not finite; those of validation rows
        count where there is a `score` to go by."""
        epoch, figures = self.n_iter + 1, {"training loss": loss}
        if validation is not None and score is not None:
            figures["validation loss"] = validation.loss
        for name, value in figures.items():
            if not math.isfinite(value):
                return _divergence_message(f"The {name} became {value}", epoch)
        if score is None or math.isfinite(score):
            return ""
        what = f"The validation score became {score}"
        if callable(self._settings.scoring):
            return (
                f"{what} in epoch {epoch}, of a loss that is finite: scoring may not be "
                "defined for these validation rows or what is predicted for them."
            )
        return _divergence_message(what, epoch)

    def _end_by_divergence(self, message: str) -> None:
        if self.best_weights is None:
            raise ValueError(message)
        self.divergence = message
        self.stop_reason = "diverged"

    def _judge_score(self, score: float) -> None:
        progress = self._progress
        progress.validation_scores.append(score)
        if self._settings.verbose:
            write_line(sys.stdout, f"Validation score: {score:f}")
        improved = score >= progress.best_score + self._settings.tol
        progress.no_improvement_count = (
            0 if improved else progress.no_improvement_count + 1
        )
        progress.best_score = max(score, progress.best_score)

    def _judge_loss(self, loss: float) -> None:
        progress = self._progress
        progress.best_loss = min(loss, progress.best_loss)
        # Noise alone seldom makes a new minimum of means.
        n_epochs = self._settings.n_iter_no_change if self._is_noisy else 1
        if self.n_iter < n_epochs:
            progress.no_improvement_count = 0
            return
        judged = float(np.mean(progress.loss_curve[-int(n_epochs) :]))
        improved = judged <= progress.best_judged_loss - self._settings.tol
        progress.no_improvement_count = (
            0 if improved else progress.no_improvement_count + 1
        )
        progress.best_judged_loss = min(judged, progress.best_judged_loss)

    def _decide(self) -> None:
        settings, progress = self._settings, self._progress
        if progress.no_improvement_count > settings.n_iter_no_change:
            what = "Validation score" if settings.early_stopping else "Training loss"
            message = (
                f"{what} did not improve more than tol={settings.tol:f} for "
                f"{settings.n_iter_no_change} consecutive epochs."
            )
            if self._learning_rate.reduce():
                progress.no_improvement_count = 0
                message += f" Setting learning rate to {progress.learning_rate:f}"
            else:
                self.stop_reason = "converged"
                is_adaptive = settings.learning_rate == "adaptive"
                message += " Learning rate too small." * is_adaptive + " Stopping."
            if settings.verbose:
                write_line(sys.stdout, message)
        if self.stop_reason is None and self.n_iter >= settings.max_iter:
            self.stop_reason = "max_iter"

    def checkpoint(
        self, weights: Weights, optimizer_arrays: list[np.ndarray]
    ) -> Checkpoint:
        """Where training is that has not ended."""
        return Checkpoint(
            weights=weights,
            optimizer_state=self._task.optimizer_state._replace(arrays=optimizer_arrays),
            progress=self._progress.copy(),
            n_iter=self.n_iter,
            best_weights=self.best_weights,
            norm_steps_of_best=self._norm_steps_of_best,
        )

    def outcome(
        self, weights: Weights, optimizer_arrays: list[np.ndarray], reason: StopReason
    ) -> Outcome:
        """The result of training that has ended.

        Raises
        ------
        ValueError
            If a weight is not finite.
        """
        if not _are_finite(weights):
            raise ValueError(_divergence_message(_BAD_WEIGHT, self.n_iter))
        if self.best_weights is not None:
            self._progress.norm_steps = self._norm_steps_of_best
        if self.divergence:  # a later call shall not go on from there
            optimizer_arrays = []
        return Outcome(
            weights=weights,
            optimizer_state=self._task.optimizer_state._replace(arrays=optimizer_arrays),
            progress=self._progress,
            n_iter=self.n_iter,
            stop_reason=reason,
            divergence=self.divergence,
        )


def _are_finite(weights: Weights) -> bool:
    """Whether no weight is infinite or not a number."""
    return all(np.isfinite(values).all() for values in weights)


def _divergence_message(what: str, epoch: int) -> str:
    """Text of the error for a network that has diverged."""
    return (
        f"{what} in epoch {epoch}: training has diverged. Likely causes: inputs or "
        "targets that are not scaled (put a StandardScaler before the estimator), a "
        "learning_rate_init, an alpha or a weight_decay that is too large, or a momentum "
        "too close to one. "
        "batch_norm=True and an optimizer with a clipnorm also help."
    )
