"""
Vanishing gradients, and ensembles
==================================

The gradient shrinks at each sigmoid, so that the first layer has less than a millionth of
the last layer's, and the network stays at the accuracy of guessing. Batch normalisation
before the sigmoids cures it as rectifiers do; He's initializer starts them with ten times
the gradients of Glorot's. Each ensemble is better than the best of its members, and the
vote than bagging, whose networks see fewer different rows.

These are two lessons on MNIST. The first trains nine hidden layers by plain SGD: of
sigmoids, which do not learn, and of rectifiers (ReLU) with He's initializer, which do.
The second has several networks vote.
"""

# %%
# Nine hidden layers
# ------------------
# A callback measures the gradients before the first step, and ``to_keras`` gives the
# trained network to measure them once more. Batch normalisation is measured as it is in
# training, by the statistics of the batch. Every epoch is done at a constant rate
# (``FIXED_EPOCHS``), and ``budget_of_epochs`` leaves out the warning that they may be too
# few.

import matplotlib.pyplot as plt
import numpy as np
from datasets import load_mnist
from joblib import Parallel, delayed
from reporting import (
    FIXED_EPOCHS,
    SEED,
    Experiment,
    budget_of_epochs,
    line_styles,
    set_style,
)
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, VotingClassifier

from skdropout import DropoutMLPClassifier, fused_training

import keras
import tensorflow as tf

SIGMOID = {"activation": "logistic", "initializer": "glorot_uniform"}
RELU = {"activation": "relu", "initializer": "he_normal"}
# Network: what is published of it, and its parameters.
NETWORKS = {
    "sigmoid, Glorot": ("does not learn", SIGMOID),
    "sigmoid, batch norm": ("", {**SIGMOID, "batch_norm": True}),
    "ReLU, Glorot": ("", {**RELU, "initializer": "glorot_uniform"}),
    "ReLU, He": ("learns", RELU),
}

experiment = Experiment("vanishing_gradients_ensembles")
(X_train, y_train), (X_test, y_test) = load_mnist()
n_rows = experiment.pick(len(X_train), 2_000)
X_train, y_train = X_train[:n_rows] / np.float32(255), y_train[:n_rows]
X_test = X_test / np.float32(255)
PROBE = X_train[:1_000], y_train[:1_000]


def mean_gradients(model):
    """Mean absolute gradient of each kernel, first layer first."""
    kernels = [
        layer.kernel for layer in model.layers if isinstance(layer, keras.layers.Dense)
    ]
    weights = model.get_weights()
    X, y = PROBE
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(y, model(X, training=True))
        loss = tf.reduce_mean(losses)
    model.set_weights(weights)  # the call has moved the statistics of batch norm
    return [float(tf.reduce_mean(tf.abs(g))) for g in tape.gradient(loss, kernels)]


class GradientsAtStart(keras.callbacks.Callback):
    """Measures the gradients before the first epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.gradients = mean_gradients(self.model)


networks = {
    name: DropoutMLPClassifier(
        (100,) * 9,
        **params,
        dropout_rate=0,
        optimizer=keras.optimizers.SGD(0.01),
        alpha=0,
        batch_size=100,
        max_iter=experiment.pick(10, 2),
        **FIXED_EPOCHS,
        random_state=SEED,
        callbacks=GradientsAtStart(),
    )
    for name, (_, params) in NETWORKS.items()
}
with budget_of_epochs(), fused_training():
    Parallel()(delayed(mlp.fit)(X_train, y_train) for mlp in networks.values())

# %%
# The gradients
# -------------
# Mean absolute gradients of the first and of the last layer, before and after training;
# then what the networks have learned.

at_start = {name: mlp.callbacks.gradients for name, mlp in networks.items()}
rows = []
for name, mlp in networks.items():
    at_end = mean_gradients(mlp.to_keras())
    rows.append(
        (name, *(f"{g[i]:.1e}" for g in (at_start[name], at_end) for i in (0, -1)))
    )
experiment.table(
    ("mean gradients", "first layer, start", "last, start", "first, end", "last, end"),
    rows,
)
print()
experiment.table(
    ("nine hidden layers", "published", "loss", "test accuracy"),
    [
        (name, NETWORKS[name][0], mlp.loss_, mlp.score(X_test, y_test))
        for name, mlp in networks.items()
    ],
)

# %%
# Ensembles
# ---------
# Bagging trains each network on rows drawn with replacement; in the vote all networks
# have all rows, and differ by their random state. Each kind is trained as one stack.

n_members = experiment.pick(10, 4)
member = DropoutMLPClassifier(
    (128, 128),
    dropout_rate=0.2,
    learning_rate_init=0.001,
    batch_size=200,
    max_iter=experiment.pick(10, 2),
    **FIXED_EPOCHS,
    random_state=SEED,
)
ENSEMBLES = {
    "bagging": BaggingClassifier(member, n_members, random_state=SEED),
    "vote": VotingClassifier(
        [
            (f"network {i}", clone(member).set_params(random_state=i))
            for i in range(n_members)
        ],
        voting="soft",
    ),
}
with budget_of_epochs(), fused_training():
    for ensemble in ENSEMBLES.values():
        ensemble.fit(X_train, y_train)

# %%
# Their accuracies
# ----------------

print()
accuracies = {}
rows = []
for name, ensemble in ENSEMBLES.items():
    alone = [network.score(X_test, y_test) for network in ensemble.estimators_]
    together = ensemble.score(X_test, y_test)
    accuracies[name] = alone, together
    rows.append((name, "wins", together, np.min(alone), np.mean(alone), np.max(alone)))
experiment.table(
    ("ensemble", "published", "test accuracy", "members: least", "mean", "best"), rows
)

# %%
# The picture
# -----------

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
styles = line_styles(len(at_start))
for (name, gradients), style in zip(at_start.items(), styles, strict=True):
    left.plot(range(1, len(gradients) + 1), gradients, **style, label=name)
left.set(xlabel="layer", ylabel="mean gradient at the start", yscale="log")
for name, (alone, together) in accuracies.items():
    right.plot([name] * len(alone), alone, "o", color=styles[0]["color"], alpha=0.6)
    right.plot(name, together, "*", color=styles[1]["color"], markersize=16)
right.lines[0].set_label("members")
right.lines[1].set_label("ensemble")
right.margins(x=0.4)
right.set_ylabel("test accuracy")
for ax in (left, right):
    ax.legend(fontsize=12)
    set_style(ax)
experiment.save(figure)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/vanishing_gradients_ensembles.png"
with experiment.thumbnail() as ax:
    for name in ("sigmoid, Glorot", "ReLU, He"):
        gradients = at_start[name]
        ax.plot(range(1, len(gradients) + 1), gradients, label=name.split(",")[0])
    ax.set(xlabel="layer", ylabel="gradient", yscale="log")
    ax.legend()
# sphinx_gallery_end_ignore
