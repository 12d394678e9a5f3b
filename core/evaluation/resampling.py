"""Resampling of images for metrics that are no mean over images: macro F1, AUC and RMSE under many weightings at once.

Separate because it is what costs time: each metric takes all resamples in a few products with a sparse matrix. It
leaves out accuracy, for which counting outcomes does (`paired.py`), and what becomes of the resampled values
(`intervals.py`).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core.exceptions import InvalidParameter
from core.predictions import Predictions

BLOCK_CELLS = 16_000_000
"""Weights held at once: 64 MB, and twice that for a moment while they are drawn."""

WeightedMetric = Callable[[Predictions, NDArray[np.float32]], NDArray[np.float64]]


def resampled(
    metric: WeightedMetric,
    runs: Sequence[Predictions],
    num_resamples: int,
    rng: np.random.Generator,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Return the metric of each run on the same resamples of the images, (R, runs); NaN where it is undefined.

    Args:
        metric: one of the functions below.
        runs: aligned predictions: row i is the same image in all of them.
        num_resamples: R, at least 1.
        rng: where the draws come from.
        progress: told the share that is done, in [0, 1], before each run.

    Raises:
        InvalidParameter: num_resamples is below 1.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    if num_resamples < 1:
        raise InvalidParameter(f"num_resamples must be at least 1; got {num_resamples}.")
    blocks, done = [], 0
    for weights in _weights(len(runs[0]), num_resamples, rng):
        columns = []
        for place, run in enumerate(runs):
            if progress is not None:
                within = place / len(runs) * weights.shape[1]
                progress((done + within) / num_resamples)
            columns.append(metric(run, weights))
        done += weights.shape[1]
        blocks.append(np.column_stack(columns))
    return np.concatenate(blocks)


def weighted_macro_f1(
    predictions: Predictions, weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the macro F1 of `core.evaluation.per_class.summary` with images counted `weights` times.

    Args:
        predictions: N samples over K classes.
        weights: (N, R) how often each image counts in each of R resamples, whole numbers.

    Returns:
        (R,) in [0, 1]; NaN where nothing is counted.
    """
    num_classes = predictions.space.num_classes
    answered, right = np.flatnonzero(predictions.has_prediction), predictions.is_right
    support = _sums(predictions.labels, np.arange(len(predictions)), num_classes, weights)
    named = _sums(predictions.predicted[answered], answered, num_classes, weights)
    correct = _sums(predictions.labels[right], np.flatnonzero(right), num_classes, weights)
    total = support + named  # (K, R)
    with np.errstate(invalid="ignore"):  # 0 / 0: the class does not occur in this resample
        return _mean_of_defined(2 * correct.astype(np.float64) / total)


def weighted_auc(predictions: Predictions, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the macro AUC of `core.evaluation.per_class.summary` with images counted `weights` times.

    One class against the rest; equal probabilities count half. Samples without a prediction have no rank and are left
    out.

    Args:
        predictions: N samples over K classes.
        weights: (N, R) how often each image counts in each of R resamples, whole numbers.

    Returns:
        (R,) in [0, 1], averaged over the classes that have positives and negatives; NaN where none has.
    """
    answered = np.flatnonzero(predictions.has_prediction)
    labels = predictions.labels[answered]
    areas = []
    for label in np.unique(labels):
        probability = predictions.probabilities[answered, label]
        is_positive = labels == label
        levels, level_of = np.unique(probability[is_positive], return_inverse=True)
        positive = _sums(level_of, answered[is_positive], len(levels), weights)  # (levels, R)
        # A negative is beaten from the first level above it on, by half from the level that it stands on.
        others, rows = probability[~is_positive], answered[~is_positive]
        above = np.searchsorted(levels, others, side="right")
        not_below = np.searchsorted(levels, others, side="left")
        both = np.concatenate([not_below, above])
        negative = _sums(both, np.tile(rows, 2), len(levels) + 1, weights) / 2
        beaten = negative[:-1].cumsum(axis=0)  # (levels, R)
        won = (positive * beaten).sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0: the resample holds one side only
            areas.append(
                won / (positive.sum(axis=0, dtype=np.float64) * negative.sum(axis=0, dtype=float))
            )
    return _mean_of_defined(np.array(areas).reshape(-1, weights.shape[1]))


def weighted_rmse(predictions: Predictions, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the overall RMSE of `core.evaluation.counts.count_errors` with images counted `weights` times.

    Args:
        predictions: N samples with true and predicted counts.
        weights: (N, R) how often each image counts in each of R resamples.

    Returns:
        (R,) in figures; NaN without counts and where a predicted count is not finite.
    """
    if predictions.counts is None or predictions.count_labels is None:
        return np.full(weights.shape[1], np.nan)
    error = predictions.counts.astype(np.float64) - predictions.count_labels  # (N, T)
    if not error.size or not np.isfinite(error).all():
        return np.full(weights.shape[1], np.nan)
    squared = (error**2).mean(axis=1)
    return np.sqrt(squared @ weights / weights.sum(axis=0, dtype=np.float64))


def _weights(
    num_images: int, num_resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Yield blocks of columns: how often each image is drawn when N are drawn with replacement."""
    most = max(1, BLOCK_CELLS // num_images)
    for start in range(0, num_resamples, most):
        size = min(most, num_resamples - start)
        weights = np.empty((size, num_images), dtype=np.float32)
        for resample in weights:
            draws = rng.integers(0, num_images, num_images)
            resample[:] = np.bincount(draws, minlength=num_images)
        # The product with a sparse matrix walks along an image's resamples.
        yield np.ascontiguousarray(weights.T)


def _sums(
    groups: NDArray[np.intp],
    rows: NDArray[np.intp],
    num_groups: int,
    weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Add the weights of `rows` by group, (groups, R): exact, as sums of whole numbers below 2^24 are in float32."""
    ones = np.ones(len(rows), dtype=np.float32)
    return csr_array((ones, (groups, rows)), shape=(num_groups, len(weights))) @ weights


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the rows that are not NaN, by column."""
    is_defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(is_defined, values, 0).sum(axis=0) / is_defined.sum(axis=0)
