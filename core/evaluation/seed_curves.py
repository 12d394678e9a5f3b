"""Curves of a variant: the histories of its seeds as one mean line with a band, and each seed beside it.

Separate from `learning_curves.py`, which has one line a run over epochs alone. Seeds that stopped early are handled in the
open: the table says at each point how many were still training. It leaves out reading the histories
(`core.runs.history`).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.learning_curves import MAX_POINTS, SPLITS, Rows, best_epoch, kept_points
from core.evaluation.seeds import Band, seed_band
from core.exceptions import InvalidParameter, UnknownName

Ending = Literal["end", "carry"]
Axis = Literal["epoch", "step", "seconds", "samples"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
AXES: tuple[Axis, ...] = get_args(Axis)
COLUMNS = (
    "variant", "split", "epoch", "x", "mean", "median", "low", "high", "smoothed", "num_seeds", "num_values",
)  # fmt: skip
SINGLE_COLUMNS = ("variant", "run", "split", "epoch", "x", "value", "is_best", "is_last")


def seed_curves(
    histories: Mapping[str, Rows],
    variants: Mapping[str, str],
    metric: str,
    *,
    band: Band = "standard_deviation",
    ending: Ending = "end",
    axis: Axis = "epoch",
    epoch_samples: Mapping[str, int] | None = None,
    smoothing: int = 1,
    within: tuple[float, float] | None = None,
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
        epoch_samples: run id -> training images an epoch, copies included; needed for "samples" only for runs whose
            history does not say it.
        smoothing: epochs of the centred moving mean in "smoothed", at least 1; 1 leaves it as the mean.
        within: x from and to, so that a zoom gets finer points; the whole line by default.
        num_points: most points a line; see `kept_points`.

    Returns:
        By variant in the order in which they first occur, split ("train", "train_eval", "validation"; those of which a
        row has the metric) and rising x: variant, split, epoch (1-based), x (of the axis), mean, median, low, high (the
        metric's own unit; NaN where undefined), smoothed (the moving mean of mean), num_seeds (still training in that epoch), num_values (seeds in the
        mean: fewer where a value is null, more where one is carried).

    Raises:
        InvalidParameter: "samples" without the number of a run; num_points is below 5, smoothing below 1.
        UnknownName: there is no such band, ending or axis.
    """
    if ending not in ENDINGS:
        raise UnknownName("ending", ending, ENDINGS)
    if smoothing < 1:
        raise InvalidParameter(f"smoothing must be at least 1 epoch; got {smoothing}.")
    lines = []
    for variant, runs in _runs_of(histories, variants).items():
        histories_here = [_in_order(histories[run]) for run in runs]
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
            shown = np.flatnonzero(_is_within(x, within))
            kept = shown[kept_points(mean[shown], num_points)]
            columns = {
                "variant": variant,
                "split": split,
                "epoch": epochs[kept],
                "x": x[kept],
                "mean": mean[kept],
                "median": _median(values[:, kept]),
                "low": low[kept],
                "high": high[kept],
                "smoothed": moving_mean(mean, smoothing)[kept],
                "num_seeds": is_training.sum(axis=0)[kept],
                "num_values": (~np.isnan(values)).sum(axis=0)[kept],
            }
            lines.append(pd.DataFrame(columns))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=list(COLUMNS))


def single_curves(
    histories: Mapping[str, Rows],
    variants: Mapping[str, str],
    metric: str,
    *,
    axis: Axis = "epoch",
    epoch_samples: Mapping[str, int] | None = None,
    within: tuple[float, float] | None = None,
    num_points: int = MAX_POINTS,
) -> pd.DataFrame:
    """Return one line per run and split, to be drawn behind the mean; arguments and errors as for `seed_curves`.

    Returns:
        By run, split and rising x: variant, run, split, epoch (1-based), x (of the axis), value (the metric's own unit;
        NaN where undefined), is_best (whether this is the validation point of the highest validation accuracy, the first
        of equals; it is always kept), is_last (the run's last epoch).
    """
    lines = []
    for variant, runs in _runs_of(histories, variants).items():
        for run in runs:
            rows = _in_order(histories[run])
            epochs = np.arange(1, int(rows[-1]["epoch"]) + 1)
            x = _travelled([run], [rows], epochs, axis, epoch_samples)[0]
            best = best_epoch(rows)
            for split in SPLITS:
                key = f"{split}_{metric}"
                if not any(key in row for row in rows):
                    continue
                values = _placed(rows, key, len(epochs))
                is_best = (epochs == best) & (split == "validation")
                shown = np.flatnonzero(_is_within(x, within))
                thinned = shown[kept_points(values[shown], num_points)]
                kept = np.union1d(thinned, np.flatnonzero(is_best & _is_within(x, within)))
                columns = {
                    "variant": variant,
                    "run": run,
                    "split": split,
                    "epoch": epochs[kept],
                    "x": x[kept],
                    "value": values[kept],
                    "is_best": is_best[kept],
                    "is_last": epochs[kept] == epochs[-1],
                }
                lines.append(pd.DataFrame(columns))
    if not lines:
        return pd.DataFrame(columns=list(SINGLE_COLUMNS))
    return pd.concat(lines, ignore_index=True)


