"""Training by Keras's own ``fit``, for what the compiled trainer cannot stack."""

from collections import Counter

import numpy as np

from .._backend import keras, tf
from ..network.architecture import BATCH_NORM_MOMENTUM
from ..network.inference import forward
from ..network.keras_layers import stock_layers
from .batches import iterate_batches, row_weights
from .learning_rate import LearningRate, make_learning_rate
from .losses import ROW_LOSSES, WeightedMean, stock_loss
from .moving_statistics import batch_share
from .scores import Validation
from .stopping import Monitor
from .task import Outcome, Rows, StopReason, Task


def stock_model(task: Task, optimizer):
    """A plain ``keras.Sequential`` with the layers and weights of a task, compiled.

    What it saves holds nothing of ours: the loss that it is compiled with, and evaluated
    by, is Keras's, of the same gradient but for what is of training alone. What it trains
    with has label smoothing and scikit-learn's L2 penalty besides: ``alpha / 2`` times
    the sum of the squared kernels, over the batch's sum of sample weights; and its batch
    normalisations keep moving statistics without their start, as
    of `batch_share`.
    """
    numbers: Counter[str] = Counter()

    def name_of(kind):
        number, numbers[kind] = numbers[kind], numbers[kind] + 1
        return f"{kind}_{number}" if number else kind

    settings, n_outputs = task.settings, task.architecture.layer_units[-1]
    hyperparameters = settings.hyperparameters
    model = keras.Sequential(
        stock_layers(
            task.architecture,
            settings.dropout_rates,
            task.progress.seed,
            task.progress.epochs,
            name_of,
        )
    )
    model.set_weights(task.weights)
    if weight_decay := hyperparameters["weight_decay"]:
        optimizer.weight_decay = weight_decay
        kernels = set(map(id, _kernels_of(model)))
        others = [v for v in model.trainable_variables if id(v) not in kernels]
        optimizer.exclude_from_weight_decay(var_list=others)
    optimizer.build(model.trainable_variables)
    loss, factor = stock_loss(settings.loss, n_outputs)
    model.compile(optimizer=optimizer, loss=loss, loss_weights=factor)
    model.compute_loss = _penalised_loss(
        model,
        WeightedMean(settings.loss, hyperparameters["label_smoothing"]),
        hyperparameters["alpha"],
    )
    model.train_step = _step_without_start(model, task.progress.norm_steps)
    return model


def _step_without_start(model, norm_steps: int):
    """What is to stand in for the model's ``train_step``."""
    norms = [v for v in model.layers if isinstance(v, keras.layers.BatchNormalization)]
    take_step = model.train_step
    if not norms:
        return take_step
    steps = tf.Variable(norm_steps, dtype=tf.int64)

    def train_step(data):
        momentum = 1 - batch_share(tf.cast(steps.assign_add(1), tf.float64))
        for layer in norms:
            dtype = keras.backend.result_type(layer.compute_dtype, "float32")
            layer.momentum = tf.cast(momentum, dtype)
        try:
            return take_step(data)
        finally:
            for layer in norms:
                layer.momentum = BATCH_NORM_MOMENTUM

    return train_step


def _kernels_of(model) -> list:
    return [v.kernel for v in model.layers if isinstance(v, keras.layers.Dense)]


def _penalised_loss(model, mean_loss: WeightedMean, alpha: float):
    """What is to stand in for the model's ``compute_loss``."""
    without_training, kernels = model.compute_loss, _kernels_of(model)

    def compute_loss(x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not training:
            return without_training(x, y, y_pred, sample_weight, training)
        loss = mean_loss(y, y_pred, sample_weight)
        if alpha:
            squares = sum(keras.ops.sum(keras.ops.square(kernel)) for kernel in kernels)
            loss += 0.5 * alpha * squares / keras.ops.sum(sample_weight)
        return loss

    return compute_loss


class _MonitorCallback(keras.callbacks.Callback):
    """Sets the learning rate of each epoch, and applies the stopping rules at its end."""

    def __init__(self, task: Task, rate: LearningRate):
        super().__init__()
        self.monitor = Monitor(task, rate)
        self._task = task
        self._rate = rate
        self._last_set = rate.base

    def on_train_begin(self, logs=None):
        self.last_whole_epoch = self._snapshot()

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        now = float(optimizer.learning_rate)
        if self._rate.base is not None:
            if epoch and np.float32(now) != np.float32(self._last_set):
                self._rate.replace(now)  # another callback has set it
            now = self._last_set = float(self._rate.of_epoch(0, 1)[0])
            optimizer.learning_rate = now
        self._first_rate = now

    def on_epoch_end(self, epoch, logs=None):
        weights = self.model.get_weights()
        figures = None
        if self._task.validation is not None:
            figures = _validation_figures(self._task, weights, self._task.validation)
        rate = self._first_rate
        if self._rate.base is not None:  # another callback may have set it since
            rate = float(self.model.optimizer.learning_rate)
        self._task.progress.norm_steps += self._task.steps_per_epoch
        loss = float(logs["loss"])
        logs.update(self.monitor.end_epoch(loss, rate, figures, lambda: weights))
        if self.monitor.stop_reason is not None:
            self.model.stop_training = True
        self.last_whole_epoch = self._snapshot()

    def _snapshot(self):
        return self.model.get_weights(), optimizer_state(self.model.optimizer)


@np.errstate(over="ignore", invalid="ignore")  # what has diverged is told by its figures
def _validation_figures(task: Task, weights, rows: Rows) -> Validation:
    logits = forward(task.architecture, weights, rows.X, "linear")
    loss = ROW_LOSSES[task.settings.loss].of_logits(
        tf.constant(rows.y), tf.constant(logits)
    )
    mean = float(np.average(loss.numpy(), weights=row_weights(rows)))
    return Validation(rows, mean, logits)


def optimizer_state(optimizer) -> list[np.ndarray]:
    """Variables of a Keras optimizer, its count of steps first, without its rate."""
    return [v.numpy() for v in _state_variables(optimizer)]


def _state_variables(optimizer):
    return [v for v in optimizer.variables if v is not optimizer.learning_rate]


def train_with_keras(model, task: Task, callbacks: list) -> Outcome:
    """Train one network by ``keras.Sequential.fit``, on the trainer's own batches.

    Parameters
    ----------
    model : keras.Sequential
        The `stock_model` of the task.
    task : Task
    callbacks : list of keras.callbacks.Callback
    """
    settings, progress, rows = task.settings, task.progress, task.rows
    with tf.device(settings.device):
        optimizer = model.optimizer
        variables, arrays = _state_variables(optimizer), task.optimizer_state.arrays
        if [v.shape for v in arrays] == [tuple(v.shape) for v in variables]:
            for variable, value in zip(variables, arrays, strict=True):
                variable.assign(value)
        monitoring = _MonitorCallback(task, make_learning_rate(task))
        reason: StopReason | None = None
        try:
            model.fit(
                iterate_batches(
                    rows,
                    task.batch_size,
                    progress.seed,
                    progress.epochs,
                    settings.shuffle,
                ),
                steps_per_epoch=task.steps_per_epoch,
                epochs=settings.max_iter,
                shuffle=False,  # the batches are in their order
                callbacks=[monitoring, *callbacks],
                verbose=0,
            )
            weights, state = model.get_weights(), optimizer_state(optimizer)
        except KeyboardInterrupt:
            reason = "interrupted"
            weights, state = monitoring.last_whole_epoch
    monitor = monitoring.monitor
    return monitor.outcome(
        monitor.best_weights or weights,
        state,
        reason or monitor.stop_reason or "callback",
    )
