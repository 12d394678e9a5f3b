"""Evaluation of one split as one JSON document: what `petridish evaluate --json` and the report print.

Separate because it puts the other tables together; it computes nothing of its own.
"""

import math
from typing import Any

from core.evaluation.accuracy import accuracy
from core.evaluation.calibration import expected_calibration_error
from core.evaluation.confusion_matrix import confusion_counts
from core.evaluation.counts import count_errors
from core.evaluation.groups import per_group
from core.evaluation.losses import losses
from core.evaluation.per_class import per_class, summary
from core.predictions import Predictions


def evaluation(predictions: Predictions) -> dict[str, Any]:
    """Return everything that is said of one split, as plain values fit for JSON.

    A number that is undefined (see the table it comes from) is None, since JSON has no NaN.

    Returns:
        samples; accuracy, accuracy_low, accuracy_high (in [0, 1], 95 % Wilson interval); loss (class loss, nats);
        macro_f1, macro_precision, macro_recall (in [0, 1]); heads {class_loss, count_loss}; per_pair (list of
        {pair, accuracy}, or None where classes have no groups); per_class (list of {class, precision, recall, f1,
        support, auc} in class order); confusion (K rows, true, of K counts, predicted; samples without a
        prediction stand in no cell); class_names; calibration_error (in [0, 1]); counts {rmse, mae, per_type (list
        of {type, rmse, mae})} in figures, or None without a count head.
    """
    overall = accuracy(predictions).iloc[0]
    heads = losses(predictions).iloc[0]
    macro = {row["average"]: row for row in summary(predictions).to_dict("records")}["macro"]
    groups = [
        {"pair": row["group"], "accuracy": _number(row["accuracy"])}
        for row in per_group(predictions).to_dict("records")
    ]
    return {
        "samples": len(predictions),
        "accuracy": _number(overall["accuracy"]),
        "accuracy_low": _number(overall["low"]),
        "accuracy_high": _number(overall["high"]),
        "loss": _number(heads["class_loss"]),
        "macro_f1": _number(macro["f1"]),
        "macro_precision": _number(macro["precision"]),
        "macro_recall": _number(macro["recall"]),
        "heads": {
            "class_loss": _number(heads["class_loss"]),
            "count_loss": _number(heads["count_loss"]),
        },
        "per_pair": groups or None,
        "per_class": [
            {
                "class": int(row["class"]),
                "precision": _number(row["precision"]),
                "recall": _number(row["recall"]),
                "f1": _number(row["f1"]),
                "support": int(row["support"]),
                "auc": _number(row["auc"]),
            }
            for row in per_class(predictions).to_dict("records")
        ],
        "confusion": confusion_counts(predictions).tolist(),
        "class_names": list(predictions.space.class_names),
        "calibration_error": _number(expected_calibration_error(predictions)),
        "counts": _counts(predictions),
    }


def _counts(predictions: Predictions) -> dict[str, Any] | None:
    rows = [
        {"type": row["type"], "rmse": _number(row["rmse"]), "mae": _number(row["mae"])}
        for row in count_errors(predictions).to_dict("records")
    ]
    if not rows:
        return None
    *per_type, overall = rows
    return {"rmse": overall["rmse"], "mae": overall["mae"], "per_type": per_type}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
