"""
Learning curves on Fashion-MNIST, without dropout and with it
=============================================================

Without dropout the validation loss no longer falls after some ten epochs and ends above
its least, while the training loss goes on falling. With dropout the validation loss falls
to the end, and the gap between the two is much smaller. The validation loss jumps from
epoch to epoch, so the epoch at which it is least is partly chance.

One hidden layer of 100 units learns Fashion-MNIST by Adam for twenty epochs, without
dropout and at a rate of 0.3, while a fifth of the training rows is held out: the lesson
on overfitting of a widely used course.
"""

# %%
# The networks
# ------------
# The published networks had no L2 penalty, which is on by default as in scikit-learn, and
# Keras's own `epsilon`. All twenty epochs are run, at a constant rate
# (``FIXED_EPOCHS``), and ``budget_of_epochs`` leaves out the warning that they may be too
# few.

import matplotlib.pyplot as plt
import numpy as np
from datasets import load_fashion_mnist
from joblib import Parallel, delayed
from reporting import FIXED_EPOCHS, SEED, Experiment, budget_of_epochs
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdropout import DropoutMLPClassifier, fused_training
from skdropout.plotting import LossCurveDisplay

experiment = Experiment("fashion_learning_curves")
n_rows = experiment.pick(60_000, 5_000)
mlp = DropoutMLPClassifier(
    (100,),
    learning_rate_init=0.001,
    alpha=0,
    epsilon=1e-7,
    batch_size=32,
    max_iter=experiment.pick(20, 4),
    **FIXED_EPOCHS,
    random_state=SEED,
)
candidates = [clone(mlp).set_params(dropout_rate=rate) for rate in (0, 0.3)]

# %%
# Twenty epochs
# -------------
# Within ``fused_training()`` the fits of any joblib ``Parallel`` are trained together.

(X, y), (X_test, y_test) = load_fashion_mnist()
X, X_test = X[:n_rows] / np.float32(255), X_test / np.float32(255)
X_train, X_val, y_train, y_val = train_test_split(
    X, y[:n_rows], test_size=0.2, random_state=42
)


def fit_all(networks):
    """Fit networks together, with the rows held out as validation rows."""
    with budget_of_epochs(), fused_training():
        return Parallel()(
            delayed(network.fit)(X_train, y_train, X_val=X_val, y_val=y_val)
            for network in networks
        )


networks = fit_all(candidates)

# %%
# Stopped and refitted
# --------------------
# Each network again, only up to the epoch at which its validation loss was least. The
# same `random_state` gives the same weights, so it arrives at that very loss.

stops = [int(np.argmin(network.history_["val_loss"])) + 1 for network in networks]
stopped = fit_all(
    clone(network).set_params(max_iter=stop)
    for network, stop in zip(networks, stops, strict=True)
)

# %%
# The table
# ---------
# Validation losses are measured with dropout off and training losses with dropout on, as
# they were in the published curves; the second gap has it off on both sides. As single
# epochs are noisy, their mean over each quarter of the training tells rise from fall.


def figures(network, stop, refitted):
    """What the table says of a network."""
    losses, val_losses = network.history_["loss"], network.history_["val_loss"]
    quarters = np.array_split(val_losses, 4)
    loss_off = log_loss(y_train, network.predict_proba(X_train))
    return {
        "validation loss, third quarter": quarters[2].mean(),
        "validation loss, last quarter": quarters[3].mean(),
        "validation loss, least": min(val_losses),
        "epoch of the least": stop,
        "validation loss, last epoch": val_losses[-1],
        "training loss, last epoch": losses[-1],
        "gap, last epoch": val_losses[-1] - losses[-1],
        "gap, dropout off": val_losses[-1] - loss_off,
        "refitted: validation loss": refitted.history_["val_loss"][-1],
        "refitted: test accuracy": refitted.score(X_test, y_test),
        "not stopped: test accuracy": network.score(X_test, y_test),
    }


PUBLISHED = {
    "validation loss, last quarter": "rises / keeps falling",
    "epoch of the least": "about 16",
}
plain, dropout = map(figures, networks, stops, stopped)
experiment.table(
    ("", "published", "no dropout", "dropout 0.3"),
    [(name, PUBLISHED.get(name, ""), plain[name], dropout[name]) for name in plain],
)

# %%
# The pictures
# ------------

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for ax, network, title in zip(
    axes, networks, ("without dropout", "dropout 0.3"), strict=True
):
    LossCurveDisplay.from_estimator(network, ax=ax)
    ax.set_title(f"Fashion-MNIST, {title}", fontsize=14)
    ax.label_outer()
experiment.save(fig)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/fashion_learning_curves.png"
with experiment.thumbnail() as ax:
    for network, label in zip(networks, ("no dropout", "dropout"), strict=True):
        losses = network.history_["val_loss"]
        ax.plot(range(1, len(losses) + 1), losses, label=label)
    ax.set(xlabel="epoch", ylabel="validation loss")
    ax.locator_params(nbins=4)
    ax.legend()
# sphinx_gallery_end_ignore
