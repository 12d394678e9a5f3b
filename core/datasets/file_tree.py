"""File trees: the files of a folder or of a zip, told by name and read alike.

Apart from the readers, so that they need not know which of the two they read. Hidden files, and what systems leave
beside files, are passed over; a link is refused wherever it leads.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from core.datasets.raw import LARGEST_NUMBER
from core.datasets.steady_file import read_whole
from core.datasets.unpack import opened_zip
from core.exceptions import InvalidInput

_LEFT_BY_SYSTEMS = ("__macosx", "thumbs.db", "desktop.ini")


class FileTree(Protocol):
    """Files by name.

    Attributes:
        names: of all files, sorted, with "/" between folders.
    """

    names: list[str]

    def read(self, name: str, largest: int) -> bytes:
        """Return the bytes of one of the files.

        Raises:
            InvalidInput: it cannot be read, has changed meanwhile, or has more than `largest` bytes.
        """
        ...


@contextmanager
def opened_tree(path: Path) -> Iterator[FileTree]:
    """Open a folder or a zip.

    Raises:
        InvalidInput: it is neither, or holds a link or a name that is not allowed.
    """
    if path.is_dir():
        yield _FolderTree(path)
    else:
        with opened_zip(path) as members:
            members.names = sorted(name for name in members.names if not _is_hidden(name))
            yield members


def is_tree(path: Path) -> bool:
    """Return whether this is a folder or looks like a zip; raises nothing."""
    try:
        return path.is_dir() or (path.is_file() and zipfile.is_zipfile(path))
    except OSError:
        return False


class _FolderTree:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.names = sorted(self._found())

    def read(self, name: str, largest: int) -> bytes:
        return read_whole(self._root / name, largest, name, follow=False)

    def _found(self) -> list[str]:
        names: list[str] = []
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        if _is_hidden(entry.name):
                            continue
                        name = f"{folder}{entry.name}"
                        self._check(entry, name)
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(f"{name}/")
                        else:
                            names.append(name)
            except OSError as error:
                shown = folder.rstrip("/") or self._root.name
                raise InvalidInput(f"{shown!r} cannot be read: {error.strerror}.") from None
            if len(names) > LARGEST_NUMBER or len(folders) > LARGEST_NUMBER:
                raise InvalidInput(
                    f"A folder to import holds at most {LARGEST_NUMBER:,} files; {self._root.name!r} holds more."
                )
        return names

    def _check(self, entry: os.DirEntry[str], name: str) -> None:
        if entry.is_symlink():
            raise InvalidInput(
                f"{name!r} in {self._root.name!r} is a link, and links inside an import are not followed."
                " Put the file itself there, or remove the link."
            )
        if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
            raise InvalidInput(
                f"{name!r} in {self._root.name!r} is neither a file nor a folder. Remove it."
            )
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"The name {name!r} in {self._root.name!r} is not UTF-8. Rename it."
            ) from None


def _is_hidden(name: str) -> bool:
    return any(
        part.startswith(".") or part.casefold() in _LEFT_BY_SYSTEMS for part in name.split("/")
    )
