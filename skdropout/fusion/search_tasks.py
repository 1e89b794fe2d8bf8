"""What scikit-learn's searches say in the tasks that they hand to joblib.

It is said to the function that fits and scores, which is private; where it says something
else in another version, nothing is known of the search.
"""

from collections.abc import Callable
from concurrent.futures import Future
from numbers import Real
from typing import Any, NamedTuple


class SearchTask(NamedTuple):
    """One candidate on one split.

    Attributes
    ----------
    candidate : int
        Its number.
    n_splits, n_candidates : int
    is_verbose : bool
        Whether the search has been asked to say something.
    """

    candidate: int
    n_splits: int
    n_candidates: int
    is_verbose: bool


def search_task(function: Callable[[], Any]) -> SearchTask | None:
    """What one of joblib's tasks is to a search; None if it is of none.

    Parameters
    ----------
    function : callable
        A batch of joblib's, of one call.
    """
    try:
        ((_, _, arguments),) = function.items  # type: ignore[attr-defined]
        candidate, n_candidates = arguments["candidate_progress"]
        _, n_splits = arguments["split_progress"]
        return SearchTask(candidate, n_splits, n_candidates, bool(arguments["verbose"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


class BestScore:
    """The best mean score of the candidates of a search that have all their scores.

    Attributes
    ----------
    value : float or None
    """

    def __init__(self) -> None:
        self.value: float | None = None
        self._scores: dict[int, list[float]] = {}

    def note(self, task: SearchTask, future: Future) -> None:
        """Take note of what a task has come to."""
        if future.cancelled() or future.exception() is not None:
            return
        try:
            score = future.result()[0]["test_scores"]
        except (IndexError, KeyError, TypeError):
            return
        if not isinstance(score, Real):  # of several metrics
            return
        scores = self._scores.setdefault(task.candidate, [])
        scores.append(float(score))
        if len(scores) == task.n_splits:
            mean = sum(scores) / len(scores)
            if self.value is None or mean > self.value:  # not where it is NaN
                self.value = mean if mean == mean else self.value
