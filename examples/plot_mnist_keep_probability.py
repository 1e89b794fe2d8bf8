"""
Dropout on MNIST: the cost by epoch, with dropout on and off
============================================================

A keep probability of 0.8 is ``dropout_rate=0.2``, and our costs are about those
published. They are measured with dropout on, so they stay higher the larger the rate is,
while the accuracy hardly changes up to a rate of 0.5. One draw with dropout left on
(``mc_predict_proba``) gives the published accuracy; switching dropout off, as ``predict``
does, is better at every rate, and the more so the larger the rate is.

A lesson that introduces dropout by a keep probability of 0.8 is trained again: two hidden
layers of 256 without biases on MNIST, Adam, fifteen epochs. It prints the mean cost of
each epoch, and an accuracy that it measures with dropout still on. The reader then tries
other rates.
"""

# %%
# The system
# ----------
# The first 5,000 training rows are set aside, as the lesson's loader does. Keeping 0.8
# applies to the two hidden layers, not to the pixels. There is no penalty, and every
# epoch is done at a constant rate (``FIXED_EPOCHS``): both would be otherwise by default.
# ``budget_of_epochs`` leaves out the warning that fifteen epochs may be too few.

import matplotlib.pyplot as plt
import numpy as np
from datasets import load_mnist
from joblib import Parallel, delayed
from reporting import FIXED_EPOCHS, SEED, Experiment, budget_of_epochs
from sklearn.base import clone

from skdropout import DropoutMLPClassifier, fused_training
from skdropout.plotting import LossCurveDisplay

import keras

PUBLISHED_RATE = 0.2
OWN_RATE = 0.1  # put one of your own here
RATES = [OWN_RATE, PUBLISHED_RATE, 0.3, 0.5, 0.7]
PUBLISHED_COSTS = [0.432, 0.167, 0.115, 0.088, 0.071, 0.059, 0.053, 0.046]
PUBLISHED_COSTS += [0.041, 0.039, 0.033, 0.030, 0.030, 0.028, 0.024]
PUBLISHED_ACCURACY = 0.9746

experiment = Experiment("mnist_keep_probability")
n_epochs = experiment.pick(15, 3)
(X_train, y_train), (X_test, y_test) = load_mnist()
n_rows = experiment.pick(55_000, 4_000)
y_train = y_train[5_000:][:n_rows]
X_train, X_test = (
    pixels / np.float32(255) for pixels in (X_train[5_000:][:n_rows], X_test)
)
mlp = DropoutMLPClassifier(
    (256, 256),
    use_bias=False,
    initializer=keras.initializers.RandomNormal(stddev=0.01),
    optimizer="adam",
    learning_rate_init=0.001,
    alpha=0,
    batch_size=100,
    max_iter=n_epochs,
    **FIXED_EPOCHS,
    random_state=SEED,
)
with budget_of_epochs(), fused_training():
    fitted = Parallel()(
        delayed(clone(mlp).set_params(dropout_rate=rate).fit)(X_train, y_train)
        for rate in RATES
    )
networks = dict(zip(RATES, fitted, strict=True))

# %%
# The costs
# ---------
# Each is the mean of an epoch, with dropout on.

costs = networks[PUBLISHED_RATE].loss_curve_
rows = [
    (epoch, published, cost, cost / published)
    for epoch, (published, cost) in enumerate(
        zip(PUBLISHED_COSTS, costs, strict=False), 1
    )
]
experiment.table(("epoch", "published cost", "ours", "ours / published"), rows)

# %%
# The accuracies
# --------------
# On the test rows, with dropout off, and in one Monte Carlo draw.

print()
rows = []
for rate, network in networks.items():
    drawn = network.mc_predict_proba(X_test, n_draws=1, random_state=SEED)[0]
    rows.append(
        (
            str(rate),
            network.loss_curve_[-1],
            network.score(X_test, y_test),
            float(np.mean(drawn.argmax(axis=1) == y_test)),
            PUBLISHED_ACCURACY if rate == PUBLISHED_RATE else "",
        )
    )
experiment.table(
    ("dropout rate", "last cost", "dropout off", "one draw", "published, one draw"),
    rows,
)

# %%
# The picture
# -----------
# Costs by epoch, and ten test digits with their labels.

figure = plt.figure(figsize=(8, 7.5), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[3, 2])
ax = above.subplots()
colors = plt.colormaps["viridis"](np.linspace(0, 0.85, len(RATES)))
for (rate, network), color in zip(networks.items(), colors, strict=True):
    (line,) = LossCurveDisplay.from_estimator(network, ax=ax).lines_
    line.set(color=color, label=f"rate {rate}")
epochs = range(1, len(PUBLISHED_COSTS) + 1)
(marks,) = ax.plot(epochs, PUBLISHED_COSTS, "kx", markersize=9)
marks.set(label=f"published, rate {PUBLISHED_RATE}", zorder=3)
ax.set(yscale="log", ylabel="mean cost")
ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1]
ax.set_yticks(ticks, ticks)
ax.minorticks_off()
ax.legend(fontsize=12, loc="center left", bbox_to_anchor=(1, 0.5))
digits = below.subplots(2, 5).ravel()
predicted = networks[PUBLISHED_RATE].predict(X_test[: len(digits)])
for ax, pixels, label, answer in zip(digits, X_test, y_test, predicted, strict=False):
    ax.imshow(pixels.reshape(28, 28), cmap="gray_r")
    ax.set_axis_off()
    color = "black" if answer == label else "tab:red"
    ax.set_title(f"{label}, predicted {answer}", color=color, fontsize=12)
experiment.save(figure)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/mnist_keep_probability.png"
with experiment.thumbnail() as ax:
    ax.plot(RATES, [row[2] for row in rows], "o-", label="dropout off")
    ax.plot(RATES, [row[3] for row in rows], "o-", label="left on")
    ax.set(xlabel="dropout rate", ylabel="test accuracy")
    ax.locator_params(nbins=4)
    ax.legend()
# sphinx_gallery_end_ignore
