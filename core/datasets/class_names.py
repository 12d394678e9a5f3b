"""Class names as users bring them: from a file or a table, made safe to show, checked to tell classes apart.

Apart from the readers, because each kind of source may come with such a file.
"""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import orjson

from core.datasets.steady_file import read_whole
from core.exceptions import InvalidInput

MAX_CLASSES = 1000
MAX_LENGTH = 200
_LARGEST_FILE = 2**20

# Marks that turn the writing direction around: a name could make the text beside it read backwards. Others of their
# category stay, because Indic scripts and Persian need joiners.
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def cleaned(name: str) -> str:
    """Return a name without control and direction marks, spaces made single, cut to 200 characters."""
    kept = (
        " " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one
        for one in name
        if one not in _DIRECTION_MARKS and unicodedata.category(one) != "Cs"
    )
    return " ".join("".join(kept).split())[:MAX_LENGTH]


def checked(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Return cleaned names, in label order.

    Args:
        names: as read.
        where: what they were read from, as the message names it.

    Raises:
        InvalidInput: one is empty, two are equal, or there are more than 1,000.
    """
    result = tuple(cleaned(name) for name in names)
    if len(result) > MAX_CLASSES:
        raise InvalidInput(
            f"{where} has {len(result):,} classes; at most {MAX_CLASSES:,} can be told apart."
            " Are these numbers to be predicted, or names of files?"
        )
    seen: dict[str, int] = {}
    for label, name in enumerate(result):
        if not name:
            raise InvalidInput(f"{where}: class {label} has an empty name.")
        if name in seen:
            raise InvalidInput(
                f"{where}: classes {seen[name]} and {label} have the same name, {name!r}."
            )
        seen[name] = label
    return result


def from_file(path: Path) -> tuple[str, ...]:
    """Read class names in label order: a JSON list, or text with one name a line.

    Raises:
        InvalidInput: the file is not there, of another form, or its names do not tell classes apart.
    """
    where = f"The class names in {path.name!r}"
    data = read_whole(path, _LARGEST_FILE)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name!r} is not text in UTF-8. Save it as UTF-8.") from None
    if path.suffix.lower() != ".json":
        return checked([line for line in text.splitlines() if line.strip()], where)
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{path.name!r} is no JSON ({error}).") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"{path.name!r} must hold a JSON list of names, in label order.")
    return checked(names, where)


def for_labels(num_classes: int, path: Path | None, where: str) -> tuple[str, ...]:
    """Return the names of classes that the source only numbers: from a file, else the numbers.

    Args:
        num_classes: K, the largest label plus 1.
        path: of the file with the names, or None.
        where: what the labels were read from, as the message names it.

    Raises:
        InvalidInput: there are more classes than can be told apart, or more than the file names.
    """
    if path is None:
        return checked(map(str, range(num_classes)), where)
    names = from_file(path)
    if len(names) < num_classes:
        raise InvalidInput(
            f"{path.name!r} names {len(names)} classes, but {where} has label {num_classes - 1}."
            " Labels count from 0, so one name is needed for each label up to it."
        )
    return names
