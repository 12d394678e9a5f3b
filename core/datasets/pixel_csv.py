"""Pixel CSV: grey square images as rows of a table, with a label each; `train.csv`, and `evaluate.csv` without labels.

Apart from the bytes (`csv_blocks`) and the cells (`csv_cells`) of a table: here rows become images and labels classes.
It writes no table; predictions do.
"""

import difflib
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.datasets import class_names
from core.datasets.csv_blocks import Table, opened_table
from core.datasets.csv_cells import Columns, Rows, parsed_header, parsed_rows, place, shown
from core.datasets.raw import (
    LARGEST_NUMBER,
    LARGEST_PIXELS,
    PARTS,
    UNLABELLED,
    ImportOptions,
    Progress,
    RawData,
    empty_images,
    silent,
)
from core.exceptions import InvalidInput
from core.labels import LabelSpace

WHAT = "a CSV table with a row of pixels and a label per image, or a folder with train.csv and perhaps evaluate.csv"

_TRAIN = ("train.csv", "train.csv.gz")
_EVALUATE = ("evaluate.csv", "evaluate.csv.gz")
_CLASS_NAMES = ("class_names.txt", "class_names.json")
_ENDINGS = (".csv", ".csv.gz")

# Rows kept in memory before they go to a file without a name; the raw images are treated alike.
_IN_MEMORY = 256 * 2**20

_WHOLE = re.compile(r"([+-]?)0*([0-9]{1,999})(\.0*)?")


def recognises(path: Path) -> bool:
    """Return whether this is a folder with a `train.csv`, or a CSV file whose header fits."""
    try:
        if path.is_dir():
            return any((path / name).is_file() for name in _TRAIN)
        if not path.name.lower().endswith(_ENDINGS):
            return False
        with opened_table(path) as table:
            parsed_header(table.header, table.name, needs_label=False)
    except (InvalidInput, OSError):
        # What cannot be read must still find this reader, whose message says why.
        return path.is_file() and path.name.lower().endswith(_ENDINGS)
    return True


def read(path: Path, options: ImportOptions, progress: Progress = silent) -> RawData:
    """Return the images of a labelled table, and those of `evaluate.csv` beside it as unlabelled.

    Args:
        path: a table, or a folder with `train.csv` (or `.csv.gz`) and perhaps `evaluate.csv`. Class names stand in
            the file that `options` name, else in `class_names.txt` or `.json` in the folder, else labels are numbers.
        options: `label_column`, `class_names_path`.
        progress: told the share of the bytes that are read.

    Raises:
        InvalidInput: something in it breaks a rule; the message names file, row and column.
    """
    _check_options(path, options)
    is_folder = path.is_dir()
    train = _one_of(path, _TRAIN) if is_folder else path
    if train is None:
        raise InvalidInput(f"{path.name!r} holds no train.csv. Put it there, or name the CSV file.")
    evaluate = _one_of(path, _EVALUATE) if is_folder else None
    names_path = options.class_names_path or (_one_of(path, _CLASS_NAMES) if is_folder else None)
    names = _ClassNames(names_path)
    sizes = [each.stat().st_size for each in (train, evaluate) if each is not None]
    train_share = sizes[0] / max(1, sum(sizes))
    collected = _Collected()
    labels: list[NDArray[np.int64]] = []
    with opened_table(train, follow=not is_folder) as table:
        columns = parsed_header(table.header, table.name, options.label_column)
        for rows, first_row, share in row_blocks(table, columns):
            collected.add(rows.pixels, table.name)
            labels.append(names.labels(rows, first_row, table.name, columns))
            progress(train_share * share, f"Reading {table.name}")
    num_labelled = collected.num_rows
    if num_labelled < 2:
        raise InvalidInput(
            f"{train.name!r} holds {num_labelled or 'no'} row{'s' if num_labelled != 1 else ''} below its header;"
            " a data set needs at least 2. Add rows, one an image."
        )
    notes = []
    if names_path is not None and options.class_names_path is None:
        notes.append(f"Class names were read from {names_path.name!r}.")
    if evaluate is not None:
        notes += _read_unlabelled(evaluate, columns, collected, train_share, progress)
    num_unlabelled = collected.num_rows - num_labelled
    all_labels = np.concatenate([*labels, np.full(num_unlabelled, UNLABELLED)])
    parts = None
    if num_unlabelled:
        parts = np.zeros(len(all_labels), np.uint8)
        parts[num_labelled:] = PARTS.index("unlabelled")
    space = LabelSpace(names.names(all_labels))
    progress(1.0, "Read")
    return RawData(collected.images(columns.side), all_labels, space, None, parts, tuple(notes))


def row_blocks(table: Table, columns: Columns) -> Iterator[tuple[Rows, int, float]]:
    """Yield the rows of an open table in blocks that are not empty, in bounded memory.

    Args:
        table: open, with nothing read behind its header.
        columns: of it.

    Yields:
        A block's rows, the number of its first row among those of the table (from 1), and the share of the file that is
        read, in [0, 1].

    Raises:
        InvalidInput: something in it breaks a rule; the message names file, row and column.
    """
    num_rows = 0
    for block in table.blocks(columns.longest_line):
        rows = parsed_rows(block, columns, table.name, num_rows + 1)
        if len(rows.pixels):
            yield rows, num_rows + 1, block.share
            num_rows += len(rows.pixels)


def _check_options(path: Path, options: ImportOptions) -> None:
    if options.size is not None or options.channels == "rgb":
        asked = "another size" if options.size is not None else "colour"
        raise InvalidInput(
            f"A pixel CSV is imported as it is, grey and in its own size; {asked} was asked for {path.name!r}."
            " Leave out the options size and channels."
        )


