"""Training against Keras's own: the same weights and batches give the same network."""

import keras
import numpy as np
import pytest

from helpers import fixed_initializer
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

EPOCHS, BATCH = 3, 16

OPTIMIZERS = {
    "plain SGD": lambda: keras.optimizers.SGD(0.1),
    "SGD with momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "SGD with Nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "Adam": lambda: keras.optimizers.Adam(0.01),
    "AMSGrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "Adam with clipvalue": lambda: keras.optimizers.Adam(0.01, clipvalue=0.05),
    "Adam with clipnorm": lambda: keras.optimizers.Adam(0.01, clipnorm=0.1),
    "Adam with global_clipnorm": lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
    "AdamW": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "RMSprop": lambda: keras.optimizers.RMSprop(0.01),
    "RMSprop with momentum": lambda: keras.optimizers.RMSprop(0.005, momentum=0.5),
    "Nadam": lambda: keras.optimizers.Nadam(0.01),
    "Adamax": lambda: keras.optimizers.Adamax(0.01),
    "Adagrad": lambda: keras.optimizers.Adagrad(0.05),
    "Adadelta": lambda: keras.optimizers.Adadelta(1.0),
    "Lion": lambda: keras.optimizers.Lion(0.003),
    "Ftrl": lambda: keras.optimizers.Ftrl(0.1),
}
# Not element-wise, so trained by Keras's own fit on our network and batches.
UNSTACKABLE = {
    "Lamb": lambda: keras.optimizers.Lamb(0.01),
    "Adafactor": lambda: keras.optimizers.Adafactor(0.01),
    "Adam with loss scale": lambda: keras.optimizers.Adam(0.01, loss_scale_factor=8.0),
    "Adam with accumulation": lambda: keras.optimizers.Adam(
        0.01, gradient_accumulation_steps=2
    ),
}


def keras_model(n_features, n_outputs, out_activation, batch_norm, sizes=(12, 8)):
    model = keras.Sequential([keras.layers.Input((n_features,))])
    use_bias = batch_norm != "before_activation"
    for units in sizes:
        model.add(
            keras.layers.Dense(
                units, use_bias=use_bias, kernel_initializer=fixed_initializer
            )
        )
        if batch_norm == "before_activation":
            model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.Activation("tanh"))
        if batch_norm in ("after_activation", "after_dropout"):
            model.add(keras.layers.BatchNormalization())
    model.add(
        keras.layers.Dense(
            n_outputs,
            out_activation,
            use_bias=use_bias,
            kernel_initializer=fixed_initializer,
        )
    )
    return model


def estimator(kind, optimizer, batch_norm=False, **params):
    return kind(
        (12, 8),
        "tanh",
        dropout_rate=0.0,
        batch_norm=batch_norm,
        initializer=fixed_initializer,
        # A normalisation takes away the bias before it: its gradient is rounding error,
        # which Adam and its like would scale up.
        use_bias=batch_norm != "before_activation",
        optimizer=optimizer,
        alpha=0.0,
        batch_size=BATCH,
        max_iter=EPOCHS,
        shuffle=False,
        tol=0.0,
        random_state=0,
        **params,
    )


def fit_both(est, model, X, y, optimizer, loss, sample_weight=None):
    model.compile(optimizer, loss)
    history = model.fit(
        X,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        sample_weight=sample_weight,
        verbose=0,
    )
    est.fit(X, y, sample_weight=sample_weight)
    return history.history["loss"]


def weights_of(model):
    """Weights of a Keras model, with the start of its moving statistics divided out."""
    without_start = 1 - 0.99 ** int(model.optimizer.iterations)
    for layer in model.layers:
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            values[2] = values[2] / without_start
            values[3] = 1 - (1 - values[3]) / without_start
        yield from values


def assert_same_weights(est, model, atol=2e-5):
    ours = est.to_keras().get_weights()
    for mine, theirs in zip(ours, weights_of(model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=atol)


pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.mark.parametrize(
    ("name", "batch_norm"),
    [(name, False) for name in (*OPTIMIZERS, *UNSTACKABLE)]
    + [(name, "before_activation") for name in ("RMSprop", "AdamW", "Lamb")],
)
def test_optimizer(iris, name, batch_norm):
    # 150 rows in batches of 16: the last batch holds 6.
    X, y = iris[0].astype(np.float32), iris[1]
    make = {**OPTIMIZERS, **UNSTACKABLE}[name]
    est = estimator(DropoutMLPClassifier, make(), batch_norm)
    model = keras_model(4, 3, "softmax", batch_norm)
    losses = fit_both(est, model, X, y, make(), "sparse_categorical_crossentropy")
    assert_same_weights(est, model)
    np.testing.assert_allclose(est.loss_curve_, losses, rtol=1e-4)


@pytest.mark.parametrize("name", ["SGD with momentum", "Adam"])
@pytest.mark.parametrize(
    "batch_norm", [False, "before_activation", "after_activation", "after_dropout"]
)
def test_batch_norm_place_with_sample_weight(iris, name, batch_norm):
    X, y = iris[0].astype(np.float32), iris[1]
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(y)).astype(np.float32)
    est = estimator(DropoutMLPClassifier, OPTIMIZERS[name](), batch_norm)
    model = keras_model(4, 3, "softmax", batch_norm)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    fit_both(est, model, X, y, OPTIMIZERS[name](), loss, weight)
    assert_same_weights(est, model)


