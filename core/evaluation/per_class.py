"""Report per class: precision, recall, F1, support and AUC, and their averages, each with its interval.

Both tables stand here because they are one report. It leaves out the curves behind the AUC (`one_vs_rest.py`, `roc.py`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from core.evaluation.accuracy import wilson_interval
from core.evaluation.confusion_matrix import confusion_counts
from core.evaluation.one_vs_rest import OneVsRest, auc_interval, one_vs_rest
from core.predictions import Predictions

METRICS = ("precision", "recall", "f1", "auc")
LEVEL = 0.95


def per_class(predictions: Predictions, rankings: OneVsRest | None = None) -> pd.DataFrame:
    """Report how well each class is recognised.

    A sample without a prediction (non-finite logits) counts against the recall of its class; the AUC, which needs a
    ranking, leaves it out.

    Args:
        predictions: N samples over K classes.
        rankings: of these predictions, where they are at hand already.

    Returns:
        K rows, in class order: class (int), class_name, precision, recall, f1, support (samples of the class), auc
        (area under the ROC curve of the class's probability, one against the rest), and <metric>_low, <metric>_high (95 %
        interval) of the four; all but support in [0, 1]. Undefined, hence NaN: precision of a class never predicted, recall
        of a class without samples, F1 of a class that is neither true nor predicted, AUC without samples of the class or
        without any other.

    Source of the intervals: precision and recall are shares (Wilson 1927). F1 is 2 J / (1 + J) of the share J of right
    ones among the samples that are the class or are taken for it, so that the ends of J's Wilson interval give F1's. AUC:
    see `one_vs_rest.auc_interval`.
    """
    num_classes = predictions.space.num_classes
    rankings = rankings or one_vs_rest(predictions)
    counts = confusion_counts(predictions)
    support = np.bincount(predictions.labels, minlength=num_classes)
    correct, num_predicted = counts.diagonal(), counts.sum(axis=0)
    either = support + num_predicted - correct
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that an undefined ratio should be
        columns = {
            "class": np.arange(num_classes),
            "class_name": list(predictions.space.class_names),
            "precision": correct / num_predicted,
            "recall": correct / support,
            # Not from precision and recall: a class that is missed altogether has an F1 of 0.
            "f1": 2 * correct / (support + num_predicted),
            "support": support,
            "auc": [one.auc for one in rankings.classes],
        }
    low, high = wilson_interval(correct, either, LEVEL)
    intervals = {
        "precision": wilson_interval(correct, num_predicted, LEVEL),
        "recall": wilson_interval(correct, support, LEVEL),
        "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
        "auc": np.array([auc_interval(one, LEVEL) for one in rankings.classes]).T,
    }
    for metric, (low, high) in intervals.items():
        columns |= {f"{metric}_low": low, f"{metric}_high": high}
    return pd.DataFrame(columns)


def summary(predictions: Predictions, rankings: OneVsRest | None = None) -> pd.DataFrame:
    """Average the report over the classes, laid out as scikit-learn's classification report.

    The averages go over the classes that occur as a true or as a predicted class (shapes: of the 135 classes only
    105 exist). In them an undefined precision or recall counts as 0, as in scikit-learn: leaving it out
    would reward a network for never naming its hardest classes. The AUC is averaged where it is defined.

    Args:
        predictions: N samples over K classes.
        rankings: of these predictions, where they are at hand already.

    Returns:
        Three rows: average ("accuracy", "macro", "weighted" by support), precision, recall, f1, auc and <metric>_low,
        <metric>_high (95 % interval), all in [0, 1], support (samples). Of the row "accuracy" only f1 is filled: it holds
        the accuracy. NaN without samples.

    Source of the intervals: accuracy, Wilson 1927. Precision, recall and F1 by the delta method over the cells of the
    confusion matrix, as Takahashi et al. 2022, "Confidence interval for micro-averaged F1 and macro-averaged F1 scores",
    do for F1. AUC: DeLong et al. 1988.
    """
    rankings = rankings or one_vs_rest(predictions)
    table = per_class(predictions, rankings)
    num_samples, num_right = len(predictions), int(predictions.is_right.sum())
    occurs = table["f1"].notna()
    low, high = wilson_interval(num_right, num_samples, LEVEL)
    accuracy = num_right / num_samples if num_samples else np.nan
    rows = [{"average": "accuracy", "f1": accuracy, "f1_low": float(low), "f1_high": float(high)}]
    auc_errors = {"macro": rankings.macro_error, "weighted": rankings.weighted_error}
    for average, weights in (("macro", occurs.astype(float)), ("weighted", table["support"])):
        row: dict[str, str | float] = {"average": average}
        errors = _delta_errors(predictions, occurs.to_numpy(), average == "weighted")
        for metric in METRICS:
            values = table[metric].to_numpy()
            counted = ~np.isnan(values) if metric == "auc" else occurs.to_numpy()
            value = _average(np.nan_to_num(values[counted]), weights.to_numpy()[counted])
            half = float(ndtri((1 + LEVEL) / 2)) * (errors | {"auc": auc_errors[average]})[metric]
            row |= {
                metric: value,
                f"{metric}_low": max(value - half, 0.0) if not np.isnan(half) else np.nan,
                f"{metric}_high": min(value + half, 1.0) if not np.isnan(half) else np.nan,
            }
        rows.append(row)
    columns = ["average", *METRICS]
    columns += [f"{metric}_{end}" for metric in METRICS for end in ("low", "high")]
    return pd.DataFrame(rows, columns=columns).assign(support=num_samples)


def _average(values: NDArray[np.float64], weights: NDArray) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else np.nan


def _delta_errors(
    predictions: Predictions, occurs: NDArray[np.bool_], is_weighted: bool
) -> dict[str, float]:
    """Return the standard errors of the average precision, recall and F1 over classes; NaN without samples.

    Each average is a function of the cells' shares; its derivative after a cell says what one more sample there does, and
    the spread of that over the samples is the error. A sample without a prediction has a column of its own.
    """
    num_samples, num_classes = len(predictions), predictions.space.num_classes
    if num_samples < 2:
        return dict.fromkeys(METRICS, np.nan)
    shares = np.zeros((num_classes, num_classes + 1))
    shares[:, :num_classes] = confusion_counts(predictions) / num_samples
    true = np.bincount(predictions.labels, minlength=num_classes) / num_samples
    shares[:, num_classes] = true - shares.sum(axis=1)
    correct, predicted = shares.diagonal(), shares[:, :num_classes].sum(axis=0)
    weights = true if is_weighted else occurs / occurs.sum()
    errors = {}
    parts = {"precision": (0, 1), "recall": (1, 0), "f1": (0.5, 0.5)}
    for metric, (of_true, of_predicted) in parts.items():
        size = of_true * true + of_predicted * predicted
        value, gain = (
            np.divide(part, size, out=np.zeros(num_classes), where=size > 0)
            for part in (correct, weights)
        )
        # d value_k / d share_ij = [i = j = k] / size_k - value_k (of_true [i = k] + of_predicted [j = k]) / size_k
        effect = np.zeros_like(shares)
        effect[:, :num_classes] += np.diag(gain) - of_predicted * (gain * value)
        effect -= of_true * (gain * value)[:, None]
        if is_weighted:
            effect += value[:, None]  # the weight of the true class grows too
        mean = (shares * effect).sum()
        errors[metric] = float(np.sqrt((shares * (effect - mean) ** 2).sum() / num_samples))
    return errors
