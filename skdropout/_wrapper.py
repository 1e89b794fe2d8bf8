"""The scikeras wrapper: which hyperparameter goes where."""

import functools
import inspect
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError

from ._backend import keras, scikeras_wrappers
from ._hyperparameters import routed
from ._model import Start, build_network
from ._names import resolve_optimizer
from ._surroundings import out_of_scopes
from .training.losses import WeightedMean
from .training.optimizer_copies import state_of
from .training.optimizers import OptimizerRecipe, recipe_type

# Hyperparameter -> its name where scikeras is to route it.
_OF_WRAPPER = routed("wrapper")
_OF_MODEL = routed("model")
_OF_OPTIMIZER = routed("optimizer")
_OF_FIT = routed("fit")


class _Wrapper(scikeras_wrappers.BaseWrapper):
    """Takes the data as they are: the estimator has validated them."""

    def fit(self, X, y, sample_weight=None, **kwargs):
        with out_of_scopes():
            return super().fit(X, y, sample_weight=sample_weight, **kwargs)

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
        The estimator's parameters, as of ``checked_params``.
    n_outputs : int
    loss_name : str
        Key of ``ROW_LOSSES``.
    start : Start
    """
    optimizer, of_optimizer = _optimizer(params)
    for callback in params["callbacks"]:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must be instances of keras.callbacks.Callback; got "
                f"{callback!r}."
            )
    arguments = {name: params[ours] for ours, name in _OF_WRAPPER.items()}
    if arguments["batch_size"] == "auto":
        arguments["batch_size"] = None
    arguments["optimizer"] = optimizer
    return _Wrapper(
        model=build_network,
        loss=WeightedMean(loss_name),
        **arguments,
        model__n_outputs=n_outputs,
        model__loss_name=loss_name,
        model__start=start,
        **{f"model__{name}": params[ours] for ours, name in _OF_MODEL.items()},
        **{f"fit__{name}": params[ours] for ours, name in _OF_FIT.items()},
        **{f"optimizer__{name}": value for name, value in of_optimizer.items()},
    )


def _optimizer(params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What scikeras makes the optimizer's recipe from: a class and its arguments, or for
    a configured instance the recipe itself."""
    rate = params["learning_rate"]
    schedule = None if isinstance(rate, str) else rate
    optimizer = resolve_optimizer(params["optimizer"])
    if isinstance(optimizer, keras.optimizers.Optimizer):
        state = state_of(optimizer)
        config = state["config"]
        if schedule is not None:
            config["learning_rate"] = schedule
        recipe = OptimizerRecipe(
            state["class"], config, state["spared"], state["attributes"]
        )
        return recipe, {}
    taken = _arguments(optimizer)
    if "learning_rate" not in taken:
        raise InvalidParameterError(
            f"The 'optimizer' parameter is {optimizer!r}, which cannot be made with a "
            "learning_rate; pass a configured instance."
        )
    arguments: dict[str, Any] = {
        argument: params[name]
        for name, argument in _OF_OPTIMIZER.items()
        if argument in taken
    }
    if schedule is not None:
        arguments["learning_rate"] = schedule
    return recipe_type(optimizer), arguments


@functools.lru_cache
def _arguments(optimizer: type) -> frozenset[str]:
    return frozenset(inspect.signature(optimizer).parameters)
