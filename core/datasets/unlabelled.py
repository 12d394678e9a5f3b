"""Unlabelled: the images of a file that are to be predicted, block by block, brought to the shape that a network takes.

Beside the readers of whole data sets, and on the same ground (tables, trees of files, decoding): nothing here is kept, so
a file may have any number of rows. It knows no network and writes nothing.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.datasets.csv_blocks import Table, opened_table
from core.datasets.csv_cells import Columns, parsed_header
from core.datasets.decode import (
    ENDINGS,
    LARGEST_FILE,
    UnreadableImage,
    decoded,
    grey,
    resized,
)
from core.datasets.file_tree import FileTree, is_tree, opened_tree
from core.datasets.pixel_csv import row_blocks
from core.datasets.steady_file import read_whole, steady_file
from core.exceptions import InvalidInput

BLOCK_IMAGES = 512
MOST_IN_A_NOTE = 5

_SPREADSHEETS = (".xlsx", ".xlsm", ".ods")
_SAVE = "Such images are not read. Save it as PNG"
_RENAME = "Give it that ending, by which images are known"
# Where a mark stands in a file, the mark, what the file is, and what to do.
_NO_TABLE = (
    (0, b"GIF8", "a GIF image", _SAVE),
    (4, b"ftypavif", "an AVIF image", _SAVE),
    (4, b"ftyphei", "an HEIC image", _SAVE),
    (4, b"ftypmif1", "an HEIC image", _SAVE),
    (0, b"8BPS", "a Photoshop image", _SAVE),
    (0, b"\x89PNG", "an image whose name does not end in .png", _RENAME),
    (0, b"\xff\xd8\xff", "an image whose name does not end in .jpg", _RENAME),
    (8, b"WEBP", "an image whose name does not end in .webp", _RENAME),
    (0, b"II*\0", "an image whose name does not end in .tif", _RENAME),
    (0, b"MM\0*", "an image whose name does not end in .tif", _RENAME),
    (0, b"Rar!", "a RAR archive", "Only zip is read. Unpack it and name the folder"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", "Only zip is read. Unpack it and name the folder"),
    # A whole one was known before.
    (
        0,
        b"PK\3\4",
        "a zip that is cut off or damaged: its list of files is missing",
        "Copy or fetch it again",
    ),
)


@dataclass(frozen=True)
class Block:
    """Some images in the order of the file.

    Attributes:
        ids: B texts: of the ID column, row numbers from 0 where there is none, or names of files.
        images: (B, C, H, W) uint8 of the shape asked for.
        share: of the file that has been read, in [0, 1].
    """

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    share: float


class UnlabelledImages:
    """The images of an open source; `opened_images` makes it.

    Attributes:
        name: of the file or folder.
    """

    def __init__(self, name: str, fitting: "_Fitting", found: "_Found") -> None:
        self.name = name
        self._fitting = fitting
        self._found = found
        self._ids = _Ids()

    @property
    def original_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of the first image before it was brought to the network's shape; None before it was read."""
        return self._fitting.first_shape

    def blocks(self) -> Iterator[Block]:
        """Yield all images, once.

        Raises:
            InvalidInput: something in the file breaks a rule; the message names file, row and column, or the image.
        """
        ids: list[str] = []
        images: list[NDArray[np.uint8]] = []
        share = 0.0
        for one_ids, one_images, share in self._found.batches:
            ids += one_ids
            images.append(one_images)
            while len(ids) >= BLOCK_IMAGES:
                whole = np.concatenate(images)
                yield self._block(ids[:BLOCK_IMAGES], whole[:BLOCK_IMAGES], share)
                ids, images = ids[BLOCK_IMAGES:], [whole[BLOCK_IMAGES:]]
        if ids:
            yield self._block(ids, np.concatenate(images), share)

    def notes(self) -> list[str]:
        """Return what was decided while reading, in sentences; complete once all blocks have been read."""
        return [*self._found.notes, *self._fitting.notes(), *self._ids.notes(self._found.id_name)]

    def _block(self, ids: list[str], images: NDArray[np.uint8], share: float) -> Block:
        self._ids.add(ids)
        return Block(tuple(ids), images, share)


