"""Loss curves of estimators and of the candidates of a search, and their names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._base import BaseDropoutMLP
from ._results import SearchResults
from ._values import label_of, ranks


class Curve(NamedTuple):
    """The losses of each epoch, the epoch to mark (from 1), and a name."""

    training: Any
    validation: Any
    best_epoch: int | None
    name: str | None


def network_of(estimator) -> BaseDropoutMLP:
    """The estimator of ours, fitted, that this is or that it ends with."""
    network = estimator
    while isinstance(network, Pipeline):
        network = network.steps[-1][1]
    if not isinstance(network, BaseDropoutMLP):
        raise TypeError(
            "estimator must be a DropoutMLPClassifier, a DropoutMLPRegressor or a "
            f"Pipeline that ends with one; got {network!r}."
        )
    check_is_fitted(network)
    return network


def curve_of(network: BaseDropoutMLP, name: str | None, validation: bool | None) -> Curve:
    """The curve of a fitted network.

    Raises
    ------
    ValueError
        If it has no validation losses though they are asked for, or only some.
    """
    n_epochs = len(network.loss_curve_)
    measured = None if validation is False else network.history_.get("val_loss")
    if validation and measured is None:
        raise ValueError(
            f"This {type(network).__name__} was fitted without validation rows. "
            "Pass X_val and y_val to fit, or set early_stopping=True, or draw the "
            "training loss alone by validation=False."
        )
    if measured is not None and len(measured) != n_epochs:
        raise ValueError(
            f"The validation loss was measured in {len(measured)} of {n_epochs} "
            "epochs only. Give each call of fit validation rows, or draw the "
            "training loss alone by validation=False."
        )
    scores = network.validation_scores_ or []
    best_epoch: int | None
    if len(scores) == n_epochs and np.isfinite(scores).any():
        best_epoch = int(np.nanargmax(scores)) + 1
    else:
        best_epoch = _epoch_of_least(measured)
    return Curve(network.loss_curve_, measured, best_epoch, name)


def _epoch_of_least(losses) -> int | None:
    if losses is None or not np.isfinite(losses).any():
        return None
    return int(np.nanargmin(losses)) + 1


def named_networks(estimators, names) -> tuple[list[BaseDropoutMLP], list[str], str]:
    """Several networks and their names, by default what they differ in, with a title.

    Raises
    ------
    TypeError
        If `estimators` is no dict or list of estimators.
    ValueError
        If there are none, or not as many names.
    """
    if isinstance(estimators, Mapping):
        names = list(estimators) if names is None else names
        estimators = list(estimators.values())
    if not isinstance(estimators, (list, tuple)):
        raise TypeError(
            "estimators must be a dict of names and estimators or a list of estimators; "
            f"got {estimators!r}."
        )
    if not estimators:
        raise ValueError("estimators is empty; give one fitted estimator at least.")
    networks = [network_of(estimator) for estimator in estimators]
    if names is None:
        return networks, *_names_of(networks)
    if isinstance(names, str) or len(names) != len(networks):
        raise ValueError(
            f"name={names!r} must be a list of as many names as there are estimators "
            f"({len(networks)})."
        )
    return networks, [str(name) for name in names], ""


def _names_of(networks) -> tuple[list[str], str]:
    """Parameters in which they differ; numbered classes where that tells none apart."""
    kinds = [type(network).__name__ for network in networks]
    names, title = kinds, ""
    if len(set(kinds)) == 1 < len(kinds):
        names, title = _combinations([n.get_params(deep=False) for n in networks])
    if len(set(names)) < len(names):
        return [f"{kind} {i}" for i, kind in enumerate(kinds, start=1)], ""
    return names, title


def _combinations(params: list[dict[str, Any]]) -> tuple[list[str], str]:
    """Of each dict the entries in which they differ; if there is one dict, all.

    Returns
    -------
    names : list of str
        Such as ``"dropout_rate=0.5"``; of several entries the values alone.
    title : str
        Then the names of these entries.
    """
    names = dict.fromkeys(name for candidate in params for name in candidate)
    texts = {
        name: [label_of(p[name]) if name in p else "not set" for p in params]
        for name in names
        if len(params) == 1 or len({repr(p.get(name, "not set")) for p in params}) > 1
    }
    if len(texts) == 1:
        ((name, values),) = texts.items()
        return [f"{name}={value}" for value in values], ""
    rows = zip(*texts.values(), strict=True) if texts else [()] * len(params)
    return [", ".join(row) for row in rows], ", ".join(texts)


def curves_of_search(
    results: SearchResults, param: str | None, n_candidates: int, validation: bool | None
) -> tuple[list[Curve], str]:
    """Mean curves of the best candidates, or of the best with each value of `param`;
    and a title.

    Raises
    ------
    ValueError
        If no histories were kept, or `validation` is True and some have no such losses.
    """
    if results.histories is None:
        raise ValueError(
            "This search has kept no loss curves. Search with scoring=HistoryScorer(), "
            "or with one among a dict of scorers."
        )
    chosen = _best_candidates(results, param)
    if not chosen:
        raise ValueError(
            "No loss curves are left of this search: its HistoryScorer is gone with the "
            "process that made it, or its candidates are no networks of this package. "
            "HistoryScorer(folder=...) keeps them."
        )
    n_all, chosen = len(chosen), chosen[:n_candidates]
    if param is None:
        params = [dict(results.params[i]) for i in chosen]
        for candidate in params:
            candidate.pop(results.resource, None)
        names, title = _combinations(params)
    else:
        title = ""
        values = [results.params[i][param] for i in chosen]
        chosen = [chosen[place] for place in np.argsort(ranks(values), kind="stable")]
        names = [f"{param}={label_of(results.params[i][param])}" for i in chosen]
    curves = [
        _mean_curve(results.histories[i], name, validation)
        for i, name in zip(chosen, names, strict=True)
    ]
    if len(chosen) < n_all:
        title += f"\nbest {len(chosen)} of {n_all}"
    return curves, title.strip()


def _best_candidates(results: SearchResults, param: str | None) -> list[int]:
    """Candidates with histories, the best first, each once."""
    assert results.histories is not None
    found: dict[str, int] = {}
    for i in sorted(
        range(len(results.params)),
        key=lambda i: (-results.params[i].get(results.resource, 0), -results.means[i]),
    ):
        params = {k: v for k, v in results.params[i].items() if k != results.resource}
        if any(results.histories[i]) and (param is None or param in params):
            found.setdefault(repr(params if param is None else params[param]), i)
    return list(found.values())


def _mean_curve(histories, name: str, validation: bool | None) -> Curve:
    """The mean over the folds, up to the epoch where the first of them ended."""
    kept = [history for history in histories if history]
    n_epochs = min(len(history["loss"]) for history in kept)
    measured = [history.get("val_loss", ()) for history in kept]
    has_all = all(len(v) == len(h["loss"]) for v, h in zip(measured, kept, strict=True))
    if validation and not has_all:
        raise ValueError(
            f"The networks of {name} were fitted without validation rows. Set "
            "early_stopping=True, or draw the training loss alone by validation=False."
        )
    training, of_validation = (
        np.mean([losses[:n_epochs] for losses in folds], axis=0) if folds else None
        for folds in (
            [history["loss"] for history in kept],
            measured if has_all and validation is not False else [],
        )
    )
    return Curve(training, of_validation, _epoch_of_least(of_validation), name)
