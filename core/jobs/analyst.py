"""Long work behind a page: fetching and importing data, maps and near-duplicates of many images; in processes of their own.

A task is a folder below the data folder, named by all that its result depends on, so that asking twice finds the first
answer. Its process holds the folder's lock while it lives; a page reads the files and never waits. What tasks do stands
in `analyst_tasks.py`.

    DATA/tasks/KEY/request.json    task and arguments
    DATA/tasks/KEY/progress.json   state (running, done, failed, cancelled), share in [0, 1], what, message
    DATA/tasks/KEY/result.json     what the task gave, written before the state says "done"
    DATA/tasks/KEY/log.txt         what its process printed
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import filelock
import orjson

from core.exceptions import CoreError, DamagedRun, LockTaken, UnknownName
from core.jobs.analyst_tasks import TASKS
from core.jobs.local import python_environment
from core.runs import files, locks

START_SECONDS = 60
"""Time in which a task's process must take its lock before it counts as dead, unless its end was seen."""
STALE_SECONDS = 7 * 86_400
"""Age from which a task that is not running is forgotten when another one starts."""
LONGEST_MESSAGE = 2_000

_STARTING = "Starting"
_DIED = "Its process died; try again."
_KEY_CHARACTERS = set("0123456789abcdef")


@dataclass(frozen=True)
class TaskStatus:
    """How far a task is.

    Attributes:
        state: "running", "done", "failed" or "cancelled".
        share: done, in [0, 1].
        what: what is being done, in words.
        message: why it failed, or None.
    """

    state: str
    share: float
    what: str
    message: str | None = None


def task_key(task: str, arguments: Mapping[str, Any]) -> str:
    """Return the key under which such a task is, or would be, kept.

    Args:
        task: one of `TASKS`.
        arguments: of the task, fit for JSON; all that its result depends on.

    Raises:
        UnknownName: there is no such task.
    """
    return hashlib.sha256(_request(task, arguments)).hexdigest()[:32]


def start(data_dir: Path, task: str, arguments: Mapping[str, Any]) -> str:
    """Start a task, unless an equal one runs, or is done and has a result that lasts; return its key.

    Args:
        data_dir: folder of the data sets.
        task: one of `TASKS`.
        arguments: of the task, fit for JSON; all that its result depends on.

    Raises:
        UnknownName: there is no such task.
        OSError: the data folder cannot be written.
    """
    request, key = _request(task, arguments), task_key(task, arguments)
    files.make_folder(data_dir / "tasks")
    # Two pages that ask at once must not start it twice.
    with filelock.FileLock(data_dir / "tasks" / ".start.lock"):
        _forget_stale(data_dir)
        known = status(data_dir, key)
        if known is not None and known.state == "running":
            return key
        if known is not None and known.state == "done" and TASKS[task].result_lasts:
            return key
        forget(data_dir, key)
        folder = _folder(data_dir, key)
        files.make_folder(folder)
        files.write_bytes(folder / "request.json", request)
        _report(folder, "running", 0.0, _STARTING)
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.jobs.analyst", "--folder", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=python_environment()
                | {"PETRIDISH_DATA": str(data_dir), "OMP_NUM_THREADS": "1"},
            )
        _started.append((folder, process))
    return key


_started: list[tuple[Path, subprocess.Popen[bytes]]] = []
"""Processes of this one that have not been seen to end."""


def status(data_dir: Path, key: str) -> TaskStatus | None:
    """Return how far a task is, or None when nobody asked for it or its folder is damaged.

    Raises:
        UnknownName: it is no key.
    """
    folder = _folder(data_dir, key)
    _reap()
    found = _reported(folder)
    if found is None or found.state != "running" or _holder(folder) is not None:
        return found
    if found.what == _STARTING and _may_come(folder):
        return found
    # It may have ended between the two looks: what it said last counts.
    again = _reported(folder)
    if again is None or again.state != "running":
        return again
    return TaskStatus("failed", found.share, found.what, _DIED)


def result(data_dir: Path, key: str) -> Any:
    """Return what a finished task gave.

    Raises:
        UnknownName: it is not done, or its result cannot be read.
    """
    known = status(data_dir, key)
    if known is not None and known.state == "done":
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            return orjson.loads((_folder(data_dir, key) / "result.json").read_bytes())
    raise UnknownName("finished task", key, ())


