"""Errors of the count head: how far the counted figures are from the true ones.

Separate because counts are regression, not classes. It leaves out the loss (`losses.py`) and what the counts say of the
class (`heads.py`).
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


def predicted_counts(predictions: Predictions) -> pd.DataFrame:
    """Count the images of each type by true count and predicted count, rounded to whole figures.

    Returns:
        Rows by type, true, predicted; only those with images: type, true, predicted (figures), samples, share (of the images
        with this type and true count, in [0, 1]). Predictions that are not finite are left out. Empty without counts.
    """
    columns = ["type", "true", "predicted", "samples", "share"]
    table = _long(predictions)
    if table.empty:
        return pd.DataFrame(columns=columns)
    table = table.assign(predicted=_rounded(table["predicted"].to_numpy()))
    found = table.groupby(["type", "true", "predicted"], sort=True).size().rename("samples")
    found = found.reset_index()
    of_true = found.groupby(["type", "true"])["samples"].transform("sum")
    found["type"] = np.array(predictions.space.count_names, dtype=object)[found["type"]]
    return found.assign(share=found["samples"] / of_true)[columns]


def count_residuals(predictions: Predictions, width: float = 0.25) -> pd.DataFrame:
    """Count by how much the predicted counts miss the true ones, type by type.

    Args:
        predictions: N samples with T counts.
        width: of a bin, in figures; one of the bins is centred on 0.

    Returns:
        Rows by type, by rising residual; only those with images: type, low, high (ends of the bin of predicted minus true,
        in figures), samples. Predictions that are not finite are left out. Empty without counts.
    """
    table = _long(predictions)
    if table.empty:
        return pd.DataFrame(columns=["type", "low", "high", "samples"])
    bins = np.floor((table["predicted"] - table["true"]) / width + 0.5).astype(np.int64)
    found = table.assign(bin=bins).groupby(["type", "bin"], sort=True).size().rename("samples")
    found = found.reset_index()
    found["type"] = np.array(predictions.space.count_names, dtype=object)[found["type"]]
    low = (found["bin"] - 0.5) * width
    return found.assign(low=low, high=low + width)[["type", "low", "high", "samples"]]


def counted_samples(
    predictions: Predictions,
    type_name: str,
    true: int | None = None,
    predicted: int | None = None,
    residual: tuple[float, float] | None = None,
) -> list[int]:
    """Return the ids of the samples behind a number of `predicted_counts` or `count_residuals`, ascending.

    Args:
        predictions: N samples with T counts.
        type_name: of T.
        true: true count, in figures.
        predicted: predicted count, rounded.
        residual: low end (inclusive) and high end (exclusive) of predicted minus true.
    """
    if predictions.counts is None or predictions.count_labels is None:
        return []
    column = predictions.space.count_names.index(type_name)
    answered = predictions.counts[:, column].astype(np.float64)
    truth = predictions.count_labels[:, column]
    keep = np.isfinite(answered)
    if true is not None:
        keep &= truth == true
    if predicted is not None:
        keep[keep] &= _rounded(answered[keep]) == predicted
    if residual is not None:
        with np.errstate(invalid="ignore"):
            miss = answered - truth
            keep &= (miss >= residual[0]) & (miss < residual[1])
    return np.sort(predictions.sample_ids[keep]).tolist()


def _rounded(counts: np.ndarray) -> np.ndarray:
    """Round halves up, as people do; NumPy rounds them to the even number."""
    return np.floor(counts + 0.5).astype(np.int64)


def _long(predictions: Predictions) -> pd.DataFrame:
    """Return a row per sample and type: type (number), true, predicted; finite ones only."""
    if predictions.counts is None or predictions.count_labels is None:
        return pd.DataFrame(columns=["type", "true", "predicted"])
    num_types = predictions.space.num_counts
    table = pd.DataFrame(
        {
            "type": np.tile(np.arange(num_types), len(predictions)),
            "true": predictions.count_labels.ravel().astype(np.int64),
            "predicted": predictions.counts.ravel().astype(np.float64),
        }
    )
    return table[np.isfinite(table["predicted"])]
