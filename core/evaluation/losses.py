"""Losses of the heads: cross entropy of the class, smooth L1 of the counts, unweighted.

Separate from accuracy because it asks for probabilities, not for the decision. It leaves out the weight with which
training added the two.
"""

import numpy as np
import pandas as pd

from core.predictions import Predictions


def losses(predictions: Predictions) -> pd.DataFrame:
    """Return the loss of each head.

    Returns:
        One row: class_loss (mean cross entropy in nats), count_loss (smooth L1 with beta 1, mean over samples and
        types, as torch's SmoothL1Loss). Both are NaN without samples and as soon as one output is not finite,
        since a mean over it does not exist; count_loss is NaN without predicted or true counts.
    """
    return pd.DataFrame(
        {
            "class_loss": [_mean(cross_entropy(predictions))],
            "count_loss": [_mean(_smooth_l1(predictions))],
        }
    )


def cross_entropy(predictions: Predictions) -> np.ndarray:
    """Return the cross entropy of each sample's true class: (N,) nats, NaN without a prediction."""
    return -predictions.log_probabilities[np.arange(len(predictions)), predictions.labels]


def _smooth_l1(predictions: Predictions) -> np.ndarray:
    """Return each count's smooth L1 distance, (N, T); empty without counts (Girshick 2015, eq. 3)."""
    if predictions.counts is None or predictions.count_labels is None:
        return np.empty(0)
    error = np.abs(predictions.counts.astype(np.float64) - predictions.count_labels)
    return np.where(error < 1, 0.5 * error**2, error - 0.5)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size and np.isfinite(values).all() else np.nan
