"""The per-epoch record: appended rows, read on from where the last reading stopped.

Keys of a row: attempt, epoch (from 1, over all stages), step, time (Unix seconds), stage, learning_rate,
epoch_seconds, `<split>_<metric>` (losses in nats, accuracies in [0, 1]), samples (training images of the epoch, copies
included), samples_per_second, peak_memory (bytes). A value that is not finite is null and listed under "nan".
"""

import operator
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.exceptions import DamagedRun
from core.runs import files
from core.runs.layout import RunLayout

_ATTEMPT = re.compile(r"([0-9]{4,})\.json")


@dataclass(frozen=True)
class HistoryPart:
    """What has been read of one file so far.

    Attributes:
        rows: every parsed row, superseded ones included, in file order.
        offset: bytes read, up to and including a newline.
        bad: complete lines that held no row of an epoch.
        inode: which file it was; another one is read from its start.
    """

    rows: tuple[dict[str, Any], ...] = ()
    offset: int = 0
    bad: int = 0
    inode: int = 0


def read_on(path: Path, before: HistoryPart = HistoryPart()) -> HistoryPart:
    """Return the history with the bytes appended since `before`; a torn last line waits for its newline."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return HistoryPart()
    with file:
        status = os.fstat(file.fileno())
        if status.st_ino != before.inode or status.st_size < before.offset:
            before = HistoryPart(inode=status.st_ino)
        if status.st_size == before.offset:
            return before
        file.seek(before.offset)
        data = file.read()
    found, bad = files.parse_rows(data)
    rows = [row for row in found if is_row(row)]
    return HistoryPart(
        (*before.rows, *rows),
        before.offset + data.rfind(b"\n") + 1,
        before.bad + bad + len(found) - len(rows),
        status.st_ino,
    )


def is_row(values: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is the row of an epoch."""
    # Asked of every row that is read: types are compared here, which also leaves out True.
    return type(values.get("epoch")) is int and type(values.get("attempt")) is int


def visible(rows: Sequence[dict[str, Any]], from_epochs: Mapping[int, int]) -> list[dict[str, Any]]:
    """Hide what a later attempt supersedes, and return one row per epoch, ascending: the rows themselves, not copies.

    Args:
        rows: as read.
        from_epochs: attempt -> first epoch that it does or redoes.
    """
    if _is_plain(rows, from_epochs):
        return list(rows)
    best: dict[int, dict[str, Any]] = {}
    for row in rows:
        attempt, epoch = row["attempt"], row["epoch"]
        if any(epoch >= first for later, first in from_epochs.items() if later > attempt):
            continue
        if epoch not in best or attempt >= best[epoch]["attempt"]:
            best[epoch] = row
    return [best[epoch] for epoch in sorted(best)]


def _is_plain(rows: Sequence[dict[str, Any]], from_epochs: Mapping[int, int]) -> bool:
    """Return whether one attempt, and none after it, wrote all rows in order: so it is of nearly every run.

    Asked first, it takes a third off what the curves of 1,000 runs cost.
    """
    attempts = {row["attempt"] for row in rows}
    epochs = [row["epoch"] for row in rows]
    return (
        len(attempts) == 1
        and max(from_epochs, default=0) <= max(attempts)
        and all(map(operator.lt, epochs, epochs[1:]))
    )


def attempts(layout: RunLayout) -> dict[int, dict[str, Any]]:
    """Return what each attempt's file says, by number; a damaged file counts as an empty one."""
    found: dict[int, dict[str, Any]] = {}
    try:
        names = sorted(os.listdir(layout.attempts_dir))
    except FileNotFoundError:
        return found
    for name in names:
        number = _ATTEMPT.fullmatch(name)
        if number is not None:
            try:
                found[int(number[1])] = files.read_json(layout.attempts_dir / name)
            except (FileNotFoundError, DamagedRun):
                found[int(number[1])] = {}
    return found


def last_data_dir(layout: RunLayout, host: str) -> str | None:
    """Return the folder of the data sets that a run's latest attempt on a machine took; None where none is known.

    Args:
        layout: the run's folder.
        host: the machine; a folder that it no longer has counts as unknown.
    """
    for _, values in sorted(attempts(layout).items(), reverse=True):
        folder = values.get("data_dir")
        if values.get("host") == host and isinstance(folder, str) and os.path.isdir(folder):
            return folder
    return None


def from_epochs(layout: RunLayout) -> dict[int, int]:
    """Return attempt -> first epoch that it does or redoes, for `visible`."""
    return {
        number: values["from_epoch"]
        for number, values in attempts(layout).items()
        if type(values.get("from_epoch")) is int
    }


def history(layout: RunLayout) -> list[dict[str, Any]]:
    """Return the rows of a run after hiding superseded ones, one per epoch, ascending."""
    return visible(read_on(layout.history).rows, from_epochs(layout))


def whole_epochs(layout: RunLayout) -> int:
    """Return how many epochs from the first on have a row, up to the first that has none."""
    epochs = {row["epoch"] for row in history(layout)}
    return next(before for before in range(len(epochs) + 1) if before + 1 not in epochs)
