"""The scikeras wrapper: which hyperparameter goes where."""

import functools
import inspect
from typing import Any

from ._backend import keras, scikeras_wrappers
from ._names import resolve_optimizer
from ._network import Start, build_network
from .training.losses import WeightedMean
from .training.optimizers import OptimizerRecipe, recipe_type

# Hyperparameters that the network's builder takes, by scikeras's routing.
_MODEL_PARAMETERS = (
    "hidden_layer_sizes",
    "activation",
    "dropout_rate",
    "input_dropout_rate",
    "batch_norm",
    "input_batch_norm",
    "initializer",
    "use_bias",
)
# Hyperparameters that `Network.fit` takes, by scikeras's routing.
_FIT_PARAMETERS = (
    "alpha",
    "learning_rate",
    "power_t",
    "tol",
    "n_iter_no_change",
    "early_stopping",
    "validation_fraction",
    "device",
)
# Hyperparameter -> argument of a Keras optimizer, where it takes such a one.
_OPTIMIZER_ARGUMENTS = {
    "learning_rate_init": "learning_rate",
    "momentum": "momentum",
    "nesterovs_momentum": "nesterov",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
}


class _Wrapper(scikeras_wrappers.BaseWrapper):
    """Takes the data as they are: the estimator has validated them."""

    def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
        self.n_features_in_ = X.shape[1]
        return X, y

    def _check_model_compatibility(self, y):
        """The network is made for these targets and this loss."""


def make_wrapper(
    params: dict[str, Any], *, n_outputs: int, loss_name: str, start: Start
) -> _Wrapper:
    """The scikeras wrapper for an estimator's hyperparameters.

    Targets are to be encoded already, as the network's loss takes them.

    Parameters
    ----------
    params : dict
        The estimator's parameters; ``hidden_layer_sizes`` a tuple, ``max_iter`` the
        number of epochs to train.
    n_outputs : int
    loss_name : str
        Key of ``ROW_LOSSES``.
    start : Start
    """
    optimizer, routed = _optimizer(params)
    for callback in params["callbacks"]:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must be instances of keras.callbacks.Callback; got "
                f"{callback!r}."
            )
    return _Wrapper(
        model=build_network,
        optimizer=optimizer,
        loss=WeightedMean(loss_name),
        batch_size=None if params["batch_size"] == "auto" else params["batch_size"],
        epochs=params["max_iter"],
        shuffle=params["shuffle"],
        verbose=params["verbose"],
        callbacks=params["callbacks"],
        model__n_outputs=n_outputs,
        model__loss_name=loss_name,
        model__start=start,
        **{f"model__{name}": params[name] for name in _MODEL_PARAMETERS},
        **{f"fit__{name}": params[name] for name in _FIT_PARAMETERS},
        **{f"optimizer__{name}": value for name, value in routed.items()},
    )


def _optimizer(params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What scikeras makes the optimizer's recipe from: a class and its arguments, or for
    a configured instance the recipe itself."""
    rate = params["learning_rate"]
    schedule = None if isinstance(rate, str) else rate
    optimizer = resolve_optimizer(params["optimizer"])
    if isinstance(optimizer, keras.optimizers.Optimizer):
        config = optimizer.get_config()
        if schedule is not None:
            config["learning_rate"] = schedule
        return OptimizerRecipe(type(optimizer), config), {}
    taken = _arguments(optimizer)
    arguments: dict[str, Any] = {  # Keras refuses integers for floats
        argument: bool(params[name]) if argument == "nesterov" else float(params[name])
        for name, argument in _OPTIMIZER_ARGUMENTS.items()
        if argument in taken
    }
    if schedule is not None:
        arguments["learning_rate"] = schedule
    return recipe_type(optimizer), arguments


@functools.lru_cache
def _arguments(optimizer: type) -> frozenset[str]:
    return frozenset(inspect.signature(optimizer).parameters)
