"""GSN: the public files of Geometric Shape Numbers, which the generated shapes are modelled on.

    labels.csv   name,squares,circles,up,right,down,left; one row an image
    images/      28x28 PNG, red = green = blue, with an alpha channel that is 255 everywhere

A folder or a zip, whose files may lie below data/ or one other folder. The labels are those of `core.datasets.shapes`.
A mean over all four channels would turn black into grey, so one colour channel is taken.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets.decode import UnreadableImage, decoded, header_size
from core.datasets.file_tree import FileTree, is_tree, opened_tree
from core.datasets.raw import PARTS, ImportOptions, Progress, RawData, empty_images
from core.datasets.shapes import (
    FIGURES_PER_IMAGE,
    NAMED_FIRST_COUNTS,
    PAIRS,
    SIDE,
    TYPE_NAMES,
    label_space,
)
from core.exceptions import InvalidInput

WHAT = "a folder or zip of Geometric Shape Numbers: labels.csv and images/"

HEADER = ("name", *TYPE_NAMES)
_LABELS = "labels.csv"
_FULL_SIZE = 10_000
_FULL_TRAIN = 9_000

_LARGEST_TABLE = 2**26
_LARGEST_IMAGE = 2**20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")
_NAMED_FAILURES = 5


def recognises(path: Path) -> bool:
    """Return whether it holds a labels.csv with the header of the data set."""
    if not is_tree(path):
        return False
    try:
        with opened_tree(path) as files:
            return _root(files) is not None
    except (InvalidInput, OSError):
        return False


def read(path: Path, options: ImportOptions, progress: Progress) -> RawData:
    """Read all images that labels.csv names, in its order.

    With 10,000 rows the first 9,000 are train and the others test, as in the assignment; of another number the last
    tenth is test. Validation is left to be drawn out of train.

    Args:
        path: a folder or a zip.
        options: none is used.
        progress: told the share of images that is read.

    Raises:
        InvalidInput: a row breaks the rules of the data set, or images are missing or of another form.
    """
    with opened_tree(path) as files:
        root = _root(files)
        if root is None:
            raise InvalidInput(
                f"{path.name!r} holds no {_LABELS} with the header {','.join(HEADER)}, neither at its top nor below"
                " one folder."
            )
        names, labels = _table(files.read(f"{root}{_LABELS}", _LARGEST_TABLE))
        images = empty_images(len(names), 1, SIDE, SIDE)
        known, failures = frozenset(files.names), []
        for row, name in enumerate(names):
            member = f"{root}images/{name}"
            try:
                if member not in known:
                    raise UnreadableImage("is missing")
                images[row] = _pixels(files.read(member, _LARGEST_IMAGE))
            except UnreadableImage as error:
                failures.append(f"images/{name} {error}")
            if row % 100 == 99:
                progress((row + 1) / len(names), "Reading images")
    if failures:
        more = len(failures) - _NAMED_FAILURES
        told = "; ".join(failures[:_NAMED_FAILURES])
        raise InvalidInput(f"{told}{f'; and {more:,} more' if more > 0 else ''}.")
    num_train = _FULL_TRAIN if len(names) == _FULL_SIZE else len(names) - len(names) // 10
    parts = np.full(len(names), PARTS.index("test"), np.uint8)
    parts[:num_train] = PARTS.index("train")
    counts = np.array(label_space().class_counts, np.uint8)[labels]
    note = (
        f"Rows 0 to {num_train - 1:,} are train, rows {num_train:,} to {len(names) - 1:,} are test."
    )
    return RawData(
        images=images,
        labels=labels,
        space=label_space(),
        counts=counts,
        parts=parts,
        notes=(note,),
    )


def _root(files: FileTree) -> str | None:
    """Return the folder with the labels, as a prefix such as "data/"; None where there is none."""
    tables = [name for name in files.names if name.split("/")[-1] == _LABELS]
    for name in sorted(tables, key=lambda name: (name.count("/"), name)):
        if name.count("/") > 1:
            break
        first, *_ = files.read(name, _LARGEST_TABLE).split(b"\n", 1)
        columns = first.decode("utf-8-sig", errors="replace").split(",")
        if tuple(column.strip().strip('"') for column in columns) == HEADER:
            return name.removesuffix(_LABELS)
    return None


def _table(data: bytes) -> tuple[list[str], NDArray[np.int64]]:
    """Return the images' names and their labels."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{_LABELS} is not text in UTF-8.") from None
    names: dict[str, int] = {}
    labels: list[int] = []
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        next(rows)
        for row in rows:
            if not row:
                continue
            place = f"{_LABELS}, line {rows.line_num}"
            if len(row) != len(HEADER):
                raise InvalidInput(
                    f"{place}: {len(HEADER)} values must stand there; got {len(row)}."
                )
            name = row[0].strip()
            if not _PLAIN_NAME.fullmatch(name):
                raise InvalidInput(
                    f"{place}: the name must be that of a file in images/, of letters, digits, '.', '-' and '_';"
                    f" got {name[:100]!r}."
                )
            if name in names:
                raise InvalidInput(f"{place}: {name} stands in line {names[name]} already.")
            names[name] = rows.line_num
            labels.append(_label(row[1:], place))
    except csv.Error as error:
        raise InvalidInput(f"{_LABELS}, line {rows.line_num}: {error}.") from None
    if not names:
        raise InvalidInput(f"{_LABELS} has a header but no rows.")
    return list(names), np.array(labels, np.int64)


def _label(values: list[str], place: str) -> int:
    """Return the class of a row's counts."""
    counts = [int(value) if value.strip().isdecimal() else -1 for value in values]
    present = tuple(number for number, count in enumerate(counts) if count)
    if min(counts) < 0 or len(present) != 2 or sum(counts) != FIGURES_PER_IMAGE:
        told = ", ".join(
            f"{name} {value.strip()}" for name, value in zip(TYPE_NAMES, values, strict=True)
        )
        raise InvalidInput(
            f"{place}: the counts must be whole numbers, of exactly two types, and sum to {FIGURES_PER_IMAGE};"
            f" got {told[:200]}."
        )
    return (
        PAIRS.index(present) * len(NAMED_FIRST_COUNTS)
        + counts[present[0]]
        - NAMED_FIRST_COUNTS.start
    )


def _pixels(data: bytes) -> NDArray[np.uint8]:
    """Decode one image to (1, 28, 28)."""
    height, width = header_size(data)
    if (height, width) != (SIDE, SIDE):
        raise UnreadableImage(f"must be {SIDE}x{SIDE} pixels; got {width}x{height}")
    pixels = decoded(data).pixels
    if len(pixels) != 1:
        raise UnreadableImage("must be grey: red, green and blue differ")
    return pixels
