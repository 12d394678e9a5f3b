"""Stored outputs: what the network said of each split, epoch by epoch and at the end.

Of validation and of a fixed slice of train there is a record for every epoch, of test one for the best weights.
The outputs of epoch e lie at a fixed place of `predictions/<split>.<head>.f16`, so an epoch that is
done again overwrites itself, and any epoch is one read away. `predictions/index.json` holds what is
needed to understand them without the data set: label space, sample ids, labels. A reader trusts only
epochs that the history names.
"""

import errno
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.exceptions import DamagedRun, InvalidParameter, RunStateError, UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions
from core.runs import files
from core.runs.layout import SPLIT, RunLayout

HEADS = ("class", "count")

# What reading a damaged file may raise; InvalidParameter comes from arrays that do not fit together.
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    InvalidParameter,
)


@dataclass(frozen=True)
class Truth:
    """What is true of the N samples of a split whose outputs are stored.

    Attributes:
        sample_ids: (N,) int64, positions in the split.
        labels: (N,) int64.
        counts: (N, T), or None.
    """

    sample_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    counts: NDArray[Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain lists."""
        return {
            "samples": len(self.labels),
            "sample_ids": self.sample_ids.tolist(),
            "labels": self.labels.tolist(),
            "counts": None if self.counts is None else self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Truth":
        """Make it again from what `to_json` gave."""
        counts = values.get("counts")
        with np.errstate(over="raise"):  # of numbers that no count is
            return cls(
                sample_ids=np.asarray(values["sample_ids"], dtype=np.int64),
                labels=np.asarray(values["labels"], dtype=np.int64),
                counts=None if counts is None else np.asarray(counts, dtype=np.float32),
            )


def write_index(
    layout: RunLayout, space: LabelSpace, heads: Sequence[str], truths: Mapping[str, Truth]
) -> None:
    """Say what the records of this run will hold; called before the first of them.

    Args:
        layout: the run.
        space: classes and counts.
        heads: those of `HEADS` that the network was trained on.
        truths: split -> what is true of its samples.
    """
    widths = {head: _width(space, head) for head in heads}
    splits = {split: {"heads": widths, **truth.to_json()} for split, truth in truths.items()}
    files.write_json(
        layout.predictions_index,
        {"schema": files.SCHEMA, "label_space": space.to_json(), "splits": splits},
    )


def write_record(layout: RunLayout, split: str, head: str, epoch: int, values: NDArray) -> None:
    """Write the outputs of one epoch to their place.

    Args:
        layout: the run.
        split: "validation" or "train".
        head: "class" or "count".
        epoch: from 1.
        values: (N, D) float16.

    Raises:
        OSError: the disk is full or failed; the epoch's place holds part of it, and no history row names it yet.
    """
    path = layout.outputs(split, head)
    with np.errstate(over="ignore"):  # beyond float16 it is recorded as not finite
        data = np.ascontiguousarray(values, dtype="<f2").tobytes()
    files.fault(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, files.FILE_MODE)
    try:
        offset = (epoch - 1) * len(data)
        written = 0
        while written < len(data):
            # A nearly full disk takes less than it was given, and nothing at the next call.
            step = os.pwrite(descriptor, data[written:], offset + written)
            if step == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)
            written += step
    finally:
        os.close(descriptor)


def write_test(
    layout: RunLayout,
    space: LabelSpace,
    truth: Truth,
    outputs: Mapping[str, NDArray],
    epoch: int,
) -> None:
    """Write the best weights' outputs on the test split.

    Args:
        layout: the run.
        space: classes and counts.
        truth: of the test split.
        outputs: head -> (N, D) float32.
        epoch: the best one.
    """
    for head, values in outputs.items():
        buffer = io.BytesIO()
        np.save(buffer, values.astype(np.float32), allow_pickle=False)
        files.write_bytes(layout.test_outputs(head), buffer.getvalue())
    files.write_json(
        layout.test_json,
        {
            "schema": files.SCHEMA,
            "epoch": epoch,
            "heads": sorted(outputs),
            "label_space": space.to_json(),
            **truth.to_json(),
        },
    )


def final_predictions(layout: RunLayout) -> Predictions:
    """Return what the best weights said of the test split.

    Raises:
        RunStateError: the run has no test results (yet).
        DamagedRun: they cannot be read.
    """
    try:
        index = files.read_json(layout.test_json)
    except FileNotFoundError:
        raise _nothing_stored(layout, "test") from None
    except DamagedRun as error:
        raise DamagedRun(f"Run {layout.id}: results/test cannot be read: {error}.") from None
    try:
        outputs = {
            # Mapped before it is copied, so that no header can ask for more memory than the file is long.
            head: np.array(np.lib.format.open_memmap(layout.test_outputs(head), mode="r"))
            for head in HEADS
            if head in index["heads"]
        }
        return _predictions(index["label_space"], index, outputs)
    except _UNREADABLE as error:
        raise DamagedRun(f"Run {layout.id}: results/test cannot be read: {_why(error)}.") from None


def epoch_predictions(layout: RunLayout, split: str, epoch: int) -> Predictions:
    """Return what the network said of a split after an epoch that the history names.

    Raises:
        RunStateError: nothing is stored yet.
        UnknownName: no such split is stored.
        DamagedRun: the record is missing or cannot be read.
    """
    try:
        index = files.read_json(layout.predictions_index)
    except FileNotFoundError:
        raise _nothing_stored(layout, split) from None
    except DamagedRun as error:
        raise DamagedRun(f"Run {layout.id}: predictions cannot be read: {error}.") from None
    try:
        if split not in index["splits"]:
            raise UnknownName("split with stored outputs", split, index["splits"])
        stored = index["splits"][split]
        outputs = {
            head: _record(layout.outputs(split, head), epoch, len(stored["labels"]), width)
            for head, width in stored["heads"].items()
            if head in HEADS
        }
        return _predictions(index["label_space"], stored, outputs)
    except _UNREADABLE as error:
        raise DamagedRun(
            f"Run {layout.id}: predictions/{split}, epoch {epoch}, cannot be read: {_why(error)}."
        ) from None


def record_bytes(index: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return (split, head) -> bytes of one epoch's record, as `predictions/index.json` says.

    Raises:
        DamagedRun: it does not say it, or names a split as no split is named.
    """
    try:
        found = {
            (split, head): 2 * len(stored["labels"]) * stored["heads"][head]
            for split, stored in index["splits"].items()
            for head in stored["heads"]
            if head in HEADS
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedRun(f"index.json cannot be understood: {_why(error)}") from None
    for (split, _), size in found.items():
        if not SPLIT.fullmatch(split):
            raise DamagedRun(f"index.json names a split {split!r}"[:200])
        if not isinstance(size, int) or size < 0:
            raise DamagedRun(f"index.json gives a record of {split} {size!r} bytes"[:200])
    return found


def _nothing_stored(layout: RunLayout, split: str) -> RunStateError:
    hint = "training ends" if split == "test" else "its first epoch ends"
    return RunStateError(
        f"Run {layout.id} has no outputs on the {split} split; they are stored when {hint}."
    )


def _why(error: Exception) -> str:
    """Return what was wrong, without the path that an OSError would name."""
    match error:
        case OSError():
            return error.strerror or type(error).__name__
        case KeyError():
            return f"{error} is missing"
        case _:
            return str(error).rstrip(".")


def _width(space: LabelSpace, head: str) -> int:
    return {"class": space.num_classes, "count": space.num_counts}[head]


def _record(path: Path, epoch: int, samples: int, width: int) -> NDArray[np.float32]:
    size = samples * width
    # Before any memory is asked for: an index that was tampered with may name any size.
    if epoch < 1 or path.stat().st_size < epoch * size * 2:
        raise ValueError("the record is missing")
    values = np.fromfile(path, dtype="<f2", count=size, offset=(epoch - 1) * size * 2)
    return values.reshape(samples, width).astype(np.float32)


def _predictions(
    space: dict[str, Any], truth: dict[str, Any], outputs: Mapping[str, NDArray]
) -> Predictions:
    known = Truth.from_json(truth)
    return Predictions(
        space=LabelSpace.from_json(space),
        sample_ids=known.sample_ids,
        labels=known.labels,
        logits=outputs["class"],
        count_labels=known.counts,
        counts=outputs.get("count"),
    )
