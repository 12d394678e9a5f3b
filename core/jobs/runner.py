"""The runner: a small process per machine and runs folder that starts workers in free slots and reaps them.

It owns nothing that matters. Killed, it harms no worker; the next one counts locks, and neither kills nor adopts.
No torch here: it must be small and start at once.
"""

import argparse
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from core.exceptions import CoreError, LockTaken, UnknownName
from core.jobs import queue, slots
from core.jobs.control import alone, end_before_start
from core.jobs.executor import EXIT_LOCKED
from core.jobs.queue import QueueEntry
from core.jobs.quotas import may_start
from core.jobs.recovery import enqueue, take_stock
from core.jobs.warm import Forked, Start, WarmStart, WorkerProcess, cold_start
from core.runs import files, history, locks
from core.runs.run import Run
from core.runs.state import read_state, write_state
from core.runs.store import Store

LEAST_FREE_MEMORY = 3 * 2**29
"""Bytes; below it no worker is started."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Child:
    """A worker that this runner started.

    Attributes:
        process: to be reaped.
        entry: the queue entry that it came from.
        slot: promised to it, from its start on: forgetting this once gave two workers one slot.
    """

    process: WorkerProcess
    entry: QueueEntry
    slot: str


class Runner:
    """The loop of one machine's runner; whoever makes one holds the runner's lock.

    Args:
        store: the runs folder.
        available_memory: returns the bytes that new processes may use.
        warm: how workers start warm; every start is cold by default. Only for a process of the runner's own: orphans of
            its processes become its children.
    """

    def __init__(
        self,
        store: Store,
        available_memory: Callable[[], int] = lambda: psutil.virtual_memory().available,
        warm: WarmStart | None = None,
    ) -> None:
        self.store = store
        self.warm = warm
        self.available_memory = available_memory
        self.layout = store.layout
        self.host = store.observer.host
        self.waits = store.observer.waits
        self.children: list[Child] = []
        self.strangers: dict[str, str] = {}
        """Run id -> owner of workers that an earlier runner started."""
        self.cpu_slots = slots.cpu_slots()
        self.gpu_slots = slots.gpu_slots()
        self.is_stopping = False
        self._trouble: str | None = None
        self._stock_taken = 0.0

    def run(self, forever: bool = False) -> None:
        """Work until there is nothing to do for a while, or for ever (until SIGTERM or the folder is gone)."""
        self.take_stock()
        idle_since = time.monotonic()
        lock = self.layout.runner_lock(self.host)
        # Whoever removes the runs folder and makes it again gets another lock file, and another runner.
        while not self.is_stopping and locks.holder(lock) == os.getpid():
            self.step()
            if self._may_have_lost_something():
                self.take_stock()
            if self.children or queue.entries(self.layout, self.host):
                idle_since = time.monotonic()
            elif not forever and time.monotonic() - idle_since > self.waits.runner_idle:
                break
            self._pause()

    def step(self) -> None:
        """Reap, answer stop requests of waiting runs, and fill the free slots."""
        self.reap()
        waiting = self._startable(queue.entries(self.layout, self.host))
        while chosen := self._next(waiting):
            entry, slot = chosen
            # By run: it may have a second entry.
            waiting = [other for other in waiting if other.run_id != entry.run_id]
            try:
                self.start(entry, slot)
            except (OSError, CoreError) as error:
                self._note_trouble(f"{entry.run_id} cannot be started: {error}")

    def take_stock(self) -> None:
        """Put right what deaths left half done, and learn which workers live that others started."""
        self._stock_taken = time.monotonic()
        self.strangers |= take_stock(self.store, {child.entry.run_id for child in self.children})

    def reap(self) -> None:
        """Write an exit file for each worker that has ended, and queue again what found its locks taken."""
        for child in list(self.children):
            pid, status, usage = os.wait4(child.process.pid, os.WNOHANG)
            if pid == 0:
                continue
            self.children.remove(child)
            code = os.waitstatus_to_exitcode(status)
            # Popen would wait for the process again when it is collected: tell it the status.
            child.process.returncode = code
            try:
                self._after_exit(child, code, usage)
            except (OSError, CoreError) as error:
                self._note_trouble(f"{child.entry.run_id}: its end cannot be recorded: {error}")
        if self.warm is not None:
            self.warm.reap_strays({child.process.pid for child in self.children})

    def start(self, entry: QueueEntry, slot: str) -> None:
        """Start the worker of an entry, if the run still waits; its state says so before the entry is gone.

        Raises:
            OSError: it could not be; the run still waits.
            RunStateError: a request to it is under way; the run still waits.
        """
        run = self.store.run(entry.run_id)
        # A page on another machine may be stopping it: whoever has the lock first decides. No waiting, the loop has
        # more to do, and the next look comes soon.
        with alone(run, patience=0):
            now = read_state(run.layout)
            if (now.state, now.attempt) != ("queued", entry.attempt):
                return
            starting = replace(
                now,
                state="starting",
                reason=None,
                message=None,
                t=time.time(),
                host=self.host,
                boot=self.store.observer.boot,
                pid=None,
                pid_start=None,
                slot=slot,
            )
            write_state(run.layout, starting)
        entry.path.unlink(missing_ok=True)
        try:
            threads = int(run.spec["resources"].get("threads", 1))
            process = self._started(Start(run.layout, entry.attempt, slot, threads, entry.data_dir))
        except OSError:
            self._queue_again(run, entry.attempt, entry.data_dir)
            raise
        self.children.append(Child(process, entry, slot))
        manner = "warm" if isinstance(process, Forked) else "cold"
        _say(f"started {entry.run_id} attempt {entry.attempt} in {slot} as {process.pid}, {manner}")

    def _started(self, start: Start) -> WorkerProcess:
        forked = self.warm.fork(start) if self.warm is not None else None
        process = forked or cold_start(start)
        if self.warm is not None:
            # After the first start, which is cold: nothing waits for the warm process to load.
            self.warm.ensure()
        return process

    def _pause(self) -> None:
        """Sleep until the next look, or until the queue has changed: who submits a run does not wait for the poll."""
        until = time.monotonic() + self.waits.runner_poll
        # Not as it was before the step: an entry put back because it cannot start would be tried again at once.
        seen = self._queue_changed()
        while not self.is_stopping and self._queue_changed() == seen:
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, self.waits.runner_glance))

    def _queue_changed(self) -> int:
        """Return when an entry came or went last, in nanoseconds; 0 before the first."""
        try:
            return self.layout.queue_dir.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _may_have_lost_something(self) -> bool:
        """Return whether it is time to look at all runs again: nothing waits, but somebody may have died submitting."""
        is_time = time.monotonic() - self._stock_taken > self.waits.runner_idle
        return is_time and not queue.entries(self.layout, self.host)

    def _startable(self, waiting: Sequence[QueueEntry]) -> list[QueueEntry]:
        """Return the entries that mean something; settle and remove the others."""
        remaining: list[QueueEntry] = []
        for entry in waiting:
            try:
                if self._is_startable(entry):
                    remaining.append(entry)
                else:
                    entry.path.unlink(missing_ok=True)
            except (OSError, CoreError) as error:
                self._note_trouble(f"{entry.run_id}: its entry cannot be settled: {error}")
        return remaining

    def _is_startable(self, entry: QueueEntry) -> bool:
        try:
            run = self.store.run(entry.run_id)
        except UnknownName:
            return False
        state = run.state
        if run.damaged is not None or state.state != "queued" or state.attempt != entry.attempt:
            return False
        if not run.layout.stop_request.exists():
            return True
        return not end_before_start(self.store, run, entry.attempt, patience=0)

    def _next(self, waiting: Sequence[QueueEntry]) -> tuple[QueueEntry, str] | None:
        if not waiting:
            return None
        free_memory = self.available_memory()
        if free_memory < LEAST_FREE_MEMORY:
            self._note_trouble(f"runs wait for memory: less than {LEAST_FREE_MEMORY >> 20} MiB")
            return None
        running = Counter(child.entry.owner for child in self.children)
        for run_id, owner in list(self.strangers.items()):
            if locks.holder(self.layout.run(run_id).alive_lock) is None:
                del self.strangers[run_id]
            else:
                running[owner] += 1
        promised = {child.slot for child in self.children}
        free_slots = {
            slot
            for slot in (*self.cpu_slots, *self.gpu_slots)
            if slot not in promised and slots.is_free(self.layout, self.host, slot)
        }
        allowed = [one for one in waiting if may_start(one.owner, running, self.store.root)]
        return choose(allowed, running, self.cpu_slots, self.gpu_slots, free_slots)

    def _after_exit(self, child: Child, code: int, usage: resource.struct_rusage) -> None:
        entry = child.entry
        layout = self.layout.run(entry.run_id)
        _say(f"{entry.run_id} attempt {entry.attempt} ended with {code}")
        trainer = history.attempts(layout).get(entry.attempt)
        if trainer is not None and trainer.get("pid") != child.process.pid:
            # Another process got this attempt, so this one's end says nothing of it.
            return
        if code == EXIT_LOCKED:
            state = read_state(layout)
            # Otherwise a later attempt holds the locks, and the state is its own.
            if state.state == "starting" and state.attempt == entry.attempt:
                self._queue_again(self.store.run(entry.run_id), entry.attempt, entry.data_dir)
            return
        files.create_json(
            layout.exit(entry.attempt),
            {
                "code": code if code >= 0 else None,
                "signal": -code if code < 0 else None,
                # Linux counts kibibytes, macOS bytes.
                "peak_memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
                "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
                "time": time.time(),
            },
        )

    def _queue_again(self, run: Run, attempt: int, data_dir: str) -> None:
        write_state(run.layout, replace(read_state(run.layout), state="queued", t=time.time()))
        enqueue(self.store, run, attempt, data_dir)

    def _note_trouble(self, text: str) -> None:
        # The same trouble comes back with each look.
        if text != self._trouble:
            self._trouble = text
            _say(text)

    def stop(self, *_: object) -> None:
        """End after the step under way; a signal handler."""
        self.is_stopping = True


def choose(
    waiting: Sequence[QueueEntry],
    running: Mapping[str, int],
    cpu_slots: Sequence[str],
    gpu_slots: Sequence[str],
    free_slots: Collection[str],
) -> tuple[QueueEntry, str] | None:
    """Return what to start next and in which slot, or None.

    The owner with the fewest running runs comes first, then the oldest entry; one that no free slot suits lets the
    next go ahead.

    Args:
        waiting: what may start.
        running: owner -> running runs; without an entry none.
        cpu_slots, gpu_slots: all slots of this machine.
        free_slots: those that nobody occupies.
    """
    for entry in sorted(waiting, key=lambda one: (running.get(one.owner, 0), one.path.name)):
        for slot in slots.slots_for(entry.device, cpu_slots, gpu_slots):
            if slot in free_slots:
                return entry, slot
    return None


def serve(store: Store, forever: bool) -> bool:
    """Be this machine's runner; return False at once if there is one already.

    A run submitted in the moment between the last look at the queue and the lock's release is found by looking again.
    """
    while True:
        warm = WarmStart(store.root, store.observer.waits)
        runner = Runner(store, warm=warm)
        # Before the lock, by which others know us: whoever sees it held may send the signal.
        before = {number: signal.signal(number, runner.stop) for number in STOP_SIGNALS}
        try:
            lock = locks.take(store.layout.runner_lock(store.observer.host))
        except LockTaken:
            for number, handler in before.items():
                signal.signal(number, handler)
            return False
        try:
            runner.run(forever)
        finally:
            warm.close()
            lock.release()
        if runner.is_stopping or not queue.entries(store.layout, store.observer.host):
            return True


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Run as `python -m core.jobs.runner --root DIR`."""
    parser = argparse.ArgumentParser(prog="core.jobs.runner")
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    serve(Store(arguments.root), forever=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
