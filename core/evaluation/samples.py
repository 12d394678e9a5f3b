"""The samples behind a number: every cell and bar opens the list that it counts.

Separate because it returns samples where the others return sums. It leaves out the images.
"""

import numpy as np
import pandas as pd

from core.evaluation.losses import cross_entropy
from core.exceptions import InvalidParameter
from core.predictions import NO_PREDICTION, Predictions

NO_PREDICTION_NAME = "no prediction"


def samples(
    predictions: Predictions, true: int | None = None, predicted: int | None = None
) -> pd.DataFrame:
    """List the samples of a cell, of a row or column, or all of them.

    Args:
        predictions: N samples over K classes.
        true: keep the samples of this class only, in [0, K).
        predicted: keep the samples taken for this class only, in [0, K), or NO_PREDICTION for those whose logits
            are not all finite.

    Returns:
        One row per sample, by falling confidence, equal ones by sample_id, those without a prediction last:
        sample_id, true, true_name, predicted, predicted_name ("no prediction" without one), confidence (in
        [0, 1]), loss (cross entropy of the true class in nats), is_right. With both classes given there are as
        many rows as the cell of `confusion_matrix` counts.

    Raises:
        InvalidParameter: a class lies outside [0, K).
    """
    num_classes = predictions.space.num_classes
    keep = np.ones(len(predictions), dtype=bool)
    if true is not None:
        if not 0 <= true < num_classes:
            raise InvalidParameter(f"true must lie in [0, {num_classes}); got {true}.")
        keep &= predictions.labels == true
    if predicted is not None:
        if predicted != NO_PREDICTION and not 0 <= predicted < num_classes:
            raise InvalidParameter(f"predicted must lie in [0, {num_classes}); got {predicted}.")
        keep &= predictions.predicted == predicted
    kept = np.flatnonzero(keep)
    # NaN confidences sort last.
    order = np.lexsort((predictions.sample_ids[kept], -predictions.confidence[kept]))
    kept = kept[order]
    labels, answers = predictions.labels[kept], predictions.predicted[kept]
    # NO_PREDICTION is -1 and thus finds the name that stands last.
    names = np.array([*predictions.space.class_names, NO_PREDICTION_NAME], dtype=object)
    return pd.DataFrame(
        {
            "sample_id": predictions.sample_ids[kept],
            "true": labels,
            "true_name": names[labels],
            "predicted": answers,
            "predicted_name": names[answers],
            "confidence": predictions.confidence[kept],
            "loss": cross_entropy(predictions)[kept],
            "is_right": predictions.is_right[kept],
        }
    )