def stage_boundaries(
    histories: Mapping[str, Rows],
    variants: Mapping[str, str],
    *,
    axis: Axis = "epoch",
    epoch_samples: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Return where the stages of joined curves meet; arguments and errors as for `seed_curves`.

    Returns:
        One row per variant and stage but the first: variant, stage (from 1, the one that begins), x (the end of the stage
        before, mean over the seeds that got so far).
    """
    found = []
    for variant, runs in _runs_of(histories, variants).items():
        ends: dict[int, list[float]] = {}
        for run in runs:
            rows = _in_order(histories[run])
            epochs = np.arange(1, int(rows[-1]["epoch"]) + 1)
            x = _travelled([run], [rows], epochs, axis, epoch_samples)[0]
            for before, after in pairwise(rows):
                stage = int(after.get("stage") or 0)
                if stage > int(before.get("stage") or 0):
                    ends.setdefault(stage, []).append(float(x[int(before["epoch"]) - 1]))
        found += [
            {"variant": variant, "stage": stage, "x": float(np.mean(some))}
            for stage, some in sorted(ends.items())
        ]
    return pd.DataFrame(found, columns=["variant", "stage", "x"])


def moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the centred moving mean over `width` points, over fewer at the ends; (E,).

    NaN is left out of the means, and stays NaN in its own place. An even width reaches one point further back than ahead.
    """
    if width == 1 or not len(values):
        return values
    is_known = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.where(is_known, values, 0).cumsum()])
    counts = np.concatenate([[0], is_known.cumsum()])
    places = np.arange(len(values))
    start = np.maximum(places - width // 2, 0)
    end = np.minimum(places + (width - 1) // 2 + 1, len(values))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (sums[end] - sums[start]) / (counts[end] - counts[start])
    return np.where(is_known, means, np.nan)


def _runs_of(histories: Mapping[str, Rows], variants: Mapping[str, str]) -> dict[str, list[str]]:
    """Return variant -> its runs that have a history, both in the order given."""
    runs: dict[str, list[str]] = {}
    for run, rows in histories.items():
        if rows:
            runs.setdefault(variants.get(run, run), []).append(run)
    return runs


def _in_order(rows: Rows) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: int(row["epoch"]))


def _is_within(x: NDArray[np.float64], within: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Return which points lie within, and one more at either side, so that lines reach the edge."""
    if within is None:
        return np.ones(len(x), dtype=bool)
    is_inside = (x >= within[0]) & (x <= within[1])
    return is_inside | np.append(is_inside[1:], False) | np.append(False, is_inside[:-1])


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
    if axis not in AXES:
        raise UnknownName("axis", axis, AXES)
    if axis == "epoch":
        return np.tile(epochs.astype(np.float64), (len(runs), 1))
    if axis == "samples":
        known = epoch_samples or {}
        return np.array(
            [
                _samples(run, rows, len(epochs), known.get(run)).cumsum()
                for run, rows in zip(runs, histories, strict=True)
            ]
        )
    if axis == "step":
        steps = [_placed(rows, "step", len(epochs)) for rows in histories]
        return np.array([_bridged(one, epochs) for one in steps])
    seconds = [_placed(rows, "epoch_seconds", len(epochs)) for rows in histories]
    return np.array([np.nan_to_num(one).cumsum() for one in seconds])


def _samples(
    run: str, rows: Sequence[Mapping[str, Any]], num_epochs: int, given: int | None
) -> NDArray[np.float64]:
    """Return the training images of each epoch, (E,): as the history says, else as was given."""
    samples = _placed(rows, "samples", num_epochs)
    if np.isnan(samples).all():
        if given is None:
            raise InvalidParameter(
                f"The axis 'samples' needs the training images an epoch of each run; {run} has none. "
                "Choose epoch, step or seconds."
            )
        return np.full(num_epochs, float(given))
    # An epoch without a row trained on about as many as the others.
    return np.where(np.isnan(samples), np.nanmean(samples), samples)


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
