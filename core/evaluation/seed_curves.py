"""Curves of a variant: the histories of its seeds as one mean line with a band.

Separate from `learning_curves.py`, which has one line a run. Seeds that stopped early are handled in the open: the
table says at each point how many were still training. It leaves out reading the histories (`core.runs.history`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.learning_curves import MAX_POINTS, SPLITS, Rows, kept_points
from core.evaluation.seeds import Band, seed_band
from core.exceptions import InvalidParameter, UnknownName

Ending = Literal["end", "carry"]
Axis = Literal["epoch", "step", "seconds", "samples"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
AXES: tuple[Axis, ...] = get_args(Axis)
COLUMNS = (
    "variant", "split", "epoch", "x", "mean", "median", "low", "high", "num_seeds", "num_values",
)  # fmt: skip


def seed_curves(
    histories: Mapping[str, Rows],
    variants: Mapping[str, str],
    metric: str,
    *,
    band: Band = "standard_deviation",
    ending: Ending = "end",
    axis: Axis = "epoch",
    epoch_samples: Mapping[str, int] | None = None,
    num_points: int = MAX_POINTS,
) -> pd.DataFrame:
    """Return one line per variant and split: the mean over its seeds, epoch by epoch.

    Seeds are averaged at equal epochs, whatever the axis: their x is averaged too. When a seed has stopped, the line
    goes on by the mean step of those still training, so x never runs backwards.

    Args:
        histories: run id -> rows of `history.jsonl`, one per epoch.
        variants: run id -> variant; runs of one variant differ only in their seed. The id itself where it is missing.
        metric: the key without its split: "loss", "accuracy", "class_loss", "count_rmse".
        band: what it shows; see `core.evaluation.seeds.seed_band`.
        ending: what a seed gives after its last epoch: nothing ("end": the mean is then one of fewer seeds, which can
            make it jump), or its last value ("carry").
        axis: what x is: epochs, optimizer steps, seconds of training and evaluation, or training images seen.
        epoch_samples: run id -> training images an epoch, copies included; needed for "samples", which no history says.
        num_points: most points a line; see `kept_points`.

    Returns:
        By variant in the order in which they first occur, split ("train", "train_eval", "validation"; those of which a
        row has the metric) and rising x: variant, split, epoch (1-based), x (of the axis), mean, median, low, high (the
        metric's own unit; NaN where undefined), num_seeds (still training in that epoch), num_values (seeds in the
        mean: fewer where a value is null, more where one is carried).

    Raises:
        InvalidParameter: "samples" without the number of a run; num_points is below 5.
        UnknownName: there is no such band, ending or axis.
    """
    for name, one, known in (("ending", ending, ENDINGS), ("axis", axis, AXES)):
        if one not in known:
            raise UnknownName(name, one, known)
    runs_of: dict[str, list[str]] = {}
    for run, rows in histories.items():
        if rows:
            runs_of.setdefault(variants.get(run, run), []).append(run)
    lines = []
    for variant, runs in runs_of.items():
        histories_here = [sorted(histories[run], key=lambda row: int(row["epoch"])) for run in runs]
        last = [int(rows[-1]["epoch"]) for rows in histories_here]
        epochs = np.arange(1, max(last) + 1)
        is_training = epochs <= np.array(last)[:, None]  # (S, E)
        travelled = _travelled(runs, histories_here, epochs, axis, epoch_samples)
        x = _mean_path(travelled, is_training)
        for split in SPLITS:
            key = f"{split}_{metric}"
            if not any(key in row for rows in histories_here for row in rows):
                continue
            values = np.array([_placed(rows, key, len(epochs)) for rows in histories_here])
            if ending == "carry":
                values = np.where(is_training, values, _last_known(values)[:, None])
            mean, low, high = seed_band(values, band)
            kept = kept_points(mean, num_points)
            columns = {
                "variant": variant,
                "split": split,
                "epoch": epochs[kept],
                "x": x[kept],
                "mean": mean[kept],
                "median": _median(values[:, kept]),
                "low": low[kept],
                "high": high[kept],
                "num_seeds": is_training.sum(axis=0)[kept],
                "num_values": (~np.isnan(values)).sum(axis=0)[kept],
            }
            lines.append(pd.DataFrame(columns))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=list(COLUMNS))


def _placed(rows: Sequence[Mapping[str, Any]], key: str, num_epochs: int) -> NDArray[np.float64]:
    """Put a key's values at their epochs, (E,); NaN elsewhere."""
    placed = np.full(num_epochs, np.nan)
    for row in rows:
        value = row.get(key)
        if value is not None:
            placed[int(row["epoch"]) - 1] = value
    return placed


def _travelled(
    runs: Sequence[str],
    histories: Sequence[Rows],
    epochs: NDArray[np.int64],
    axis: Axis,
    epoch_samples: Mapping[str, int] | None,
) -> NDArray[np.float64]:
    """Return how far along the axis each seed is after each epoch, (S, E)."""
    if axis == "epoch":
        return np.tile(epochs.astype(np.float64), (len(runs), 1))
    if axis == "samples":
        missing = [run for run in runs if run not in (epoch_samples or {})]
        if missing or epoch_samples is None:
            raise InvalidParameter(
                f"The axis 'samples' needs the training images an epoch of each run; {missing[0]} has none. "
                "Choose epoch, step or seconds."
            )
        return np.array([epochs * epoch_samples[run] for run in runs], dtype=np.float64)
    if axis == "step":
        steps = [_placed(rows, "step", len(epochs)) for rows in histories]
        return np.array([_bridged(one, epochs) for one in steps])
    seconds = [_placed(rows, "epoch_seconds", len(epochs)) for rows in histories]
    return np.array([np.nan_to_num(one).cumsum() for one in seconds])


def _bridged(values: NDArray[np.float64], epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Fill epochs without a row in a straight line from 0; a run without any value stays at 0."""
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(epochs, [0, *epochs[known]], [0, *values[known]])


def _mean_path(
    travelled: NDArray[np.float64], is_training: NDArray[np.bool_]
) -> NDArray[np.float64]:
    advance = np.diff(travelled, prepend=0.0, axis=1)
    return (np.where(is_training, advance, 0).sum(axis=0) / is_training.sum(axis=0)).cumsum()


def _last_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each seed's last value, (S,); NaN for one without any."""
    return np.array(
        [one[~np.isnan(one)][-1] if (~np.isnan(one)).any() else np.nan for one in values]
    )


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median over seeds, (E,), without the warning that nanmedian gives for a column of NaN."""
    median = np.full(values.shape[1], np.nan)
    is_known = ~np.isnan(values).all(axis=0)
    median[is_known] = np.nanmedian(values[:, is_known], axis=0)
    return median
