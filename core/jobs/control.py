"""What a page or a command asks of a run that exists: stop it, resume it.

Nothing is done here: a request is left in the folder or in the queue, and worker or runner see to it.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

from filelock import FileLock, Timeout

from core.exceptions import RunStateError
from core.jobs import queue
from core.jobs.executor import Executor
from core.jobs.local import ensure_runner, terminate
from core.runs import files, history, locks
from core.runs.run import Run
from core.runs.state import ACTIVE, RESUMABLE, read_state, write_state
from core.runs.store import Store

LONGEST_REQUEST = 30.0
"""Seconds that a request waits for another one on the same run."""


def stop(store: Store, run: Run, by: str) -> None:
    """Ask a run to stop at its next batch, keeping its results; a waiting run will not start.

    Args:
        store: the runs folder.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it is not under way.
    """
    # What a page holds may be seconds old.
    run = store.run(run.id)
    if run.state.state not in ACTIVE:
        raise RunStateError(
            f"Run {run.id} is {run.state.state}; only a run under way can be stopped."
        )
    files.make_folder(run.layout.control_dir)
    files.create_json(run.layout.stop_request, {"by": by, "time": time.time()})
    files.append_event(run.layout.events, "stop", by=by)
    if run.state.state == "queued":
        ensure_runner(store)
    else:
        terminate(store, run.state, locks.holder(run.layout.alive_lock))


def resume(store: Store, executor: Executor, run: Run, by: str) -> None:
    """Queue a run again; it goes on from its last checkpoint.

    Args:
        store: the runs folder.
        executor: who gets it executed.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it is finished, waiting or under way.
    """
    with _alone(run):
        # Another page may have been quicker: look again, under the lock.
        now = store.run(run.id)
        if now.damaged is not None:
            raise RunStateError(f"Run {run.id} is damaged and cannot be resumed: {now.damaged}.")
        if now.state.state not in RESUMABLE or queue.is_queued(store.layout, run.id):
            raise RunStateError(
                f"Run {run.id} is {now.state.state}; only a run that is {_words(RESUMABLE)} can be resumed."
            )
        attempt = max([now.state.attempt, *history.attempts(run.layout)]) + 1
        run.layout.stop_request.unlink(missing_ok=True)
        write_state(
            run.layout,
            replace(
                read_state(run.layout),
                state="queued",
                attempt=attempt,
                reason=None,
                message=None,
                by=by,
                t=time.time(),
                host=store.observer.host,
                pid=None,
                pid_start=None,
                device=None,
                slot=None,
                ended=None,
            ),
        )
        files.append_event(run.layout.events, "resume", by=by, attempt=attempt)
    # Outside: an inline executor trains in this call. A second request finds the run queued.
    executor.submit(store.run(run.id), attempt)


@contextlib.contextmanager
def _alone(run: Run) -> Iterator[None]:
    try:
        with FileLock(run.layout.request_lock, timeout=LONGEST_REQUEST, mode=files.FILE_MODE):
            yield
    except Timeout:
        raise RunStateError(f"Another request to run {run.id} is under way; try again.") from None


def _words(states: tuple[str, ...]) -> str:
    return f"{', '.join(states[:-1])} or {states[-1]}"
