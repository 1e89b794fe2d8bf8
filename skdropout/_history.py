"""A scorer that keeps the history of each network that it scores."""

import hashlib
import inspect
import json
import os
import shutil
import tempfile
import time
import uuid
import warnings
import weakref
from collections.abc import Callable, Mapping
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

_LONGEST_TEXT = 200
_MEAN = "mean_test_"


class HistoryScorer:
    """A scorer that keeps the loss curves of the networks that it scores.

    Searches and cross-validation of scikit-learn drop their networks once these are
    scored. With this as their `scoring` the scores stay what they are, and `history_` of
    each network is written to a small file, by whichever thread or process scores it.
    Give each search a scorer of its own. Estimators without `history_` are scored alone.

    Parameters
    ----------
    scoring : str or callable, default=None
        The score, as scikit-learn's searches take it; None for that of the estimator.
        For several scores, give the search a dict and make one of its scorers this.

    folder : str or path-like, default=None
        Where the files are, one for each fit; it is made where it does not exist, and
        left when the scorer is gone. None makes a temporary folder that is removed with
        the scorer: a search that was pickled has its histories in other processes only
        for as long as the scorer lives in this one.

    Raises
    ------
    ValueError
        If `scoring` is neither a name of scikit-learn's nor a callable.

    See Also
    --------
    skdropout.plotting.LossCurveDisplay.from_search : Mean curves of the candidates.
    skdropout.plotting.SweepDisplay : Has them as `histories`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.preprocessing import scale
    >>> from skdropout import DropoutMLPClassifier, HistoryScorer
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier((8,), max_iter=5, n_iter_no_change=5, random_state=0)
    >>> scorer = HistoryScorer("accuracy")
    >>> search = GridSearchCV(mlp, {"dropout_rate": [0.0, 0.5]}, scoring=scorer, cv=3)
    >>> histories = scorer.histories(search.fit(scale(X), y))
    >>> len(histories), len(histories[0]), len(histories[0][0]["loss"])
    (2, 3, 5)
    """

    def __init__(self, scoring=None, *, folder=None):
        if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
            raise ValueError(
                f"scoring={scoring!r} must be None, a str or a callable. For several "
                "scores, make a HistoryScorer one of the search's dict of scorers."
            )
        self.scoring = scoring
        self._scorer: Callable[..., Any] | None = get_scorer(scoring)
        if folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="skdropout-histories-"))
            weakref.finalize(self, _remove, self.folder, os.getpid())
        else:
            self.folder = Path(folder).resolve()
            self.folder.mkdir(parents=True, exist_ok=True)
        self._recorded: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def __call__(self, estimator, *args, **kwargs):
        """Score an estimator, and keep its history.

        Parameters
        ----------
        estimator : estimator
            Fitted; a network, or a pipeline that ends with one.

        *args, **kwargs
            As `scoring` takes them: `X`, `y` and, for one, `sample_weight`.

        Returns
        -------
        score : float
            What `scoring` returns.
        """
        if self._scorer is None:
            score = estimator.score(*args, **kwargs)
        else:
            score = self._scorer(estimator, *args, **kwargs)
        network = estimator
        while isinstance(network, Pipeline):
            network = network.steps[-1][1]
        history = getattr(network, "history_", None)
        # Training scores follow the test scores of the same fit.
        if history and self._recorded.get(network) != network.n_iter_:
            self._recorded[network] = network.n_iter_
            self._write(estimator, score, network.n_iter_, history)
        return score

    def records(self):
        """What has been kept of each fit, in the order in which they were scored.

        Returns
        -------
        records : list of dict
            ``'params'`` (all parameters of the estimator, as texts), ``'scores'`` (by
            name, where `scoring` returns several), ``'n_iter'`` and ``'history'``.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import cross_validate
        >>> from sklearn.preprocessing import scale
        >>> from skdropout import DropoutMLPClassifier, HistoryScorer
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((8,), max_iter=5, n_iter_no_change=5)
        >>> scorer = HistoryScorer("accuracy")
        >>> scores = cross_validate(mlp, scale(X), y, scoring=scorer, cv=3)
        >>> [record["n_iter"] for record in scorer.records()]
        [5, 5, 5]
        """
        files = sorted(self.folder.glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def histories(self, search):
        """The histories of a search, by candidates and folds.

        Fits are found again by their parameters and their score.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or the like
            Fitted with this scorer.

        Returns
        -------
        histories : list of list of dict
            For each candidate of ``cv_results_`` and each fold ``history_`` of the
            network; an empty dict where there is none, as where a fit has failed.

        Raises
        ------
        NotFittedError
            If `search` is not fitted.
        ValueError
            If it does not score by this.
        """
        if not hasattr(search, "cv_results_"):
            raise NotFittedError(f"This {type(search).__name__} is not fitted.")
        results, names = search.cv_results_, _names_in(search.scoring, self.folder)
        if not names:
            raise ValueError(
                f"This {type(search).__name__} has scoring={search.scoring!r}, not this "
                "HistoryScorer."
            )
        if names == [""]:  # one score, or a callable's dict of them
            names = [n.removeprefix(_MEAN) for n in results if n.startswith(_MEAN)]
        return _matched(self.records(), results, names)

    def get_metadata_routing(self):
        """What metadata `scoring` asks for.

        Returns
        -------
        routing : MetadataRequest
        """
        return get_routing_for_object(self._scorer)

    def _accept_sample_weight(self) -> bool:
        """For scikit-learn, which asks it of scorers where there are weights."""
        if self._scorer is None:
            return True
        if hasattr(self._scorer, "_accept_sample_weight"):
            return self._scorer._accept_sample_weight()
        return "sample_weight" in inspect.signature(self._scorer).parameters

    def _write(self, estimator, score, n_iter: int, history: Mapping) -> None:
        scores = score if isinstance(score, Mapping) else {"": score}
        try:
            record = {
                "params": {n: _text(v) for n, v in estimator.get_params().items()},
                "scores": {n: float(value) for n, value in scores.items()},
                "n_iter": int(n_iter),
                "history": {n: np.asarray(v, float).tolist() for n, v in history.items()},
            }
            file = self.folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}"
            file.write_text(json.dumps(record), encoding="utf-8")
            file.rename(f"{file}.json")
        except (OSError, TypeError, ValueError) as error:  # not worth the score of a fit
            message = f"The history of a fit could not be kept: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=3)

    def __repr__(self):
        return f"HistoryScorer({'' if self.scoring is None else repr(self.scoring)})"

    def __deepcopy__(self, memo):
        return self  # as by clone of a search: the histories are still one collection

    def __getstate__(self):
        return {"scoring": self.scoring, "_scorer": self._scorer, "folder": self.folder}

    def __setstate__(self, state):
        vars(self).update(state, _recorded=weakref.WeakKeyDictionary())


