"""What a page or a command asks of a run that exists: stop, pause, resume, retry, kill.

Nothing is done here: a request is left in the folder or in the queue, and worker or runner see to it. Only a worker
that does not answer is killed from here, and a run that waits on another machine, whose runner may be gone for good,
is stopped from here. Deleting and restoring is removal.py.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ParamSpec

from filelock import FileLock, Timeout

from core.exceptions import (
    DamagedRun,
    LockTaken,
    NotAllowed,
    RunsFolderError,
    RunStateError,
    UnknownName,
)
from core.jobs import permissions, queue, quotas
from core.jobs.executor import Executor
from core.jobs.local import ensure_runner, kill_worker, terminate
from core.runs import files, history, locks
from core.runs.run import Run
from core.runs.state import ACTIVE, RESUMABLE, placed, read_state, write_state
from core.runs.store import Store

LONGEST_REQUEST = 30.0
"""Seconds that a request waits for another one on the same run."""

RETRIABLE = ("failed", "crashed", "interrupted")
"""States in which a run ended against everybody's will."""

DEATH_SECONDS = 5.0
"""Longest wait for the lock of a process that has got SIGKILL; 2 ms were measured."""


_Given = ParamSpec("_Given")


def _told(request: "Callable[_Given, None]") -> "Callable[_Given, None]":
    """Make a request that cannot be written say so without the paths of this machine."""

    @functools.wraps(request)
    def asked(*given: _Given.args, **named: _Given.kwargs) -> None:
        try:
            request(*given, **named)
        except OSError as error:
            text = f"The request cannot be written to the runs folder: {error.strerror}."
            raise RunsFolderError(text) from error

    return asked


@_told
def stop(store: Store, run: Run, by: str) -> None:
    """Ask a run to stop at its next batch, keeping its results; a waiting run will not start.

    One that waits on another machine is stopped at once: that machine may be gone, or have another name now.

    Args:
        store: the runs folder.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it is not under way.
    """
    run = _under_way(store, run, "stopped")
    permissions.require("stop", run, by)
    # Whoever stops a run that was asked to pause wants its results.
    run.layout.pause_request.unlink(missing_ok=True)
    _ask_to_stop(store, run, "stop", by)


@_told
def pause(store: Store, run: Run, by: str) -> None:
    """Ask a run to pause at its next batch: as `stop`, but quicker, because no results are written.

    Args:
        store: the runs folder.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it is not under way, or was asked to stop before.
    """
    run = _under_way(store, run, "paused")
    permissions.require("pause", run, by)
    if run.layout.stop_request.exists() and not run.layout.pause_request.exists():
        raise RunStateError(f"Run {run.id} was asked to stop already; resume it once it has.")
    _make_control_folder(run)
    # Before the request to stop: a worker that finds that one looks for this one.
    files.create_json(run.layout.pause_request, {"by": by, "time": time.time()})
    _ask_to_stop(store, run, "pause", by)


@_told
def resume(store: Store, executor: Executor, run: Run, by: str) -> None:
    """Queue a run again, on this machine; it goes on from its last checkpoint.

    A lost run is taken over: should its old worker live after all, it finds itself fenced and writes nothing more.

    Args:
        store: the runs folder.
        executor: who gets it executed.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it is finished, waiting or under way.
        NotAllowed: it is somebody else's, or a limit would be exceeded.
    """
    permissions.require("resume", run, by)
    _require_room_again(store, run, by)
    _queue_again(store, executor, run, by, "resume", RESUMABLE)


@_told
def retry(store: Store, executor: Executor, run: Run, by: str) -> None:
    """Give a run that failed another attempt; like `resume`, it goes on from its last checkpoint.

    Args:
        store: the runs folder.
        executor: who gets it executed.
        run: the run.
        by: who asks.

    Raises:
        RunStateError: it did not fail, crash or break off.
        NotAllowed: it is somebody else's, or a limit would be exceeded.
    """
    permissions.require("retry", run, by)
    _require_room_again(store, run, by)
    _queue_again(store, executor, run, by, "retry", RETRIABLE)


