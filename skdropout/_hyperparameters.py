"""The hyperparameters of both estimators: all that the code needs to know of each."""

from numbers import Integral, Real
from typing import Literal, NamedTuple

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
    acts : {"key", "input", "around"}
        Whether a program depends on it, takes it as an input, or knows nothing of it. The
        networks of a stack agree in the first, and may differ in the others.
    shape : {"network", "layer", "step"}
        Of an input: one value for each network, hidden layer, or step.
    argument : str, optional
        Its name where it goes to, if that is another.
    """

    name: str
    constraint: list | str
    goes_to: Literal["wrapper", "model", "optimizer", "fit"] | None
    acts: Literal["key", "input", "around"]
    shape: Literal["network", "layer", "step"] = "network"
    argument: str | None = None


_FRACTION = Interval(Real, 0, 1, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")

_row = Hyperparameter

HYPERPARAMETERS = (
    # The layers
    _row("hidden_layer_sizes", ["array-like", _COUNT], "model", "key"),
    _row("activation", [str, callable], "model", "key"),
    _row("dropout_rate", ["array-like", _FRACTION], "model", "input", "layer"),
    _row("input_dropout_rate", [_FRACTION], "model", "input"),
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
    _row("momentum", [Interval(Real, 0, 1, closed="both")], "optimizer", "input"),
    _row("nesterovs_momentum", ["boolean"], "optimizer", "key", "network", "nesterov"),
    _row("beta_1", [_FRACTION], "optimizer", "key"),
    _row("beta_2", [_FRACTION], "optimizer", "key"),
    _row("epsilon", [_POSITIVE], "optimizer", "key"),
    # The training
    _row("alpha", [_NOT_NEGATIVE], "fit", "input"),
    _row("weight_decay", [_NOT_NEGATIVE], "fit", "input"),
    _row("learning_rate", [str, callable], "fit", "around"),
    _row("power_t", [_NOT_NEGATIVE], "fit", "around"),
    _row("batch_size", [StrOptions({"auto"}), _COUNT], "wrapper", "key"),
    _row("max_iter", [_COUNT], "wrapper", "around", argument="epochs"),
    _row("shuffle", ["boolean"], "wrapper", "around"),
    _row("tol", [_NOT_NEGATIVE], "fit", "around"),
    _row("n_iter_no_change", [_COUNT, Options(Real, {np.inf})], "fit", "around"),
    _row("early_stopping", ["boolean"], "fit", "around"),
    _row("validation_fraction", [_FRACTION], "fit", "around"),
    _row(
        "callbacks", [list, tuple, HasMethods("on_epoch_end"), None], "wrapper", "around"
    ),
    _row("verbose", ["verbose"], "wrapper", "around"),
    _row("device", [str], "fit", "key"),
    _row("random_state", ["random_state"], None, "around"),
    _row("warm_start", ["boolean"], None, "around"),
)

#: Those of which a program takes one value for each network or hidden layer.
PROGRAM_INPUTS = tuple(
    row for row in HYPERPARAMETERS if row.acts == "input" and row.shape != "step"
)


def routed(goes_to: str) -> dict[str, str]:
    """Name of each hyperparameter that goes somewhere -> its name there."""
    return {
        row.name: row.argument or row.name
        for row in HYPERPARAMETERS
        if row.goes_to == goes_to
    }
