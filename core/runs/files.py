"""Reading and writing small files so that a death at any moment leaves the old or the new, never a mixture.

Every write of the run folder goes through here, also so that tests can make any of them fail: they replace `fault`.
Measured reasons are in the project's design notes: fsync before rename, one `os.write` per row, lengths checked
because a nearly full disk gives short writes without an exception.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from core.exceptions import DamagedRun

FILE_MODE = 0o640
FOLDER_MODE = 0o750
SCHEMA = 1
LARGEST_JSON = 64 * 2**20
"""Bytes; a larger small-file is damaged or hostile."""


def _no_fault(path: Path) -> None:
    """Do nothing; tests put something in its place that raises OSError."""


fault: Callable[[Path], None] = _no_fault


def make_folder(path: Path) -> None:
    """Make a folder and its parents, readable by the group only."""
    if not path.parent.exists():
        make_folder(path.parent)  # `parents=True` would open them to everybody
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Make renames inside the folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def aside_of(path: Path) -> Path:
    """Return the name under which this thread writes a file before it is renamed into place."""
    return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}.tmp")


def remove_asides(folder: Path) -> None:
    """Remove what writers that were killed left aside in a folder that the caller alone may write to."""
    with contextlib.suppress(OSError):
        for path in folder.glob("*.tmp"):
            path.unlink(missing_ok=True)


def write_all(descriptor: int, data: bytes, path: Path) -> None:
    """Write all bytes with one call.

    Raises:
        OSError: the disk took fewer (ENOSPC), or the write failed.
    """
    fault(path)
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file atomically: written aside, synced, renamed into place.

    Raises:
        OSError: it could not be written; the old file is as it was, and nothing is left aside.
    """
    aside = aside_of(path)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            write_all(descriptor, data, path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a JSON file atomically. NaN must have become None before (`without_nan`)."""
    write_bytes(path, orjson.dumps(values, option=orjson.OPT_INDENT_2))


def create_json(path: Path, values: Mapping[str, Any]) -> bool:
    """Create a JSON file if there is none; return whether this call did.

    The file appears with its content at once (a link to a file written aside), so that a reader never sees it empty.
    """
    if path.exists():
        return False
    aside = aside_of(path)
    write_bytes(aside, orjson.dumps(values))
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedRun: it is no JSON object, or larger than any of ours; the text names the file and the reason.
    """
    with path.open("rb") as file:
        # No more than is there: asked for 64 MiB, Python allocates them, and a worker short of memory must still read.
        data = file.read(min(os.fstat(file.fileno()).st_size, LARGEST_JSON) + 1)
    if len(data) > LARGEST_JSON:
        raise DamagedRun(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DamagedRun(
            f"{path.name} is {'empty' if not data else f'no JSON ({error})'}"
        ) from None
    if not isinstance(values, dict):
        raise DamagedRun(f"{path.name} holds no JSON object")
    return values


def without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that JSON can hold: non-finite floats become None and are listed under "nan"."""
    lost = [key for key, value in row.items() if isinstance(value, float) and value - value != 0]
    if not lost:
        return dict(row)
    return {key: None if key in lost else value for key, value in row.items()} | {"nan": lost}


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one JSON row and a newline with one write; a short write is an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    try:
        write_all(descriptor, orjson.dumps(row) + b"\n", path)
    finally:
        os.close(descriptor)


def end_torn_line(path: Path) -> None:
    """Append a newline to a file that does not end in one: a writer before us died in a row."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    if not size:
        return
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        torn = file.read(1) != b"\n"
    if torn:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            write_all(descriptor, b"\n", path)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make what was appended durable; a file that is not there yet has nothing to lose."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parse_rows(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the JSON objects of complete lines, and how many complete lines were none.

    Bytes after the last newline are a row still being written, or torn: they are left out uncounted.
    """
    rows: list[dict[str, Any]] = []
    bad = 0
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad += 1
    return rows, bad


def append_event(path: Path, kind: str, **details: Any) -> None:
    """Append an event of now: {"time": Unix seconds, "event": kind, ...}."""
    append_row(path, {"time": time.time(), "event": kind, **details})
