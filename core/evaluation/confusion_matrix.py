"""Confusion matrix: which class is taken for which, as counts and as shares.

Separate because precision, recall and the report all start from its counts. It leaves out the samples behind a
cell (`samples.py`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.predictions import Predictions


def confusion_matrix(predictions: Predictions) -> pd.DataFrame:
    """Count the samples of each true class by predicted class.

    A sample without a prediction (non-finite logits) stands in no cell, so that every cell holds exactly the samples
    that `samples(predictions, true, predicted)` lists and the diagonal sums to the correct ones. It does count as a
    sample of its true class: the diagonal's share_of_true is the recall.

    Returns:
        K * K rows, by true, then predicted class: true, predicted (int, in [0, K)), true_name, predicted_name,
        count (samples), share_of_true, share_of_predicted, share_of_all (in [0, 1]; NaN where there is no
        sample to take a share of). Where classes have groups also true_group, predicted_group.
    """
    num_classes = predictions.space.num_classes
    counts = confusion_counts(predictions)  # (K, K)
    classes = np.arange(num_classes)
    true, predicted = np.repeat(classes, num_classes), np.tile(classes, num_classes)
    support = np.bincount(predictions.labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that an undefined share should be
        share_of_true = counts / support[:, None]
        share_of_predicted = counts / counts.sum(axis=0)
        share_of_all = counts / np.float64(len(predictions))
    names = np.array(predictions.space.class_names, dtype=object)
    columns = {
        "true": true,
        "predicted": predicted,
        "true_name": names[true],
        "predicted_name": names[predicted],
        "count": counts.ravel(),
        "share_of_true": share_of_true.ravel(),
        "share_of_predicted": share_of_predicted.ravel(),
        "share_of_all": share_of_all.ravel(),
    }
    if predictions.space.class_groups is not None:
        groups = np.array(predictions.space.class_groups, dtype=object)
        columns |= {"true_group": groups[true], "predicted_group": groups[predicted]}
    return pd.DataFrame(columns)


def confusion_counts(predictions: Predictions) -> NDArray[np.int64]:
    """Return the counts as a (K, K) array, rows true, columns predicted.

    Samples without a prediction are left out, so that the sum may be less than N.
    """
    num_classes = predictions.space.num_classes
    counted = predictions.has_prediction
    cells = predictions.labels[counted] * num_classes + predictions.predicted[counted]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
