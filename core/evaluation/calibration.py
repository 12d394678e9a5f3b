"""Calibration: is a network that is 80 % sure right in 80 % of the cases?

Separate because it compares confidence with accuracy and asks nothing of the single class. It leaves out mending
the confidence (`temperature.py`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.exceptions import InvalidParameter
from core.predictions import Predictions


def calibration(predictions: Predictions, num_bins: int = 15) -> pd.DataFrame:
    """Compare confidence with accuracy in equal-width confidence bins.

    A bin holds the confidences above its low end up to and with its high end. Samples without a prediction
    (non-finite logits) have no confidence and stand in no bin.

    Args:
        predictions: N samples over K classes.
        num_bins: M, number of bins over [0, 1].

    Returns:
        M rows, by rising confidence: bin_low, bin_high, confidence (mean, in [0, 1]), accuracy (in [0, 1]),
        count (samples). Means of an empty bin are NaN.

    Raises:
        InvalidParameter: num_bins is below 1.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2.
    """
    edges, bins = bins_of(predictions, num_bins)
    confidence = predictions.confidence[predictions.has_prediction]
    is_right = predictions.is_right[predictions.has_prediction]
    count = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an empty bin
        return pd.DataFrame(
            {
                "bin_low": edges[:-1],
                "bin_high": edges[1:],
                "confidence": np.bincount(bins, weights=confidence, minlength=num_bins) / count,
                "accuracy": np.bincount(bins, weights=is_right, minlength=num_bins) / count,
                "count": count,
            }
        )


def bins_of(
    predictions: Predictions, num_bins: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the M + 1 edges of equal bins over [0, 1], and in which bin each sample with a prediction lies.

    Raises:
        InvalidParameter: num_bins is below 1.
    """
    if num_bins < 1:
        raise InvalidParameter(f"num_bins must be at least 1; got {num_bins}.")
    edges = np.linspace(0, 1, num_bins + 1)
    confidence = predictions.confidence[predictions.has_prediction]
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, num_bins - 1)
    return edges, bins


def expected_calibration_error(predictions: Predictions, num_bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over the bins, weighted by their samples.

    In [0, 1]; 0 is perfectly calibrated, NaN means that no sample has a prediction.

    Args:
        predictions: N samples over K classes.
        num_bins: M, number of bins over [0, 1].

    Raises:
        InvalidParameter: num_bins is below 1.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3.
    """
    table = calibration(predictions, num_bins)
    table = table[table["count"] > 0]
    if table.empty:
        return float("nan")
    gap = (table["accuracy"] - table["confidence"]).abs()
    return float(np.average(gap, weights=table["count"]))