def histories_of(search) -> list[list[dict]] | None:
    """Histories of a fitted search by candidates and folds, if it has kept any."""
    scoring = getattr(search, "scoring", None)
    for scorer in scoring.values() if isinstance(scoring, Mapping) else [scoring]:
        if isinstance(scorer, HistoryScorer):
            return scorer.histories(search)
    return None


def _names_in(scoring, folder: Path) -> list[str]:
    """Names of the scores that a search has from the scorer with this folder."""
    scorers = scoring if isinstance(scoring, Mapping) else {"": scoring}
    return [
        name
        for name, scorer in scorers.items()
        if isinstance(scorer, HistoryScorer) and scorer.folder == folder
    ]


def _matched(records: list[dict], results, names: list[str]) -> list[list[dict]]:
    """For each row and fold of `results` a history of the same parameters and scores."""
    folds = list(takewhile(lambda k: f"split{k}_test_{names[0]}" in results, count()))
    left: dict[tuple, dict[tuple, list[int]]] = {}
    taken: set[int] = set()
    found: list[list[dict]] = []
    # From the last to the first: rungs of a halving search may have equal scores, and
    # there may be records of an earlier fit of the same search.
    for row, params in reversed(list(enumerate(results["params"]))):
        swept = tuple(params)
        if swept not in left:
            by_key = left[swept] = {}
            for i, record in enumerate(records):
                texts = [record["params"].get(name) for name in swept]
                scores = [
                    record["scores"].get(n, record["scores"].get("")) for n in names
                ]
                by_key.setdefault((*texts, *map(repr, scores)), []).append(i)
        texts = [_text(value) for value in params.values()]
        of_row: list[dict] = []
        for fold in reversed(folds):
            scores = [float(results[f"split{fold}_test_{name}"][row]) for name in names]
            same = left[swept].get((*texts, *map(repr, scores)), [])
            while same and same[-1] in taken:  # by a row with other parameters swept
                same.pop()
            if same:
                taken.add(same[-1])
            of_row.append(records[same.pop()]["history"] if same else {})
        found.append(of_row[::-1])
    return found[::-1]


def _text(value: Any) -> str:
    """The value of a parameter, alike in all processes and before and after a fit."""
    if isinstance(value, np.generic):
        value = value.item()
    kind = value if isinstance(value, type) or inspect.isroutine(value) else type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        text = repr(value)
    elif isinstance(value, (list, tuple)):
        text = f"({', '.join(map(_text, value))})"
    elif isinstance(value, Mapping):
        text = f"{{{', '.join(f'{_text(k)}: {_text(v)}' for k, v in value.items())}}}"
    elif isinstance(value, np.ndarray):
        text = f"array{_text(value.tolist())}"
    elif hasattr(value, "get_config") and kind is not value:
        text = name + _text(value.get_config())
    else:
        text = name
    if len(text) > _LONGEST_TEXT:
        text = hashlib.sha256(text.encode()).hexdigest()
    return text


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in processes forked from the one that made it
        shutil.rmtree(folder, ignore_errors=True)
