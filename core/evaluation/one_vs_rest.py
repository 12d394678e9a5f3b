"""One against the rest: each class's own samples and all others, ranked by the probability of the class.

Separate because ROC, precision-recall, AUC and the movable threshold all need the same sorting, which is what costs time:
it is done once here, and what is kept of it is small. It leaves out the curves as they are drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.predictions import Predictions

MOST_THRESHOLDS = 8_000
"""Thresholds kept per class, of its own samples and of the others: what lies between two has 1/8,000 of either, so that
the area under a curve is right to 1/16,000, whatever the curve."""

MOST_MICRO_VALUES = 2_000_000
"""Probabilities that are sorted together for the micro average; more are counted at the thresholds of a sample."""

MOST_INFLUENCES = 20_000
"""Samples from which the spread of an average AUC is known well enough."""


@dataclass(frozen=True)
class Ranking:
    """How one class is told from the rest at every threshold (or at the most telling ones).

    Attributes:
        num_positive: samples of the class.
        num_negative: all others.
        thresholds: (P,) falling probabilities, the first infinite: nothing is taken for the class.
        true_positives: (P,) samples of the class with at least this probability.
        false_positives: (P,) others with at least this probability.
        auc: area under the ROC curve over all thresholds, equal probabilities halved; NaN without samples of the class
            or without any other.
        average_precision: sum of precision times growth of recall over all thresholds; NaN without samples of the class.
    """

    num_positive: int
    num_negative: int
    thresholds: NDArray[np.float64]
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    auc: float
    average_precision: float


@dataclass(frozen=True)
class OneVsRest:
    """The rankings of all classes, and what only all of them together say.

    Attributes:
        classes: K rankings.
        micro: every pair of sample and class as one decision.
        macro_error: standard error of the mean AUC over the classes that have one; NaN without.
        weighted_error: of the mean weighted by the samples of each class.
    """

    classes: tuple[Ranking, ...]
    micro: Ranking
    macro_error: float
    weighted_error: float


def one_vs_rest(predictions: Predictions) -> OneVsRest:
    """Rank all samples that have a prediction, once per class.

    Source of the averages' errors: DeLong et al. 1988, "Comparing the areas under two or more correlated receiver
    operating characteristic curves": an area is a mean over samples of how many of the other kind each one beats.
    """
    counted = predictions.has_prediction
    labels, probabilities = predictions.labels[counted], predictions.probabilities[counted]
    num_samples, num_classes = probabilities.shape
    support = np.bincount(labels, minlength=num_classes)
    defined = (support > 0) & (support < num_samples)
    # A spread is known from some samples as well as from all: to 1 % from 10,000.
    asked = slice(None, None, 1 + num_samples // MOST_INFLUENCES)
    influence = np.zeros((2, len(labels[asked])))  # macro, weighted
    micro_counts = None if probabilities.size <= MOST_MICRO_VALUES else _MicroCounts(probabilities)
    classes = []
    for label in range(num_classes):
        values, positive = probabilities[:, label], labels == label
        own, others = np.sort(values[positive]), np.sort(values[~positive])
        classes.append(_ranking(own, others))
        if micro_counts is not None:
            micro_counts.add(own, others)
        if defined[label]:
            beaten = _beaten(values[asked], positive[asked], own, others) - classes[-1].auc
            share = support[label] / num_samples
            place = np.where(positive[asked], 1 / share, 1 / (1 - share)) * beaten
            influence[0] += place / defined.sum()
            influence[1] += place * support[label] / support[defined].sum()
    has_error = defined.any() and influence.shape[1] > 1
    errors = influence.std(axis=1, ddof=1) / np.sqrt(num_samples) if has_error else [np.nan] * 2
    micro = _all_ranked(probabilities, labels) if micro_counts is None else micro_counts.ranking()
    return OneVsRest(tuple(classes), micro, float(errors[0]), float(errors[1]))


def auc_interval(ranking: Ranking, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a class's AUC, in [0, 1]; NaN where the AUC is.

    It keeps a width where the class is told apart perfectly, and stays within [0, 1].

    Source: Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2",
    method 5: the areas that lie within z standard errors of the observed one, with the error that Hanley and McNeil 1982
    give for each of them.
    """
    positive, negative, auc = ranking.num_positive, ranking.num_negative, ranking.auc
    if np.isnan(auc):
        return np.nan, np.nan
    z, typical = float(ndtri((1 + level) / 2)), (positive + negative) / 2 - 1

    def excess(area: float) -> float:
        spread = 1 + typical * ((1 - area) / (2 - area) + area / (1 + area))
        return abs(area - auc) - z * np.sqrt(area * (1 - area) * spread / (positive * negative))

    return _crossing(excess, auc, 0.0), _crossing(excess, auc, 1.0)


