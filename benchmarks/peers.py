"""The peers: scikit-learn's MLP, plain Keras, scikeras around plain Keras, and skorch.

Keras is imported only where it is used, so that the other benchmarks do without it, and
through the package's own module, which silences TensorFlow's start-up messages.
"""

from sklearn.neural_network import MLPClassifier

N_CLASSES = 10


def sklearn_mlp(hidden_layer_sizes, *, max_iter: int, **params) -> MLPClassifier:
    """scikit-learn's MLP that trains for `max_iter` epochs, never fewer."""
    return MLPClassifier(
        hidden_layer_sizes,
        max_iter=max_iter,
        tol=0.0,
        n_iter_no_change=max_iter,
        random_state=0,
        **params,
    )


def keras_model(
    n_features: int,
    hidden_layer_sizes,
    *,
    dropout_rate: float,
    batch_norm: bool = False,
    alpha: float = 0.0,
    batch_size: int = 32,
    optimizer=None,
):
    """A compiled ``keras.Sequential``; `alpha` is scaled as in scikit-learn."""
    from skdropout._backend import keras

    penalty = keras.regularizers.L2(0.5 * alpha / batch_size) if alpha else None
    model = keras.Sequential([keras.Input((n_features,))])
    for units in hidden_layer_sizes:
        model.add(keras.layers.Dense(units, kernel_regularizer=penalty))
        if batch_norm:
            model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.Activation("relu"))
        if dropout_rate:
            model.add(keras.layers.Dropout(dropout_rate))
    model.add(
        keras.layers.Dense(N_CLASSES, activation="softmax", kernel_regularizer=penalty)
    )
    if optimizer is None:
        optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-8)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return model


def _build(meta, hidden_layer_sizes, dropout_rate, batch_norm):
    return keras_model(
        meta["n_features_in_"],
        hidden_layer_sizes,
        dropout_rate=dropout_rate,
        batch_norm=batch_norm,
    )


def scikeras_classifier(
    hidden_layer_sizes,
    *,
    dropout_rate: float,
    batch_norm: bool = False,
    max_iter: int,
    batch_size: int,
):
    """scikeras around `keras_model`, which it builds and compiles anew at each fit."""
    from skdropout._backend import scikeras_wrappers

    return scikeras_wrappers.KerasClassifier(
        _build,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout_rate=dropout_rate,
        batch_norm=batch_norm,
        epochs=max_iter,
        batch_size=batch_size,
        verbose=0,
    )


def skorch_classifier(hidden_layer_sizes, max_iter: int, batch_size: int):
    """skorch around a PyTorch network of `dropout_rate` and `batch_norm`."""
    import torch
    from skorch import NeuralNetClassifier
    from torch import nn

    class MLP(nn.Sequential):
        def __init__(self, dropout_rate=0.0, batch_norm=False):
            layers, n_inputs = [], 64
            for units in hidden_layer_sizes:
                layers.append(nn.Linear(n_inputs, units))
                if batch_norm:
                    layers.append(nn.BatchNorm1d(units))
                layers += [nn.ReLU(), nn.Dropout(dropout_rate)]
                n_inputs = units
            super().__init__(*layers, nn.Linear(n_inputs, N_CLASSES))

    return NeuralNetClassifier(
        MLP,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=batch_size,
        max_epochs=max_iter,
        train_split=None,
        verbose=0,
    )
