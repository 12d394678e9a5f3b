"""Intervals: how sure the mean of a variant, or the difference of two, is, over images and over seeds.

Why two sources. A training with another seed gives another network: that is the variance between seeds. Other test
images give other values to all networks at once: that is the variance over images, which no number of seeds shrinks.
With V variants (1 or 2), S_v runs of variant v, values y on the same N images, the model is

    y[v, s] = mean[v] + seed[v, s] + images[v] + rest[v, s]

where `images` is shared by all seeds of a variant and correlated between variants, and `rest` is what a seed makes of
single images. The variance s²[v] between the observed values of one variant contains seed + rest but not `images`,
since all seeds saw the same ones. The covariance over images contains images + rest. Adding both would count `rest`
twice (in simulations the interval then covers up to 99.5 % instead of 95 %), so it is taken out of the second:

    variance = sum of s²[v] / S_v + (variance over images of the contrast - sum of rest[v] / S_v)

with rest[v] = mean variance of a run over images - mean covariance of two runs of v. Degrees of freedom after
Satterthwaite. Seeds are not paired: seed 3 of one variant has nothing in common with seed 3 of another one.

With fewer than three runs of a variant the variance between its seeds cannot be estimated usefully; the interval then
covers the images alone, and speaks about these very networks, not about the variants. A bootstrap over three seeds is
no way out: it covers too little. It leaves out what could be detected (`power.py`).

Source: Obuchowski and Rockette 1995, "Hypothesis testing of diagnostic accuracy for multiple readers and multiple
tests", with networks as readers and images as cases; readers nested in tests and degrees of freedom: Hillis 2014, "A
marginal-mean ANOVA approach for analyzing multireader multicase radiological imaging data"; Satterthwaite 1946, "An
approximate distribution of estimates of variance components".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from core.evaluation.accuracy import wilson_interval
from core.evaluation.scores import Scores

LEVEL = 0.95
FEWEST_SEEDS = 3
"""Fewer say nothing of the variance between seeds: of two, the t quantile is 12.7."""

ROUNDING = 1e-12
"""A difference below it is none: the mean of equal numbers differs in its last bits with how many there are."""

Covers = Literal["images", "images and seeds"]


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference with its interval, in the metric's own unit.

    Attributes:
        value: mean over runs, or first mean minus second.
        low: lower end of the interval.
        high: upper end.
        p: two-sided p-value that the difference is 0; NaN for a mean.
        covers: what varies within the interval.
        standard_error: square root of the whole variance.
        degrees_of_freedom: of the t distribution.
        num_seeds: runs of each variant.
        seed_variances: s² between the runs of each; empty where the interval covers images alone.
        image_variance: variance of the value over images, without what the seed variances already hold.
        num_images: N.
    """

    value: float
    low: float
    high: float
    p: float
    covers: Covers
    standard_error: float
    degrees_of_freedom: float
    num_seeds: tuple[int, ...]
    seed_variances: tuple[float, ...]
    image_variance: float
    num_images: int


def mean_estimate(scores: Scores, runs: Sequence[int], level: float = LEVEL) -> Estimate:
    """Return the mean of a variant's runs with its interval, cut to the values that the metric can take.

    Three and more runs: t, images and seeds. A single run's accuracy: Wilson, images. Else: percentiles of resampled
    images.

    Args:
        scores: of all runs.
        runs: positions of the variant's runs, at least one.
        level: coverage, in (0, 1).
    """
    found = _estimate(scores, [runs], level)
    low, high = found.low, found.high
    if scores.right is not None and len(runs) == 1:
        num_right = int(scores.right[runs[0]].sum())
        low, high = map(float, wilson_interval(num_right, scores.num_images, level))
    elif found.covers == "images":
        low, high = _percentiles(scores.image_replicates(runs), level)
    low, high = max(low, 0.0), min(high, scores.metric.highest)
    return replace(found, low=low, high=high, p=np.nan)


