"""
Dropout and batch normalisation on Fashion-MNIST
================================================

The accuracy on the test set falls as the dropout rate grows. Batch normalisation gains
over a point at 0.2 and at 0.5, and nothing at 0.8. It learns faster: with it and the
least dropout the validation loss is the only one that stops falling well before the
sixty epochs are over.

Two hidden layers of 512 rectified units learn Fashion-MNIST by plain stochastic gradient
descent, at dropout rates of 0.2, 0.5 and 0.8, each without batch normalisation and with
one after each dropout. A published notebook trained these six networks one by one; here
they are the candidates of one ``GridSearchCV`` with a fixed split, and
``fused_training()`` trains them together.
"""

# %%
# The networks
# ------------
# Weights start from Glorot's uniform distribution, the default. The published networks
# had no L2 penalty and their gradient descent no momentum; both are on by default, as in
# scikit-learn. All sixty epochs are run, at a constant rate (``FIXED_EPOCHS``), and
# ``budget_of_epochs`` leaves out the warning that they may be too few.

import matplotlib.pyplot as plt
import numpy as np
from datasets import load_fashion_mnist
from reporting import FIXED_EPOCHS, SEED, Experiment, budget_of_epochs
from sklearn.model_selection import GridSearchCV

from skdropout import DropoutMLPClassifier, fused_training
from skdropout.plotting import LossCurveDisplay, SweepDisplay

PUBLISHED = {  # accuracy on the test set
    (0.2, False): 0.8761,
    (0.5, False): 0.8705,
    (0.8, False): 0.8513,
    (0.2, "after_dropout"): 0.8900,
    (0.5, "after_dropout"): 0.8830,
    (0.8, "after_dropout"): 0.8496,
}
PLACEMENTS = {False: "no batch norm", "after_dropout": "batch norm"}

experiment = Experiment("fashion_dropout_batchnorm")
n_rows = experiment.pick(60_000, 3_000)
mlp = DropoutMLPClassifier(
    (512, 512),
    optimizer="sgd",
    learning_rate_init=0.01,
    momentum=0,
    alpha=0,
    batch_size=128,
    max_iter=experiment.pick(60, 4),
    **FIXED_EPOCHS,
    random_state=SEED,
)

# %%
# One search with a fixed split
# -----------------------------
# The last fifth of the training rows is held out: the search scores on it, and each fit
# measures it after each epoch. The scorer also measures the test set, which no choice
# depends on, and keeps the fitted networks for the sake of their learning curves.

(X, y), (X_test, y_test) = load_fashion_mnist()
X, y = X[:n_rows] / np.float32(255), y[:n_rows]
X_test = X_test / np.float32(255)
train, validation = np.split(np.arange(n_rows), [n_rows * 4 // 5])
networks = {}


def accuracies(network, X, y):
    """Accuracy on the rows held out and on the test set."""
    networks[network.dropout_rate, network.batch_norm] = network
    return {"validation": network.score(X, y), "test": network.score(X_test, y_test)}


search = GridSearchCV(
    mlp,
    {"dropout_rate": [0.2, 0.5, 0.8], "batch_norm": list(PLACEMENTS)},
    scoring=accuracies,
    cv=[(train, validation)],
    refit=False,
)
with budget_of_epochs(), fused_training():
    search.fit(X, y, X_val=X[validation], y_val=y[validation])

# %%
# The table
# ---------

results = search.cv_results_
found = {
    (candidate["dropout_rate"], candidate["batch_norm"]): figures
    for candidate, *figures in zip(
        results["params"],
        results["mean_test_test"],
        results["mean_test_validation"],
        strict=True,
    )
}
experiment.table(
    ("dropout", "", "published", "ours", "difference", "validation"),
    [
        (
            f"{rate}",
            PLACEMENTS[batch_norm],
            published,
            found[rate, batch_norm][0],
            f"{found[rate, batch_norm][0] - published:+.4f}",
            found[rate, batch_norm][1],
        )
        for (rate, batch_norm), published in PUBLISHED.items()
    ],
)

# %%
# The pictures
# ------------
# The test accuracy against the dropout rate, beside the published one; then the learning
# curves of each network.

fig = plt.figure(figsize=(15, 8), layout="constrained")
summary, curves = fig.subfigures(1, 2, width_ratios=[1, 2])
ax = summary.subplots()
display = SweepDisplay.from_search(
    search, "dropout_rate", metric="test", std_display_style=None, ax=ax
)
for line, (batch_norm, label) in zip(display.lines_, PLACEMENTS.items(), strict=True):
    line.set_label(label)
    published = {r: value for (r, bn), value in PUBLISHED.items() if bn == batch_norm}
    ax.plot(
        *zip(*published.items(), strict=True),
        "x:",
        color=line.get_color(),
        markersize=10,
        label=f"{label}, published",
    )
ax.set(ylabel="test accuracy", title="Fashion-MNIST, two hidden layers of 512")
ax.legend(fontsize=12)
panels = curves.subplots(2, 3, sharex=True, sharey=True)
for ax, (rate, batch_norm) in zip(panels.flat, PUBLISHED, strict=True):
    LossCurveDisplay.from_estimator(networks[rate, batch_norm], ax=ax)
    ax.set_title(f"dropout {rate}, {PLACEMENTS[batch_norm]}")
    ax.label_outer()
experiment.save(fig)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/fashion_dropout_batchnorm.png"
with experiment.thumbnail() as ax:
    rates = sorted({rate for rate, _ in PUBLISHED})
    for batch_norm, label in zip(PLACEMENTS, ("none", "batch norm"), strict=True):
        ax.plot(rates, [found[rate, batch_norm][0] for rate in rates], "o-", label=label)
    ax.set(xlabel="dropout rate", ylabel="test accuracy", xticks=rates)
    ax.locator_params(axis="y", nbins=4)
    ax.legend(loc="lower left")
# sphinx_gallery_end_ignore
