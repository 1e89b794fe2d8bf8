"""Early stopping keeps the network of the best score: over calls, and in divergence."""

import joblib
import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]
quiet = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def alone(fits):
    for fit in fits:
        fit()


def fused(fits):
    with fused_training():
        joblib.Parallel()(joblib.delayed(fit)() for fit in fits)


# How fits are run, and an optimizer that is trained so.
WAYS = {"alone": (alone, "adam"), "fused": (fused, "adam"), "by Keras": (alone, "lamb")}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def last_scores(est):
    return est.validation_scores_[-est.n_iter_ :]


def warm(kind, optimizer="adam", **params):
    params = {
        "max_iter": 20,
        "batch_size": "auto",
        "learning_rate": "constant",
        "learning_rate_init": 0.1,
        **params,
    }
    return kind(
        (8,),
        optimizer=optimizer,
        early_stopping=True,
        scoring=None,
        warm_start=True,
        random_state=0,
        **params,
    )


@quiet
@pytest.mark.parametrize("kind", BOTH)
def test_a_worse_call_changes_nothing_of_the_best(iris, kind, way):
    run, optimizer = way
    X, Xv, y, yv = train_test_split(*iris, random_state=0)
    # The second's later call is better, so that each kind of network is in a stack.
    ests = [warm(kind, optimizer, max_iter=n) for n in (20, 2)]
    fits = [lambda est=est: est.fit(X, y, X_val=Xv, y_val=yv) for est in ests]
    run(fits)
    bests = [est.best_validation_score_ for est in ests]
    before = [coefs.copy() for coefs in ests[0].coefs_]
    ests[0].set_params(max_iter=3, learning_rate_init=3.0)
    ests[1].set_params(max_iter=20)
    run(fits)
    assert max(last_scores(ests[0])) < bests[0]
    assert max(last_scores(ests[1])) > bests[1]
    for coefs, earlier in zip(ests[0].coefs_, before, strict=True):
        np.testing.assert_array_equal(coefs, earlier)
    for est in ests:
        assert est.best_validation_score_ == max(est.validation_scores_)
        np.testing.assert_allclose(
            est.score(Xv, yv), est.best_validation_score_, rtol=1e-5
        )


@quiet
@pytest.mark.parametrize("kind", BOTH)
def test_scores_of_other_rows_do_not_count(iris, kind, way):
    run, optimizer = way
    X, y = iris
    est = warm(kind, optimizer)
    run([lambda: est.fit(X, y, X_val=X, y_val=y)])
    first = est.best_validation_score_
    hard = X[:60], np.roll(y[:60], 1)
    run([lambda: est.fit(X, y, X_val=hard[0], y_val=hard[1])])
    assert est.best_validation_score_ == max(last_scores(est)) < first
    np.testing.assert_allclose(
        est.score(*hard), est.best_validation_score_, rtol=1e-4, atol=1e-5
    )
    assert est.n_iter_ > 1  # nor have those epochs used up its patience


@quiet
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_split_of_the_training_rows(digits, container):
    X, y = container(digits[0]), digits[1]
    est = warm(DropoutMLPClassifier, n_iter_no_change=100).fit(X, y)
    best, before = est.best_validation_score_, est.coefs_[0].copy()
    worse = {"max_iter": 2, "learning_rate_init": 30.0}
    est.set_params(**worse).fit(X, y)
    assert max(last_scores(est)) < best
    assert est.best_validation_score_ == best
    np.testing.assert_array_equal(est.coefs_[0], before)
    for change in (
        lambda: est.set_params(validation_fraction=0.3).fit(X, y),
        lambda: est.fit(X[:-1], y[:-1]),
        lambda: est.fit(X, y, sample_weight=np.linspace(1, 2, len(y))),
    ):
        change()
        assert est.best_validation_score_ == max(last_scores(est)) < best
        assert not np.array_equal(est.coefs_[0], before)


@quiet
@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
def test_weights_that_something_else_has_changed_have_no_score(iris, optimizer):
    """The best so far is that of the weights with which a call begins."""
    X, Xv, y, yv = train_test_split(*iris, random_state=0)
    validation = {"X_val": Xv, "y_val": yv}
    est = warm(DropoutMLPClassifier, optimizer).fit(X, y, **validation)
    best = est.best_validation_score_
    worse = {"max_iter": 3, "learning_rate_init": 3.0}
    est.set_params(**worse, early_stopping=False).fit(X, y)
    est.set_params(early_stopping=True).fit(X, y, **validation)
    assert est.best_validation_score_ == max(last_scores(est)) < best
    assert est.score(Xv, yv) == est.best_validation_score_