def difference_estimate(
    scores: Scores, runs_a: Sequence[int], runs_b: Sequence[int], level: float = LEVEL
) -> Estimate:
    """Return the difference of two variants' means, first minus second, with its interval and p-value.

    Three and more runs of both: t, images and seeds. Else percentiles of resampled images, and as the p-value McNemar's
    exact one for the accuracy of single runs, otherwise that of t over images.

    Args:
        scores: of all runs.
        runs_a: positions of the first variant's runs, at least one.
        runs_b: positions of the second one's.
        level: coverage, in (0, 1).
    """
    found = _estimate(scores, [runs_a, runs_b], level)
    if found.covers == "images and seeds":
        return found
    p = scores.exact_p(runs_a[0], runs_b[0]) if len(runs_a) == len(runs_b) == 1 else None
    low, high = _percentiles(scores.image_replicates(runs_a, runs_b), level)
    return replace(found, low=low, high=high, p=found.p if p is None else p)


def variance_and_freedom(
    seed_variances: Sequence[float],
    num_seeds: Sequence[int],
    image_variance: float,
    num_images: int,
) -> tuple[float, float]:
    """Return the variance of a mean or difference and its degrees of freedom (Satterthwaite).

    Args:
        seed_variances: s² between the runs of each variant; empty without seeds.
        num_seeds: runs of each.
        image_variance: the images' part of the variance.
        num_images: N.
    """
    parts = [
        (one / number, number - 1) for one, number in zip(seed_variances, num_seeds, strict=False)
    ]
    parts.append((image_variance, num_images - 1))
    variance = sum(part for part, _ in parts)
    if not variance > 0:
        return variance, float(num_images - 1)
    return variance, variance**2 / sum(part**2 / freedom for part, freedom in parts)


def _estimate(scores: Scores, groups: Sequence[Sequence[int]], level: float) -> Estimate:
    runs = np.concatenate([np.asarray(group, dtype=np.intp) for group in groups])
    numbers = tuple(len(group) for group in groups)
    signs = (1, -1)[: len(groups)]
    contrast = np.concatenate(
        [np.full(number, sign / number) for sign, number in zip(signs, numbers, strict=True)]
    )
    value = float(contrast @ scores.values[runs])
    value = value if abs(value) > ROUNDING else 0.0
    image_variance = float(contrast @ scores.covariance[np.ix_(runs, runs)] @ contrast)
    seed_variances: tuple[float, ...] = ()
    has_seeds = min(numbers) >= FEWEST_SEEDS
    if has_seeds:
        seed_variances = tuple(float(scores.values[list(group)].var(ddof=1)) for group in groups)
        image_variance -= sum(_rest(scores, group) / len(group) for group in groups)
    # As a difference of estimates it can fall below 0, where the truth is 0 or little more.
    image_variance = max(image_variance, 0.0) if np.isfinite(image_variance) else np.nan
    variance, freedom = variance_and_freedom(
        seed_variances, numbers, image_variance, scores.num_images
    )
    error = float(np.sqrt(variance))
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        p=_p_value(value, error, freedom, scores.num_images) if len(groups) == 2 else np.nan,
        covers="images and seeds" if has_seeds else "images",
        standard_error=error,
        degrees_of_freedom=freedom,
        num_seeds=numbers,
        seed_variances=seed_variances,
        image_variance=image_variance,
        num_images=scores.num_images,
    )


def _rest(scores: Scores, group: Sequence[int]) -> float:
    """Return what one seed makes of single images: mean variance minus mean covariance of a variant's runs."""
    covariance = scores.covariance[np.ix_(group, group)]
    number = len(group)
    mean_variance = covariance.trace() / number
    mean_covariance = (covariance.sum() - covariance.trace()) / (number * (number - 1))
    return float(mean_variance - mean_covariance)


def _p_value(value: float, error: float, freedom: float, num_images: int) -> float:
    if error > ROUNDING:
        return float(2 * stdtr(freedom, -abs(value) / error))
    if np.isnan(error):
        return np.nan
    # Nothing varies: no difference at all, or the same one on every image, for which the sign test is exact.
    return 1.0 if value == 0 else float(2.0 ** (1 - num_images))


def _percentiles(replicates: np.ndarray, level: float) -> tuple[float, float]:
    if not len(replicates):
        return np.nan, np.nan
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
