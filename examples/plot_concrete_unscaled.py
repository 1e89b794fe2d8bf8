"""
Concrete: batch normalisation instead of scaling
================================================

On raw features the loss is no number any more in the first epoch, and the estimator says
why. With batch normalisation on the input and after each hidden layer's activation the
same network ends within about 4 MPa. The least error has a ``StandardScaler`` before
batch normalisation at the hidden layers.

The network is that of an exercise of a public deep learning course. It predicts the
strength of concrete from features that nobody has scaled, by plain gradient descent:
without batch normalisation the published network fails, with it it trains well.
Differences of a few tenths are chance, and of more than that where raw features meet no
batch normalisation at the input.
"""

# %%
# The data
# --------
# Eight features: kilograms per cubic metre, and days.

import textwrap

import matplotlib.pyplot as plt
from datasets import load_concrete
from joblib import Parallel, delayed
from reporting import FIXED_EPOCHS, SEED, Experiment, budget_of_epochs
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPRegressor, fused_training
from skdropout.plotting import LossCurveDisplay

TARGET = "CompressiveStrength"
PLACEMENTS = (False, "before_activation", "after_activation", "after_dropout")
RATES = (0.0, 0.3)

experiment = Experiment("concrete_unscaled")
concrete = load_concrete()
train = concrete.sample(frac=0.7, random_state=SEED)
valid = concrete.drop(train.index)
X_train, y_train = train.drop(columns=TARGET), train[TARGET]
X_valid, y_valid = valid.drop(columns=TARGET), valid[TARGET]

# %%
# The networks
# ------------
# The published system has no momentum, nor our penalty or standardised targets:
# `momentum`, `alpha` and `normalize_y` switch them off. It is trained for a fixed number
# of epochs at a constant rate (``FIXED_EPOCHS``), and ``budget_of_epochs`` leaves out the
# warning that they may be too few.
#
# Besides the two published networks, each way to scale the input is tried with each place
# of batch normalisation, without dropout as published and with it. A network that
# diverges ends with an error and does not disturb those that are trained with it.

mlp = DropoutMLPRegressor(
    hidden_layer_sizes=(512, 512, 512),
    loss="absolute_error",
    normalize_y=False,
    optimizer="sgd",
    learning_rate_init=0.01,
    momentum=0,
    alpha=0,
    batch_size=64,
    max_iter=experiment.pick(100, 5),
    **FIXED_EPOCHS,
    random_state=SEED,
)
scaler = StandardScaler().fit(X_train)
raw = X_train, X_valid
scaled = scaler.transform(X_train), scaler.transform(X_valid)
inputs = {
    "raw": (False, raw),
    "batch norm": (True, raw),
    "StandardScaler": (False, scaled),
}


def fit_or_error(model, X, X_val):
    """The fitted model, or the error with which training ended."""
    try:
        return model.fit(X, y_train, X_val=X_val, y_val=y_valid)
    except ValueError as error:
        return error


# Without dropout, after the dropout is after the activation.
cases = [
    (scaling, rate, placement)
    for scaling in inputs
    for rate in RATES
    for placement in (PLACEMENTS if rate else PLACEMENTS[:-1])
]
networks = []
for scaling, rate, placement in cases:
    input_batch_norm, data = inputs[scaling]
    model = clone(mlp).set_params(
        input_batch_norm=input_batch_norm, dropout_rate=rate, batch_norm=placement
    )
    networks.append((model, *data))
with budget_of_epochs(), fused_training():
    outcomes = Parallel()(delayed(fit_or_error)(*network) for network in networks)
results = dict(zip(cases, outcomes, strict=True))

# %%
# The published networks
# ----------------------
# Mean absolute errors on the validation rows, in MPa.


def least_error(*case):
    """Least validation MAE of an epoch."""
    if case not in results:
        return "as left"
    if isinstance(results[case], ValueError):
        return "diverged"
    return min(results[case].history_["val_loss"])


without = "raw", 0.0, False
with_it = "batch norm", 0.0, "after_activation"
experiment.table(
    ("raw features", "published", "least MAE"),
    [
        ("no batch norm", "fails or diverges", least_error(*without)),
        ("on the input and after activations", "trains well", least_error(*with_it)),
    ],
)
if isinstance(results[without], ValueError):
    print("the error without batch norm:")
    print(textwrap.indent(textwrap.fill(str(results[without]), 80), "    "))

# %%
# All of them
# -----------
# Least validation MAE by how the input is scaled and where batch normalisation stands at
# the hidden layers.

print()
experiment.table(
    ("input", "dropout", "no batch norm", *PLACEMENTS[1:]),
    [
        (scaling, str(rate), *(least_error(scaling, rate, place) for place in PLACEMENTS))
        for scaling in inputs
        for rate in RATES
    ],
)

# %%
# The learning curves
# -------------------

shown = {
    "batch norm on the input and after activations": with_it,
    "StandardScaler, no batch norm": ("StandardScaler", 0.0, False),
}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
for ax, (title, case) in zip(axes, shown.items(), strict=True):
    LossCurveDisplay.from_estimator(results[case], ax=ax)
    ax.set_title(title)
experiment.save(fig)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/concrete_unscaled.png"
with experiment.thumbnail() as ax:
    bars = {
        "raw": without,
        "batch norm": with_it,
        "scaled": ("StandardScaler", 0.0, False),
    }
    for label, case in bars.items():
        error = least_error(*case)
        if isinstance(error, str):
            length, text = 0, error
        else:
            length, text = error, f"{error:.1f}"
        ax.barh(label, length, color="C0")
        ax.text(length, label, f" {text}", va="center")
    ax.set(xlabel="error, MPa")
    ax.margins(x=0.25)
    ax.invert_yaxis()
# sphinx_gallery_end_ignore
