"""Keras callbacks around the compiled trainer, and other hooks within Keras's."""

import numpy as np

from .._backend import keras
from .._surroundings import without_retracing_warnings
from .task import EpochChange, EpochHook

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


def has_batch_hooks(callback) -> bool:
    """Whether a callback wants to be called at every step."""
    base = keras.callbacks.Callback
    return any(
        name in vars(callback) or getattr(type(callback), name) is not getattr(base, name)
        for name in _BATCH_HOOKS
    )


class CallbackHook:
    """An `EpochHook` that shows a network to Keras's callbacks.

    Parameters
    ----------
    model : keras.Model
        Stands for the network: has its layers and an optimizer. It is given the
        network's weights before the callbacks run, and asked afterwards for its weights,
        its optimizer's learning rate and ``stop_training``.
    callbacks : list of keras.callbacks.Callback
    max_iter : int
        Number of epochs that the callbacks are told of.
    """

    def __init__(self, model, callbacks: list, max_iter: int):
        self._model = model
        self._callbacks = keras.callbacks.CallbackList(
            callbacks, model=model, epochs=max_iter, verbose=0
        )
        self._n_begun = 0

    def begin(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        self._n_begun = 0
        self._model.stop_training = False
        self._model.set_weights(weights)
        self._call("on_train_begin")
        return self._model.get_weights()

    def begin_epoch(
        self, weights: list[np.ndarray], learning_rate: float | None
    ) -> EpochChange:
        self._put(weights, learning_rate)
        self._call("on_epoch_begin", self._n_begun)
        self._n_begun += 1
        return self._change(weights, learning_rate)

    def end_epoch(
        self,
        logs: dict[str, float],
        weights: list[np.ndarray],
        learning_rate: float | None,
    ) -> EpochChange:
        self._put(weights, learning_rate)
        self._call("on_epoch_end", self._n_begun - 1, logs)
        return self._change(weights, learning_rate)

    def end(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        self._model.set_weights(weights)
        self._call("on_train_end")
        return self._model.get_weights()

    def _call(self, method: str, *args) -> None:
        with without_retracing_warnings():
            getattr(self._callbacks, method)(*args)

    def _put(self, weights, learning_rate):
        self._model.set_weights(weights)
        if learning_rate is not None:
            self._model.optimizer.learning_rate = learning_rate

    def _change(self, weights, learning_rate) -> EpochChange:
        now = self._model.get_weights()
        same = all(map(np.array_equal, now, weights))
        rate = None
        if learning_rate is not None:
            rate = float(self._model.optimizer.learning_rate)
            if np.float32(rate) == np.float32(learning_rate):
                rate = None
        return EpochChange(None if same else now, rate, self._model.stop_training)


class HookCallback(keras.callbacks.Callback):
    """A Keras callback that tells a hook, which may only ask for an end."""

    def __init__(self, hook: EpochHook):
        super().__init__()
        self._hook = hook

    def on_epoch_begin(self, epoch, logs=None):
        self._hook.begin_epoch(self.model.get_weights(), None)

    def on_epoch_end(self, epoch, logs=None):
        if self._hook.end_epoch(dict(logs or {}), self.model.get_weights(), None).stop:
            self.model.stop_training = True


class Hooks:
    """Several hooks as one, which are told one after the other."""

    def __init__(self, hooks: list[EpochHook]):
        self._hooks = hooks

    def begin(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        for hook in self._hooks:
            weights = hook.begin(weights)
        return weights

    def begin_epoch(
        self, weights: list[np.ndarray], learning_rate: float | None
    ) -> EpochChange:
        return self._changes("begin_epoch", (), weights, learning_rate)

    def end_epoch(
        self,
        logs: dict[str, float],
        weights: list[np.ndarray],
        learning_rate: float | None,
    ) -> EpochChange:
        return self._changes("end_epoch", (logs,), weights, learning_rate)

    def end(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        for hook in self._hooks:
            weights = hook.end(weights)
        return weights

    def _changes(self, method: str, args: tuple, weights, learning_rate) -> EpochChange:
        whole = EpochChange(None, None, False)
        for hook in self._hooks:
            change = getattr(hook, method)(*args, weights, learning_rate)
            if change.weights is not None:
                weights = change.weights
                whole = whole._replace(weights=weights)
            if change.learning_rate is not None:
                learning_rate = change.learning_rate
                whole = whole._replace(learning_rate=learning_rate)
            whole = whole._replace(stop=whole.stop or change.stop)
        return whole
