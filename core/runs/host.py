"""Which machine, which boot, which process: what tells a living worker from a reused process id."""

import functools
import os
import pwd
import socket
from pathlib import Path

import psutil

from core.runs.layout import HOST


@functools.cache
def host_name() -> str:
    """Return this machine's name, as it may stand in a path."""
    name = socket.gethostname()
    return name if HOST.fullmatch(name) else "host"


@functools.cache
def boot_id() -> str:
    """Return what changes with every start of this machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def process_start(pid: int) -> float | None:
    """Return when a process started, in Unix seconds, or None when there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def user_name() -> str:
    """Return the user of the operating system, who owns what is submitted from here; their number where none has a name.

    The kernel is asked and no variable: roles and limits follow from this name, and anybody may set LOGNAME.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name[:200]
    except KeyError:  # as in a container that runs as some number
        return str(number)
