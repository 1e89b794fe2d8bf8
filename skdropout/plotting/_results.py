"""What a fitted search has found, by swept parameter."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from .._history import HistoryScorer, histories_of
from ._values import are_numeric, label_of, ranks


class SearchResults(NamedTuple):
    """Candidates of a search.

    Attributes
    ----------
    params : list of dict
        Values of each candidate, by the names to show.
    names : dict of str to str
        Name to show of each swept parameter.
    means, deviations : ndarray of shape (n_candidates,)
        Of the test scores, over the folds.
    score_name : str
    log_names : set of str
        Names to show of parameters whose values were drawn evenly by their logarithms.
    resource : str
        Name to show of what a halving search gave more and more of; else empty.
    best : int
        The candidate of the best mean, of those of the last rung; or that which a
        callable `refit` has chosen.
    histories : list of list of dict, or None
        Of each candidate and fold, where the search has kept them.
    """

    params: list[dict[str, Any]]
    names: dict[str, str]
    means: np.ndarray
    deviations: np.ndarray
    score_name: str
    log_names: set[str]
    resource: str
    best: int
    histories: list[list[dict[str, list[float]]]] | None

    def name_of(self, param: str) -> str:
        """Name to show of a parameter given by its full or its short name."""
        matches = [
            name for name in self.names if name == param or name.endswith(f"__{param}")
        ]
        if param in self.names:
            matches = [param]
        if not matches:
            raise ValueError(
                f"param={param!r} was not swept. This search has swept: "
                f"{', '.join(sorted(self.names)) or 'nothing'}."
            )
        if len(matches) > 1:
            raise ValueError(
                f"param={param!r} could be any of {', '.join(sorted(matches))}; give the "
                "whole name."
            )
        return self.names[matches[0]]


def read_search(search, metric: str | None) -> SearchResults:
    """Results of a fitted search, without the candidates that could not be scored.

    Raises
    ------
    NotFittedError
        If `search` has no results.
    ValueError
        If it did not measure `metric`, or no candidate has a score.
    """
    if not hasattr(search, "cv_results_"):
        raise NotFittedError(
            f"This {type(search).__name__} has no cv_results_. Give a fitted search, "
            "such as GridSearchCV(...).fit(X, y)."
        )
    results = search.cv_results_
    metric = _metric(search, results, metric)
    means = np.asarray(results[f"mean_test_{metric}"], float)
    scored = np.flatnonzero(np.isfinite(means))
    if not len(scored):
        raise ValueError(
            "No candidate of this search has a score: all fits failed, or their scores "
            "are not finite. Search with error_score='raise' to see why."
        )
    names = _shown_names(results["params"])
    resource, amounts = _rungs(search, results)
    histories = histories_of(search)
    return SearchResults(
        params=[
            {names[name]: value for name, value in results["params"][i].items()}
            | ({resource: amounts[i]} if resource else {})
            for i in scored
        ],
        names=names,
        means=means[scored],
        deviations=np.asarray(results[f"std_test_{metric}"], float)[scored],
        score_name=_score_name(search, metric),
        log_names={names[name] for name in _drawn_by_logarithm(search) if name in names},
        resource=resource,
        best=_best(search, means, scored, amounts),
        histories=None if histories is None else [histories[i] for i in scored],
    )


def _best(search, means, scored, amounts) -> int:
    if callable(getattr(search, "refit", None)) and search.best_index_ in scored:
        return int(np.flatnonzero(scored == search.best_index_)[0])
    last = amounts[scored] == amounts[scored].max()
    return int(np.argmax(np.where(last, means[scored], -np.inf)))


def _rungs(search, results) -> tuple[str, np.ndarray]:
    """Of a halving search the name of its resource, and how much each fit had."""
    if "n_resources" not in results:
        return "", np.zeros(len(results["params"]))
    name = getattr(search, "resource", "n_resources").rsplit("__", 1)[-1]
    return name, np.asarray(results["n_resources"])


def _drawn_by_logarithm(search) -> list[str]:
    """Parameters of a random search whose logarithms were drawn evenly."""
    given = getattr(search, "param_distributions", {})
    return [
        name
        for distributions in ([given] if isinstance(given, dict) else given)
        for name, values in distributions.items()
        if hasattr(values, "ppf") and _is_log_uniform(values)
    ]


def _is_log_uniform(distribution) -> bool:
    quantiles = np.asarray(distribution.ppf([0.0, 0.25, 0.5, 0.75, 1.0]))
    if not np.isfinite(quantiles).all() or quantiles.min() <= 0:
        return False
    steps = np.diff(np.log(quantiles))
    return bool(np.allclose(steps, steps.mean(), rtol=1e-6, atol=0))


def _metric(search, results, metric: str | None) -> str:
    prefix = "mean_test_"
    measured = [name.removeprefix(prefix) for name in results if name.startswith(prefix)]
    if metric is None:
        if len(measured) == 1:
            return measured[0]
        if search.refit in measured:
            return search.refit
        raise ValueError(
            f"This search has measured {', '.join(measured)}; choose one by metric=."
        )
    if metric not in measured:
        raise ValueError(
            f"metric={metric!r} was not measured. This search has measured: "
            f"{', '.join(measured)}."
        )
    return metric


def _shown_names(params: list[dict]) -> dict[str, str]:
    """The last part of each name where no other parameter has the same."""
    names = list(dict.fromkeys(name for candidate in params for name in candidate))
    short = [name.rsplit("__", 1)[-1] for name in names]
    return {
        name: own if short.count(own) == 1 else name
        for name, own in zip(names, short, strict=True)
    }


def _score_name(search, metric: str) -> str:
    scoring = search.scoring
    if isinstance(scoring, HistoryScorer):
        scoring = scoring.scoring
    if metric != "score":
        name = metric
    elif scoring is not None:
        name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "")
    elif is_classifier(search):
        name = "accuracy"
    else:
        name = "r2" if is_regressor(search) else ""
    return {"r2": "R²", "": "score"}.get(name, name.replace("_", " "))


def lines_of(params: list[dict], name: str):
    """Candidates by their parameters other than `name`.

    Returns
    -------
    lines : list of tuple of str and list of int
        The label of each line, and the numbers of its candidates.
    title : str
        The other parameters, one below the other.
    ordered : bool
        Whether there is one of them, a number.
    """
    others = dict.fromkeys(other for candidate in params for other in candidate)
    swept = [
        other
        for other in others
        if other != name and len({repr(candidate.get(other)) for candidate in params}) > 1
    ]
    numbers = list(range(len(params)))
    ordered = False
    if len(swept) == 1:
        values = [candidate.get(swept[0], "not set") for candidate in params]
        ordered = are_numeric(values)
        numbers.sort(key=ranks(values).__getitem__)
    lines: dict[str, tuple[str, list[int]]] = {}
    for i in numbers:
        values = [params[i].get(other, "not set") for other in swept]
        label = ", ".join(map(label_of, values))
        lines.setdefault(repr(values), (label, []))[1].append(i)
    return list(lines.values()), ",\n".join(swept), ordered
