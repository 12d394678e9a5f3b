"""Count offset: where the pair of types is right, by how many figures the class misses.

Separate from `counts.py`, which judges the count head: here it is the class head that counts. It leaves out images whose
pair is wrong.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.accuracy import wilson_interval
from core.predictions import Predictions


def count_offsets(predictions: Predictions) -> pd.DataFrame:
    """Count the images with the right group by the predicted minus the true count of its first type.

    Returns:
        Rows by rising offset, without gaps: offset (figures), samples, share (of the images with the right group), low, high
        (95 % Wilson interval). Empty where classes have no groups or counts, and without such images.
    """
    offsets, _ = _offsets(predictions)
    if not len(offsets):
        return pd.DataFrame(columns=["offset", "samples", "share", "low", "high"])
    span = np.arange(offsets.min(), offsets.max() + 1)
    samples = np.bincount(offsets - span[0], minlength=len(span))
    low, high = wilson_interval(samples, np.full(len(span), len(offsets)))
    return pd.DataFrame(
        {
            "offset": span,
            "samples": samples,
            "share": samples / len(offsets),
            "low": low,
            "high": high,
        }
    )


def offset_samples(predictions: Predictions, offset: int) -> list[int]:
    """Return the ids of the samples of a row of `count_offsets`, ascending."""
    offsets, ids = _offsets(predictions)
    return np.sort(ids[offsets == offset]).tolist()


def _offsets(predictions: Predictions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    space = predictions.space
    if space.class_groups is None or space.class_counts is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    groups = pd.factorize(np.array(space.class_groups, dtype=object))[0]
    counts = np.array(space.class_counts, dtype=np.int64)  # (K, T)
    first = (counts > 0).argmax(axis=1)  # (K,) the first type of each class
    kept = predictions.has_prediction.copy()
    kept[kept] &= groups[predictions.predicted[kept]] == groups[predictions.labels[kept]]
    true, predicted = predictions.labels[kept], predictions.predicted[kept]
    column = first[true]
    return counts[predicted, column] - counts[true, column], predictions.sample_ids[kept]
