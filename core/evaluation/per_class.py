"""Report per class: precision, recall, F1, support and AUC, and their averages.

Both tables stand here because they are one report. It leaves out the curves behind the AUC.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from core.evaluation.confusion_matrix import confusion_counts
from core.predictions import Predictions

METRICS = ("precision", "recall", "f1", "auc")


def per_class(predictions: Predictions) -> pd.DataFrame:
    """Report how well each class is recognised.

    A sample without a prediction (non-finite logits) counts against the recall of its class; the AUC, which needs a
    ranking, leaves it out.

    Returns:
        K rows, in class order: class (int), class_name, precision, recall, f1, support (samples of the class), auc
        (area under the ROC curve of the class's probability, one against the rest); all but support in [0, 1].
        Undefined, hence NaN: precision of a class never predicted, recall of a class without samples, F1 of a
        class that is neither true nor predicted, AUC without samples of the class or without any other.
    """
    num_classes = predictions.space.num_classes
    counts = confusion_counts(predictions)
    support = np.bincount(predictions.labels, minlength=num_classes)
    correct, num_predicted = counts.diagonal(), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that an undefined ratio should be
        return pd.DataFrame(
            {
                "class": np.arange(num_classes),
                "class_name": list(predictions.space.class_names),
                "precision": correct / num_predicted,
                "recall": correct / support,
                # Not from precision and recall: a class that is missed altogether has an F1 of 0.
                "f1": 2 * correct / (support + num_predicted),
                "support": support,
                "auc": _areas(predictions),
            }
        )


def summary(predictions: Predictions) -> pd.DataFrame:
    """Average the report over the classes, laid out as scikit-learn's classification report.

    The averages go over the classes that occur as a true or as a predicted class (shapes: of the 135 classes only
    105 exist). In them an undefined precision or recall counts as 0, as in scikit-learn: leaving it out
    would reward a network for never naming its hardest classes. The AUC is averaged where it is defined.

    Returns:
        Three rows: average ("accuracy", "macro", "weighted" by support), precision, recall, f1, auc (in [0, 1]),
        support (samples). Of the row "accuracy" only f1 is filled: it holds the accuracy. NaN without samples.
    """
    table = per_class(predictions)
    num_samples = len(predictions)
    occurs = table["f1"].notna()
    rows = [{"average": "accuracy", "f1": predictions.is_right.mean() if num_samples else np.nan}]
    for average, weights in (("macro", occurs.astype(float)), ("weighted", table["support"])):
        row: dict[str, str | float] = {"average": average}
        for metric in METRICS:
            values = table[metric].to_numpy()
            counted = ~np.isnan(values) if metric == "auc" else occurs.to_numpy()
            row[metric] = _average(np.nan_to_num(values[counted]), weights.to_numpy()[counted])
        rows.append(row)
    columns = ["average", *METRICS]
    return pd.DataFrame(rows, columns=columns).assign(support=num_samples)


def _average(values: NDArray[np.float64], weights: NDArray) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else np.nan


def _areas(predictions: Predictions) -> NDArray[np.float64]:
    """Return each class's area under the ROC curve from the rank sum (Hanley and McNeil 1982)."""
    counted = predictions.has_prediction
    labels, probabilities = predictions.labels[counted], predictions.probabilities[counted]
    areas = np.full(predictions.space.num_classes, np.nan)
    for label in np.unique(labels):
        positive = labels == label
        num_positive = positive.sum(dtype=float)
        num_negative = len(labels) - num_positive
        if num_negative:
            rank_sum = rankdata(probabilities[:, label])[positive].sum()
            surplus = rank_sum - num_positive * (num_positive + 1) / 2
            areas[label] = surplus / (num_positive * num_negative)
    return areas
