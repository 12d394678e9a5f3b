"""Trash: deleted runs, which can be brought back for a week. Deletion is a rename, so it is quick and whole.

A deleted run is `.trash/<id>-<nanoseconds>`; the moment is in the name, because a folder's own times change. Whether a
run may go (nobody trains it, it waits in no queue) is asked by whoever deletes (`core.jobs.removal`).
"""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core.exceptions import DamagedRun, RunsFolderError, RunStateError, UnknownName
from core.runs import files
from core.runs.layout import RUN_ID, RunLayout, RunsLayout, full_id

KEPT_SECONDS = 7 * 24 * 3600
"""How long a deleted run can be restored at least."""

_NAME = re.compile(rf"({RUN_ID.pattern})-(\d{{1,20}})", re.ASCII)


@dataclass(frozen=True)
class TrashedRun:
    """A deleted run.

    Attributes:
        path: its folder.
        run_id: its id.
        deleted: when, in nanoseconds since 1970.
    """

    path: Path
    run_id: str
    deleted: int


def trashed(layout: RunsLayout) -> list[TrashedRun]:
    """Return the deleted runs, those deleted last first.

    Raises:
        RunsFolderError: the trash cannot be read.
    """
    try:
        names = os.listdir(layout.trash_dir)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunsFolderError(f"The trash cannot be read: {error.strerror}.") from None
    matches = [_NAME.fullmatch(name) for name in names]
    found = [TrashedRun(layout.trash_dir / one[0], one[1], int(one[2])) for one in matches if one]
    return sorted(found, key=lambda one: one.deleted, reverse=True)


def owner_of(one: TrashedRun) -> str | None:
    """Return whose a deleted run is; None where its files do not say."""
    try:
        owner = files.read_json(RunLayout(one.path).run_json).get("owner")
    except (OSError, DamagedRun):
        return None
    return owner if isinstance(owner, str) else None


def deleted_at(name: str) -> int | None:
    """Return when a run was deleted, in nanoseconds since 1970, from the name of its folder in the trash; None of others."""
    found = _NAME.fullmatch(name)
    return int(found[2]) if found else None


def discard(layout: RunLayout, now: int | None = None) -> TrashedRun:
    """Move a run's folder into the trash, whatever is in it. Nobody may be writing there.

    Args:
        layout: the run.
        now: nanoseconds since 1970; those of the clock by default.

    Raises:
        UnknownName: it is gone already.
        RunsFolderError: it could not be moved; it is where it was.
    """
    top = RunsLayout(layout.path.parent)
    moment = time.time_ns() if now is None else now
    target = top.trashed(layout.id, moment)
    try:
        files.make_folder(top.trash_dir)
        os.rename(layout.path, target)
        _sync(top)
    except FileNotFoundError:
        raise UnknownName("run", layout.id, ()) from None
    except OSError as error:
        raise RunsFolderError(f"Run {layout.id} cannot be deleted: {error.strerror}.") from None
    return TrashedRun(target, layout.id, moment)


def restore(layout: RunsLayout, text: str) -> str:
    """Bring a deleted run back, the one deleted last of several with its id; return its id.

    Args:
        layout: the runs folder.
        text: the id or its beginning.

    Raises:
        UnknownName: no run in the trash is called that.
        InvalidParameter: several are.
        RunStateError: there is a run of this id.
        RunsFolderError: it could not be moved; it is where it was.
    """
    found = trashed(layout)
    known = {one.run_id for one in found}
    try:
        run_id = full_id(text, known)
    except UnknownName:
        raise UnknownName("deleted run", text, known) from None
    there = layout.run(run_id).path
    if os.path.lexists(there):
        raise RunStateError(
            f"Run {run_id} exists; the deleted one of that id stays in the trash. Delete the other one first."
        )
    newest = next(one for one in found if one.run_id == run_id)
    try:
        os.rename(newest.path, there)
        _sync(layout)
    except OSError as error:
        raise RunsFolderError(f"Run {run_id} cannot be restored: {error.strerror}.") from None
    return run_id


def purge(layout: RunsLayout, now: int | None = None) -> list[str]:
    """Remove what was deleted more than `KEPT_SECONDS` ago, for good; return the ids.

    Only for deletions and the runner: removing large runs takes seconds, and reading must change nothing.

    Args:
        layout: the runs folder.
        now: nanoseconds since 1970; those of the clock by default.
    """
    moment = time.time_ns() if now is None else now
    gone: list[str] = []
    for one in trashed(layout):
        if moment - one.deleted > KEPT_SECONDS * 10**9:
            if one.path.is_symlink():
                one.path.unlink(missing_ok=True)
            else:
                shutil.rmtree(one.path, ignore_errors=True)
            gone.append(one.run_id)
    return gone


def _sync(layout: RunsLayout) -> None:
    files.sync_folder(layout.trash_dir)
    files.sync_folder(layout.root)
