"""Kernel locks that say who lives: a lock is gone the moment its holder dies, however it died.

POSIX record locks (`lockf`), not `flock`: a forked data loader inherits a flock and keeps it after the trainer's
death. Their price: closing *any* descriptor of the file drops the lock of the whole process. So only this module opens
lock files, an owner opens each once and keeps it, and a query in the owning process answers from memory.
Mutual exclusion between threads is not for these locks (use `filelock`). Linux and macOS.
"""

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from core.exceptions import LockTaken
from core.runs.files import FILE_MODE, make_folder

# struct flock: Linux has type, whence, start, length, pid; macOS has start, length, pid, type, whence.
_FLOCK = "qqihh" if sys.platform == "darwin" else "hhqqi"

_held: "dict[tuple[int, int], HeldLock]" = {}
"""(device, inode) -> lock, of the locks that this process holds."""

_guard = threading.Lock()
"""Keeps one thread from closing a descriptor of a file that another is just locking."""


@dataclass(frozen=True)
class HeldLock:
    """A lock of this process, until `release` or its death."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Give the lock up; a second time does nothing, even if its descriptor's number is another lock's by now."""
        with _guard:
            for key, lock in list(_held.items()):
                if lock is self:
                    del _held[key]
                    os.close(self.descriptor)


def take(path: Path, wait_seconds: float = 0.0, *, makes_folder: bool = True) -> HeldLock:
    """Take a lock, making the file when needed.

    Args:
        path: the lock file.
        wait_seconds: how long to try.
        makes_folder: whether to make its folder too; not that of a run, which may have been deleted meanwhile.

    Raises:
        LockTaken: it was held all the time, by another process or by this one.
        FileNotFoundError: its folder is missing.
    """
    if makes_folder:
        make_folder(path.parent)
    give_up = time.monotonic() + wait_seconds
    while True:
        lock = _try(path)
        if lock is not None:
            return lock
        if time.monotonic() >= give_up:
            raise LockTaken(f"{path.name} is held already.")
        time.sleep(0.05)


def holder(path: Path) -> int | None:
    """Return the process id that holds a lock, or None, without taking it."""
    with _guard:
        try:
            if _key(os.stat(path)) in _held:
                return os.getpid()
            # Reading is enough to ask, so whoever may only read the runs can. Not blocking: it may be no plain file.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            return _query(descriptor)
        finally:
            os.close(descriptor)


def work_in(path: Path) -> bool:
    """Learn whether locks work on this file system: a child takes one, this process must see it.

    Args:
        path: a file of no other use.

    Raises:
        OSError: it cannot be written.
    """
    make_folder(path.parent)
    program = (
        "import fcntl, os, sys\n"
        "d = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o640)\n"
        "fcntl.lockf(d, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        seen = child.stdout.readline().strip() == b"held" and holder(path) == child.pid
    except OSError:
        seen = False
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()
    return seen


def _try(path: Path) -> HeldLock | None:
    with _guard:
        with contextlib.suppress(FileNotFoundError):
            # Opening and closing a file that we hold would drop the lock: look before.
            if _key(os.stat(path)) in _held:
                return None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError | PermissionError):
                return None
            raise
        lock = HeldLock(path, descriptor)
        _held[_key(os.fstat(descriptor))] = lock
        return lock


def _key(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _query(descriptor: int) -> int | None:
    # Of a whole-file write lock: type, whence SEEK_SET, start 0, length 0 (to the end), pid 0.
    wanted = {"type": fcntl.F_WRLCK, "whence": os.SEEK_SET, "start": 0, "length": 0, "pid": 0}
    names = (
        ("start", "length", "pid", "type", "whence")
        if sys.platform == "darwin"
        else ("type", "whence", "start", "length", "pid")
    )
    packed = struct.pack(_FLOCK, *(wanted[name] for name in names))
    reply = fcntl.fcntl(descriptor, fcntl.F_GETLK, packed)
    answer = dict(zip(names, struct.unpack(_FLOCK, reply), strict=True))
    return None if answer["type"] == fcntl.F_UNLCK else answer["pid"]
