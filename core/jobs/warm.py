"""Starting workers: forked from a warm process that has torch loaded (`warm_process`), or cold.

A warm worker is a cold one in all but its first seconds: a session of its own, the run's log, folder and variables, the
runner as its parent. Whenever the warm process is not ready, has died or is late, the start is cold, so nothing depends on
it. Warm are the starts on a CPU slot with one thread, on Linux: what a fork inherits was not tried with a GPU, and a pool
of threads would not survive it. No torch here: the runner imports this.
"""

import contextlib
import ctypes
import os
import select
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.jobs import slots
from core.jobs.local import python_environment
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.waits import Waits

VARIABLE = "PETRIDISH_WARM_START"
"""Environment variable; 0 makes every start cold."""

MOST_SILENT = 3
"""Warm processes in a row that answer nothing, after which a runner starts no more."""

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_MESSAGE = 4096  # what a pipe takes and gives in one piece


@dataclass(frozen=True)
class Start:
    """What a worker needs to start.

    Attributes:
        layout: the run's folder.
        attempt: number of the attempt.
        slot: the slot that it is to take.
        threads: of torch.
        data_dir: folder of the data sets.
    """

    layout: RunLayout
    attempt: int
    slot: str
    threads: int
    data_dir: str

    @property
    def arguments(self) -> list[str]:
        """The worker's command line, without what starts Python."""
        folder, attempt = str(self.layout.path), str(self.attempt)
        return ["--run", folder, "--attempt", attempt, "--slot", self.slot]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that are this worker's own."""
        budget = slots.environment(self.slot, self.threads)
        return budget | {"PYTHONHASHSEED": "0", "PETRIDISH_DATA": self.data_dir}

    def open_log(self) -> int:
        """Open the run's log for its worker; return the descriptor.

        Raises:
            OSError: it cannot be written.
        """
        return os.open(self.layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, files.FILE_MODE)


@dataclass
class Forked:
    """A worker that the warm process has forked and this process must reap; as much of a `Popen` as that takes.

    Attributes:
        pid: its process id.
        returncode: its exit status, negative for a signal, once it was reaped.
    """

    pid: int
    returncode: int | None = None


WorkerProcess = subprocess.Popen[bytes] | Forked


def cold_start(start: Start) -> subprocess.Popen[bytes]:
    """Start a worker as a new interpreter.

    Raises:
        OSError: it could not be.
    """
    log = start.open_log()
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "core.jobs.worker", *start.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=start.layout.path,
            start_new_session=True,
            env=python_environment() | start.variables,
        )
    finally:
        os.close(log)


class WarmStart:
    """One warm process of this one; nothing is started before `ensure`.

    Args:
        root: the runs folder; it stands in the process's command line, for whoever looks for ours.
        waits: limits.
    """

    def __init__(self, root: Path, waits: Waits) -> None:
        self.root = root
        self.waits = waits
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._num_silent = 0
        self._gets_orphans = False

    def ensure(self) -> None:
        """Start the process unless it lives, without waiting for it; does nothing where there is no warm start."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        if self._num_silent >= MOST_SILENT or not self._may_start():
            return
        self._num_silent += 1
        with contextlib.suppress(OSError):
            # Its standard error is ours. A session of its own: Ctrl-C is for the runner, whose end closes its input.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.jobs.warm_process", "--root", str(self.root)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env=python_environment() | slots.environment("cpu-0", 1) | {"PYTHONHASHSEED": "0"},
            )

    def fork(self, start: Start) -> Forked | None:
        """Return a worker forked from the warm process, or None: then no such worker will ever begin.

        Raises:
            OSError: the run's log cannot be written, so no start can succeed.
        """
        process = self._process
        if process is None or not start.slot.startswith("cpu-") or start.threads != 1:
            return None
        if not self._is_ready:
            self._is_ready = "ready" in self._reply(0)
        if not self._is_ready:
            return None
        os.close(start.open_log())
        request = {
            "arguments": start.arguments,
            "variables": start.variables,
            "folder": str(start.layout.path),
            "log": str(start.layout.log),
        }
        reply = self._asked(process, request)
        if not reply:
            # From here on it starts nothing. What it said before does count.
            process.kill()
            process.wait()
            reply = self._reply(0)
        if reply:
            self._num_silent = 0
        if "pid" not in reply:
            self.close()
            return None
        return Forked(reply["pid"])

    def reap_strays(self, known: Collection[int]) -> None:
        """Reap what has come to this process because its parent died, as processes that a killed worker had started.

        Args:
            known: the processes that somebody else here reaps.
        """
        if not self._gets_orphans:
            return
        if self._process is not None and self._process.poll() is None:
            known = {*known, self._process.pid}
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid not in known:
                os.waitpid(ended.si_pid, 0)

    def close(self) -> None:
        """End the process; its workers go on."""
        process, self._process, self._is_ready = self._process, None, False
        if process is None:
            return
        process.kill()  # it has nothing to write
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def _may_start(self) -> bool:
        if sys.platform != "linux" or os.environ.get(VARIABLE) == "0":
            return False
        # From here on orphans of our processes become ours: that is how workers do, and `reap_strays` sees to others.
        if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            return False
        self._gets_orphans = True
        return True

    def _asked(self, process: subprocess.Popen[bytes], request: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        try:
            process.stdin.write(orjson.dumps(request) + b"\n")
        except OSError:  # it has died
            return {}
        return self._reply(self.waits.warm_answer)

    def _reply(self, seconds: float) -> dict[str, Any]:
        """Return the process's next message, or nothing when none comes in time or ever."""
        assert self._process is not None and self._process.stdout is not None
        stream = self._process.stdout
        if not select.select([stream], [], [], seconds)[0]:
            return {}
        try:
            return orjson.loads(stream.read(_LONGEST_MESSAGE))
        except (OSError, orjson.JSONDecodeError):
            return {}