def test_batch_norm_places_differ(iris):
    X, y = iris
    places = ["before_activation", "after_activation", "after_dropout"]
    probabilities = [
        DropoutMLPClassifier(
            (8,),
            dropout_rate=0.5,
            batch_norm=place,
            batch_size=16,
            max_iter=2,
            random_state=0,
        )
        .fit(X, y)
        .predict_proba(X)
        for place in places
    ]
    for i in range(3):
        for j in range(i):
            assert np.abs(probabilities[i] - probabilities[j]).max() > 1e-3


@pytest.mark.parametrize(
    ("loss", "keras_loss", "scale"),
    [
        ("squared_error", "mean_squared_error", 0.5),
        ("absolute_error", "mean_absolute_error", 1.0),
        ("huber", "huber", 1.0),
    ],
)
def test_regression_loss(curve, loss, keras_loss, scale):
    X, y = (values.astype(np.float32) for values in curve)
    est = estimator(
        DropoutMLPRegressor, keras.optimizers.SGD(0.1), loss=loss, normalize_y=False
    )
    model = keras_model(3, 1, "linear", False)
    losses = fit_both(est, model, X, y, keras.optimizers.SGD(0.1 * scale), keras_loss)
    assert_same_weights(est, model)
    np.testing.assert_allclose(est.loss_curve_, scale * np.array(losses), rtol=1e-4)


def test_poisson_loss(curve):
    X, y = curve[0].astype(np.float32), np.abs(curve[1]).round().astype(np.float32)
    est = estimator(DropoutMLPRegressor, keras.optimizers.SGD(0.05), loss="poisson")
    model = keras_model(3, 1, "exponential", False)
    fit_both(est, model, X, y, keras.optimizers.SGD(0.05), "poisson")
    assert_same_weights(est, model)
    assert (est.predict(X) > 0).all()


@pytest.mark.parametrize("n_labels", [1, 3])
def test_binary_and_multilabel(iris, n_labels):
    X = iris[0].astype(np.float32)
    y = (X[:, :n_labels] > 0).astype(int)
    y = y[:, 0] if n_labels == 1 else y
    est = estimator(DropoutMLPClassifier, keras.optimizers.SGD(0.1))
    model = keras_model(4, n_labels, "sigmoid", False)
    # Keras takes the mean over the labels, scikit-learn's MLP and we the sum.
    fit_both(
        est, model, X, y, keras.optimizers.SGD(0.1 * n_labels), "binary_crossentropy"
    )
    assert_same_weights(est, model)


def test_plain_names_take_our_hyperparameters(iris):
    X, y = iris[0].astype(np.float32), iris[1]
    named = estimator(
        DropoutMLPClassifier,
        "RMSprop",
        learning_rate_init=0.01,
        momentum=0.3,
        epsilon=1e-5,
    )
    optimizer = keras.optimizers.RMSprop(0.01, momentum=0.3, epsilon=1e-5)
    model = keras_model(4, 3, "softmax", False)
    fit_both(named, model, X, y, optimizer, "sparse_categorical_crossentropy")
    assert_same_weights(named, model)
    by_class = named.set_params(optimizer=keras.optimizers.RMSprop).fit(X, y)
    assert_same_weights(by_class, model)


def test_learning_rate_schedule(iris):
    X, y = iris[0].astype(np.float32), iris[1]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.7)
    est = estimator(DropoutMLPClassifier, "sgd", learning_rate=schedule, momentum=0.0)
    model = keras_model(4, 3, "softmax", False)
    optimizer = keras.optimizers.SGD(schedule)
    fit_both(est, model, X, y, optimizer, "sparse_categorical_crossentropy")
    assert_same_weights(est, model)
    configured = estimator(DropoutMLPClassifier, keras.optimizers.SGD(schedule)).fit(X, y)
    assert_same_weights(configured, model)
    assert est.history_["learning_rate"][1] < est.history_["learning_rate"][0]


def test_keras_own_fit_and_the_compiled_trainer_agree(iris):
    # A scale of the loss of one sends the same network through Keras's own fit.
    X, y = iris
    params = {
        "hidden_layer_sizes": (12,),
        "batch_norm": "after_activation",
        "dropout_rate": 0.0,
        "alpha": 0.01,
        "batch_size": 16,
        "max_iter": 5,
        "random_state": 0,
        "early_stopping": True,
        "validation_fraction": 0.2,
    }
    compiled = DropoutMLPClassifier(optimizer=keras.optimizers.Adam(0.01), **params)
    by_keras = DropoutMLPClassifier(
        optimizer=keras.optimizers.Adam(0.01, loss_scale_factor=1.0), **params
    )
    compiled.fit(X, y)
    by_keras.fit(X, y)
    for name in ("loss", "val_loss", "val_accuracy", "learning_rate"):
        np.testing.assert_allclose(
            by_keras.history_[name], compiled.history_[name], rtol=1e-4
        )
    np.testing.assert_allclose(
        by_keras.predict_proba(X), compiled.predict_proba(X), atol=1e-5
    )
