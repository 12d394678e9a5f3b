"""CSV blocks: a table's header line and then blocks of whole lines, out of a plain or gzip file, in bounded memory.

Apart from what the lines mean (`core.datasets.csv_cells`), because everything here is about bytes: marks of the
encoding, line ends, gzip, and files made to exhaust the reader. Whatever comes out is at most one block and one line
long, however large the file is.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.datasets.steady_file import steady_file
from core.exceptions import InvalidInput

LARGEST_TEXT = 2 * 2**30
"""Bytes of text in one table that is read whole."""

LONGEST_HEADER = 4 * 2**20
"""Bytes of the first line: the 262,144 pixels of a 512x512 image, called pix262144."""

# Parsing values of 1 to 3 digits in blocks of 256 kB, 512 kB and 1 MB took 0.48, 0.61 and 0.81 s of CPU for 142 MB of text
# (first form of the parser, shared 2-core AMD EPYC, one thread, one run each): what a block needs stays in the processor's cache.
BLOCK = 2**18

# A table of pixels packs 5 to 30 times. A hundred times and more is a file made to unpack endlessly.
_LARGEST_RATIO = 200
_BELOW_NO_RATIO = 64 * 2**20

_GZIP = b"\x1f\x8b"
_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
}


@dataclass(frozen=True)
class Block:
    """Whole lines of a table.

    Attributes:
        text: the lines, each with its end, which is always one line feed.
        first_line: number of the first of them in the file; the header is line 1.
        share: of the file that has been read, in [0, 1].
    """

    text: bytes
    first_line: int
    share: float


class Table:
    """The lines of an open table; `opened_table` makes it.

    Attributes:
        name: of the file, for messages.
        header: the first line without its end.
    """

    def __init__(self, name: str, file: BinaryIO, num_bytes: int, is_bounded: bool) -> None:
        self.name = name
        self._is_bounded = is_bounded
        self._file = file
        self._num_bytes = num_bytes
        self._is_gzip = file.read(2) == _GZIP
        file.seek(0)
        self._unpacked = gzip.GzipFile(fileobj=file) if self._is_gzip else file
        self._num_read = 0
        self._rest = b""
        self.header = self._read_header()

    def blocks(self, longest_line: int) -> Iterator[Block]:
        """Yield the lines below the header in blocks, once.

        Args:
            longest_line: bytes that a line may have.

        Raises:
            InvalidInput: a line is longer, gzip is damaged or cut off, or there is more text than a table may have.
        """
        line = 2
        rest, self._rest = self._rest, b""
        while True:
            read = self._read(BLOCK)
            text = rest + read
            end = text.rfind(b"\n") + 1 if read else len(text)
            text, rest = text[:end], text[end:]
            if len(rest) > longest_line:
                raise self._too_long(line + text.count(b"\n"), longest_line)
            if text:
                if not text.endswith(b"\n"):
                    text += b"\n"
                if b"\r" in text:
                    text = text.replace(b"\r\n", b"\n")
                yield Block(text, line, min(1.0, self._file.tell() / max(1, self._num_bytes)))
                line += text.count(b"\n")
            if not read:
                return

    def _read_header(self) -> bytes:
        start = self._read(BLOCK)
        if not start:
            raise InvalidInput(
                f"{self.name!r} is empty. A table has a header and then one row an image."
            )
        for mark, what in _MARKS.items():
            if start.startswith(mark):
                raise InvalidInput(
                    f"{self.name!r} is {what}, not a CSV table. Save it as CSV in UTF-8."
                )
        start = start.removeprefix(b"\xef\xbb\xbf")
        while b"\n" not in start:
            more = self._read(BLOCK) if len(start) <= LONGEST_HEADER else b""
            if not more:
                break
            start += more
        header, _, self._rest = start.partition(b"\n")
        if b"\0" in header:
            raise InvalidInput(
                f"{self.name!r} is no text: its first line holds zero bytes, as UTF-16 and binary files do."
                " Save it as CSV in UTF-8."
            )
        if len(header) > LONGEST_HEADER:
            raise self._too_long(1, LONGEST_HEADER)
        header = header.removesuffix(b"\r")
        if b"\r" in header:
            raise InvalidInput(
                f"The lines of {self.name!r} end in a carriage return alone. Save it with Unix or Windows line ends."
            )
        return header

    def _read(self, size: int) -> bytes:
        try:
            read = self._unpacked.read(size)
        except EOFError:
            raise InvalidInput(
                f"{self.name!r} is cut off: its gzip data ends early. Copy or fetch it again."
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput(
                f"{self.name!r} is damaged: its gzip data cannot be unpacked ({error}). Copy or fetch it again."
            ) from None
        self._num_read += len(read)
        if self._is_bounded and self._num_read > LARGEST_TEXT:
            raise InvalidInput(
                f"A table has at most {LARGEST_TEXT >> 30} GiB of text; {self.name!r} has more. Import part of it."
            )
        # The file's position counts what was really unpacked; what a header says of sizes does not matter.
        if (
            self._is_gzip
            and self._num_read > _BELOW_NO_RATIO
            and self._num_read > _LARGEST_RATIO * self._file.tell()
        ):
            raise InvalidInput(
                f"{self.name!r} unpacks to more than {_LARGEST_RATIO} times its size, as no table of images does."
                " If it is one, unpack it yourself and import the CSV."
            )
        return read

    def _too_long(self, line: int, longest: int) -> InvalidInput:
        return InvalidInput(
            f"Line {line:,} of {self.name!r} has more than {longest:,} bytes, the most that its columns can need."
            " Check that it is a CSV table with one row an image."
        )


@contextmanager
def opened_table(path: Path, *, follow: bool = True, is_bounded: bool = True) -> Iterator[Table]:
    """Open a table, by content a plain or a gzip file, whatever its name.

    Args:
        path: the file.
        follow: whether a link is opened as what it leads to, or refused.
        is_bounded: whether more than `LARGEST_TEXT` is refused; who keeps no rows may read any number of them.

    Raises:
        InvalidInput: it cannot be read, is empty, no UTF-8 text, or has changed when it is closed.
    """
    with steady_file(path, follow=follow) as file:
        yield Table(path.name, file, path.stat().st_size, is_bounded)
