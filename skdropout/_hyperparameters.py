"""The hyperparameters of both estimators: all that the code needs to know of each."""

import math
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions


class Hyperparameter(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    name : str
    constraint : list or "no_validation"
        What values are allowed, as in scikit-learn's ``_parameter_constraints``. Where it
        is not the whole truth, ``_checks`` looks closer.
    goes_to : {"wrapper", "model", "optimizer", "fit", None}
        Where scikeras routes it: to the wrapper itself, to the function that builds the
        network, to an optimizer that takes such an argument, to the network's ``fit``; or
        nowhere, as the estimator alone uses it.
    acts : {"key", "frame", "input", "around"}
        Whether a program depends on it, is compiled for what all its networks have of it,
        takes it as an input, or knows nothing of it. The networks of a stack agree in the
        first, and may differ in the others.
    shape : {"network", "layer", "step"}
        Of an input: one value for each network, hidden layer, or step.
    argument : str, optional
        Its name where it goes to, if that is another.
    off : float, optional
        The value at which it does nothing. A program leaves it out where all networks
        have this value; so does an estimator that lacks the parameter have it.
    """

    name: str
    constraint: list | str
    goes_to: Literal["wrapper", "model", "optimizer", "fit"] | None
    acts: Literal["key", "frame", "input", "around"]
    shape: Literal["network", "layer", "step"] = "network"
    argument: str | None = None
    off: float | None = None

    def value_in(self, estimator: Any) -> Any:
        """An estimator's value."""
        if self.off is None:
            return getattr(estimator, self.name)
        return getattr(estimator, self.name, self.off)


class _Number(Interval):
    """An interval of what NumPy and Python count with, which a Fraction is not."""

    def is_satisfied_by(self, val):
        if not isinstance(val, (int, float, np.integer, np.floating)):
            return False
        if not super().is_satisfied_by(val):
            return False
        try:
            return self.type is Integral or math.isfinite(float(val))
        except OverflowError:
            return False


class _Single(_Number):
    """An interval in float32, in which networks are trained."""

    def is_satisfied_by(self, val):
        if not super().is_satisfied_by(val):
            return False
        with np.errstate(over="ignore"):
            rounded = float(np.float32(float(val)))
        is_below = self.right is None or self.closed == "both" or rounded < self.right
        return math.isfinite(rounded) and is_below

    def __str__(self):
        return f"{super().__str__()}, rounded to float32"


_FRACTION = _Single(Real, 0, 1, closed="left")
_NOT_NEGATIVE = _Single(Real, 0, None, closed="left")
_POSITIVE = _Single(Real, 0, None, closed="neither")
# Less than this may be zero in float32.
_LEAST = float(np.finfo(np.float32).tiny)
_COUNT = _Number(Integral, 1, None, closed="left")

_row = Hyperparameter

HYPERPARAMETERS = (
    # The layers
    _row("hidden_layer_sizes", ["array-like", _COUNT], "model", "frame"),
    _row("activation", [str, callable], "model", "frame"),
    _row("dropout_rate", ["array-like", _FRACTION], "model", "input", "layer"),
    _row("input_dropout_rate", [_FRACTION], "model", "input", off=0.0),
    _row("batch_norm", "no_validation", "model", "key"),
    _row("input_batch_norm", ["boolean"], "model", "key"),
    _row("initializer", "no_validation", "model", "around"),
    _row("use_bias", ["boolean"], "model", "key"),
    # The optimizer
    _row("optimizer", "no_validation", "wrapper", "key"),
    _row(
        "learning_rate_init", [_POSITIVE], "optimizer", "input", "step", "learning_rate"
    ),
    # Of other optimizers than SGD the momentum belongs to the key, too.
    _row("momentum", [_Single(Real, 0, 1, closed="both")], "optimizer", "input"),
    _row("nesterovs_momentum", ["boolean"], "optimizer", "key", "network", "nesterov"),
    _row("beta_1", [_FRACTION], "optimizer", "key"),
    _row("beta_2", [_FRACTION], "optimizer", "key"),
    _row("epsilon", [_Single(Real, _LEAST, None, closed="left")], "optimizer", "key"),
    # The training
    _row("alpha", [_NOT_NEGATIVE], "fit", "input"),
    _row("weight_decay", [_NOT_NEGATIVE], "fit", "input"),
    # Of the classifier alone.
    _row("label_smoothing", [_FRACTION], "fit", "input", off=0.0),
    _row("learning_rate", "no_validation", "fit", "around"),
    _row("power_t", [_Number(Real, 0, None, closed="left")], "fit", "around"),
    _row("batch_size", [StrOptions({"auto"}), _COUNT], "wrapper", "key"),
    _row("max_iter", [_COUNT], "wrapper", "around", argument="epochs"),
    _row("shuffle", ["boolean"], "wrapper", "around"),
    _row("tol", [_Number(Real, 0, None, closed="left")], "fit", "around"),
    _row("n_iter_no_change", [_COUNT, Options(Real, {np.inf})], "fit", "around"),
    _row("early_stopping", ["boolean", StrOptions({"auto"})], "fit", "around"),
    _row("scoring", "no_validation", "fit", "around"),
    _row("validation_fraction", [_Number(Real, 0, 1, closed="left")], "fit", "around"),
    _row(
        "callbacks", [list, tuple, HasMethods("on_epoch_end"), None], "wrapper", "around"
    ),
    _row("verbose", ["verbose"], "wrapper", "around"),
    _row("device", [str], "fit", "key"),
    _row("random_state", ["random_state"], None, "around"),
    _row("warm_start", ["boolean"], None, "around"),
)

#: Those of which a program takes one value for each network or hidden layer.
PROGRAM_INPUTS = (
    *(row for row in HYPERPARAMETERS if row.acts == "input" and row.shape != "step"),
    # No parameter of the estimators: of optimizer instances.
    _row("clipnorm", "no_validation", None, "input", off=math.inf),
)


def plain(row: Hyperparameter, value: Any) -> Any:
    """A value that the constraint of its row allows, in Python's own type.

    NumPy's integers and strings behave otherwise here and there; what is no number,
    string or truth value is returned as it is.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)) and not _is_number(row):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return float(value) if _is_number(row, Real) else int(value)
    return float(value) if isinstance(value, (float, np.floating)) else value


def _is_number(row: Hyperparameter, kind: type | None = None) -> bool:
    """Whether a number is allowed, of some kind if that is given."""
    found = [c for c in row.constraint if isinstance(c, _Number)]
    return any(kind is None or c.type is kind for c in found)


def routed(goes_to: str) -> dict[str, str]:
    """Name of each hyperparameter that goes somewhere -> its name there."""
    return {
        row.name: row.argument or row.name
        for row in HYPERPARAMETERS
        if row.goes_to == goes_to
    }
