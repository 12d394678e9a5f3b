"""Accuracy per group of classes (shapes: per pair of types).

Separate because only some data sets have groups. It leaves out which group is taken for which.
"""

import numpy as np
import pandas as pd

from core.evaluation.accuracy import wilson_interval
from core.predictions import Predictions


def per_group(predictions: Predictions) -> pd.DataFrame:
    """Return the share of samples of each group whose class, not only whose group, is right.

    A sample belongs to the group of its true class.

    Returns:
        One row per group, in the order of the classes: group, samples, correct (samples), accuracy, low, high (in
        [0, 1]; low and high bound the 95 % Wilson interval; NaN for a group without samples). Empty where
        classes have no groups.
    """
    if predictions.space.class_groups is None:
        return pd.DataFrame(columns=["group", "samples", "correct", "accuracy", "low", "high"])
    codes, groups = pd.factorize(np.array(predictions.space.class_groups, dtype=object))
    codes = codes[predictions.labels]  # (N,) group of each sample
    samples = np.bincount(codes, minlength=len(groups))
    correct = np.bincount(codes[predictions.is_right], minlength=len(groups))
    low, high = wilson_interval(correct, samples)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a group without samples
        share = correct / samples
    return pd.DataFrame(
        {
            "group": groups,
            "samples": samples,
            "correct": correct,
            "accuracy": share,
            "low": low,
            "high": high,
        }
    )
