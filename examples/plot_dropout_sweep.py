"""
Dropout and batch normalisation by cross-validation
===================================================

Four dropout rates, each with and without batch normalisation, are compared by five-fold
cross-validation on scikit-learn's handwritten digits. The estimator stands in a pipeline
after a ``StandardScaler``, and ``GridSearchCV`` does the rest. In ``fused_training()``
its forty networks are trained together, as a few large ones.

What to see: twenty epochs on images this small hardly overfit, so moderate dropout costs
next to nothing, while a rate of 0.8 leaves too little of the network to learn with. Batch
normalisation makes no difference that the spread over the folds would show.
"""

# %%
# The sweep
# ---------
# A fifth of the digits is held out.

import time
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPClassifier, fused_training
from skdropout.plotting import SweepDisplay

DROPOUT_RATES = [0.0, 0.2, 0.5, 0.8]
BATCH_NORM = [False, True]
N_FOLDS = 5

# Twenty epochs are a budget here, no sign of trouble.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.2, stratify=y, random_state=0
)
pipe = make_pipeline(
    StandardScaler(),
    DropoutMLPClassifier(
        (128, 128),
        batch_size=32,
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter=20,
        early_stopping=False,
        random_state=0,
    ),
)
grid = {
    "dropoutmlpclassifier__dropout_rate": DROPOUT_RATES,
    "dropoutmlpclassifier__batch_norm": BATCH_NORM,
}
start = time.perf_counter()
with fused_training(progress=True):
    search = GridSearchCV(pipe, grid, cv=N_FOLDS).fit(X_train, y_train)
seconds = time.perf_counter() - start

# %%
# The table
# ---------
# Mean and standard deviation of the accuracy over the folds.

results = search.cv_results_
cells = {
    (
        candidate["dropoutmlpclassifier__dropout_rate"],
        candidate["dropoutmlpclassifier__batch_norm"],
    ): (mean, deviation)
    for candidate, mean, deviation in zip(
        results["params"],
        results["mean_test_score"],
        results["std_test_score"],
        strict=True,
    )
}
print("dropout rate   without batch norm   with batch norm")
for rate in DROPOUT_RATES:
    (mean, deviation), (mean_bn, deviation_bn) = (cells[rate, bn] for bn in BATCH_NORM)
    print(
        f"{rate:12.1f}      {mean:.3f} +- {deviation:.3f}"
        f"    {mean_bn:.3f} +- {deviation_bn:.3f}"
    )
best = cells[tuple(search.best_params_[name] for name in grid)][0]
print(
    f"best: dropout rate {search.best_params_['dropoutmlpclassifier__dropout_rate']}, "
    f"batch norm {search.best_params_['dropoutmlpclassifier__batch_norm']}, "
    f"cross-validated accuracy {best:.3f}, "
    f"on the held-out fifth {search.best_estimator_.score(X_test, y_test):.3f}"
)
n_fits = len(cells) * N_FOLDS + 1
print(f"{n_fits} fits in {seconds:.1f} s")

# %%
# The picture
# -----------

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
SweepDisplay.from_search(search, "dropout_rate", ax=ax)
ax.set_title("Digits, two hidden layers of 128, 20 epochs")
fig.savefig("dropout_sweep.png", dpi=150)
# sphinx_gallery_thumbnail_path = "images/thumbnails/dropout_sweep.png"
