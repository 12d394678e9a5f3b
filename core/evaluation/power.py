"""Power: what a test set and some seeds can tell, and how many more seeds would settle a question.

Separate because it asks about trainings that have not been done. It leaves out the observed difference on purpose:
the power "to find what was found" only repeats the p-value.
"""

import numpy as np
from scipy.special import nctdtrinc, stdtrit

from core.evaluation.intervals import LEVEL, Estimate, variance_and_freedom

POWER = 0.8


def detectable_difference(
    estimate: Estimate,
    *,
    further_seeds: int = 0,
    num_pairs: int = 1,
    level: float = LEVEL,
    power: float = POWER,
) -> float:
    """Return the smallest true difference that would be called real with probability `power`.

    The seeds' variances are taken as they were seen. Where the estimate covers images alone it is the difference of
    these networks that would be noticed, whatever the seeds.

    Args:
        estimate: of the difference.
        further_seeds: trained in addition, of each of both variants.
        num_pairs: M pairs that are tested together; Holm's strictest step is asked for, so the promise holds for each.
        level: 1 - the error of the whole family.
        power: probability of finding it, in (0, 1).

    Returns:
        In the metric's own unit; NaN where the variance is unknown.

    Source: Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", chapter 2: the noncentral t, with the
    variance of core.evaluation.intervals.
    """
    numbers = [number + further_seeds for number in estimate.num_seeds]
    variance, freedom = variance_and_freedom(
        estimate.seed_variances, numbers, estimate.image_variance, estimate.num_images
    )
    return _detectable(variance, freedom, num_pairs, level, power)


def further_seeds(
    estimate: Estimate,
    difference: float,
    *,
    num_pairs: int = 1,
    level: float = LEVEL,
    power: float = POWER,
) -> float:
    """Return how many more seeds of each variant would settle a true difference of this size.

    Args:
        estimate: of the difference between the two variants.
        difference: above 0, in the metric's own unit.
        num_pairs: as in `detectable_difference`.
        level: as there.
        power: as there.

    Returns:
        A whole number, 0 where the seeds at hand do; infinite where these images cannot show such a difference with any
        number of seeds; NaN where the variance between seeds is unknown (fewer than three seeds).
    """
    if not estimate.seed_variances or np.isnan(estimate.image_variance):
        return np.nan

    def settles(number: int) -> bool:
        found = detectable_difference(
            estimate, further_seeds=number, num_pairs=num_pairs, level=level, power=power
        )
        return found <= difference

    if settles(0):
        return 0.0
    images_alone = _detectable(
        estimate.image_variance, estimate.num_images - 1, num_pairs, level, power
    )
    if images_alone >= difference:
        return np.inf
    high = 1
    while not settles(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return float(high)


def _detectable(
    variance: float, freedom: float, num_pairs: int, level: float, power: float
) -> float:
    if np.isnan(variance):
        return np.nan
    critical = stdtrit(freedom, 1 - (1 - level) / max(num_pairs, 1) / 2)
    # Being called real in the wrong direction is left out: it would be no success.
    return float(nctdtrinc(freedom, 1 - power, critical) * np.sqrt(variance))
