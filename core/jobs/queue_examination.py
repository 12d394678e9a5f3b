"""What `petridish runs fsck` says of the queue: entries that mean nothing, and runs that wait without one.

Apart from `core.runs.fsck`, which knows no queue, and from `recovery`, with which a runner puts the same right when it
starts, saying nothing. It never touches what is younger than a minute: somebody may be between two steps.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from core.exceptions import CoreError, UnknownName
from core.jobs import queue
from core.jobs.control import alone
from core.jobs.local import ensure_runner
from core.jobs.recovery import enqueue
from core.runs.examination import Finding
from core.runs.fsck import Checked
from core.runs.run import Run
from core.runs.store import Store

SETTLED_SECONDS = 60.0
"""Age from which an entry and its run's state must agree; in a sound folder they do within a second."""


def fsck_queue(store: Store, data_dir: Path, fix: bool = False) -> list[Checked]:
    """Examine the queue, and mend what loses nothing.

    Args:
        store: the runs folder.
        data_dir: folder of the data sets, for runs that are queued again.
        fix: whether to mend.

    Raises:
        RunsFolderError: the runs folder cannot be read.
    """
    checked: list[Checked] = []
    for path in _entries(store):
        problem = _wrong_in(store, path)
        if problem is not None:
            place, name = path.parent.name, path.name
            finding = Finding(place, name, "leftover", problem, "remove the file")
            checked.append(Checked(finding, fix and _removed(path)))
    for run in store.runs():
        if not _waits_unseen(store, run):
            continue
        if run.state.host not in (None, store.observer.host):
            problem = f"it waits on the machine {run.state.host!r} but stands in no queue; a runner there mends it"
            checked.append(Checked(Finding(run.id, None, "notice", problem)))
            continue
        problem = "it waits, but stands in no queue"
        finding = Finding(run.id, "state.json", "damage", problem, "queue it again")
        checked.append(Checked(finding, fix and _queued_again(store, run, data_dir)))
    return checked


def _entries(store: Store) -> Iterator[Path]:
    """Yield the entries of all machines that have settled, oldest first."""
    try:
        names = sorted(os.listdir(store.layout.queue_dir))
    except FileNotFoundError:
        return
    for name in names:
        path = store.layout.queue_dir / name
        if name.endswith(".json") and _is_settled(path):
            yield path


def _is_settled(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > SETTLED_SECONDS
    except OSError:
        return False


def _wrong_in(store: Store, path: Path) -> str | None:
    """Return why an entry is of no use, or None."""
    entry = queue.read_entry(path)
    if entry is None:
        return "it cannot be read; a run that waits gets another one"
    try:
        run = store.run(entry.run_id)
    except UnknownName:
        # Whoever asks may not see all runs.
        is_here = (store.root / entry.run_id).is_dir()
        return None if is_here else f"run {entry.run_id} is not here"
    state = run.state
    if run.damaged is not None or (state.state == "queued" and state.attempt == entry.attempt):
        return None
    if state.t is not None and time.time() - state.t <= SETTLED_SECONDS:
        return None
    return f"run {run.id} is {state.state} in attempt {state.attempt}; this is of attempt {entry.attempt}"


def _waits_unseen(store: Store, run: Run) -> bool:
    state = run.state
    return (
        run.damaged is None
        and state.state == "queued"
        and (state.t is None or time.time() - state.t > SETTLED_SECONDS)
        and not queue.is_queued(store.layout, run.id)
    )


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _queued_again(store: Store, run: Run, data_dir: Path) -> bool:
    try:
        with alone(run):
            now = store.run(run.id)
            # A page or a runner may have been quicker.
            if _waits_unseen(store, now):
                enqueue(store, now, now.state.attempt, str(data_dir.resolve()))
        ensure_runner(store, data_dir)
    except (CoreError, OSError):
        return False
    return True
