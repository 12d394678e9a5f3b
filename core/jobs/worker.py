"""The worker: trains one run in its folder, and is the only writer there while it lives.

Order matters. Locks come before anything else, also before torch is imported; the exclusive creation of the attempt's
file decides who may train; at an epoch's end come predictions, history row, checkpoint, state.
Exit status: 0 the state file says how it ended; 75 locks taken; 76 a later attempt has taken over.
"""

import argparse
import contextlib
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.datasets.base import default_data_dir
from core.exceptions import CoreError, DamagedRun, LockTaken, TrainingFailed
from core.jobs import disk, quotas
from core.jobs.attempt import Attempt, Fenced, Stopped
from core.jobs.disk import DiskFull
from core.jobs.executor import EXIT_FENCED, EXIT_LOCKED
from core.jobs.heartbeat import Heartbeat
from core.runs import checkpoints, files, history, locks
from core.runs.host import boot_id, host_name, process_start
from core.runs.layout import RunLayout, RunsLayout
from core.runs.run import read_spec
from core.runs.state import TERMINATED, RunState, read_state, write_state
from core.runs.waits import Waits


@dataclass
class Worker:
    """One attempt at one run.

    Attributes:
        layout: the run's folder.
        attempt: number of the attempt.
        data_dir: folder of the data sets.
        slot: the slot it occupies, or None (inline).
        waits: limits.
        is_stopping: set by SIGTERM.
    """

    layout: RunLayout
    attempt: int
    data_dir: Path
    slot: str | None = None
    waits: Waits = field(default_factory=Waits)
    is_stopping: bool = False

    def work(self) -> int:
        """Train to the end; return the exit status."""
        host, seconds = host_name(), self.waits.lock_wait
        held: list[locks.HeldLock] = []
        try:
            held.append(locks.take(self.layout.alive_lock, seconds, makes_folder=False))
            if self.slot is not None:
                slot_lock = RunsLayout(self.layout.path.parent).slot_lock(host, self.slot)
                held.append(locks.take(slot_lock, seconds))
            return self._work_locked(host)
        except LockTaken as error:
            print(f"attempt {self.attempt}: {error}", file=sys.stderr)
            return EXIT_LOCKED
        except Fenced:
            print(f"attempt {self.attempt}: a later attempt has taken over", file=sys.stderr)
            return EXIT_FENCED
        finally:
            for lock in held:
                lock.release()

    def _work_locked(self, host: str) -> int:
        layout = self.layout
        checkpoint, warnings = checkpoints.usable(layout, history.whole_epochs(layout))
        from_epoch = checkpoint.epoch + 1 if checkpoint is not None else 1
        place = {
            "host": host,
            "boot": boot_id(),
            "pid": os.getpid(),
            "pid_start": process_start(os.getpid()),
            "slot": self.slot,
        }
        mine = {"attempt": self.attempt, **place, "from_epoch": from_epoch, "time": time.time()}
        # For attempts that nobody asks for, after a restart: the queue entry that named it is gone.
        mine |= {"data_dir": str(self.data_dir.resolve())}
        # A slow start may find that somebody lost patience, resumed the run, and that attempt has come and gone.
        is_late = max(history.attempts(layout), default=0) > self.attempt
        if is_late or not files.create_json(layout.attempt(self.attempt), mine):
            raise Fenced
        for path in (layout.history, layout.events):
            files.end_torn_line(path)
        for folder in (layout.checkpoints_dir, layout.predictions_dir, layout.results_dir):
            files.remove_asides(folder)
        for warning in warnings:
            files.append_event(layout.events, "warning", attempt=self.attempt, message=warning)
            print(warning, file=sys.stderr)
        now = time.time()
        before = read_state(layout)
        state = replace(
            before,
            state="running",
            attempt=self.attempt,
            epoch=from_epoch - 1,
            reason=None,
            message=None,
            t=now,
            started=before.started or now,
            ended=None,
            **place,
        )
        # What the state file says of the best may be of an epoch that is done again, or older than the checkpoint.
        manifest = checkpoint.manifest if checkpoint is not None else {"best_epoch": None}
        if "best_epoch" in manifest:
            best: dict[str, Any] = {
                key: manifest.get(key) for key in ("best_epoch", "best_validation_accuracy")
            }
            state = replace(state, **best)
        with Heartbeat(layout, self.waits.beat) as beat:
            attempt = Attempt(
                layout,
                self.attempt,
                state,
                self.data_dir,
                self.waits,
                beat,
                is_asked_to_stop=lambda: self.is_stopping,
                owns_output=self.slot is not None,
            )
            state = _trained(attempt, checkpoint)
        attempt.check_fence()
        now = time.time()
        write_state(layout, replace(state, t=now, ended=now))
        attempt.event(state.state, reason=state.reason, epoch=state.epoch)
        if state.state == "finished":
            checkpoints.drop_previous(layout)
        return 0