@contextmanager
def opened_images(
    path: Path, image_shape: tuple[int, int, int], *, skip_unreadable: bool = False
) -> Iterator[UnlabelledImages]:
    """Open what is to be predicted.

    Args:
        path: a pixel CSV (a label column is left out), a folder or zip of images, or one image file.
        image_shape: (C, H, W) to which every image is brought: grey by luma, colour by repeating, sizes as
            `core.datasets.decode.resized`.
        skip_unreadable: leave out image files that cannot be read, and say so in the notes, instead of refusing all.

    Raises:
        InvalidInput: it is none of these, cannot be read or holds no image.
    """
    fitting = _Fitting(image_shape)
    if path.is_file() and path.name.lower().endswith(ENDINGS):
        yield UnlabelledImages(path.name, fitting, _one_image(path, fitting))
    elif is_tree(path):
        with opened_tree(path) as tree:
            found = _image_files(tree, path.name, fitting, skip_unreadable)
            yield UnlabelledImages(path.name, fitting, found)
    else:
        _require_no_image(path)
        # Also what is no table: its reader says why.
        with opened_table(path, is_bounded=False) as table:
            columns = parsed_header(table.header, table.name, needs_label=False)
            yield UnlabelledImages(path.name, fitting, _rows(table, columns, fitting))


def image_of_file(
    content: bytes, image_shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int, int]]:
    """Return the image of a file, brought to a shape (C, H, W), and the shape that it had.

    Raises:
        UnreadableImage: the bytes are no image that is read.
    """
    fitting = _Fitting(image_shape)
    pixels = decoded(content).pixels
    channels, height, width = pixels.shape
    return fitting.fitted(pixels[None])[0], (channels, height, width)


@dataclass(frozen=True)
class _Found:
    """What a source gives: batches of ids, images and the share read; notes, which may grow; what an id is, if any."""

    batches: Iterator[tuple[list[str], NDArray[np.uint8], float]]
    notes: list[str]
    id_name: str | None


def _rows(table: Table, columns: Columns, fitting: "_Fitting") -> _Found:
    def batches() -> Iterator[tuple[list[str], NDArray[np.uint8], float]]:
        is_empty = True
        for rows, first_row, share in row_blocks(table, columns):
            is_empty = False
            images = rows.pixels.reshape(-1, 1, columns.side, columns.side)
            numbers = range(first_row - 1, first_row - 1 + len(images))
            ids = list(map(str, numbers)) if rows.ids is None else rows.ids
            yield ids, fitting.fitted(images), share
        if is_empty:
            raise InvalidInput(
                f"{table.name!r} holds no row below its header. Add rows, one an image."
            )

    notes = []
    if columns.id is None:
        notes.append(f"{table.name!r} has no ID column: its rows are numbered from 0.")
    if columns.label is not None:
        notes.append(
            f"The label column {columns.names[columns.label]!r} was left out: labels are predicted."
        )
    return _Found(batches(), notes, None if columns.id is None else "ID")


def _one_image(path: Path, fitting: "_Fitting") -> _Found:
    def batches() -> Iterator[tuple[list[str], NDArray[np.uint8], float]]:
        try:
            pixels = decoded(read_whole(path, LARGEST_FILE)).pixels
        except UnreadableImage as error:
            raise InvalidInput(f"{path.name!r} {error}.") from None
        yield [path.name], fitting.fitted(pixels[None]), 1.0

    return _Found(batches(), [], None)


def _image_files(tree: FileTree, source: str, fitting: "_Fitting", skip_unreadable: bool) -> _Found:
    names = [name for name in tree.names if name.lower().endswith(ENDINGS)]
    others = Counter(_kind(name) for name in tree.names if not name.lower().endswith(ENDINGS))
    if not names:
        held = f"; they are {_kinds(others)}" if others else ""
        raise InvalidInput(
            f"{source!r} holds no image: none of its {_files(len(tree.names))} ends in {', '.join(ENDINGS)}{held}."
        )
    notes: list[str] = []
    if others:
        number = sum(others.values())
        notes.append(
            f"{_files(number)} of {'another kind' if number == 1 else 'other kinds'} {_were(number)} left out:"
            f" {_kinds(others)}."
        )

    def batches() -> Iterator[tuple[list[str], NDArray[np.uint8], float]]:
        unreadable: list[str] = []
        for at, name in enumerate(names, start=1):
            try:
                pixels = decoded(tree.read(name, LARGEST_FILE)).pixels
            except UnreadableImage as error:
                if not skip_unreadable:
                    raise InvalidInput(
                        f"{name!r} {error}. Repair or remove it, or leave such files out (--skip-unreadable)."
                    ) from None
                unreadable.append(name)
                continue
            yield [name], fitting.fitted(pixels[None]), at / len(names)
        if len(unreadable) == len(names):
            raise InvalidInput(
                f"None of the {_files(len(names), 'image file')} of {source!r} can be read."
            )
        if unreadable:
            notes.append(
                f"{_files(len(unreadable), 'image file')} cannot be read and {_were(len(unreadable))} left out:"
                f" {_some(unreadable)}."
            )

    return _Found(batches(), notes, None)


