"""CSV cells: what the lines of a pixel table mean, from its header to the pixels, labels and IDs of a block of rows.

A block of plain digits and separators is read with NumPy, all at once and fully checked; any other goes through the
`csv` module cell by cell, which reads what is legal but odd and names the first cell that is not. Apart from
`core.datasets.pixel_csv`, which knows what labels stand for and how tables make a data set.
"""

import csv
import difflib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.csv_blocks import Block
from core.exceptions import InvalidInput

SIDES = range(4, 513)
"""Pixels along the side of an image."""

_LABEL_NAMES = ("label", "class")
_WHOLE = {str(value): value for value in range(256)}
_ODD_WHOLE = re.compile(r"\+?0*([0-9]{1,3})(\.0*)?")
_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        names: of all columns, in order.
        separator: comma, semicolon or tab.
        label: position of the label, or None.
        id: position of the ID, or None.
        side: S; the table has S * S pixel columns beside these.
    """

    names: tuple[str, ...]
    separator: str
    label: int | None
    id: int | None
    side: int

    @property
    def longest_line(self) -> int:
        """Bytes that a row can need: quotes, spaces and ".0" around each value, and room for a name."""
        return 16 * len(self.names) + 4096


@dataclass(frozen=True)
class Rows:
    """The rows of a block.

    Attributes:
        pixels: (R, S * S) uint8.
        labels: R texts, or None without a label column.
        ids: R texts, or None without an ID column.
        lines: R line numbers in the file.
    """

    pixels: NDArray[np.uint8]
    labels: list[str] | None
    ids: list[str] | None
    lines: Sequence[int]


def parsed_header(
    header: bytes, table: str, label_column: str = "auto", *, needs_label: bool = True
) -> Columns:
    """Return what the columns of a table are.

    Args:
        header: the first line.
        table: the file's name, for messages.
        label_column: "auto" (called label or class), "first", "last" or the column's name.
        needs_label: whether a table without such a column is refused.

    Raises:
        InvalidInput: it is no header, no label column is found, or the others do not make a square image.
    """
    try:
        text = header.decode()
    except UnicodeDecodeError:
        raise InvalidInput(
            f"The header of {table!r} is not UTF-8. Save the table as UTF-8."
        ) from None
    separator = max(",;\t", key=text.count)
    names = tuple(name.strip() for name in _cells(text, separator, f"The header of {table!r}"))
    if all(re.fullmatch(r"[-+]?\d+(\.\d*)?", name) for name in names):
        raise InvalidInput(
            f"{table!r} has no header: its first line holds only numbers. Add a first line such as pix1,pix2,...,label."
        )
    twice = (
        next((name for name in names if names.count(name) > 1), None) if _repeats(names) else None
    )
    if twice is not None:
        raise InvalidInput(
            f"The header of {table!r} names {twice!r} {names.count(twice)} times. Each column must have its own name."
        )
    label = _label_position(names, table, label_column, needs_label)
    identity = next((at for at, name in enumerate(names) if name.casefold() == "id"), None)
    if identity is None and names[0] == "":  # the row numbers that pandas writes
        identity = 0
    pixel_names = [name for at, name in enumerate(names) if at not in (label, identity)]
    _check_order(pixel_names, table)
    return Columns(names, separator, label, identity, _side(pixel_names, table))


def parsed_rows(block: Block, columns: Columns, table: str, first_row: int) -> Rows:
    """Return the rows of a block; empty lines are no rows.

    Args:
        block: whole lines below the header.
        columns: of the table.
        table: the file's name, for messages.
        first_row: number of the block's first row among the rows of the table, which count from 1.

    Raises:
        InvalidInput: a row has too many or too few values, or a pixel is not a whole number from 0 to 255.
    """
    rows = _plain_rows(block, columns)
    return _careful_rows(block, columns, table, first_row) if rows is None else rows


def place(table: str, row: int, line: int, column: str) -> str:
    """Return where a cell stands, as messages say it."""
    return f"{table!r}, row {row:,} (line {line:,}), column {column!r}"


def shown(cell: str) -> str:
    """Return a cell as messages show it, in quotes and cut short."""
    return repr(cell if len(cell) <= 40 else f"{cell[:39]}…")


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _label_position(
    names: Sequence[str], table: str, label_column: str, needs_label: bool
) -> int | None:
    folded = [name.casefold() for name in names]
    if label_column in ("first", "last"):
        return 0 if label_column == "first" else len(names) - 1
    if label_column == "auto":
        found = [at for at, name in enumerate(folded) if name in _LABEL_NAMES]
        if len(found) > 1:
            raise InvalidInput(
                f"{table!r} has two columns that may hold the label, {names[found[0]]!r} and {names[found[1]]!r}."
                " Say which by the option label_column."
            )
        if found or not needs_label:
            return found[0] if found else None
        raise InvalidInput(
            f"{table!r} has no label column: none of its {len(names):,} columns is called 'label' or 'class';"
            f" the first is {shown(names[0])} and the last {shown(names[-1])}."
            " Say which it is by the option label_column (first, last or its name)."
        )
    if label_column.casefold() in folded:
        return (
            names.index(label_column)
            if label_column in names
            else folded.index(label_column.casefold())
        )
    if not needs_label:
        return None
    near = difflib.get_close_matches(label_column, names, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InvalidInput(f"{table!r} has no column {label_column!r} for the label.{hint}")


def _check_order(names: Sequence[str], table: str) -> None:
    """Check that numbered pixels are alone and follow each other; names of another form tell no order."""
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    found = [("", -1) if match is None else (match[1], int(match[2][:9])) for match in numbered]
    prefixes = Counter(prefix for prefix, number in found if number >= 0)
    if not prefixes:
        return
    (prefix, number_of_pixels), *_ = prefixes.most_common(1)
    if 2 * number_of_pixels <= len(names):
        return
    is_pixel = [number >= 0 and one == prefix for one, number in found]
    if not all(is_pixel):
        strangers = [name for name, is_one in zip(names, is_pixel, strict=True) if not is_one]
        numbers = [number for (_, number), is_one in zip(found, is_pixel, strict=True) if is_one]
        raise _strangers(strangers, prefix, numbers, table)
    for before, after in zip(range(len(found)), range(1, len(found)), strict=False):
        if found[after][1] != found[before][1] + 1:
            raise InvalidInput(
                f"The pixel columns of {table!r} are out of order: {names[after]!r} follows {names[before]!r}."
                " Order them by number, row by row of the image."
            )


def _strangers(
    strangers: Sequence[str], prefix: str, numbers: Sequence[int], table: str
) -> InvalidInput:
    """Return what is wrong with columns that stand among numbered pixels, and with pixels whose place they may have."""
    first = min(*numbers, 1)
    total = len(numbers)
    if math.isqrt(total) ** 2 != total:
        total += len(strangers)  # as many pixels as there would be columns
    missing = sorted(set(range(first, first + total)) - set(numbers))
    are = "is no pixel" if len(strangers) == 1 else "are no pixels"
    message = (
        f"{_listed(strangers)} of {table!r} {are}: {len(numbers):,} of its columns are called {prefix}{numbers[0]} to"
        f" {prefix}{numbers[-1]}."
    )
    if missing:
        names = _listed([f"{prefix}{number}" for number in missing])
        message += f" {names} {'is' if len(missing) == 1 else 'are'} missing."
    remedy = "Remove what is no pixel" + (" and add what is missing" if missing else "")
    return InvalidInput(
        f"{message} {remedy}. A column of IDs is called ID, one of labels label or class."
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(map(shown, names[:3])) + more


def _side(names: Sequence[str], table: str) -> int:
    number = len(names)
    side = math.isqrt(number)
    if side * side == number and side in SIDES:
        return side
    columns = f"{table!r} has {number:,} pixel columns"
    if names:
        columns += f" ({shown(names[0])} to {shown(names[-1])}, label and ID left out)"
    if side not in SIDES:
        raise InvalidInput(
            f"Images have from {SIDES[0]}x{SIDES[0]} to {SIDES[-1]}x{SIDES[-1]} pixels; {columns}. Import other sizes as an image folder."
        )
    colour = math.isqrt(number // 3)
    if colour * colour * 3 == number:
        rule = f" They would make a {colour}x{colour} colour image; a pixel CSV is grey: import colour as an image folder."
    else:
        rule = f" The nearest squares are {side * side:,} ({side}x{side}) and {(side + 1) ** 2:,} ({side + 1}x{side + 1})."
    raise InvalidInput(f"The pixel columns must make a square image; {columns}.{rule}")


def _plain_rows(block: Block, columns: Columns) -> Rows | None:
    """Return the rows of a block of digits and separators, or None where there is anything else in it."""
    text = block.text
    if columns.separator != ",":
        if b"," in text:
            return None
        text = text.replace(columns.separator.encode(), b",")
    sides = sorted(at for at in (columns.label, columns.id) if at is not None)
    # Label and ID may be text or of many digits, so they are cut off where they stand first or last.
    leading = sum(at < len(sides) for at in sides)
    trailing = sum(at >= len(columns.names) - len(sides) for at in sides)
    if leading + trailing < len(sides) or b'"' in text:
        return None
    cells: dict[int, list[str]] = {at: [] for at in sides}
    if sides:
        middles = []
        for line in text.split(b"\n")[:-1]:
            head = line.split(b",", leading)
            tail = head.pop().rsplit(b",", trailing)
            if len(head) < leading or len(tail) <= trailing:
                return None
            middles.append(tail[0])
            try:
                for at, cell in zip(sides, (*head, *tail[1:]), strict=True):
                    cells[at].append(cell.decode().strip())
            except UnicodeDecodeError:
                return None
        middles.append(b"")
        text = b"\n".join(middles)
    pixels = _plain_pixels(text, columns.side**2)
    if pixels is None:
        return None
    return Rows(
        pixels,
        None if columns.label is None else cells[columns.label],
        None if columns.id is None else cells[columns.id],
        range(block.first_line, block.first_line + len(pixels)),
    )


def _plain_pixels(text: bytes, num_pixels: int) -> NDArray[np.uint8] | None:
    """Return lines of values of 1 to 3 digits up to 255, or None if any byte of them is anything else.

    Each byte gets the value of the number that would end in it; those before a separator are kept.
    """
    signs = np.frombuffer(text, np.uint8)
    digits = signs - np.uint8(ord("0"))  # what lies below "0" wraps round to above 9
    is_end = digits > 9
    is_digit = ~is_end
    ends = np.flatnonzero(is_end)
    line_ends = np.flatnonzero(signs == ord("\n"))
    num_commas = np.count_nonzero(signs == ord(","))
    if (
        len(ends) != num_commas + len(line_ends)  # nothing but digits, commas and line ends
        or len(ends) != len(line_ends) * num_pixels
        or not np.array_equal(ends[num_pixels - 1 :: num_pixels], line_ends)  # each row is full
        or is_end[0]
        or (is_end[1:] & is_end[:-1]).any()  # a value without digits
        or (is_digit[3:] & is_digit[2:-1] & is_digit[1:-2] & is_digit[:-3]).any()  # or of four
    ):
        return None
    digits *= is_digit
    values = digits.astype(np.uint16)
    values[1:] += digits[:-1] * np.uint16(10)
    values[2:] += digits[:-2] * is_digit[1:-1] * np.uint16(100)
    pixels = values.take(ends - 1)
    if pixels.max() > 255:
        return None
    return pixels.astype(np.uint8).reshape(-1, num_pixels)


def _careful_rows(block: Block, columns: Columns, table: str, first_row: int) -> Rows:
    try:
        text = block.text.decode()
    except UnicodeDecodeError as error:
        line = block.first_line + block.text.count(b"\n", 0, error.start)
        raise InvalidInput(
            f"{table!r} is not UTF-8 text: line {line:,} holds the byte 0x{block.text[error.start]:02X}."
            " Save it as CSV in UTF-8."
        ) from None
    taken = [at for at in range(len(columns.names)) if at not in (columns.label, columns.id)]
    pixels: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    ids: list[str] = []
    lines: list[int] = []
    for line, written in enumerate(text.split("\n")[:-1], start=block.first_line):
        if not written.strip():
            continue
        row = first_row + len(pixels)
        here = f"{table!r}, row {row:,} (line {line:,}),"
        cells = [cell.strip() for cell in _cells(written, columns.separator, here)]
        if len(cells) != len(columns.names):
            raise InvalidInput(
                f"Each row must have the {len(columns.names):,} values that the header names; {here}"
                f" has {len(cells):,}. Correct the row or remove it."
            )
        values = [_WHOLE.get(cells[at]) for at in taken]
        if None in values:
            values = [
                _odd_pixel(cells[at], place(table, row, line, columns.names[at])) for at in taken
            ]
        pixels.append(np.array(values, np.uint8))
        labels.append("" if columns.label is None else cells[columns.label])
        ids.append("" if columns.id is None else cells[columns.id])
        lines.append(line)
    stacked = np.stack(pixels) if pixels else np.empty((0, len(taken)), np.uint8)
    return Rows(
        stacked,
        None if columns.label is None else labels,
        None if columns.id is None else ids,
        lines,
    )


def _odd_pixel(cell: str, where: str) -> int:
    """Return a pixel that may be written as 007 or 7.0."""
    found = _ODD_WHOLE.fullmatch(cell)
    if found and int(found[1]) <= 255:
        return int(found[1])
    rule = f"A pixel is a whole number from 0 to 255; {where}"
    if not cell:
        raise InvalidInput(f"{rule} is empty. Fill it in or remove the row.")
    if re.fullmatch(r"[0-9]*[.,][0-9]+", cell):
        raise InvalidInput(
            f"{rule} holds {shown(cell)}. Scale the table to whole numbers from 0 to 255."
        )
    raise InvalidInput(f"{rule} holds {shown(cell)}. Correct it or remove the row.")


def _cells(line: str, separator: str, where: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [""])
    except csv.Error as error:
        raise InvalidInput(
            f"{where} cannot be read as CSV: {error}. A quoted value must end on its line."
        ) from None
