"""Errors of the count head: how far the counted figures are from the true ones.

Separate because counts are regression, not classes. It leaves out the loss (`losses.py`).
"""

import numpy as np
import pandas as pd

from core.predictions import Predictions

OVERALL = "overall"


def count_errors(predictions: Predictions) -> pd.DataFrame:
    """Measure the error of the predicted counts, by type and over all types.

    Returns:
        T + 1 rows, the types and then "overall": type, rmse (root mean square error), mae (mean absolute error),
        both in figures, samples. Empty without predicted or true counts. An error is NaN without
        samples and where a predicted count is not finite, since its mean does not exist.
    """
    columns = ["type", "rmse", "mae", "samples"]
    if predictions.counts is None or predictions.count_labels is None:
        return pd.DataFrame(columns=columns)
    error = predictions.counts.astype(np.float64) - predictions.count_labels  # (N, T)
    rows = [
        (name, *_errors(error[:, position]), len(error))
        for position, name in enumerate(predictions.space.count_names)
    ]
    return pd.DataFrame([*rows, (OVERALL, *_errors(error), len(error))], columns=columns)


def _errors(error: np.ndarray) -> tuple[float, float]:
    if not error.size or not np.isfinite(error).all():
        return np.nan, np.nan
    return float(np.sqrt((error**2).mean())), float(np.abs(error).mean())