def cancel(data_dir: Path, key: str) -> None:
    """End a task's process, also one that is only starting; what it had half made is gone."""
    folder = _folder(data_dir, key)
    known = status(data_dir, key)
    if known is None or known.state != "running":
        return
    process = _holder(folder)
    if process is None:
        # It looks at this before it begins.
        _report(folder, "cancelled", known.share, known.what, "Cancelled.")
        process = _holder(folder)
    if process is not None and process != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)


def forget(data_dir: Path, key: str) -> None:
    """Remove the folder of a task that is not running, so that it can be asked for again."""
    folder = _folder(data_dir, key)
    if _holder(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)


def _request(task: str, arguments: Mapping[str, Any]) -> bytes:
    if task not in TASKS:
        raise UnknownName("task", task, TASKS)
    return orjson.dumps({**arguments, "task": task}, option=orjson.OPT_SORT_KEYS)


def _folder(data_dir: Path, key: str) -> Path:
    # Keys come back in the URL of a page.
    if not key or len(key) > 64 or not set(key) <= _KEY_CHARACTERS:
        raise UnknownName("task", key[:40], ())
    return data_dir / "tasks" / key


def _holder(folder: Path) -> int | None:
    return locks.holder(folder / "alive.lock")


def _reported(folder: Path) -> TaskStatus | None:
    try:
        values = files.read_json(folder / "progress.json")
        return TaskStatus(
            values["state"], float(values["share"]), values["what"], values.get("message")
        )
    except (OSError, DamagedRun, KeyError, TypeError, ValueError):
        return None


def _reap() -> None:
    """Take note of our processes that have ended; they stay zombies until somebody asks."""
    for one in list(_started):
        folder, process = one
        if process.poll() is None:
            continue
        with contextlib.suppress(ValueError):  # another thread was quicker
            _started.remove(one)
        known = _reported(folder)
        is_ours = _holder(folder) is None and all(other != folder for other, _ in _started)
        if known is not None and known.state == "running" and is_ours:
            with contextlib.suppress(OSError):
                _report(folder, "failed", known.share, known.what, _DIED)


def _may_come(folder: Path) -> bool:
    """Return whether a process may still be on its way to its lock: one of ours, or another server's."""
    if any(known == folder for known, _ in _started):
        return True
    try:
        age = time.time() - (folder / "progress.json").stat().st_mtime
    except OSError:
        return False
    return age < START_SECONDS


def _forget_stale(data_dir: Path) -> None:
    for folder in (data_dir / "tasks").iterdir():
        with contextlib.suppress(OSError, UnknownName):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > STALE_SECONDS:
                forget(data_dir, folder.name)


def _report(folder: Path, state: str, share: float, what: str, message: str | None = None) -> None:
    files.write_json(
        folder / "progress.json",
        {"state": state, "share": share, "what": what, "message": message},
    )


def work(folder: Path) -> int:
    """Do the task of a folder; return the exit status."""

    def cancelled(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    # Before the lock: whoever sees it may send the signal at once.
    signal.signal(signal.SIGTERM, cancelled)
    share, what, told = 0.0, _STARTING, 0.0
    try:
        lock = locks.take(folder / "alive.lock")
    except LockTaken:
        return 0

    def progress(now: float, doing: str) -> None:
        nonlocal share, what, told
        is_news = doing != what
        share, what = now, doing
        if is_news or time.monotonic() - told >= 0.2:
            told = time.monotonic()
            _report(folder, "running", share, what)

    try:
        known = _reported(folder)
        if known is None or known.state != "running":
            return 0
        progress(0.0, "Preparing")
        request = files.read_json(folder / "request.json")
        task = TASKS[request.pop("task")]
        found = task.work(request, folder.parent.parent, progress)
        files.write_bytes(
            folder / "result.json", orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)
        )
        _report(folder, "done", 1.0, "Done")
        return 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _report(folder, "cancelled", share, what, "Cancelled.")
        return 0
    except Exception as error:
        # What is not ours to explain stands in the log; a page gets no paths of this machine.
        traceback.print_exc()
        message = (
            str(error)
            if isinstance(error, CoreError)
            else f"{type(error).__name__}. The log of the task says more: tasks/{folder.name}/log.txt"
        )
        _report(folder, "failed", share, what, message[:LONGEST_MESSAGE])
        return 1
    finally:
        lock.release()


def main() -> int:
    """Run as `python -m core.jobs.analyst --folder DIR`."""
    parser = argparse.ArgumentParser(prog="core.jobs.analyst")
    parser.add_argument("--folder", type=Path, required=True)
    os.nice(5)
    return work(parser.parse_args().folder)


if __name__ == "__main__":
    sys.exit(main())
