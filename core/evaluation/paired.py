"""Paired comparison on the same images: do two networks, or two sets of networks, answer differently?

Separate because it looks at images alone and knows nothing of seeds. It leaves out the interval that has both
(`intervals.py`) and metrics other than accuracy (`resampling.py`).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from core.exceptions import InvalidParameter


def mcnemar(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value that two networks are right equally often, in [0, 1].

    Only the images count on which exactly one of them is right; without any the p-value is 1.

    Args:
        right_a: (N,) whether the first network is right.
        right_b: (N,) whether the second one is, on the same images.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; exact as the
    binomial test on the discordant pairs.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b).pvalue)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for their number: (M,), in [0, 1], in the order given.

    Calling those below 0.05 real keeps the chance of even one false call at 5 %, however the tests depend on each
    other. A NaN stays NaN and does not count as a test.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return adjusted


def bootstrap_accuracy(
    right_a: NDArray[np.bool_],
    right_b: NDArray[np.bool_] | None,
    num_resamples: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return resampled mean accuracies of one set of runs, or resampled differences of two.

    An image is fully described by how many runs of each set are right on it, for single runs the four paired
    outcomes. Resampling images is one multinomial draw over these outcomes, so the cost does not depend on N. Two
    pseudo-images, shared equally by the extreme outcomes (half of one for each of the four), keep the interval from
    having no width where both sets are right on the same images.

    Args:
        right_a: (S, N) whether each of S runs is right on each of N images.
        right_b: the same of the second set, or None.
        num_resamples: R, at least 1.
        rng: where the draws come from.

    Returns:
        (R,) shares, in [0, 1], or differences, first minus second, in [-1, 1].

    Raises:
        InvalidParameter: num_resamples is below 1.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; the pseudo-images are Agresti and Min 2005,
    "Simple improved confidence intervals for comparing matched proportions".
    """
    if num_resamples < 1:
        raise InvalidParameter(f"num_resamples must be at least 1; got {num_resamples}.")
    num_images, levels_a = right_a.shape[1], len(right_a) + 1
    levels_b = 1 if right_b is None else len(right_b) + 1
    outcome = right_a.sum(axis=0) * levels_b
    if right_b is not None:
        outcome = outcome + right_b.sum(axis=0)
    counts = np.bincount(outcome, minlength=levels_a * levels_b).reshape(levels_a, levels_b)
    corners = np.ix_(sorted({0, levels_a - 1}), sorted({0, levels_b - 1}))
    weights = counts.astype(np.float64)
    weights[corners] += 2 / weights[corners].size
    share_a = np.arange(levels_a) / (levels_a - 1)
    share_b = np.arange(levels_b) / max(levels_b - 1, 1)
    values = share_a[:, None] - share_b  # (S_A + 1, S_B + 1)
    # An outcome that nobody had needs no draw.
    drawn = weights > 0
    probabilities = weights[drawn] / weights.sum()
    draws = rng.multinomial(num_images, probabilities, size=num_resamples)  # (R, outcomes)
    return draws @ values[drawn] / num_images
