"""Evaluation of one split as one JSON document: what `petridish evaluate --json` and the report print.

Separate because it puts the other tables together; it computes nothing of its own.
"""

import math
from typing import Any

from core.evaluation.accuracy import accuracy
from core.evaluation.calibration import expected_calibration_error
from core.evaluation.confusion_matrix import (
    confused_pairs,
    confusion_counts,
    confusion_matrix,
)
from core.evaluation.counts import count_errors
from core.evaluation.groups import per_group
from core.evaluation.losses import losses
from core.evaluation.one_vs_rest import OneVsRest, one_vs_rest
from core.evaluation.per_class import METRICS, per_class, summary
from core.predictions import Predictions


def evaluation(predictions: Predictions) -> dict[str, Any]:
    """Return everything that is said of one split, as plain values fit for JSON.

    A number that is undefined (see the table it comes from) is None, since JSON has no NaN. Ends of intervals are those of
    95 %.

    Returns:
        samples; accuracy, accuracy_low, accuracy_high (in [0, 1], Wilson); loss (class loss, nats); macro_f1,
        macro_precision, macro_recall (in [0, 1]); heads {class_loss, count_loss}; per_pair (list of {pair, accuracy,
        accuracy_low, accuracy_high, samples}, or None where classes have no groups); per_class (list of {class, precision,
        recall, f1, support, auc, average_precision, and <metric>_low, <metric>_high of precision, recall, f1 and auc} in
        class order); confusion (K rows, true, of K counts, predicted; samples without a prediction stand in no cell);
        class_names; calibration_error (in [0, 1]); counts {rmse, mae, per_type (list of {type, rmse, mae})} in figures, or
        None without a count head; averages (macro_f1_low, macro_f1_high, weighted_precision, weighted_recall, weighted_f1,
        macro_auc, macro_auc_low, macro_auc_high, micro_auc, micro_average_precision); confused_pairs (the ten with most
        samples: {true, predicted, count, share_of_true, low, high}).
    """
    rankings = one_vs_rest(predictions)
    overall = accuracy(predictions).iloc[0]
    heads = losses(predictions).iloc[0]
    averages = {row["average"]: row for row in summary(predictions, rankings).to_dict("records")}
    macro, weighted = averages["macro"], averages["weighted"]
    groups = [
        {
            "pair": row["group"],
            "accuracy": _number(row["accuracy"]),
            "accuracy_low": _number(row["low"]),
            "accuracy_high": _number(row["high"]),
            "samples": int(row["samples"]),
        }
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
        "per_class": _per_class(predictions, rankings),
        "confusion": confusion_counts(predictions).tolist(),
        "class_names": list(predictions.space.class_names),
        "calibration_error": _number(expected_calibration_error(predictions)),
        "counts": _counts(predictions),
        "averages": {
            "macro_f1_low": _number(macro["f1_low"]),
            "macro_f1_high": _number(macro["f1_high"]),
            "weighted_precision": _number(weighted["precision"]),
            "weighted_recall": _number(weighted["recall"]),
            "weighted_f1": _number(weighted["f1"]),
            "macro_auc": _number(macro["auc"]),
            "macro_auc_low": _number(macro["auc_low"]),
            "macro_auc_high": _number(macro["auc_high"]),
            "micro_auc": _number(rankings.micro.auc),
            "micro_average_precision": _number(rankings.micro.average_precision),
        },
        "confused_pairs": [
            {
                "true": int(row["true"]),
                "predicted": int(row["predicted"]),
                "count": int(row["count"]),
                **{name: _number(row[name]) for name in ("share_of_true", "low", "high")},
            }
            for row in confused_pairs(confusion_matrix(predictions)).to_dict("records")
        ],
    }


def _per_class(predictions: Predictions, rankings: OneVsRest) -> list[dict[str, Any]]:
    ends = [f"{metric}_{end}" for metric in METRICS for end in ("low", "high")]
    return [
        {
            "class": int(row["class"]),
            "precision": _number(row["precision"]),
            "recall": _number(row["recall"]),
            "f1": _number(row["f1"]),
            "support": int(row["support"]),
            "auc": _number(row["auc"]),
            "average_precision": _number(ranking.average_precision),
            **{name: _number(row[name]) for name in ends},
        }
        for row, ranking in zip(
            per_class(predictions, rankings).to_dict("records"), rankings.classes, strict=True
        )
    ]


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
