"""ROC: the share of a class that is found against the share of the others that is wrongly taken for it.

Separate because it is one of two curves of the same rankings (`one_vs_rest.py`). It leaves out the sorting.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.one_vs_rest import OneVsRest, Ranking
from core.evaluation.thinning import MOST_POINTS, thinned

MICRO, MACRO = -1, -2
"""Numbers of the two averages, where a class has its own."""
AVERAGE_NAMES = {MICRO: "micro average", MACRO: "macro average"}

COLUMNS = ("class", "class_name", "threshold", "false_positive_rate", "true_positive_rate", "auc")


def roc(
    rankings: OneVsRest,
    class_names: Sequence[str],
    labels: Sequence[int] | None = None,
    most_points: int = MOST_POINTS,
) -> pd.DataFrame:
    """Return the ROC curves of classes, one against the rest, and of their averages.

    Args:
        rankings: of all classes.
        class_names: K names.
        labels: classes, MICRO and MACRO, in the order to return; by default both averages, then all classes.
        most_points: of a curve, at least 2; its area stays.

    Returns:
        Rows by curve, each from (0, 0) to (1, 1): class (MICRO and MACRO for the averages), class_name, threshold (least
        probability taken for the class; infinite at the start, NaN for macro), false_positive_rate, true_positive_rate,
        auc (of the whole curve before thinning). A class without samples or without any other has no rows. Macro is the
        mean of the curves at equal false positive rates, so that its area is the mean of the areas.

    Source: Fawcett 2006, "An introduction to ROC analysis".
    """
    if labels is None:
        labels = [MICRO, MACRO, *range(len(rankings.classes))]
    curves = []
    for label in labels:
        if label == MACRO:
            curve, auc = _macro(rankings, most_points)
        else:
            ranking = rankings.micro if label == MICRO else rankings.classes[label]
            curve, auc = _curve(ranking, most_points), ranking.auc
        name = AVERAGE_NAMES.get(label) or class_names[label]
        curves.append(curve.assign(**{"class": label, "class_name": name, "auc": auc}))
    curves = [curve for curve in curves if not curve.empty]
    if not curves:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(curves, ignore_index=True)[list(COLUMNS)]


def macro_auc(rankings: OneVsRest) -> float:
    """Return the mean AUC over the classes that have one; NaN without."""
    areas = [one.auc for one in rankings.classes if not np.isnan(one.auc)]
    return float(np.mean(areas)) if areas else np.nan


def _curve(ranking: Ranking, most_points: int) -> pd.DataFrame:
    if np.isnan(ranking.auc):
        return _points([], [], [])
    across = ranking.false_positives / ranking.num_negative
    up = ranking.true_positives / ranking.num_positive
    kept = thinned(across, up, most_points)
    return _points(ranking.thresholds[kept], across[kept], up[kept])


def _macro(rankings: OneVsRest, most_points: int) -> tuple[pd.DataFrame, float]:
    curves = [_curve(one, most_points) for one in rankings.classes if not np.isnan(one.auc)]
    if not curves:
        return _points([], [], []), np.nan
    across = np.unique(np.concatenate([one["false_positive_rate"] for one in curves]))
    # A curve jumps at a false positive rate: both ends of the jump belong to it.
    low, high = np.zeros(len(across)), np.zeros(len(across))
    for one in curves:
        x, y = one["false_positive_rate"].to_numpy(), one["true_positive_rate"].to_numpy()
        high += np.interp(across, x, y) / len(curves)
        low += np.interp(-across, -x[::-1], y[::-1]) / len(curves)
    x = np.concatenate([[0.0], np.repeat(across, 2)])
    y = np.concatenate([[0.0], np.column_stack([low, high]).ravel()])
    kept = thinned(x, y, most_points)
    return _points(np.full(len(kept), np.nan), x[kept], y[kept]), macro_auc(rankings)


def _points(thresholds, across, up) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "threshold": np.asarray(thresholds, dtype=np.float64),
            "false_positive_rate": np.asarray(across, dtype=np.float64),
            "true_positive_rate": np.asarray(up, dtype=np.float64),
        }
    )
