"""Unpacking: the members of a zip from anywhere, read one at a time into memory, in bounds that its headers cannot move.

Apart from the readers that take zips, because its rules are about safety and not about images. Nothing is ever written
to a path, so a name cannot lead anywhere; hostile names are refused all the same, because a zip that holds one is no
data set.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from core.datasets.steady_file import steady_file
from core.exceptions import InvalidInput

MOST_MEMBERS = 100_000
LARGEST_UNPACKED = 2 * 2**30
LARGEST_RATIO = 200

# A zip lists its members at its end, and Python reads that list whole. So much of it is enough for 100,000 members with
# 160 bytes each, and what hostile ones make of it stays below 250 MB.
_LARGEST_LIST = 16 * 2**20

# Below this a high ratio is a blank image, not a bomb.
_BELOW_NO_RATIO = 2**20

_CHUNK = 2**16
_ENCRYPTED, _UTF8 = 0x1, 0x800
_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard"}


class ZipMembers:
    """The files in an open zip; `opened_zip` makes it.

    Attributes:
        names: of all files, in the order of the zip, with "/" between folders.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, num_bytes: int) -> None:
        self._name = path.name
        self._archive = archive
        self._members = self._checked(archive.infolist(), num_bytes)
        self._unpacked: dict[str, int] = {}
        self._total = 0
        self.names = list(self._members)

    def read(self, name: str, largest: int) -> bytes:
        """Return the bytes of a member, counted while they unpack.

        Args:
            name: one of `names`.
            largest: bytes that it may have.

        Raises:
            InvalidInput: it is damaged, larger, or the zip unpacks to more than it may.
        """
        return b"".join(self.chunks(name, largest))

    def chunks(self, name: str, largest: int) -> Iterator[bytes]:
        """Yield the bytes of a member as they unpack, for what is too large to be held.

        Args:
            name: one of `names`.
            largest: bytes that it may have.

        Raises:
            InvalidInput: as `read`.
        """
        member = self._members[name]
        size = 0
        self._total -= self._unpacked.pop(name, 0)  # read again, it does not count twice
        try:
            with self._archive.open(member) as file:
                while chunk := file.read(_CHUNK):
                    size += len(chunk)
                    self._check_size(name, size, largest, member.compress_size)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OSError) as error:
            raise InvalidInput(
                f"{name!r} in {self._name!r} is damaged ({error}). Make or fetch the zip again."
            ) from None
        self._unpacked[name] = size
        self._total += size

    def _check_size(self, name: str, size: int, largest: int, packed: int) -> None:
        if size > largest:
            raise InvalidInput(
                f"{name!r} in {self._name!r} unpacks to more than {largest:,} bytes, the most that is read of such a file."
            )
        if size > max(_BELOW_NO_RATIO, LARGEST_RATIO * packed):
            raise InvalidInput(
                f"{name!r} in {self._name!r} unpacks to more than {LARGEST_RATIO} times its {packed:,} packed bytes,"
                " as only a bomb does. Remove it from the zip."
            )
        if self._total + size > LARGEST_UNPACKED:
            raise self._too_large()

    def _checked(
        self, members: list[zipfile.ZipInfo], num_bytes: int
    ) -> dict[str, zipfile.ZipInfo]:
        if len(members) > MOST_MEMBERS:
            raise InvalidInput(
                f"A zip holds at most {MOST_MEMBERS:,} members; {self._name!r} holds {len(members):,}. Split it."
            )
        files: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = self._checked_name(member)
            if member.is_dir() or name.endswith("/"):
                continue
            if name in files:
                raise InvalidInput(
                    f"{self._name!r} holds two members {name!r}. Each must have its own name."
                )
            files[name] = member
        # A member that lies about its packed size would be allowed too large a ratio; so would members that overlap.
        if sum(member.compress_size for member in files.values()) > num_bytes:
            raise InvalidInput(
                f"The members of {self._name!r} overlap: together they are larger than the zip. Make it again."
            )
        if sum(member.file_size for member in files.values()) > LARGEST_UNPACKED:
            raise self._too_large()
        return files

    def _checked_name(self, member: zipfile.ZipInfo) -> str:
        name = member.filename
        if not member.flag_bits & _UTF8:
            # Python took it for the old IBM character set, but macOS writes UTF-8 without saying so.
            with suppress(UnicodeError):
                name = name.encode("cp437").decode()
        name = name.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or PureWindowsPath(name).drive:
            raise InvalidInput(
                f"{self._name!r} holds {name!r}, a name that leads out of the zip."
                " Names are relative, without a drive and '..'. Make the zip again."
            )
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidInput(
                f"{self._name!r} holds {name!r}, a link or a device. Put only files and folders into a zip."
            )
        if member.flag_bits & _ENCRYPTED:
            raise InvalidInput(
                f"{name!r} in {self._name!r} is encrypted. Make the zip again without a password."
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = _METHODS.get(member.compress_type, str(member.compress_type))
            raise InvalidInput(
                f"{name!r} in {self._name!r} is packed by the method {method}; only deflate is read."
                " Make the zip again with the usual method."
            )
        return "/".join(parts) + ("/" if name.endswith("/") else "")

    def _too_large(self) -> InvalidInput:
        return InvalidInput(
            f"A zip unpacks to at most {LARGEST_UNPACKED >> 30} GiB; {self._name!r} unpacks to more."
            " Split it, or import a folder."
        )


@contextmanager
def opened_zip(path: Path) -> Iterator[ZipMembers]:
    """Open a zip and check the names, kinds and sizes of all members.

    Raises:
        InvalidInput: it is no zip, or breaks a rule; the message names the member. Or it has changed when it is closed.
    """
    with steady_file(path) as file:
        num_bytes = path.stat().st_size
        try:
            archive = zipfile.ZipFile(_Bounded(file, path.name))
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            struct.error,
            ValueError,
            OSError,
        ) as error:
            raise InvalidInput(
                f"{path.name!r} is no zip, or damaged ({error}). Make or fetch it again."
            ) from None
        with archive:
            yield ZipMembers(path, archive, num_bytes)


class _Bounded(io.BufferedIOBase):
    """A file of which no more than the longest list of members is read at once."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._zip = name

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = (
                2**17
            )  # all that Python asks for in this way is the end of a zip, at most 65,557 bytes
        if size > _LARGEST_LIST:
            raise InvalidInput(
                f"The list of members of {self._zip!r} takes more than {_LARGEST_LIST >> 20} MiB;"
                f" a zip holds at most {MOST_MEMBERS:,} members with names of usual length. Split it."
            )
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