class _Fitting:
    """Brings images to a shape and counts what that took."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        self._shape = image_shape
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._num_made_grey = 0
        self._num_made_colour = 0
        self.first_shape: tuple[int, int, int] | None = None

    def fitted(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images (B, C, H, W) of one shape in the shape asked for."""
        number, channels, height, width = images.shape
        if self.first_shape is None:
            self.first_shape = (channels, height, width)
        wanted_channels, *size = self._shape
        if (height, width) != tuple(size):
            # Sizes of files from anywhere: no more of them are told apart than a note can name.
            known = (height, width) in self._sizes or len(self._sizes) < 1000
            self._sizes[(height, width) if known else (0, 0)] += number
            images = np.stack([resized(one, *size) for one in images])
        if channels == 3 and wanted_channels == 1:
            self._num_made_grey += number
            images = np.stack([grey(one) for one in images])
        elif channels == 1 and wanted_channels == 3:
            self._num_made_colour += number
            images = np.repeat(images, 3, axis=1)  # (B, 3, H, W)
        return images

    def notes(self) -> list[str]:
        notes = []
        if self._sizes:
            number = sum(self._sizes.values())
            ((height, width), _), *_others = self._sizes.most_common(1)
            of = f"{width}x{height}" if len(self._sizes) == 1 else f"mostly {width}x{height}"
            notes.append(
                f"{_images(number)} of another size ({of}) {_were(number)} made {self._shape[2]}x{self._shape[1]}."
            )
        if self._num_made_grey:
            notes.append(
                f"{_images(self._num_made_grey)} in colour {_were(self._num_made_grey)} made grey (luma)."
            )
        if self._num_made_colour:
            notes.append(f"{_images(self._num_made_colour)} in grey got three equal channels.")
        return notes


class _Ids:
    """Looks out for IDs that are missing or stand twice, in eight bytes an image."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._num_missing = 0

    def add(self, ids: list[str]) -> None:
        for one in ids:
            if one:
                self._hashes.append(hash(one))
            else:
                self._num_missing += 1

    def notes(self, id_name: str | None) -> list[str]:
        if id_name is None:
            return []
        notes = []
        if self._num_missing:
            notes.append(
                f"{self._num_missing:,} {'row has' if self._num_missing == 1 else 'rows have'} no {id_name}; kept in"
                " their order."
            )
        num_twice = len(self._hashes) - len(np.unique(np.frombuffer(self._hashes, np.int64)))
        if num_twice:
            notes.append(
                f"{num_twice:,} {id_name}{'s' if num_twice > 1 else ''} stand{'' if num_twice > 1 else 's'} there"
                " already; all rows were kept in their order."
            )
        return notes


def _require_no_image(path: Path) -> None:
    """Refuse what is surely no table and for which "save it as CSV" would be the wrong advice.

    Raises:
        InvalidInput: it is an image of another kind or under another name, an archive, or a zip without its end.
    """
    if not path.is_file():
        return
    with steady_file(path) as file:
        start = file.read(16)
    for position, mark, what, remedy in _NO_TABLE:
        if start.startswith(mark, position) and path.suffix.lower() not in _SPREADSHEETS:
            raise InvalidInput(f"{path.name!r} is {what}. {remedy}.")


def _kind(name: str) -> str:
    return PurePosixPath(name).suffix.lower()[:10] or "no ending"


def _kinds(kinds: Counter[str]) -> str:
    """Return the kinds of files with their numbers, the most frequent first."""
    some = [f"{number:,} {kind}" for kind, number in kinds.most_common(MOST_IN_A_NOTE)]
    more = f" and {len(kinds) - MOST_IN_A_NOTE:,} more kinds" if len(kinds) > MOST_IN_A_NOTE else ""
    return ", ".join(some) + more


def _files(number: int, what: str = "file") -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _images(number: int) -> str:
    return f"{number:,} image{'s' if number != 1 else ''}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_IN_A_NOTE:,} more" if len(names) > MOST_IN_A_NOTE else ""
    return ", ".join(map(repr, names[:MOST_IN_A_NOTE])) + more
