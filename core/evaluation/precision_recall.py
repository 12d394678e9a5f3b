"""Precision against recall: of what is taken for a class, how much belongs there, the more of the class is to be found.

Separate from the ROC because it answers another question, on rare classes above all. It leaves out the sorting
(`one_vs_rest.py`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.one_vs_rest import OneVsRest, Ranking
from core.evaluation.roc import AVERAGE_NAMES, MICRO
from core.evaluation.thinning import MOST_POINTS, thinned

COLUMNS = ("class", "class_name", "threshold", "recall", "precision", "average_precision", "share")


def precision_recall(
    rankings: OneVsRest,
    class_names: Sequence[str],
    labels: Sequence[int] | None = None,
    most_points: int = MOST_POINTS,
) -> pd.DataFrame:
    """Return the precision-recall curves of classes, one against the rest, and of the micro average.

    Args:
        rankings: of all classes.
        class_names: K names.
        labels: classes and MICRO, in the order to return; by default MICRO, then all classes.
        most_points: of a curve, at least 2.

    Returns:
        Rows by curve, by rising recall: class (MICRO for the average), class_name, threshold (least probability taken for
        the class), recall, precision, average_precision (of the whole curve), share (of the class among all samples: the
        precision of guessing). The first row of a curve repeats its first precision at recall 0, with the threshold infinite.
        A class without samples has no rows.

    Source: Davis and Goadrich 2006, "The relationship between precision-recall and ROC curves"; average precision as in
    scikit-learn, without interpolation.
    """
    if labels is None:
        labels = [MICRO, *range(len(rankings.classes))]
    curves = []
    for label in labels:
        ranking = rankings.micro if label == MICRO else rankings.classes[label]
        if ranking.num_positive:
            name = AVERAGE_NAMES.get(label) or class_names[label]
            curves.append(
                _curve(ranking, most_points).assign(**{"class": label, "class_name": name})
            )
    if not curves:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(curves, ignore_index=True)[list(COLUMNS)]


def _curve(ranking: Ranking, most_points: int) -> pd.DataFrame:
    true, false = ranking.true_positives[1:], ranking.false_positives[1:]
    recall = np.concatenate([[0.0], true / ranking.num_positive])
    precision = true / (true + false)
    precision = np.concatenate([precision[:1], precision])
    kept = thinned(recall, precision, most_points)
    total = ranking.num_positive + ranking.num_negative
    return pd.DataFrame(
        {
            "threshold": ranking.thresholds[kept],
            "recall": recall[kept],
            "precision": precision[kept],
            "average_precision": ranking.average_precision,
            "share": ranking.num_positive / total,
        }
    )
