"""Deleting runs and bringing them back: who asks, and whether anybody still needs the folder.

The move itself is `core.runs.trash`; here is what it takes to be sure that nobody trains the run and that it does
not wait. A damaged run can be deleted too: nothing but its lock is asked.
"""

import contextlib

from core.exceptions import LockTaken, RunStateError
from core.jobs import permissions, queue
from core.jobs.control import alone
from core.runs import files, locks, trash
from core.runs.run import Run
from core.runs.state import ACTIVE
from core.runs.store import Store


def delete(store: Store, run: Run, by: str) -> None:
    """Move a run into the trash, and empty the trash of what has lain there for a week.

    Args:
        store: the runs folder.
        run: the run, which may be damaged.
        by: who asks.

    Raises:
        RunStateError: it waits or is under way.
        NotAllowed: it is somebody else's.
        RunsFolderError: it could not be moved; it is where it was.
    """
    permissions.require("delete", run, by)
    with contextlib.ExitStack() as held:
        try:
            # Nothing is ever opened behind a link that stands where a run should.
            if not run.layout.path.is_symlink():
                held.enter_context(alone(run))
            now = _requested(store, run)
            if not run.layout.path.is_symlink():
                # Held while it moves, so that no worker starts in it. Not before: a lock says that the run lives.
                held.callback(locks.take(run.layout.alive_lock, makes_folder=False).release)
        except LockTaken:
            raise _under_way(run, "under way") from None
        except OSError as error:
            raise RunStateError(
                f"Run {run.id} cannot be deleted: its locks cannot be taken ({error.strerror})."
            ) from None
        if now.damaged is None:
            # On a full disk above all, deleting must be possible.
            with contextlib.suppress(OSError):
                files.append_event(run.layout.events, "delete", by=by)
        trash.discard(run.layout)
    trash.purge(store.layout)


def _requested(store: Store, run: Run) -> Run:
    """Return the run as it is now, if it may go; an entry that it does not wait for goes at once."""
    now = store.run(run.id)
    if now.state.state in ACTIVE:
        raise _under_way(run, now.state.state)
    queue.remove(store.layout, run.id)
    return now


def _under_way(run: Run, state: str) -> RunStateError:
    return RunStateError(f"Run {run.id} is {state}; stop it before you delete it.")


def restore(store: Store, text: str, by: str) -> Run:
    """Bring back the run deleted last whose id begins with a text.

    Args:
        store: the runs folder.
        text: at least four characters.
        by: who asks.

    Raises:
        UnknownName: there is no such run in the trash; InvalidParameter: there are several.
        RunStateError: there is a run of that id.
        NotAllowed: it is somebody else's.
        RunsFolderError: it could not be moved.
    """
    for one in trash.trashed(store.layout):
        if one.run_id.startswith(text):
            owner = trash.owner_of(one)
            permissions.require_of_owner("restore", one.run_id, owner, store.root, by)
    run = store.run(trash.restore(store.layout, text))
    if run.damaged is None:
        files.append_event(run.layout.events, "restore", by=by)
    return run