@quiet
def test_weights_that_a_callback_sets_in_the_end(iris):
    X, Xv, y, yv = train_test_split(*iris, random_state=0)

    class Negation(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.set_weights([-w for w in self.model.get_weights()])

    est = warm(DropoutMLPClassifier, callbacks=[Negation()])
    est.fit(X, y, X_val=Xv, y_val=yv)
    best = est.best_validation_score_
    assert est.score(Xv, yv) < best
    est.set_params(callbacks=None, max_iter=1).fit(X, y, X_val=Xv, y_val=yv)
    assert est.score(Xv, yv) == est.best_validation_score_ == last_scores(est)[0] < best


class Explosion(keras.callbacks.Callback):
    """The learning rate becomes huge in the fourth epoch (of 1, 2, 3, ...)."""

    def __init__(self, epoch=4, rate=1e30):
        super().__init__()
        self.epoch, self.rate, self.n_ended = epoch, rate, 0

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch - 1:
            self.model.optimizer.learning_rate = self.rate

    def on_train_end(self, logs=None):
        self.n_ended += 1


class ByKeras(Explosion):
    def on_train_batch_end(self, batch, logs=None):
        pass


# How fits are run, and a callback with which they are.
EXPLOSIONS = {
    "alone": (alone, Explosion),
    "fused": (fused, Explosion),
    "by Keras": (alone, ByKeras),
}


def exploding(kind, callback, **params):
    return kind(
        (8,),
        optimizer="sgd",
        learning_rate_init=0.01,
        alpha=1e-2,
        early_stopping=True,
        scoring=None,
        random_state=0,
        callbacks=[callback],
        **{"max_iter": 20, "batch_size": 10, **params},
    )


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("how", EXPLOSIONS)
@pytest.mark.parametrize("batch_size", [10, 1000])
@pytest.mark.filterwarnings("ignore:batch_size=1000")
def test_divergence_keeps_the_best_network(iris, kind, how, batch_size):
    run, callback = EXPLOSIONS[how]
    X, Xv, y, yv = train_test_split(*iris, random_state=0)
    # With one step an epoch, the validation figures are the first to tell.
    params = {"batch_size": batch_size, "dropout_rate": 0.0}
    est = exploding(kind, callback()).set_params(**params)
    other = exploding(kind, callback(99), max_iter=3).set_params(**params)
    with pytest.warns(ConvergenceWarning) as caught:
        run([lambda e=e: e.fit(X, y, X_val=Xv, y_val=yv) for e in (est, other)])
    (message,) = [str(w.message) for w in caught if "diverged" in str(w.message)]
    assert "in epoch 4" in message
    assert "StandardScaler" in message
    assert "best validation score" in message
    assert est.callbacks[0].n_ended == 1

    # It is the network that three epochs give, and has no trace of the fourth.
    assert est.n_iter_ == 3
    assert_same_network(est, other)
    assert est.validation_scores_ == other.validation_scores_
    assert est.best_validation_score_ == other.best_validation_score_
    assert est.history_ == other.history_
    assert est.t_ == other.t_
    np.testing.assert_allclose(est.score(Xv, yv), est.best_validation_score_, rtol=1e-5)

    # Training can go on from it.
    est.set_params(callbacks=None, early_stopping=False)
    est.partial_fit(X, y)
    assert np.isfinite(est.coefs_[0]).all()
    assert np.isfinite(est.loss_)


@pytest.mark.parametrize("how", EXPLOSIONS)
def test_divergence_with_nothing_to_keep(iris, how):
    run, callback = EXPLOSIONS[how]
    est = exploding(DropoutMLPRegressor, callback(epoch=1))
    with pytest.raises(ValueError, match="diverged"):
        run([lambda: est.fit(*iris)])
    est = exploding(DropoutMLPRegressor, callback()).set_params(early_stopping=False)
    with pytest.raises(ValueError, match="diverged"):
        run([lambda: est.fit(*iris)])
    assert not hasattr(est, "coefs_")


@quiet
@pytest.mark.parametrize("how", EXPLOSIONS)
def test_divergence_of_a_later_call(iris, how):
    run, callback = EXPLOSIONS[how]
    X, y = iris
    est = exploding(DropoutMLPRegressor, callback(99), warm_start=True)
    run([lambda: est.fit(X, y)])
    coefs, best = est.coefs_[0].copy(), est.best_validation_score_
    est.callbacks[0].epoch = 1
    with pytest.warns(ConvergenceWarning, match="diverged"):
        run([lambda: est.fit(X, y)])
    np.testing.assert_array_equal(est.coefs_[0], coefs)
    assert est.best_validation_score_ == best


@quiet
@pytest.mark.filterwarnings("ignore:X_val is not on the scale")
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("callbacks", [None, [ByKeras(99)]])
def test_validation_rows_out_of_range(iris, kind, callbacks):
    """Where not even the first epoch has a score, early stopping cannot go by it."""
    X, y = iris
    Xv = X * 1e38
    est = kind((8,), early_stopping=True, max_iter=2, callbacks=callbacks, random_state=0)
    with pytest.raises(ValueError, match=r"validation (loss|score) became"):
        est.fit(X, y, X_val=Xv, y_val=y)
    est.set_params(early_stopping=False).fit(X, y, X_val=Xv, y_val=y)  # measured only
    assert not np.isfinite(est.history_["val_loss"]).any()