def threshold_counts(predictions: Predictions, label: int, threshold: float) -> dict[str, int]:
    """Count what happens when a sample is taken for a class from a probability on, whatever the others are.

    Args:
        predictions: N samples over K classes; those without a prediction are left out.
        label: the class.
        threshold: least probability, in [0, 1].

    Returns:
        true_positive, false_negative (samples of the class), false_positive, true_negative (others).
    """
    taken = predictions.probabilities[:, label] >= threshold
    positive, counted = predictions.labels == label, predictions.has_prediction
    return {
        "true_positive": int((positive & taken).sum()),
        "false_negative": int((positive & ~taken & counted).sum()),
        "false_positive": int((~positive & taken).sum()),
        "true_negative": int((~positive & ~taken & counted).sum()),
    }


def _crossing(excess, inside: float, outside: float) -> float:
    """Return where a function turns positive on the way from inside to outside; `outside` where it never does."""
    if excess(outside) <= 0 or inside == outside:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (inside + outside) / 2


def _ranking(own: NDArray[np.float64], others: NDArray[np.float64]) -> Ranking:
    """Rank the sorted probabilities of a class's own samples and of the others."""
    num_own, num_others = len(own), len(others)
    below = np.searchsorted(others, own, side="left")
    auc = average_precision = np.nan
    if num_own and num_others:
        equal = np.searchsorted(others, own, side="right") - below
        auc = float((below + equal / 2).sum() / (num_own * num_others))
    if num_own:
        found = num_own - np.searchsorted(own, own, side="left")
        average_precision = float((found / (found + num_others - below)).mean())
    thresholds = _thresholds(own, others)
    return Ranking(
        num_own,
        num_others,
        np.concatenate([[np.inf], thresholds]),
        np.concatenate([[0], num_own - np.searchsorted(own, thresholds)]),
        np.concatenate([[0], num_others - np.searchsorted(others, thresholds)]),
        auc,
        average_precision,
    )


def _all_ranked(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Ranking:
    is_true = np.zeros(probabilities.shape, dtype=np.bool_)
    is_true[np.arange(len(labels)), labels] = True
    return _ranking(np.sort(probabilities[is_true]), np.sort(probabilities[~is_true]))


def _thresholds(own: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities at evenly spaced ranks of either kind, or all, falling and each once.

    With each of some comes the next larger one: a large group of equal probabilities keeps a straight piece of its own.
    """
    found = []
    for values in (own, others):
        if len(values) <= MOST_THRESHOLDS:
            found.append(values)
            continue
        places = np.linspace(0, len(values) - 1, MOST_THRESHOLDS).astype(np.int64)
        found.append(values[places])
    chosen = np.unique(np.concatenate(found))
    if len(own) + len(others) > sum(map(len, found)):
        larger = [
            values[np.minimum(np.searchsorted(values, chosen, side="right"), len(values) - 1)]
            for values in (own, others)
            if len(values)
        ]
        chosen = np.unique(np.concatenate([chosen, *larger]))
    return chosen[::-1]


def _beaten(
    values: NDArray[np.float64],
    positive: NDArray[np.bool_],
    own: NDArray[np.float64],
    others: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the share of the other kind on whose right side each sample lies, equal ones halved."""

    def share_below(sorted_values: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray:
        left, right = (
            np.searchsorted(sorted_values, asked, side=side) for side in ("left", "right")
        )
        return (left + right) / (2 * len(sorted_values))

    shares = np.empty(len(values))
    shares[positive] = share_below(others, values[positive])
    shares[~positive] = 1 - share_below(own, values[~positive])
    return shares


class _MicroCounts:
    """The counts of all classes together, for what would take too long to sort."""

    def __init__(self, probabilities: NDArray[np.float64]) -> None:
        flat = probabilities.ravel()
        # A step without a common divisor with the number of classes visits all of them.
        step = flat.size // (4 * MOST_THRESHOLDS)
        while np.gcd(step, probabilities.shape[1]) > 1:
            step += 1
        self.thresholds = np.unique(np.append(flat[::step], 0.0))
        self.positive = np.zeros(len(self.thresholds), dtype=np.int64)
        self.negative = np.zeros(len(self.thresholds), dtype=np.int64)

    def add(self, own: NDArray[np.float64], others: NDArray[np.float64]) -> None:
        """Count a class; both are sorted."""
        self.positive += len(own) - np.searchsorted(own, self.thresholds)
        self.negative += len(others) - np.searchsorted(others, self.thresholds)

    def ranking(self) -> Ranking:
        """Return the micro ranking."""
        true, false = (
            np.concatenate([[0], counts[::-1]]) for counts in (self.positive, self.negative)
        )
        num_positive, num_negative = int(true[-1]), int(false[-1])
        area = np.trapezoid(true, false) / (num_positive * num_negative)
        precision = true[1:] / (true[1:] + false[1:])
        average = (np.diff(true) * precision).sum() / num_positive
        thresholds = np.concatenate([[np.inf], self.thresholds[::-1]])
        return Ranking(
            num_positive, num_negative, thresholds, true, false, float(area), float(average)
        )
