"""Confusion matrix: which class is taken for which, as counts and as shares; two of them beside each other.

Separate because precision, recall and the report all start from its counts. It leaves out the samples behind a
cell (`samples.py`) and groups of classes (`folding.py`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.accuracy import wilson_interval
from core.exceptions import InvalidParameter, UnknownName
from core.predictions import Predictions

SHOWN = ("count", "share_of_true", "share_of_predicted", "share_of_all")


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
    counts, space = confusion_counts(predictions), predictions.space
    return matrix_table(
        counts,
        np.bincount(predictions.labels, minlength=space.num_classes),
        counts.sum(axis=0),
        len(predictions),
        space.class_names,
        space.class_groups,
    )


def matrix_table(
    counts: NDArray[np.int64],
    num_true: NDArray[np.int64],
    num_predicted: NDArray[np.int64],
    num_samples: int,
    names: Sequence[str],
    groups: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Lay out counts as the rows of `confusion_matrix`.

    Args:
        counts: (K, K), rows true, columns predicted.
        num_true: (K,) samples that a row's shares are of.
        num_predicted: (K,) samples that a column's shares are of.
        num_samples: N, that shares of all are of.
        names: K.
        groups: K, or None.
    """
    num_classes = len(counts)
    classes = np.arange(num_classes)
    true, predicted = np.repeat(classes, num_classes), np.tile(classes, num_classes)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that an undefined share should be
        share_of_true = counts / num_true[:, None]
        share_of_predicted = counts / num_predicted
        share_of_all = counts / np.float64(num_samples)
    named = np.array(names, dtype=object)
    columns = {
        "true": true,
        "predicted": predicted,
        "true_name": named[true],
        "predicted_name": named[predicted],
        "count": counts.ravel(),
        "share_of_true": share_of_true.ravel(),
        "share_of_predicted": share_of_predicted.ravel(),
        "share_of_all": share_of_all.ravel(),
    }
    if groups is not None:
        grouped = np.array(groups, dtype=object)
        columns |= {"true_group": grouped[true], "predicted_group": grouped[predicted]}
    return pd.DataFrame(columns)


def confusion_counts(predictions: Predictions) -> NDArray[np.int64]:
    """Return the counts as a (K, K) array, rows true, columns predicted.

    Samples without a prediction are left out, so that the sum may be less than N.
    """
    num_classes = predictions.space.num_classes
    counted = predictions.has_prediction
    cells = predictions.labels[counted] * num_classes + predictions.predicted[counted]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def confusion_difference(
    first: pd.DataFrame, second: pd.DataFrame, show: str = "share_of_true"
) -> pd.DataFrame:
    """Compare two matrices of the same classes, cell by cell: first minus second.

    Args:
        first: rows of `confusion_matrix` or of `folding.folded`.
        second: the same of another run or epoch.
        show: what is compared, of SHOWN.

    Returns:
        The rows of the first with first, second (the shown column of either) and difference; NaN where one is undefined.

    Raises:
        InvalidParameter: the matrices have other classes.
        UnknownName: `show` is no column of a matrix.
    """
    if show not in SHOWN:
        raise UnknownName("way to show the confusion matrix", show, SHOWN)
    names = ["true_name", "predicted_name"]
    if len(first) != len(second) or (first[names].values != second[names].values).any():
        raise InvalidParameter(
            "Two confusion matrices can only be compared when they have the same classes; "
            f"got {_size(first)} and {_size(second)}."
        )
    one, other = first[show].to_numpy(), second[show].to_numpy()
    return first.assign(first=one, second=other, difference=one - other)


def confused_pairs(table: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """Return the cells beside the diagonal with most samples.

    Args:
        table: rows of `confusion_matrix` or of `folding.folded`.
        most: pairs to return.

    Returns:
        At most `most` rows, most samples first, then by true and predicted: true, predicted, true_name, predicted_name,
        count, share_of_true, low, high (95 % Wilson interval of that share), back (samples of the predicted class taken for
        the true one). Cells without samples are left out.
    """
    cells = table[(table["true"] != table["predicted"]) & (table["count"] > 0)]
    cells = cells.sort_values(["count", "true", "predicted"], ascending=[False, True, True])
    cells = cells.head(most)
    support = np.round(cells["count"] / cells["share_of_true"])
    low, high = wilson_interval(cells["count"], support)
    counts = table.set_index(["true", "predicted"])["count"]
    back = [
        int(counts[predicted, true])
        for true, predicted in zip(cells["true"], cells["predicted"], strict=True)
    ]
    columns = ["true", "predicted", "true_name", "predicted_name", "count", "share_of_true"]
    return cells[columns].assign(low=low, high=high, back=back).reset_index(drop=True)


def _size(table: pd.DataFrame) -> str:
    return f"{int(table['true'].max()) + 1 if len(table) else 0} classes"
