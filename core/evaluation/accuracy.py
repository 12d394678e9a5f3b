"""Accuracy with its interval: how often the network is right, and how sure that number is.

Separate because every share of samples (overall, per group) wants the same interval. It leaves out comparing two runs.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from core.exceptions import InvalidParameter
from core.predictions import Predictions


def accuracy(predictions: Predictions, level: float = 0.95) -> pd.DataFrame:
    """Return the share of right samples with its confidence interval.

    A sample whose logits are not all finite has no prediction and counts as wrong.

    Args:
        predictions: N samples over K classes.
        level: coverage of the interval, in (0, 1).

    Returns:
        One row: samples, correct (samples), accuracy, low, high (all three in [0, 1]; NaN without samples,
        where no share exists).

    Raises:
        InvalidParameter: level lies outside (0, 1).

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    num_samples, num_correct = len(predictions), int(predictions.is_right.sum())
    low, high = wilson_interval(num_correct, num_samples, level)
    return pd.DataFrame(
        {
            "samples": [num_samples],
            "correct": [num_correct],
            "accuracy": [num_correct / num_samples if num_samples else np.nan],
            "low": [float(low)],
            "high": [float(high)],
        }
    )


def wilson_interval(
    correct: ArrayLike, samples: ArrayLike, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Wilson score interval of shares, elementwise.

    Unlike the normal approximation it stays within [0, 1] and keeps a width when all samples are right.

    Args:
        correct: right samples, in [0, samples].
        samples: all samples; zero gives NaN.
        level: coverage, in (0, 1).

    Returns:
        Low and high ends, in [0, 1], of the arguments' shape.

    Raises:
        InvalidParameter: level lies outside (0, 1).

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if not 0 < level < 1:
        raise InvalidParameter(f"level must lie in (0, 1); got {level!r}.")
    right, total = np.asarray(correct, dtype=np.float64), np.asarray(samples, dtype=np.float64)
    z = ndtri((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = right / total
        centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
        half = half / (1 + z**2 / total)
    # The ends at 0 and at 1 are exact in theory; rounding must not push them across the share.
    low = np.where(right == 0, 0.0, centre - half)
    high = np.where(right == total, 1.0, centre + half)
    return np.where(total > 0, low, np.nan), np.where(total > 0, high, np.nan)
