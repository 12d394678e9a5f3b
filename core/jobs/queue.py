"""The queue of a runs folder: one small file per waiting attempt, so that nobody scans all runs for it.

An entry names the host that it was submitted on; a runner takes only its own. Losing an entry loses nothing: the
runner makes it again from the run's state when it starts. A run may have two entries for a moment (its submitter and a
runner that is just starting both saw to one): the state of the run says which attempt still waits.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.exceptions import DamagedRun
from core.runs import files
from core.runs.layout import RUN_ID, RunsLayout


@dataclass(frozen=True)
class QueueEntry:
    """An attempt that waits for a slot.

    Attributes:
        path: its file; names sort by age.
        run_id: the run.
        attempt: its number.
        owner: whose run it is.
        host: where it may start.
        device: "auto", "cpu", "cuda" or "mps".
        data_dir: folder of the data sets, absolute.
    """

    path: Path
    run_id: str
    attempt: int
    owner: str
    host: str
    device: str
    data_dir: str


def enqueue(
    layout: RunsLayout, run_id: str, attempt: int, owner: str, host: str, device: str, data_dir: str
) -> None:
    """Add an entry behind all others."""
    files.make_folder(layout.queue_dir)
    # Twenty digits: names of equal length sort by time.
    files.write_json(
        layout.queue_dir / f"{time.time_ns():020d}-{run_id}.json",
        {
            "run": run_id,
            "attempt": attempt,
            "owner": owner,
            "host": host,
            "device": device,
            "data_dir": data_dir,
        },
    )


def entries(layout: RunsLayout, host: str) -> list[QueueEntry]:
    """Return a host's entries, oldest first; what cannot be read is left out."""
    try:
        names = sorted(name for name in os.listdir(layout.queue_dir) if name.endswith(".json"))
    except FileNotFoundError:
        return []
    found: list[QueueEntry] = []
    for name in names:
        entry = read_entry(layout.queue_dir / name)
        if entry is not None and entry.host == host:
            found.append(entry)
    return found


def read_entry(path: Path) -> QueueEntry | None:
    """Return what an entry says, of whatever host; None where it is gone or cannot be read."""
    try:
        return _entry(path, files.read_json(path))
    except (FileNotFoundError, DamagedRun, KeyError, TypeError, ValueError):
        return None


def remove_unreadable(layout: RunsLayout) -> None:
    """Remove entries that say nothing, so that their runs, which seem to wait, can get new ones."""
    try:
        names = [name for name in os.listdir(layout.queue_dir) if name.endswith(".json")]
    except FileNotFoundError:
        return
    for name in names:
        path = layout.queue_dir / name
        try:
            _entry(path, files.read_json(path))
        except FileNotFoundError:
            pass
        except (DamagedRun, KeyError, TypeError, ValueError):
            path.unlink(missing_ok=True)


def is_queued(layout: RunsLayout, run_id: str) -> bool:
    """Return whether a run has an entry, of whatever host."""
    return bool(_paths_of(layout, run_id))


def remove(layout: RunsLayout, run_id: str) -> None:
    """Remove a run's entries, of whatever host and the unreadable too.

    Only for whoever holds the run's lock of requests and has seen that its state waits for none: a runner that died
    between writing a state and removing the entry has left one.
    """
    for path in _paths_of(layout, run_id):
        path.unlink(missing_ok=True)


def _paths_of(layout: RunsLayout, run_id: str) -> list[Path]:
    try:
        names = os.listdir(layout.queue_dir)
    except FileNotFoundError:
        return []
    return [layout.queue_dir / name for name in names if name.endswith(f"-{run_id}.json")]


def _entry(path: Path, values: dict[str, Any]) -> QueueEntry:
    if not RUN_ID.fullmatch(values["run"]):
        raise ValueError(values["run"])
    return QueueEntry(
        path=path,
        run_id=values["run"],
        attempt=int(values["attempt"]),
        owner=str(values["owner"]),
        host=str(values["host"]),
        device=str(values["device"]),
        data_dir=str(values["data_dir"]),
    )
