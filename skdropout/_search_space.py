"""What is worth searching, for those who do not know their data's network yet."""

from typing import Any

from scipy.stats import loguniform, uniform

_ESTIMATORS = ("classifier", "regressor")


def search_space(estimator: str = "classifier", prefix: str = "") -> dict[str, Any]:
    """Distributions of the hyperparameters for a random search.

    Few sizes of layers, so that the search is trained as few stacks, and what networks
    of one size may differ in: dropout, learning rate and penalties. Each network is
    trained for 50 epochs, at larger rates than by default, so that a search does not take
    longer than it must.

    Parameters
    ----------
    estimator : {'classifier', 'regressor'}, default='classifier'
        For which of the two.

    prefix : str, default=''
        Put before each name, such as ``'dropoutmlpclassifier__'`` in a pipeline.

    Returns
    -------
    dict of str to list or distribution
        As `param_distributions` of :class:`sklearn.model_selection.RandomizedSearchCV`.

    Raises
    ------
    ValueError
        If `estimator` is neither.

    Examples
    --------
    >>> from skdropout import search_space
    >>> sorted(search_space("regressor", prefix="mlp__"))[0]
    'mlp__alpha'
    """
    if estimator not in _ESTIMATORS:
        raise ValueError(f"estimator={estimator!r} must be one of {_ESTIMATORS}.")
    space: dict[str, Any] = {
        "hidden_layer_sizes": [(256,), (256, 256)],
        "dropout_rate": uniform(0, 0.5),
        "input_dropout_rate": loguniform(1e-3, 0.2),
        "learning_rate": ["constant"],
        "learning_rate_init": loguniform(1e-3, 1e-2),
        "max_iter": [50],
        "alpha": loguniform(1e-5, 1.0),
        "weight_decay": loguniform(1e-3, 0.5),
    }
    if estimator == "classifier":
        space["label_smoothing"] = loguniform(1e-3, 0.2)
    return {prefix + name: values for name, values in space.items()}
