"""scikit-learn's rules for when to stop, and the record of each epoch."""

import math
import sys

from .._output import write_line
from .learning_rate import LearningRate
from .scores import score_name
from .task import Progress, Settings, StopReason


class Monitor:
    """Records each epoch of one network and decides whether another follows.

    Parameters
    ----------
    settings : Settings
    progress : Progress
        Written to.
    learning_rate : LearningRate
    n_samples : int
        Rows of an epoch.
    """

    def __init__(
        self,
        settings: Settings,
        progress: Progress,
        learning_rate: LearningRate,
        n_samples: int,
    ):
        self._settings = settings
        self._progress = progress
        self._learning_rate = learning_rate
        self._n_samples = n_samples
        self.n_iter = 0
        self.is_best = False
        self.stop_reason: StopReason | None = None

    def end_epoch(
        self,
        loss: float,
        rate: float,
        validation: tuple[float, float] | None = None,
    ) -> dict[str, float]:
        """Take in one epoch; afterwards `stop_reason` and `is_best` are up to date.

        Parameters
        ----------
        loss : float
            Mean training loss of the epoch, with the penalty.
        rate : float
            Learning rate of its first step.
        validation : tuple of float, optional
            Validation loss and score.

        Returns
        -------
        dict
            The epoch's figures, as Keras's callbacks know them.

        Raises
        ------
        ValueError
            If the loss is not finite.
        """
        if not math.isfinite(loss):
            raise ValueError(
                divergence_message(f"The training loss became {loss}", self.n_iter + 1)
            )
        settings, progress = self._settings, self._progress
        self.n_iter += 1
        progress.epochs += 1
        progress.samples_seen += self._n_samples
        progress.loss_curve.append(loss)
        if settings.verbose:
            write_line(sys.stdout, f"Iteration {self.n_iter}, loss = {loss:.8f}")
        logs = {"loss": loss, "learning_rate": rate}
        if validation is not None:
            logs["val_loss"], logs[f"val_{score_name(settings.loss)}"] = validation
        for name, value in logs.items():
            progress.history.setdefault(name, []).append(value)
        if settings.early_stopping and validation is not None:
            self._judge_score(validation[1])
        else:
            self._judge_loss(loss)
        self._decide()
        return logs

    def _judge_score(self, score: float) -> None:
        progress = self._progress
        progress.validation_scores.append(score)
        if self._settings.verbose:
            write_line(sys.stdout, f"Validation score: {score:f}")
        improved = score >= progress.best_score + self._settings.tol
        progress.no_improvement_count = (
            0 if improved else progress.no_improvement_count + 1
        )
        self.is_best = score > progress.best_score
        if self.is_best:
            progress.best_score = score

    def _judge_loss(self, loss: float) -> None:
        progress = self._progress
        improved = loss <= progress.best_loss - self._settings.tol
        progress.no_improvement_count = (
            0 if improved else progress.no_improvement_count + 1
        )
        progress.best_loss = min(loss, progress.best_loss)

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
                message += " Stopping."
            if settings.verbose:
                write_line(sys.stdout, message)
        if self.stop_reason is None and self.n_iter >= settings.max_iter:
            self.stop_reason = "max_iter"


def divergence_message(what: str, epoch: int) -> str:
    """Text of the error for a network that has diverged."""
    return (
        f"{what} in epoch {epoch}: training has diverged. Likely causes: inputs or "
        "targets that are not scaled (put a StandardScaler before the estimator), a "
        "learning_rate_init, an alpha or a weight_decay that is too large, or a momentum "
        "too close to one. "
        "batch_norm=True also helps."
    )
