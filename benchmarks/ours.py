"""Our network, trained as its peers are."""

from typing import Any

from skdropout import DropoutMLPClassifier

# scikit-learn's defaults, on which the peers agree, in place of ours.
_AS_PEERS: dict[str, Any] = {
    "dropout_rate": 0.2,
    "batch_size": "auto",
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "early_stopping": False,
    "tol": 0.0,
    "random_state": 0,
}


def our_mlp(hidden_layer_sizes, *, max_iter: int, **params) -> DropoutMLPClassifier:
    """Ours that trains for `max_iter` epochs, never fewer; its batches and its rate are
    scikit-learn's."""
    return DropoutMLPClassifier(
        hidden_layer_sizes,
        max_iter=max_iter,
        n_iter_no_change=max_iter,
        **_AS_PEERS | params,
    )
