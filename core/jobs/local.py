"""LocalExecutor: attempts wait in the queue of the runs folder, and this machine's runner starts them.

Pages, command line and notebooks own nothing: they write an entry and see to it that a runner lives.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.exceptions import DamagedRun
from core.jobs import queue
from core.jobs.executor import LONGEST_LOG, Gone, Poll
from core.jobs.retries import has_retries_left
from core.runs import files, history, locks, records
from core.runs.host import process_start
from core.runs.run import Run
from core.runs.state import ACTIVE, RunState, placed, read_state
from core.runs.store import Store


class LocalExecutor:
    """Executes on this machine, within its slots.

    Args:
        store: the runs folder.
        data_dir: folder of the data sets, for the workers.
        is_data_dir_asked: whether somebody names that folder for these very runs; otherwise a run that has trained here
            before goes on with the folder that it had.
    """

    name = "local"

    def __init__(self, store: Store, data_dir: Path, is_data_dir_asked: bool = False) -> None:
        self.store = store
        self.data_dir = data_dir
        self.is_data_dir_asked = is_data_dir_asked

    def submit(self, run: Run, attempt: int) -> str:
        """Queue an attempt and see to a runner."""
        host = self.store.observer.host
        before = None if self.is_data_dir_asked else history.last_data_dir(run.layout, host)
        queue.enqueue(
            self.store.layout,
            run.id,
            attempt,
            owner=run.spec["owner"],
            host=host,
            device=run.spec["resources"].get("device", "auto"),
            data_dir=before or str(self.data_dir.resolve()),
        )
        ensure_runner(self.store, self.data_dir)
        return f"{run.id}-{attempt}"

    def poll(self, handle: str) -> Poll:
        """Say what has become of an attempt."""
        run_id, _, number = handle.rpartition("-")
        attempt, run = int(number), self.store.run(run_id)
        with contextlib.suppress(FileNotFoundError, DamagedRun):
            ended = files.read_json(run.layout.exit(attempt))
            return Gone(ended["code"] if ended.get("signal") is None else -ended["signal"])
        if run.state.attempt == attempt and run.state.state in ACTIVE:
            return "pending" if run.state.state in ("queued", "starting") else "alive"
        return Gone(None) if run.layout.attempt(attempt).exists() else "unknown"

    def cancel(self, handle: str, force: bool = False) -> None:
        """Send SIGTERM to the attempt's worker, or SIGKILL to it and what it started, if it is surely ours."""
        run_id, _, number = handle.rpartition("-")
        layout = self.store.run(run_id).layout
        with contextlib.suppress(DamagedRun):
            state = read_state(layout)
            if state.attempt == int(number):
                end = kill_worker if force else terminate
                end(self.store, placed(layout, state), locks.holder(layout.alive_lock))

    def logs(self, handle: str) -> str:
        """Return the end of the run's log, which all its attempts share."""
        layout = self.store.run(handle.rpartition("-")[0]).layout
        return records.log_tail(layout, LONGEST_LOG)


def terminate(store: Store, state: RunState, holder: int | None) -> bool:
    """Send SIGTERM to a run's worker, if its `placed` state says that it is surely that; return whether it was sent."""
    if holder is None or not _is_surely_its_worker(store, state, holder):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(holder, signal.SIGTERM)
        return True
    return False


def kill_worker(store: Store, state: RunState, holder: int | None) -> bool:
    """Send SIGKILL to a run's worker and the processes that it started; return whether it was sent.

    Only if its `placed` state says that it is surely that, and it leads a process group of its own.
    """
    if holder is None or not _is_surely_its_worker(store, state, holder):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(holder) != holder or holder == os.getpgrp():
            return False
        os.killpg(holder, signal.SIGKILL)
        return True
    return False


def _is_surely_its_worker(store: Store, state: RunState, holder: int) -> bool:
    """Return whether lock, process id, its start and the boot all agree: an id may belong to a stranger by now."""
    observer = store.observer
    if (
        state.slot
        is None  # it trains inside somebody's program (`core.jobs.inline`), which would end with it
        or state.pid != holder
        or state.host != observer.host
        or state.boot != observer.boot
        or state.pid_start is None
    ):
        return False
    started = process_start(holder)
    # Start times come from the kernel's clock ticks; the same process gives the same value within one.
    return started is not None and abs(started - state.pid_start) <= 1


def ensure_runner(store: Store, data_dir: Path | None = None) -> bool:
    """Start this machine's runner if none lives; return whether one was started.

    Two callers at once may start two: the second finds the lock taken and ends.

    Args:
        store: the runs folder.
        data_dir: folder of the data sets for runs whose entry the runner must make again.
    """
    observer = store.observer
    lock, log = store.layout.runner_lock(observer.host), store.layout.runner_log(observer.host)
    if locks.holder(lock) is not None:
        return False
    variables = python_environment()
    if data_dir is not None:
        variables["PETRIDISH_DATA"] = str(data_dir.resolve())
    files.make_folder(log.parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, files.FILE_MODE)
    try:
        # -P: what lies in the runs folder must never be imported.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.jobs.runner", "--root", str(store.root)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=store.root,
            start_new_session=True,
            env=variables,
        )
    finally:
        os.close(descriptor)
    # A runner that ends while this process lives would stay a zombie until somebody asks for its status.
    threading.Thread(target=process.wait, name="reaps a runner", daemon=True).start()
    return True


def ensure_runner_if_queued(store: Store, runs: Iterable[Run] | None = None) -> None:
    """Start the runner when a run waits here, with or without its entry, or may be retried: cheap enough for a page load.

    An entry that no run seems to wait for is a reason too: a runner that died in mid-step has left it, and only a
    runner tells what it means.

    Args:
        store: the runs folder.
        runs: the runs to look at, if they have been read already; all by default.
    """
    host = store.observer.host
    if locks.holder(store.layout.runner_lock(host)) is not None:
        return
    runs = store.runs() if runs is None else runs
    waits = any(run.state.host in (None, host) and _needs_runner(run) for run in runs)
    if waits or queue.entries(store.layout, host):
        ensure_runner(store)


def _needs_runner(run: Run) -> bool:
    state = run.state.state
    return state == "queued" or (state == "interrupted" and has_retries_left(run))


def wait(store: Store, run_ids: Sequence[str]) -> Iterator[Run]:
    """Wait until none of the runs is under way; yield each run whenever its state or epoch has changed."""
    seen: dict[str, tuple[str, int]] = {}
    while True:
        runs = [store.run(run_id) for run_id in run_ids]
        for run in runs:
            now = (run.state.state, run.state.epoch)
            if seen.get(run.id) != now:
                seen[run.id] = now
                yield run
        if not any(run.state.state in ACTIVE for run in runs):
            return
        ensure_runner_if_queued(store, runs)
        time.sleep(store.observer.waits.runner_poll)


def python_environment() -> dict[str, str]:
    """Return this process's variables, with this `core` importable from any folder."""
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
