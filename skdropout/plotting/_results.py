"""What a fitted search has found, by swept parameter."""

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

_LONGEST_LABEL = 24


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
    """

    params: list[dict[str, Any]]
    names: dict[str, str]
    means: np.ndarray
    deviations: np.ndarray
    score_name: str
    log_names: set[str]
    resource: str

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
    distributions = getattr(search, "param_distributions", {})
    return SearchResults(
        [
            {names[name]: value for name, value in results["params"][i].items()}
            | ({resource: amounts[i]} if resource else {})
            for i in scored
        ],
        names,
        means[scored],
        np.asarray(results[f"std_test_{metric}"], float)[scored],
        _score_name(search, metric),
        {
            names[name]
            for distribution in (
                [distributions] if isinstance(distributions, dict) else distributions
            )
            for name, values in distribution.items()
            if name in names and _is_log_uniform(values)
        },
        resource,
    )


def _rungs(search, results) -> tuple[str, np.ndarray]:
    """Of a halving search the name of its resource, and how much each fit had."""
    if "n_resources" not in results:
        return "", np.array([])
    name = getattr(search, "resource", "n_resources").rsplit("__", 1)[-1]
    return name, np.asarray(results["n_resources"])


def _is_log_uniform(values) -> bool:
    name = getattr(getattr(values, "dist", None), "name", None)
    return name in ("loguniform", "reciprocal")


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
    if metric != "score":
        name = metric
    elif scoring is not None:
        name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "")
    elif is_classifier(search):
        name = "accuracy"
    else:
        name = "r2" if is_regressor(search) else ""
    return {"r2": "R²", "": "score"}.get(name, name.replace("_", " "))


# Values of parameters


def are_numeric(values) -> bool:
    """Whether all values are numbers, other than booleans."""
    return all(
        isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        for value in values
    )


def label_of(value) -> str:
    """A short text for the value of a parameter."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.4g}"
    if configured := _configured(value):
        return configured  # whole, as its end may be what differs
    text = getattr(value, "__name__", None) or str(value)
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    return text


def _configured(value) -> str:
    """Of an object of Keras its class and what it was given; otherwise nothing."""
    if isinstance(value, type) or not hasattr(value, "get_config"):
        return ""
    kind, config = type(value), value.get_config()
    try:
        defaults = kind().get_config()
    except Exception:  # some arguments have no default
        defaults = {}
    given = [
        f"{name}={label_of(setting)}"
        for name, setting in config.items()
        if name != "name" and setting != defaults.get(name)
    ]
    return f"{kind.__name__}({', '.join(given)})"


def distinct(values) -> list:
    """Values without repetition: numbers in order, others as they come."""
    if are_numeric(values):
        return sorted(set(values))
    return list({repr(value): value for value in values}.values())


def scale_of(values) -> str:
    """Scale of an axis on which these numbers lie more evenly.

    Returns
    -------
    {"linear", "log", "symlog"}
        ``"log"`` for two decades or more; ``"symlog"`` if there is a zero besides.
    """
    numbers = np.unique(np.asarray(values, float))
    positive = numbers[numbers > 0]
    if numbers[0] < 0 or len(positive) < 2 or positive[-1] < 100 * positive[0]:
        return "linear"

    def crowding(places):  # values that crowd at one end have their mean there
        return abs((places - places[0]).mean() / np.ptp(places) - 0.5)

    if crowding(np.log(positive)) > crowding(positive):
        return "linear"
    return "log" if numbers[0] > 0 else "symlog"


def ranks(values) -> list[int]:
    """Number of each value among the distinct ones."""
    key = float if are_numeric(values) else repr
    keys = [key(value) for value in distinct(values)]
    return [keys.index(key(value)) for value in values]


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
    ordered = len(swept) == 1 and are_numeric([p.get(swept[0]) for p in params])
    if ordered:
        numbers.sort(key=lambda i: params[i][swept[0]])
    lines: dict[str, tuple[str, list[int]]] = {}
    for i in numbers:
        values = [params[i].get(other, "not set") for other in swept]
        label = ", ".join(map(label_of, values))
        lines.setdefault(repr(values), (label, []))[1].append(i)
    return list(lines.values()), ",\n".join(swept), ordered
