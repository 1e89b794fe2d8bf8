"""
Dropout and batch normalisation by cross-validation
===================================================

How much dropout does a network need that is large for its data? Five dropout rates,
each with and without batch normalisation, are compared by five-fold cross-validation on
scikit-learn's diabetes data: 442 patients, ten features, and a target with much noise.
The estimator stands in a pipeline after a ``StandardScaler``, and ``GridSearchCV`` does
the rest. In ``fused_training()`` its fifty networks are trained together, as a few
large ones.

What to see: without dropout, two hidden layers of 64 learn the noise of 353 rows by
heart, and predict far worse than a ridge regression does. Dropout makes up for that;
too much of it leaves too little of the network to learn with. Batch normalisation helps
at every rate, and with it the best network is as good as the ridge regression, which
takes no time at all: on small and noisy tables, ask a linear model, too.
"""

# %%
# The sweep
# ---------

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPRegressor, fused_training
from skdropout.plotting import SweepDisplay

DROPOUT_RATES = [0.0, 0.2, 0.4, 0.6, 0.8]
BATCH_NORM = [False, True]
N_FOLDS = 5

X, y = load_diabetes(return_X_y=True)
mlp = DropoutMLPRegressor(
    (64, 64), learning_rate="constant", max_iter=500, random_state=0
)
pipe = make_pipeline(StandardScaler(), mlp)
grid = {
    "dropoutmlpregressor__dropout_rate": DROPOUT_RATES,
    "dropoutmlpregressor__batch_norm": BATCH_NORM,
}
start = time.perf_counter()
with fused_training(progress=True):
    search = GridSearchCV(pipe, grid, cv=N_FOLDS).fit(X, y)
seconds = time.perf_counter() - start

ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
ridge_score = cross_val_score(ridge, X, y, cv=N_FOLDS).mean()

# %%
# The table
# ---------
# Mean and standard deviation of R2 over the folds.

results = search.cv_results_
means, deviations = results["mean_test_score"], results["std_test_score"]
cells = {
    tuple(candidate[name] for name in grid): (mean, deviation)
    for candidate, mean, deviation in zip(
        results["params"], means, deviations, strict=True
    )
}
print("dropout rate   without batch norm   with batch norm")
for rate in DROPOUT_RATES:
    (mean, deviation), (mean_bn, deviation_bn) = (cells[rate, bn] for bn in BATCH_NORM)
    print(
        f"{rate:12.1f}      {mean:.3f} +- {deviation:.3f}"
        f"    {mean_bn:.3f} +- {deviation_bn:.3f}"
    )
rate, batch_norm = (search.best_params_[name] for name in grid)
print(f"best: dropout rate {rate}, batch norm {batch_norm}, R2 {search.best_score_:.3f}")
print(f"a ridge regression: R2 {ridge_score:.3f}")
print(f"{len(cells) * N_FOLDS + 1} fits in {seconds:.1f} s")

# %%
# The picture
# -----------

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
SweepDisplay.from_search(search, "dropout_rate", std_display_style=None, ax=ax)
ax.axhline(ridge_score, color="gray", linestyle="--", label="ridge regression")
ax.set(title="Diabetes, two hidden layers of 64", ylim=(0, 0.55))
ax.legend(title="batch_norm")
fig.savefig("dropout_sweep.png", dpi=150)
# sphinx_gallery_thumbnail_path = "images/thumbnails/dropout_sweep.png"
