"""
Red wine: raw features and batch normalisation
==============================================

With batch normalisation both losses come down on raw features, the training loss, which
is measured with dropout on, staying above the validation loss; but it takes some forty
epochs to beat always saying the median. Without batch normalisation the raw features are
hardly any use. With a ``StandardScaler`` and no batch normalisation learning is quicker
and the error is less.

A lesson of a public deep learning course predicts the quality of red wines from features
that nobody has scaled, with three wide layers, each followed by dropout and then by batch
normalisation. It shows a learning curve and gives no figure.
"""

# %%
# The data
# --------
# Eleven features on scales from hundredths (chlorides) to hundreds (sulphur dioxide).

import matplotlib.pyplot as plt
from datasets import load_wine
from reporting import FIXED_EPOCHS, SEED, Experiment, budget_of_epochs
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPRegressor
from skdropout.plotting import LossCurveDisplay

experiment = Experiment("wine_raw_features")
wine = load_wine()
train = wine.sample(frac=0.7, random_state=SEED)
valid = wine.drop(train.index)
X_train, y_train = train.drop(columns="quality"), train["quality"]
X_valid, y_valid = valid.drop(columns="quality"), valid["quality"]

# %%
# The networks
# ------------
# The published system has neither our penalty nor standardised targets: `alpha` and
# `normalize_y` switch them off. It is trained for a fixed number of epochs at a constant
# rate (``FIXED_EPOCHS``), and ``budget_of_epochs`` leaves out the warning that they may
# be too few. Layers this wide keep all cores busy by themselves, so there would be
# nothing to gain from training the networks together.

mlp = DropoutMLPRegressor(
    hidden_layer_sizes=experiment.pick((1024, 1024, 1024), (64, 64, 64)),
    loss="absolute_error",
    normalize_y=False,
    dropout_rate=0.3,
    optimizer="adam",
    learning_rate_init=0.001,
    alpha=0,
    batch_size=256,
    max_iter=experiment.pick(100, 10),
    **FIXED_EPOCHS,
    random_state=SEED,
)
scaler = StandardScaler().fit(X_train)
raw = X_train, X_valid
scaled = scaler.transform(X_train), scaler.transform(X_valid)
systems = {
    "raw features, batch norm after dropout": ("after_dropout", raw),
    "StandardScaler, no batch norm": (False, scaled),
    "raw features, no batch norm": (False, raw),
    "StandardScaler, batch norm after dropout": ("after_dropout", scaled),
}
with budget_of_epochs():
    models = {
        name: clone(mlp)
        .set_params(batch_norm=placement)
        .fit(X, y_train, X_val=X_val, y_val=y_valid)
        for name, (placement, (X, X_val)) in systems.items()
    }

# %%
# The table
# ---------
# Mean absolute errors on the validation rows, in points of quality.

published = dict.fromkeys(systems, "-") | {next(iter(systems)): "curve only"}
rows = []
for name, model in models.items():
    errors = model.history_["val_loss"]
    least = min(errors)
    rows.append((name, published[name], least, errors.index(least) + 1, errors[-1]))
median = DummyRegressor(strategy="median").fit(X_train, y_train)
error = mean_absolute_error(y_valid, median.predict(X_valid))
rows.append(("always the median", "-", error, "-", error))
experiment.table(("system", "published", "least MAE", "epoch", "last MAE"), rows)

# %%
# The learning curves
# -------------------

fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=False):
    LossCurveDisplay.from_estimator(model, ax=ax)
    ax.set_title(name)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_yticks([0.5, 1, 2, 5])
    ax.minorticks_off()
experiment.save(fig)
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_path = "images/thumbnails/wine_raw_features.png"
with experiment.thumbnail() as ax:
    for model, label in zip(models.values(), ("raw, batch norm", "scaled"), strict=False):
        ax.plot(model.history_["val_loss"], linewidth=3, label=label)
    ax.axhline(error, color="black", linestyle="dotted", linewidth=3, label="median")
    ax.set(xlabel="epoch", ylabel="validation error", yscale="log")
    ax.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
    ax.minorticks_off()
    ax.legend()
# sphinx_gallery_end_ignore