def _trained(attempt: Attempt, checkpoint: checkpoints.Checkpoint | None) -> RunState:
    """Train, and return the state in which the attempt ends.

    Raises:
        Fenced: a later attempt has taken over.
    """
    ending: dict[str, Any]
    try:
        attempt.run(checkpoint)
        ending = {"state": "finished"}
    except Stopped:
        # Looked at now: whoever asks to stop a run that is about to pause is heard until here.
        if attempt.layout.pause_request.exists():
            ending = {"state": "paused", **_cause_of_stop(attempt, "Paused")}
        else:
            _evaluate_if_possible(attempt)
            ending = {"state": "stopped", **_cause_of_stop(attempt, "Stopped")}
    except DiskFull:
        message = (
            f"{disk.cause()}. Free some space and resume; "
            f"nothing up to epoch {attempt.state.epoch} is lost."
        )
        ending = {"state": "paused", "reason": "disk_full", "message": message}
    except Fenced:
        raise
    except Exception as error:
        traceback.print_exc()
        ending = {"state": "failed", "reason": _reason(error), "message": _in_words(error)}
    return replace(attempt.state, **ending)


def _evaluate_if_possible(attempt: Attempt) -> None:
    """Write the results so far: a gift of the stop, which must not turn it into a failure."""
    try:
        attempt.evaluate_best()
    except Fenced:
        raise
    except Exception as error:
        traceback.print_exc()
        message = f"The results could not be written: {_in_words(error)}"
        attempt.event("warning", message=message)


def _cause_of_stop(attempt: Attempt, done: str) -> dict[str, Any]:
    epoch = attempt.state.epoch
    try:
        request = files.read_json(attempt.layout.stop_request)
    except (FileNotFoundError, DamagedRun):
        if attempt.is_out_of_time():
            limit = quotas.time_limit_words(attempt.layout, read_spec(attempt.layout)["owner"])
            message = f"Stopped after epoch {epoch}: it has reached {limit}. Its results are kept."
            return {"reason": "time_limit", "message": message}
        message = f"Its process was told to end; stopped after epoch {epoch}."
        return {"reason": TERMINATED, "message": message}
    by = request.get("by")
    return {
        "reason": "request",
        "message": f"{done} on request after epoch {epoch}.",
        "by": by if isinstance(by, str) else None,
    }


def _reason(error: Exception) -> str:
    if _is_out_of_memory(error):
        return "memory"
    return error.reason if isinstance(error, TrainingFailed) else type(error).__name__


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether this machine's memory, not the GPU's, ran out; torch says so in its own words (measured)."""
    return isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)


def _in_words(error: Exception) -> str:
    """Return one line for a page; the server's paths stay in the log."""
    if _is_out_of_memory(error):
        return (
            "The memory ran out. Take a smaller training.batch_size or model, or fewer runs at once, and retry; "
            "finished epochs are kept."
        )
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    first = (text.splitlines() or [""])[0][:400]
    if isinstance(error, CoreError):
        return first
    return f"{type(error).__name__}: {first.rstrip('.')}. The log has the details."


def main(given: Sequence[str] | None = None) -> int:
    """Run as `python -m core.jobs.worker --run DIR --attempt N --slot S`; return the exit status.

    Args:
        given: the options; those of the command line by default. The warm process hands them to its forks.
    """
    parser = argparse.ArgumentParser(prog="core.jobs.worker")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument("--slot")
    arguments = parser.parse_args(given)
    faulthandler.enable()
    worker = Worker(
        RunLayout(arguments.run),
        arguments.attempt,
        data_dir=default_data_dir(),
        slot=arguments.slot,
        waits=Waits.from_environment(),
    )

    def stop(*_: object) -> None:
        worker.is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    # Pages must stay quick, and if memory runs out the kernel must pick a worker before the server.
    os.nice(5)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    return worker.work()


if __name__ == "__main__":
    sys.exit(main())