@_told
def kill(
    store: Store,
    runs: Sequence[Run],
    by: str,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> None:
    """Ask runs to stop, wait for `Waits.kill_after`, and kill the workers that have not; what has ended is no error.

    A killed run is "stopped" for the reason "killed" and loses what came after its last checkpoint.

    Args:
        store: the runs folder.
        runs: the runs.
        by: who asks.
        progress: called while it waits, with the share of the longest wait, in [0, 1], and what it waits for.

    Raises:
        RunStateError: one of them is not under way, and nothing was done; or its worker cannot be told from somebody
            else's process, or trains inside another program, and the others were seen to.
    """
    asked = [_under_way(store, run, "killed") for run in runs]
    for run in asked:
        permissions.require("kill", run, by)
    for run in asked:
        _make_control_folder(run)
        files.create_json(run.layout.kill_request, {"by": by, "time": time.time()})
        with contextlib.suppress(RunStateError):  # it ended by itself meanwhile
            stop(store, run, by)
    longest, since = store.observer.waits.kill_after, time.monotonic()
    while (num_left := sum(map(_has_worker, asked))) and time.monotonic() - since < longest:
        many = "1 run" if num_left == 1 else f"{num_left:,} runs"
        progress((time.monotonic() - since) / longest, f"waiting for {many} to stop")
        time.sleep(min(0.1, store.observer.waits.runner_poll))
    stubborn = [run for run in asked if _has_worker(run) and not _killed(store, run, by)]
    if stubborn:
        listed = ", ".join(run.id for run in stubborn)
        raise RunStateError(
            f"Run {listed} cannot be killed: its worker is not surely a process of ours, or trains inside another "
            "program. It was asked to stop; end that program yourself if it does not."
        )


def allow_export(run: Run, by: str) -> None:
    """Allow that a run leaves the machine as a file or in a report; that of somebody else's run stands in its events.

    Args:
        run: the run.
        by: who asks.

    Raises:
        NotAllowed: it is somebody else's, and they are no administrator.
    """
    permissions.require("export", run, by)
    if run.spec.get("owner") != by:
        # A folder that cannot be written can still be copied.
        with contextlib.suppress(OSError):
            files.append_event(run.layout.events, "export", by=by)


def _require_room_again(store: Store, run: Run, by: str) -> None:
    """Refuse to queue one more run of somebody who is at a limit; how many epochs it has was allowed once."""
    quotas.require_room(store, by, [1])
    if quotas.seconds_left(run.layout, by) == 0:
        limit = quotas.time_limit_words(run.layout, by)
        raise NotAllowed(f"Run {run.id} has reached {limit}. An administrator can let it go on.")


def _under_way(store: Store, run: Run, wanted: str) -> Run:
    # What a page holds may be seconds old.
    run = store.run(run.id)
    if run.state.state not in ACTIVE:
        raise RunStateError(
            f"Run {run.id} is {run.state.state}; only a run under way can be {wanted}."
        )
    return run


def _ask_to_stop(store: Store, run: Run, verb: str, by: str) -> None:
    _make_control_folder(run)
    files.create_json(run.layout.stop_request, {"by": by, "time": time.time()})
    files.append_event(run.layout.events, verb, by=by)
    if run.state.state != "queued":
        terminate(store, run.state, locks.holder(run.layout.alive_lock))
    elif _is_elsewhere(store, run):
        end_before_start(store, run, run.state.attempt)
    else:
        ensure_runner(store)


def end_before_start(store: Store, run: Run, attempt: int, patience: float | None = None) -> bool:
    """Write the end of an attempt that was asked to stop or pause while it waited; return whether it has ended so.

    Its runner does this, or who asks where that runner is on another machine. The run's lock, which a runner takes for a
    start too, decides who was first: an attempt starts or ends here, never both.

    Args:
        store: the runs folder.
        run: the run.
        attempt: the one that waits.
        patience: seconds to wait for another request; `LONGEST_REQUEST` by default.

    Raises:
        UnknownName: the run is gone; RunStateError: another request took too long.
        OSError: its state cannot be written.
    """
    layout = run.layout
    with alone(run, patience):
        now, moment = read_state(layout), time.time()
        if (now.state, now.attempt) != ("queued", attempt) or not layout.stop_request.exists():
            return False
        end = "paused" if layout.pause_request.exists() else "stopped"
        where = (
            f" on the machine {now.host!r}, where it waited" if _is_elsewhere(store, run) else ""
        )
        ending = {"state": end, "message": f"{end.capitalize()} before it started{where}."}
        write_state(layout, replace(now, reason="request", t=moment, ended=moment, **ending))
        files.append_event(layout.events, end, attempt=attempt, reason="request")
        # Before anybody can resume it: what is removed must not be the next attempt's.
        queue.remove(store.layout, run.id)
    return True


def _is_elsewhere(store: Store, run: Run) -> bool:
    return run.state.host not in (None, store.observer.host)


def _make_control_folder(run: Run) -> None:
    """Make the folder of requests where it is missing, but not that of a run which has just been deleted."""
    try:
        run.layout.control_dir.mkdir(mode=files.FOLDER_MODE, exist_ok=True)
    except FileNotFoundError:
        raise UnknownName("run", run.id, ()) from None


def _queue_again(
    store: Store, executor: Executor, run: Run, by: str, verb: str, allowed: Sequence[str]
) -> None:
    done = {"resume": "resumed", "retry": "retried"}[verb]
    with alone(run):
        # Another page may have been quicker: look again, under the lock.
        now = store.run(run.id)
        if now.damaged is not None:
            raise RunStateError(f"Run {run.id} is damaged and cannot be {done}: {now.damaged}.")
        if now.state.state == "queued" and _is_elsewhere(store, now):
            raise RunStateError(
                f"Run {run.id} waits on the machine {now.state.host!r}. Stop it there; it can then be "
                "resumed on this one."
            )
        if now.state.state not in allowed:
            raise RunStateError(
                f"Run {run.id} is {now.state.state}; only a run that is {_words(allowed)} can be {done}."
            )
        attempt = max([now.state.attempt, *history.attempts(run.layout)]) + 1
        layout = run.layout
        queue.remove(store.layout, run.id)
        for request in (layout.stop_request, layout.pause_request, layout.kill_request):
            request.unlink(missing_ok=True)
        write_state(
            layout,
            replace(
                read_state(layout),
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
        why = {"message": _taken_over(now)} if now.state.state == "lost" else {}
        files.append_event(layout.events, verb, by=by, attempt=attempt, **why)
    # Outside: an inline executor trains in this call. A second request finds the run queued.
    executor.submit(store.run(run.id), attempt)


def _taken_over(run: Run) -> str:
    return f"Taken over from the machine {run.state.host!r}, which gave no sign of life."


def _has_worker(run: Run) -> bool:
    return locks.holder(run.layout.alive_lock) is not None


def _killed(store: Store, run: Run, by: str) -> bool:
    """Kill a worker, and write the state that it can no longer write; return whether there is none any more."""
    layout = run.layout
    try:
        before = read_state(layout)
    except DamagedRun:
        return not _has_worker(run)
    if not kill_worker(store, placed(layout, before), locks.holder(layout.alive_lock)):
        return not _has_worker(run)
    with contextlib.suppress(LockTaken), alone(run):
        lock = locks.take(layout.alive_lock, DEATH_SECONDS, makes_folder=False)
        try:
            now, moment = read_state(layout), time.time()
            # A resume may have been quicker, or the worker may have written its last state.
            if (now.state, now.attempt) == (before.state, before.attempt):
                message = f"Killed on request after epoch {now.epoch}. Resume goes on from its last checkpoint."
                ending = {"state": "stopped", "reason": "killed", "message": message, "by": by}
                write_state(layout, replace(now, t=moment, ended=moment, **ending))
                files.append_event(layout.events, "killed", by=by, attempt=now.attempt)
        finally:
            lock.release()
    return not _has_worker(run)


@contextlib.contextmanager
def alone(run: Run, patience: float | None = None) -> Iterator[None]:
    """Hold the lock of requests that change a run's state.

    Args:
        run: the run.
        patience: seconds to wait for another request; `LONGEST_REQUEST` by default.

    Raises:
        UnknownName: the run is gone.
        RunStateError: another request took too long.
    """
    path, lock = run.layout.path, run.layout.request_lock
    try:
        folder = path.lstat().st_ino
    except FileNotFoundError:
        raise UnknownName("run", run.id, ()) from None  # the lock would make its folder again
    with contextlib.ExitStack() as held:
        try:
            longest = LONGEST_REQUEST if patience is None else patience
            held.enter_context(FileLock(lock, timeout=longest, mode=files.FILE_MODE))
            is_there = path.lstat().st_ino == folder
        except Timeout:
            raise RunStateError(
                f"Another request to run {run.id} is under way; try again."
            ) from None
        except FileNotFoundError:
            is_there = False
        if not is_there:
            # Deleted while this request waited, so that the lock may have made the folder again.
            lock.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.rmdir()  # unless somebody has brought the run back
            raise UnknownName("run", run.id, ())
        yield


def _words(states: Sequence[str]) -> str:
    return f"{', '.join(states[:-1])} or {states[-1]}"
