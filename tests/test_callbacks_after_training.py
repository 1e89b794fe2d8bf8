"""What callbacks save, and what is left of them after training."""

import copy
import io
import pickle
import threading

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
slow = pytest.mark.slow  # each starts a process that loads what has been saved


class Saver(keras.callbacks.Callback):
    """Saves in each way after each epoch; with a batch hook in Keras's own fit."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        self.model.save(self.folder / "model.keras")
        self.model.save_weights(self.folder / "saved.weights.h5")
        self.model.export(self.folder / "export", verbose=False)


LOAD = """
    import sys, warnings
    sys.modules["skdropout"] = None  # any import of it would fail
    import keras, numpy as np
    import tensorflow as tf
    warnings.filterwarnings("error", module="keras")
    folder = sys.argv[1]
    X, expected = np.load(f"{folder}/X.npy"), np.load(f"{folder}/expected.npy")
    for name in sys.argv[2:]:
        model = keras.models.load_model(f"{folder}/{name}")
        assert type(model) is keras.Sequential, type(model)
        assert model.compiled
        assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {
            "keras"
        }
        got = model.predict(X, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
        model.fit(X, np.zeros(len(X)), verbose=0)  # as Keras's own models do
    if "model.keras" in sys.argv:
        exported = tf.saved_model.load(f"{folder}/export")
        np.testing.assert_allclose(exported.serve(X), expected, rtol=1e-4, atol=1e-5)
"""


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (DropoutMLPClassifier, {"batch_norm": True, "weight_decay": 0.1}),
        pytest.param(
            DropoutMLPClassifier, {"optimizer": "lamb", "alpha": 0.1}, marks=slow
        ),
        pytest.param(
            DropoutMLPRegressor,
            {"loss": "huber", "use_bias": False, "normalize_y": False},
            marks=slow,
        ),
        pytest.param(
            DropoutMLPRegressor, {"loss": "poisson", "optimizer": "lamb"}, marks=slow
        ),
    ],
)
def test_saved_in_a_callback(tmp_path, iris, stacks, kind, params):
    X, y = iris[0].astype(np.float32), iris[1]
    est = kind(
        (5,),
        dropout_rate=0.3,
        max_iter=2,
        random_state=0,
        callbacks=Saver(tmp_path),
        **params,
    ).fit(X, y)
    predict = est.predict_proba if kind is DropoutMLPClassifier else est.predict
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "expected.npy", predict(X).reshape(len(X), -1))
    run_python(LOAD, tmp_path, "model.keras")
    model = est.to_keras()
    model.set_weights([np.zeros(v.shape) for v in model.weights])
    model.load_weights(tmp_path / "saved.weights.h5")
    for saved, fitted in zip(
        model.get_weights(), est.to_keras().get_weights(), strict=True
    ):
        np.testing.assert_array_equal(saved, fitted)


def test_best_epoch_of_a_checkpoint(tmp_path, iris):
    X, y = iris
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.keras"), monitor="val_loss", save_best_only=True
    )
    weights = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True
    )
    est = DropoutMLPClassifier(
        (8,), learning_rate_init=0.5, max_iter=8, callbacks=[best, weights]
    ).fit(X, y, X_val=X, y_val=y)
    epoch = int(np.argmin(est.history_["val_loss"])) + 1
    model = est.to_keras()
    model.load_weights(tmp_path / f"{epoch}.weights.h5")
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    np.save(tmp_path / "expected.npy", model.predict(X.astype("f"), verbose=0))
    run_python(LOAD, tmp_path, "best.keras")


def test_model_of_a_callback_can_be_evaluated(iris):
    X, y = iris
    losses = []

    class Evaluator(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            losses.append(self.model.evaluate(X, y, batch_size=150, verbose=0))

    est = DropoutMLPClassifier((8,), max_iter=3, alpha=10.0, callbacks=Evaluator())
    for optimizer in ("adam", "lamb"):
        est.set_params(optimizer=optimizer).fit(X, y, X_val=X, y_val=y)
        np.testing.assert_allclose(losses, est.history_["val_loss"], rtol=1e-5)
        losses.clear()


class Hoarder(keras.callbacks.Callback):
    """Holds all that cannot be copied, in its attributes and in what it had before."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.losses, self.models, self.by_name = [], ["none yet"], {}
        self.inner = [keras.callbacks.CSVLogger(str(folder / "inner.csv"))]

    def set_model(self, model):
        super().set_model(model)
        self.net, self.layer = model, model.layers[0]

    def on_train_begin(self, logs=None):
        self.file = open(self.folder / "log.txt", "w")  # noqa: SIM115
        self.lock = threading.Lock()
        self.by_name["thread"] = threading.Thread(target=print)
        self.writer = tf.summary.create_file_writer(str(self.folder / "events"))
        for callback in self.inner:
            callback.set_model(self.model)
            callback.on_train_begin()

    def on_epoch_end(self, epoch, logs=None):
        self.file.write(f"{epoch}\n")
        self.losses.append(logs["loss"])
        self.models.append(self.model)
        self.inner[0].on_epoch_end(epoch, logs)


class HoarderByKeras(Hoarder):
    def on_train_batch_end(self, batch, logs=None):
        self.last_batch = batch


CALLBACKS = {
    "CSVLogger": lambda p: keras.callbacks.CSVLogger(str(p / "log.csv")),
    "EarlyStopping": lambda p: keras.callbacks.EarlyStopping(
        "loss", restore_best_weights=True
    ),
    "ReduceLROnPlateau": lambda p: keras.callbacks.ReduceLROnPlateau("loss"),
    "LambdaCallback": lambda p: keras.callbacks.LambdaCallback(on_epoch_end=np.maximum),
    "BackupAndRestore": lambda p: keras.callbacks.BackupAndRestore(str(p / "backup")),
    "ModelCheckpoint": lambda p: keras.callbacks.ModelCheckpoint(str(p / "a.keras")),
    "Hoarder": Hoarder,
    "HoarderByKeras": HoarderByKeras,
}


def copies(est):
    buffer = io.BytesIO()
    joblib.dump(est, buffer)
    return clone(est), copy.deepcopy(est), pickle.loads(pickle.dumps(est))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", CALLBACKS)
def test_copies_after_training(tmp_path, iris, name, without_xla):
    params = {"max_iter": 2, "random_state": 0}
    callback = CALLBACKS[name](tmp_path)
    if name == "LambdaCallback":
        callback.on_epoch_end = keras.callbacks.Callback().on_epoch_end
    est = DropoutMLPClassifier((4,), callbacks=[callback], **params)
    for _ in range(2):  # a second time with the same callback
        for twin in copies(est.fit(*iris)):
            assert_same_network(twin.fit(*iris), est)
    search = GridSearchCV(est, {"alpha": [0.0, 0.1]}, cv=2)
    copies(search.fit(*iris))
    with fused_training():
        copies(search.fit(*iris))


def test_copies_after_a_failure(tmp_path, iris):
    class Failing(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("full")

    logger = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    est = DropoutMLPClassifier((4,), max_iter=2, callbacks=[logger, Failing()])
    with pytest.raises(RuntimeError, match="full"):
        est.fit(*iris)
    copy.deepcopy(est)
    assert logger.csv_file is None
    assert "loss" in (tmp_path / "log.csv").read_text()


def test_what_was_measured_stays(tmp_path, iris):
    hoarder = Hoarder(tmp_path)
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=100.0)
    est = DropoutMLPClassifier((4,), callbacks=[hoarder, stopping]).fit(*iris)
    assert hoarder.losses == est.loss_curve_
    assert stopping.stopped_epoch == 1
    assert (hoarder.models, hoarder.by_name) == (["none yet"], {})
    assert (tmp_path / "log.txt").read_text() == "0\n1\n"


def test_what_could_not_be_copied_before_stays(iris):
    class OfThisFunction:
        value = 1

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.lock, self.seen = threading.Lock(), []

        def on_epoch_end(self, epoch, logs=None):
            self.last = OfThisFunction()
            self.seen.append(lambda: logs)

    recorder = Recorder()
    lock = recorder.lock
    DropoutMLPClassifier((4,), max_iter=2, callbacks=recorder).fit(*iris)
    assert recorder.lock is lock
    assert recorder.last.value == 1
    assert len(recorder.seen) == 2
