"""What the history says of one split after an epoch, from stored outputs and the truth.

Training itself averages the losses of its batches (loop.py); everything here is computed from outputs as they are
stored, rounded to float16, so that a curve and a table made later from the stored outputs agree.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.training.data import TensorSplit
from core.training.tally import Loss

Outputs16 = Mapping[str, NDArray[np.float16]]


def split_metrics(
    prefix: str, outputs: Outputs16, truth: TensorSplit, loss: Loss
) -> dict[str, float]:
    """Return the metrics of one split from its outputs.

    Args:
        prefix: of the keys: "validation" or "train_eval".
        outputs: "class" (N, K) logits and, with a trained count head, "count" (N, T).
        truth: N samples.
        loss: its weights; without label smoothing and class weights, which are for fitting alone.

    Returns:
        <prefix>_loss (weighted class loss, in nats, plus weighted count loss) and <prefix>_accuracy (in [0, 1]); with counts also
        <prefix>_class_loss (nats), <prefix>_count_loss (smooth L1), <prefix>_count_rmse and <prefix>_count_mae (figures).
        A value is NaN where an output that it needs is not finite or there is no sample.
    """
    labels = truth.labels.cpu().numpy()
    class_loss = mean_or_nan(cross_entropy(outputs["class"], labels))
    # Without finite logits there is no prediction, so it is not right: as core.predictions counts.
    is_right = (outputs["class"].argmax(axis=1) == labels) & np.isfinite(outputs["class"]).all(
        axis=1
    )
    accuracy = mean_or_nan(is_right.astype(np.float64))
    weighted = loss.class_weight * class_loss if loss.class_weight > 0 else 0.0
    metrics = {"loss": weighted, "accuracy": accuracy}
    if "count" in outputs and truth.counts is not None:
        errors = outputs["count"].astype(np.float64) - truth.counts.cpu().numpy()  # (N, T)
        count_loss = mean_or_nan(smooth_l1(errors))
        metrics["loss"] += loss.count_weight * count_loss
        metrics["class_loss"] = class_loss
        metrics["count_loss"] = count_loss
        metrics["count_rmse"] = mean_or_nan(np.square(errors)) ** 0.5
        metrics["count_mae"] = mean_or_nan(np.abs(errors))
    return {f"{prefix}_{name}": value for name, value in metrics.items()}


def cross_entropy(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (N,) losses in nats of logits (N, K), computed in float64; NaN where a logit is not finite."""
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted = wide - wide.max(axis=1, keepdims=True, initial=-np.inf)
        normaliser = np.log(np.exp(shifted).sum(axis=1))
        losses = normaliser - shifted[np.arange(len(labels)), labels]
    return np.where(np.isfinite(wide).all(axis=1), losses, np.nan)


def smooth_l1(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half the square of errors up to 1 and the distance less a half beyond.

    Source: Girshick 2015, "Fast R-CNN", equation 3.
    """
    distance = np.abs(errors)
    return np.where(distance < 1, 0.5 * np.square(errors), distance - 0.5)


def mean_or_nan(values: NDArray[np.float64]) -> float:
    """Return the mean, NaN if there is no value or one is not finite."""
    if values.size == 0 or not np.isfinite(values).all():
        return float("nan")
    return float(values.mean())
