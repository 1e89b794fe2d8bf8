"""Measures of uncertainty from the draws of ``mc_predict_proba``."""

import numpy as np
from scipy.special import entr

__all__ = ["mutual_information", "predictive_entropy"]

# Probabilities in single precision sum to one within this, whatever they come from.
_SUM_TOLERANCE = 1e-4


def predictive_entropy(probabilities):
    """Entropy of the predictive distribution: the whole uncertainty of each row.

    The predictive distribution is the mean of the draws. Its entropy is great where the
    classes overlap and where the network does not know.

    Parameters
    ----------
    probabilities : array-like of shape (n_draws, n_samples, n_classes)
        As of :meth:`skdropout.DropoutMLPClassifier.mc_predict_proba`: between 0 and 1,
        of sum one over the classes. Of labels ``p`` that do not exclude each other, take
        one at a time: ``np.stack([1 - p[..., i], p[..., i]], axis=-1)``.

    Returns
    -------
    entropy : ndarray of shape (n_samples,)
        In nats (natural logarithm), from 0 to ``log(n_classes)``.

    Raises
    ------
    ValueError
        If `probabilities` are not such.

    See Also
    --------
    mutual_information : The part of it that more training data could remove.

    References
    ----------
    .. [1] Y. Gal, R. Islam and Z. Ghahramani, "Deep Bayesian active learning with image
       data", ICML 2017.

    Examples
    --------
    >>> from skdropout.uncertainty import predictive_entropy
    >>> certain, undecided = [1.0, 0.0], [0.5, 0.5]
    >>> predictive_entropy([[certain, undecided], [certain, undecided]]).round(3)
    array([0.   , 0.693])
    """
    return _entropy(_checked(probabilities).mean(axis=0, dtype=np.float64))


def mutual_information(probabilities):
    """Mutual information of a row's class and the network: how much the draws disagree.

    The predictive entropy less the mean entropy of the draws. It is great where each
    draw is sure of itself but the draws contradict each other, and so tells what the
    network does not know from what cannot be known. Choosing rows to be labelled by it
    is known as BALD [1]_, with Monte Carlo dropout in [2]_.

    Parameters
    ----------
    probabilities : array-like of shape (n_draws, n_samples, n_classes)
        As of :meth:`skdropout.DropoutMLPClassifier.mc_predict_proba`: between 0 and 1,
        of sum one over the classes. Of labels ``p`` that do not exclude each other, take
        one at a time: ``np.stack([1 - p[..., i], p[..., i]], axis=-1)``.

    Returns
    -------
    information : ndarray of shape (n_samples,)
        In nats (natural logarithm), from 0 to `predictive_entropy`.

    Raises
    ------
    ValueError
        If `probabilities` are not such.

    See Also
    --------
    predictive_entropy : The whole uncertainty.

    References
    ----------
    .. [1] N. Houlsby, F. Huszár, Z. Ghahramani and M. Lengyel, "Bayesian active learning
       for classification and preference learning", arXiv:1112.5745, 2011.
    .. [2] Y. Gal, R. Islam and Z. Ghahramani, "Deep Bayesian active learning with image
       data", ICML 2017.

    Examples
    --------
    >>> from skdropout.uncertainty import mutual_information
    >>> agreed, contradicted = [0.5, 0.5], [1.0, 0.0]
    >>> mutual_information([[agreed, contradicted], [agreed, [0.0, 1.0]]]).round(3)
    array([0.   , 0.693])
    """
    probabilities = _checked(probabilities)
    # One draw after the other, so that memory is needed for one.
    mean_entropy = sum(map(_entropy, probabilities)) / len(probabilities)
    information = _entropy(probabilities.mean(axis=0, dtype=np.float64)) - mean_entropy
    return np.maximum(information, 0)  # rounding


def _entropy(probabilities):
    """Over the last axis, in double precision."""
    entropy = entr(probabilities, dtype=np.float64).sum(axis=-1)
    return np.maximum(entropy, 0)  # rounding


def _checked(probabilities) -> np.ndarray:
    """Probabilities as a float array, or an error that says what is wrong with them."""
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 3 or 0 in probabilities.shape:
        raise ValueError(
            "probabilities must have the shape (n_draws, n_samples, n_classes), none of "
            f"them 0, as mc_predict_proba returns; got the shape {probabilities.shape}."
        )
    if probabilities.dtype.kind not in "fiub":
        raise ValueError(
            f"probabilities must be numbers; got an array of {probabilities.dtype}."
        )
    least, greatest = probabilities.min(), probabilities.max()
    if not (least >= 0 and greatest <= 1 + _SUM_TOLERANCE):
        raise ValueError(
            "probabilities must lie between 0 and 1; got values from "
            f"{least} to {greatest}."
        )
    sums = probabilities.sum(axis=-1, dtype=np.float64)
    worst = sums.flat[np.abs(sums - 1).argmax()]
    if abs(worst - 1) > _SUM_TOLERANCE:
        raise ValueError(
            "probabilities must sum to one over the last axis; got a sum of "
            f"{worst:.6g}. Of labels that do not exclude each other, take one at a "
            "time, with its complement."
        )
    return probabilities
