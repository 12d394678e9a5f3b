"""Image tables: a CSV of name and label beside image files, matched with them.

Apart from `core.datasets.image_folder`, which takes the labels from folders where there is no such table. What a label
means is decided there.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.datasets.csv_cells import shown
from core.exceptions import InvalidInput

LARGEST_TABLE = 64 * 2**20

_NAME_COLUMNS = (
    "name", "file", "filename", "file_name", "file name", "image", "image_name", "image_id", "path", "id",
)  # fmt: skip
_LABEL_COLUMNS = ("label", "class")
_SHOWN = 10


@dataclass(frozen=True)
class ImageTable:
    """Labels by image.

    Attributes:
        name: of the table's file.
        labels: label text by the name of the image file; files that no row names are not in it.
        label_column: name of the column.
    """

    name: str
    labels: dict[str, str]
    label_column: str


def table_among(
    tables: dict[str, bytes], images: Sequence[str], label_column: str
) -> ImageTable | None:
    """Return the one table of names and labels, or None where no table has such columns.

    Args:
        tables: bytes of CSV files by name.
        images: names of all image files.
        label_column: "auto", "first", "last" or a column's name.

    Raises:
        InvalidInput: two tables have such columns, or rows of the table and images do not fit together.
    """
    found = []
    for name, data in tables.items():
        rows = _rows(name, data)
        columns = _columns(rows[0] if rows else [], label_column)
        if columns is not None:
            found.append((name, rows, columns))
    if not found:
        return None
    if len(found) > 1:
        raise InvalidInput(
            f"Both {found[0][0]!r} and {found[1][0]!r} have a column of names and one of labels. Keep one of them."
        )
    name, rows, (name_at, label_at) = found[0]
    labels: dict[str, str] = {}
    lost: list[str] = []
    known = _Known(images, str(PurePosixPath(name).parent))
    for row, cells in enumerate(rows[1:], start=1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(rows[0]):
            raise InvalidInput(
                f"Each row must have the {len(rows[0])} values that the header names; {name!r}, row {row:,},"
                f" has {len(cells)}. Correct the row or remove it."
            )
        text, label = cells[name_at].strip(), cells[label_at].strip()
        image = known.image(text)
        if image is None:
            lost.append(f"{shown(text)} (row {row:,})")
        elif image in labels:
            raise InvalidInput(
                f"{name!r}, row {row:,}, names the image {image!r} a second time. Remove one of the rows."
            )
        elif not label:
            raise InvalidInput(
                f"{name!r}, row {row:,}, has no label. Fill in column {rows[0][label_at]!r} or remove the row."
            )
        else:
            labels[image] = label
    if lost:
        more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
        raise InvalidInput(
            f"{len(lost):,} of the images that {name!r} names are not there: {', '.join(lost[:_SHOWN])}{more}."
            " Names are relative to the table. Add the images or remove the rows."
        )
    return ImageTable(name, labels, rows[0][label_at].strip())


class _Known:
    """The images that a row may mean: by name relative to the table, else by a last part that only one image has."""

    def __init__(self, images: Sequence[str], folder: str) -> None:
        self._prefix = "" if folder == "." else f"{folder}/"
        self._names = set(images)
        self._last: dict[str, list[str]] = {}
        for image in images:
            path = PurePosixPath(image)
            for last in {path.name, path.stem}:
                self._last.setdefault(last, []).append(image)

    def image(self, text: str) -> str | None:
        name = f"{self._prefix}{text.replace(chr(92), '/').removeprefix('./')}"
        if name in self._names:
            return name
        same = self._last.get(text, [])
        return same[0] if len(same) == 1 else None


def _rows(name: str, data: bytes) -> list[list[str]]:
    """Return the rows of a CSV, or none where it is no text: then it is some other table."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InvalidInput(f"{name!r} cannot be read as CSV: {error}. Correct it.") from None


def _columns(header: list[str], label_column: str) -> tuple[int, int] | None:
    """Return the positions of name and label, or None."""
    folded = [cell.strip().casefold() for cell in header]
    if len(folded) < 2:
        return None
    name_at = next((folded.index(name) for name in _NAME_COLUMNS if name in folded), None)
    match label_column:
        case "first" | "last":
            label_at = 0 if label_column == "first" else len(folded) - 1
        case "auto":
            label_at = next((folded.index(name) for name in _LABEL_COLUMNS if name in folded), None)
        case _:
            wanted = label_column.casefold()
            label_at = folded.index(wanted) if wanted in folded else None
    if label_at is None or name_at is None or label_at == name_at:
        return None
    return name_at, label_at
