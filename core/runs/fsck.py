"""fsck: says what is damaged in a runs folder and mends what can be mended without losing anything.

It mends torn last lines and removes what killed processes left half made; it never guesses, never touches a run that a
worker holds, and leaves everything else to people: delete the run, or take a copy of it from elsewhere. What can be
wrong with one run is examination.py, with the queue `core.jobs.queue_examination`.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.exceptions import LockTaken
from core.runs import files, locks, trash
from core.runs.examination import Finding, examine, leftover
from core.runs.layout import RUN_ID, UNFINISHED, RunLayout
from core.runs.store import Store


@dataclass(frozen=True)
class Checked:
    """A finding and what became of it.

    Attributes:
        finding: what is wrong.
        is_repaired: whether it is mended by now.
    """

    finding: Finding
    is_repaired: bool = False

    def row(self) -> dict[str, Any]:
        """Return plain values: id (the run, or a folder beside the runs), file, kind, problem, repair, repaired."""
        values = asdict(self.finding)
        return {"id": values.pop("place"), **values, "repaired": self.is_repaired}


def fsck(
    store: Store,
    run_ids: Sequence[str] | None = None,
    fix: bool = False,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> list[Checked]:
    """Examine runs, and mend what loses nothing.

    Args:
        store: the runs folder.
        run_ids: which runs; all, and what lies beside them, by default.
        fix: whether to mend.
        progress: called before each run with the share done, in [0, 1], and the run's id.

    Raises:
        UnknownName: there is no run of an id.
        RunsFolderError: the folder cannot be read.
    """
    runs = store.runs() if run_ids is None else [store.run(one) for one in run_ids]
    checked: list[Checked] = []
    for number, run in enumerate(runs):
        progress(number / len(runs), run.id)
        checked += _of_run(store, run.layout, fix)
    if run_ids is None:
        checked += [
            Checked(one, fix and _repair(store.root / one.place / (one.file or ""), one))
            for one in _beside(store)
        ]
    return checked


def _of_run(store: Store, layout: RunLayout, fix: bool) -> list[Checked]:
    found = examine(layout, store.observer)
    if not fix or not any(one.repair for one in found):
        return [Checked(one) for one in found]
    try:
        # Held while mending: no worker starts in between. What was found before is found again, if it is still there.
        lock = locks.take(layout.alive_lock, makes_folder=False)
    except (LockTaken, OSError):
        return [Checked(one) for one in found]
    try:
        mendable = {one for one in examine(layout) if one.repair}
        return [
            Checked(
                one,
                one in mendable and one.file is not None and _repair(layout.path / one.file, one),
            )
            for one in found
        ]
    finally:
        lock.release()


def _beside(store: Store) -> Iterator[Finding]:
    """Look at what lies in the runs folder and is no run."""
    now = time.time()
    try:
        names = sorted(os.listdir(store.root))
    except FileNotFoundError:
        return
    for name in names:
        path = store.root / name
        if name.startswith(UNFINISHED):
            yield leftover(name, None, path, now, "remove the folder")
        elif name.endswith(".tmp"):
            yield leftover(name, None, path, now, "remove the file")
        elif name.startswith(".") and path.is_dir():
            yield from _in_trash(path, now) if path == store.layout.trash_dir else _aside(path, now)
        elif not name.startswith(".") and not (RUN_ID.fullmatch(name) and path.is_dir()):
            yield Finding(name, None, "notice", "it is no run and does not belong here")


def _aside(top: Path, now: float) -> Iterator[Finding]:
    """Look for what was written aside and never renamed into place, in one of our own folders."""
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(".tmp"):
                relative = path.relative_to(top).as_posix()
                yield leftover(top.name, relative, path, now, "remove the file")


def _in_trash(top: Path, now: float) -> Iterator[Finding]:
    for name in sorted(os.listdir(top)):
        deleted = trash.deleted_at(name)
        if deleted is None:
            yield Finding(top.name, name, "notice", "it is no deleted run")
        elif now - deleted / 1e9 > trash.KEPT_SECONDS:
            days = int((now - deleted / 1e9) / 86400)
            problem = (
                f"it was deleted {days} days ago; the next deletion or start of a runner removes it"
            )
            yield Finding(top.name, name, "notice", problem)


def _repair(path: Path, finding: Finding) -> bool:
    try:
        match finding.repair:
            case "end the line":
                files.end_torn_line(path)
            case "cut the torn line":
                data = path.read_bytes()
                os.truncate(path, data.rfind(b"\n") + 1)
                files.sync_file(path)
            case "remove the file":
                path.unlink()
            case "remove the folder":
                shutil.rmtree(path)
            case _:
                return False
    except OSError:
        return False
    return True
