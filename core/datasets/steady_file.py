"""Steady files: reading a user's file without being held up, led elsewhere or given two versions of it.

Apart from the readers, because all kinds of source share it. A message holds the file's name, never its whole path.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.exceptions import InvalidInput


@contextmanager
def steady_file(path: Path, name: str | None = None, *, follow: bool = True) -> Iterator[BinaryIO]:
    """Open a regular file for reading; on leaving it, check that it is still what it was.

    Args:
        path: the file.
        name: what messages call it; the last part of the path unless given.
        follow: whether a link is opened as what it leads to, or refused.

    Raises:
        InvalidInput: there is no such file, it is no regular file, cannot be read, or has changed meanwhile.
    """
    name = name or path.name
    # Without O_NONBLOCK, opening a pipe waits for a writer for ever. Windows has neither flag.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
        if path.is_symlink():
            raise InvalidInput(
                f"{name!r} is a link, and links inside an import are not followed. Put the file itself there."
            )
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InvalidInput(f"{name!r} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise InvalidInput(f"{name!r} is not a regular file.")
        yield file
        try:
            changed = {_version(os.fstat(descriptor)), _version(path.stat())} != {_version(before)}
        except OSError:
            changed = True
    if changed:
        raise InvalidInput(
            f"{name!r} changed while it was read, so it was not used. Try again once it is complete."
        )


def read_whole(path: Path, largest: int, name: str | None = None, *, follow: bool = True) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: the file.
        largest: bytes that it may have.
        name: what messages call it; the last part of the path unless given.
        follow: whether a link is opened as what it leads to, or refused.

    Raises:
        InvalidInput: as `steady_file`, or it is larger.
    """
    with steady_file(path, name, follow=follow) as file:
        content = file.read(largest + 1)
        if len(content) > largest:
            raise InvalidInput(
                f"{name or path.name!r} has more than {largest:,} bytes, the most that is read of such a file."
            )
    return content


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
