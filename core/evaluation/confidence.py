"""Confidence: how sure the network was when right and when wrong, and what it gains by staying silent when unsure.

Separate from calibration, which asks whether the confidence is true: one that only ranks well is of use here already.
"""

import numpy as np
import pandas as pd

from core.evaluation.accuracy import wilson_interval
from core.evaluation.calibration import bins_of
from core.predictions import Predictions

MOST_POINTS = 250


def confidence_histogram(predictions: Predictions, num_bins: int = 20) -> pd.DataFrame:
    """Count right and wrong samples in equal-width confidence bins, as those of `calibration`.

    Args:
        predictions: N samples over K classes; those without a prediction have no confidence and stand in no bin.
        num_bins: M, number of bins over [0, 1].

    Returns:
        M rows, by rising confidence: bin_low, bin_high, right, wrong (samples).

    Raises:
        InvalidParameter: num_bins is below 1.
    """
    edges, bins = bins_of(predictions, num_bins)
    is_right = predictions.is_right[predictions.has_prediction]
    return pd.DataFrame(
        {
            "bin_low": edges[:-1],
            "bin_high": edges[1:],
            "right": np.bincount(bins[is_right], minlength=num_bins),
            "wrong": np.bincount(bins[~is_right], minlength=num_bins),
        }
    )


def coverage(predictions: Predictions, most_points: int = MOST_POINTS) -> pd.DataFrame:
    """Return how often the network is right on its surest samples only.

    Args:
        predictions: N samples over K classes. Those without a prediction are never answered, so that the coverage may end
            below 1.
        most_points: rows to return.

    Returns:
        Rows by rising coverage: coverage (share of all samples that are answered), threshold (least confidence among them),
        samples (answered), accuracy (of the answered), low, high (95 % Wilson interval). Equally sure samples are answered
        together. Empty without samples.

    Source: El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification" (risk and coverage).
    """
    counted = np.flatnonzero(predictions.has_prediction)
    order = counted[np.argsort(-predictions.confidence[counted], kind="stable")]
    confidence = predictions.confidence[order]
    # Of equally sure samples none is answered without the others.
    ends = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True)[: len(order)])
    if len(ends) > most_points:
        places = np.linspace(0, len(ends) - 1, most_points).round().astype(np.int64)
        ends = ends[np.unique(places)]
    samples = ends + 1
    correct = np.cumsum(predictions.is_right[order])[ends]
    low, high = wilson_interval(correct, samples)
    return pd.DataFrame(
        {
            "coverage": samples / max(len(predictions), 1),
            "threshold": confidence[ends],
            "samples": samples,
            "accuracy": correct / samples,
            "low": low,
            "high": high,
        }
    )