def _one_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [folder / name for name in names if (folder / name).exists()]
    if len(found) > 1:
        raise InvalidInput(
            f"{folder.name!r} holds both {found[0].name!r} and {found[1].name!r}. Remove one of them."
        )
    return found[0] if found else None


def _read_unlabelled(
    path: Path, train: Columns, collected: "_Collected", train_share: float, progress: Progress
) -> list[str]:
    with opened_table(path, follow=False) as table:
        label_name = train.names[train.label or 0]
        columns = parsed_header(table.header, table.name, label_name, needs_label=False)
        if columns.side != train.side:
            raise InvalidInput(
                f"Both tables must have images of one size; those of {path.name!r} are"
                f" {columns.side}x{columns.side}, those for training {train.side}x{train.side}."
            )
        before = collected.num_rows
        for rows, _, share in row_blocks(table, columns):
            collected.add(rows.pixels, table.name)
            progress(train_share + (1 - train_share) * share, f"Reading {table.name}")
    if collected.num_rows == before:
        raise InvalidInput(f"{path.name!r} holds no row below its header. Add rows or remove it.")
    if columns.label is None:
        return []
    return [f"{path.name!r} has labels, which were not used: its rows count as unlabelled."]


class _ClassNames:
    """What the labels of a table mean, found while they are read."""

    def __init__(self, path: Path | None) -> None:
        self._source = "" if path is None else path.name
        self._given = None if path is None else class_names.from_file(path)
        self._positions = {_composed(name): label for label, name in enumerate(self._given or ())}
        self._known: dict[str, int] = {}

    def labels(self, rows: Rows, first_row: int, table: str, columns: Columns) -> NDArray[np.int64]:
        """Return the labels (R,) of a block.

        Raises:
            InvalidInput: one is missing, out of range, or a text that is no class name.
        """
        texts = rows.labels or []
        for offset, text in enumerate(texts):
            if text not in self._known:
                column = columns.names[columns.label or 0]
                where = place(table, first_row + offset, rows.lines[offset], column)
                # Numbers written in ever other ways would fill the table of known ones; none needs many.
                if len(self._known) > 2 * class_names.MAX_CLASSES:
                    self._known.clear()
                self._known[text] = self._label(text, where)
        return np.fromiter((self._known[text] for text in texts), np.int64, len(texts))

    def names(self, labels: NDArray[np.int64]) -> tuple[str, ...]:
        """Return K class names, those given or the numbers up to the largest label."""
        if self._given is not None:
            return self._given
        return tuple(str(label) for label in range(int(labels.max()) + 1))

    def _label(self, text: str, where: str) -> int:
        if not text:
            raise InvalidInput(
                f"Each row needs a label; {where} is empty. Fill it in, or move the row to evaluate.csv."
            )
        found = _WHOLE.fullmatch(text)
        number = len(self._given) if self._given is not None else class_names.MAX_CLASSES
        if found is not None:
            label = int(found[1] + found[2])
            if 0 <= label < number:
                return label
            rule = (
                f"Labels count from 0, so with the {number:,} class names in {self._source!r} they go to {number - 1:,}"
                if self._given is not None
                else f"Labels are whole numbers from 0 to {number - 1:,}"
            )
            raise InvalidInput(
                f"{rule}; {where} holds {shown(text)}. Correct it or remove the row."
            )
        if self._given is None:
            raise InvalidInput(
                f"Labels are whole numbers unless class names are given; {where} holds {shown(text)}."
                " Give a file with one class name a line (option class_names_path)."
            )
        position = self._positions.get(_composed(text))
        if position is None:
            near = difflib.get_close_matches(text, self._given, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidInput(
                f"A label is a number or one of the {number:,} class names in {self._source!r};"
                f" {where} holds {shown(text)}.{hint}"
            )
        return position


def _composed(text: str) -> str:
    """Return a name in the one form in which it is compared: a letter and its accent may be one sign or two."""
    return unicodedata.normalize("NFC", class_names.cleaned(text))


class _Collected:
    """Rows of pixels whose number is not known before, in memory and from a size on in a file without a name."""

    def __init__(self) -> None:
        self.num_rows = 0
        self._num_bytes = 0
        self._blocks: list[NDArray[np.uint8]] = []
        self._file: IO[bytes] | None = None

    def add(self, pixels: NDArray[np.uint8], table: str) -> None:
        """Take rows (R, P).

        Raises:
            InvalidInput: an import may not hold so many.
        """
        self.num_rows += len(pixels)
        self._num_bytes += pixels.size
        if self.num_rows > LARGEST_NUMBER or self._num_bytes > LARGEST_PIXELS:
            raise InvalidInput(
                f"An import holds at most {LARGEST_NUMBER:,} images and {LARGEST_PIXELS >> 20:,} MiB of pixels;"
                f" {table!r} has more. Import part of it."
            )
        self._blocks.append(pixels)
        if self._num_bytes > _IN_MEMORY:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the rows
            for block in self._blocks:
                self._file.write(block.data)
            self._blocks.clear()

    def images(self, side: int) -> NDArray[np.uint8]:
        """Return the rows as (N, 1, S, S) and forget them."""
        shape = (self.num_rows, 1, side, side)
        if self._file is not None:
            with self._file as file:  # the mapping outlives the handle
                file.flush()
                return np.memmap(file, np.uint8, mode="r+", shape=shape)
        images = empty_images(*shape)
        rows = images.reshape(self.num_rows, side * side)
        start = 0
        self._blocks.reverse()
        while self._blocks:  # each block is let go once it is copied
            block = self._blocks.pop()
            rows[start : start + len(block)] = block
            start += len(block)
        return images
