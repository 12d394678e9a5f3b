"""Learning curves: the histories of several runs as one tidy table, thinned to what a screen can show.

The one table that starts from histories, not from predictions. It leaves out reading them (`core.runs.history`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.exceptions import InvalidParameter

SPLITS = ("train", "train_eval", "validation")
OF_TRAINING = ("learning_rate", "gradient_norm", "count_loss_share", "dead_share")
"""Metrics of the training itself, of no split; they stand under "train"."""
MAX_POINTS = 250
"""Points a line; more of them cost the browser twice the time and show nothing new (measured on 100 lines)."""

Rows = Sequence[Mapping[str, Any]]


def learning_curves(
    histories: Mapping[str, Rows],
    metric: str,
    *,
    labels: Mapping[str, str] | None = None,
    variants: Mapping[str, str] | None = None,
    num_points: int = MAX_POINTS,
) -> pd.DataFrame:
    """Return one line per run and split, by epoch.

    Args:
        histories: run id -> rows of `history.jsonl`, one per epoch.
        metric: the key without its split: "loss", "accuracy", "class_loss", "count_rmse"; or one of `OF_TRAINING`, of
            which "dead_share" is that of the layer with most dead neurons.
        labels: run id -> what the screen calls the run; the id itself where it is missing.
        variants: run id -> variant; the label where it is missing.
        num_points: most points a line; see `kept_points`.

    Returns:
        By run, split and rising epoch: run, label, variant, split ("train", "train_eval", "validation"; those of
        which a row has the metric), epoch (1-based), value (the metric's own unit), is_best (whether this is the
        validation point of the run's highest validation accuracy, the first of equals). A value that is null, or
        an epoch without a row, gives a row with NaN, so that the line shows a gap.

    Raises:
        InvalidParameter: num_points is below 6.
    """
    if num_points < 6:
        raise InvalidParameter(f"num_points must be at least 6; got {num_points}.")
    lines = []
    for run, rows in histories.items():
        by_epoch = {int(row["epoch"]): row for row in rows}
        epochs = _with_gaps(np.array(sorted(by_epoch), dtype=np.int64))
        best = best_epoch(rows)
        label = (labels or {}).get(run, run)
        for split in SPLITS:
            key = history_key(split, metric)
            if key is None or not any(key in row for row in rows):
                continue
            values = np.array([_number(by_epoch.get(epoch, {}).get(key)) for epoch in epochs])
            is_best = (epochs == best) if split == "validation" else np.zeros(len(epochs), bool)
            # One point fewer, so that the best one always finds room.
            kept = np.union1d(kept_points(values, num_points - 1), np.flatnonzero(is_best))
            lines.append(
                pd.DataFrame(
                    {
                        "run": run,
                        "label": label,
                        "variant": (variants or {}).get(run, label),
                        "split": split,
                        "epoch": epochs[kept],
                        "value": values[kept],
                        "is_best": is_best[kept],
                    }
                )
            )
    if not lines:
        return pd.DataFrame(
            columns=["run", "label", "variant", "split", "epoch", "value", "is_best"]
        )
    return pd.concat(lines, ignore_index=True)


def history_key(split: str, metric: str) -> str | None:
    """Return the key under which history rows have a metric of a split; None where it has no such metric."""
    if metric in OF_TRAINING:
        return metric if split == "train" else None
    return f"{split}_{metric}"


def best_epoch(rows: Rows) -> int | None:
    """Return the epoch of the highest validation accuracy, the first of equals; None before there is one."""
    found = [
        (-row["validation_accuracy"], int(row["epoch"]))
        for row in rows
        if row.get("validation_accuracy") is not None
    ]
    return min(found)[1] if found else None


def kept_points(values: NDArray[np.float64], num_points: int = MAX_POINTS) -> NDArray[np.int64]:
    """Return which points of a line to draw, so that its shape survives.

    Both ends stay, and of each of equally long buckets in between the lowest and the highest point, and one NaN where
    the bucket has any.

    Args:
        values: (N,) the line, NaN where it has gaps.
        num_points: most positions returned, at least 5.

    Returns:
        Rising positions in [0, N); all of them when N is at most num_points.

    Raises:
        InvalidParameter: num_points is below 5: no room for the ends and one bucket with a gap.
    """
    if num_points < 5:
        raise InvalidParameter(f"num_points must be at least 5; got {num_points}.")
    positions = np.arange(len(values))
    if len(values) <= num_points:
        return positions
    is_gap = np.isnan(values)
    num_buckets = (num_points - 2) // (3 if is_gap.any() else 2)
    kept = [0, len(values) - 1]
    for bucket in np.array_split(positions[1:-1], num_buckets):
        gaps, drawn = bucket[is_gap[bucket]], bucket[~is_gap[bucket]]
        if len(drawn):
            kept += [drawn[values[drawn].argmin()], drawn[values[drawn].argmax()]]
        kept += list(gaps[:1])
    return np.unique(kept)


def _with_gaps(epochs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add one missing epoch to each gap: enough for the line to break there."""
    return np.union1d(epochs, epochs[:-1][np.diff(epochs) > 1] + 1)


def _number(value: float | Mapping[str, float | None] | None) -> float:
    if isinstance(value, Mapping):
        return max((_number(one) for one in value.values()), default=np.nan)
    return np.nan if value is None else float(value)
