"""Saved: what users keep under a name beside the runs: pipelines, slices, notes on images.

One JSON file each, `.saved/<kind>/<hash>.json` with the keys schema, kind, name, value, created (Unix seconds) and by
(who saved it). The file's name is a hash, so that no text of a user becomes one. What a value means is its reader's
business: it is any JSON object.
"""

import hashlib
import stat
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.exceptions import DamagedRun, InvalidParameter, NewerRun, UnknownName
from core.runs import files
from core.runs.layout import RunsLayout
from core.runs.text import MOST_CHARACTERS, clean_text

KINDS: Mapping[str, int] = {"pipelines": 40, "slices": 40, "notes": MOST_CHARACTERS}
"""Kind -> most characters of a name."""

LARGEST = 2**20
"""Bytes of a file."""


@dataclass(frozen=True)
class Saved:
    """What is kept under a name.

    Attributes:
        kind: one of `KINDS`.
        name: what the user calls it.
        value: what is kept, as JSON knows it.
        created: Unix seconds of the last save.
        by: who saved it.
    """

    kind: str
    name: str
    value: dict[str, Any]
    created: float
    by: str


def save(root: Path, kind: str, name: str, value: Mapping[str, Any], by: str) -> Saved:
    """Keep a value under a name, in place of what was kept under it.

    Args:
        root: the runs folder.
        kind: one of `KINDS`.
        name: control and direction characters are removed.
        value: anything that JSON can hold.
        by: who saves it.

    Raises:
        UnknownName: there is no such kind.
        InvalidParameter: the name is empty or too long, or the value is no JSON or too large.
        NewerRun: a later version keeps something under this name; it is left as it is.
        OSError: it could not be written; what was kept is as it was.
    """
    entry = Saved(kind, cleaned_name(kind, name), dict(value), time.time(), clean_text(by))
    path = _path(root, kind, entry.name)
    try:
        data = orjson.dumps({"schema": files.SCHEMA, **vars(entry)}, option=orjson.OPT_INDENT_2)
    except TypeError as error:
        raise InvalidParameter(f"value of {entry.name!r} must be plain JSON: {error}.") from None
    if len(data) > LARGEST:
        raise InvalidParameter(
            f"value of {entry.name!r} must take at most {LARGEST:,} bytes; got {len(data):,}."
        )
    _refuse_newer(path, kind)
    files.make_folder(path.parent)
    files.write_bytes(path, data)
    return entry


def saved(root: Path, kind: str) -> list[Saved]:
    """Return all that is kept of a kind, by name; what cannot be read is left out and named by `unreadable`.

    Raises:
        UnknownName: there is no such kind.
    """
    entries = [one for one in _entries(root, kind) if isinstance(one, Saved)]
    return sorted(entries, key=lambda one: (one.name.casefold(), one.name))


def unreadable(root: Path, kind: str) -> list[str]:
    """Return a sentence for each file of a kind that is damaged or that a later version wrote.

    Raises:
        UnknownName: there is no such kind.
    """
    return sorted(f"{one}." for one in _entries(root, kind) if isinstance(one, DamagedRun))


def load(root: Path, kind: str, name: str) -> Saved:
    """Return what is kept under a name.

    Raises:
        UnknownName: nothing is, or there is no such kind; the message suggests the nearest name.
        DamagedRun: its file cannot be trusted; NewerRun: a later version wrote it.
    """
    wanted = _cleaned(name)
    try:
        return _read(_path(root, kind, wanted), kind)
    except FileNotFoundError:
        known = [one.name for one in saved(root, kind)]
        raise UnknownName(f"saved {kind[:-1]}", wanted, known) from None


def remove(root: Path, kind: str, name: str) -> None:
    """Forget what is kept under a name, also where its file is damaged.

    Raises:
        UnknownName: nothing is, or there is no such kind.
        NewerRun: a later version wrote it; it is left as it is.
    """
    wanted = _cleaned(name)
    path = _path(root, kind, wanted)
    _refuse_newer(path, kind)
    try:
        path.unlink()
    except FileNotFoundError:
        known = [one.name for one in saved(root, kind)]
        raise UnknownName(f"saved {kind[:-1]}", wanted, known) from None
    files.sync_folder(path.parent)


def cleaned_name(kind: str, name: str) -> str:
    """Return a name as it is kept.

    Raises:
        UnknownName: there is no such kind.
        InvalidParameter: nothing is left of it, or too much.
    """
    most = _most_characters(kind)
    shown = _cleaned(name)
    if not 1 <= len(shown) <= most:
        raise InvalidParameter(
            f"name must have 1 to {most} characters, control and direction characters not counted; "
            f"got {len(shown)}."
        )
    return shown


def _cleaned(name: str) -> str:
    # One name is one file, however its accents are spelled.
    return unicodedata.normalize("NFC", clean_text(name, most=len(name)))


def _most_characters(kind: str) -> int:
    if kind not in KINDS:
        raise UnknownName("kind of saved things", kind, KINDS)
    return KINDS[kind]


def _path(root: Path, kind: str, name: str) -> Path:
    _most_characters(kind)
    return RunsLayout(root).saved(kind, _stem(name))


def _stem(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _entries(root: Path, kind: str) -> Iterator[Saved | DamagedRun]:
    _most_characters(kind)
    for path in RunsLayout(root).saved_dir(kind).glob("*.json"):
        try:
            yield _read(path, kind)
        except FileNotFoundError:
            continue  # removed since it was listed
        except DamagedRun as damage:
            yield damage


def _read(path: Path, kind: str) -> Saved:
    """Read a file.

    Raises:
        FileNotFoundError: there is none.
        DamagedRun: it cannot be trusted; NewerRun: a later version wrote it.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DamagedRun(f"{path.name} is no file")
        if found.st_size > LARGEST:
            raise DamagedRun(f"{path.name} has {found.st_size:,} bytes, more than {LARGEST:,}")
        values = files.read_json(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedRun(f"{path.name} cannot be read ({error.strerror})") from None
    version = values.get("schema")
    if not isinstance(version, int):
        raise DamagedRun(f"{path.name} has no schema")
    if version > files.SCHEMA:
        raise NewerRun(f"{path.name} has schema {version}", values)
    name, value, created, by = (values.get(key) for key in ("name", "value", "created", "by"))
    if not (
        values.get("kind") == kind
        and isinstance(name, str)
        and isinstance(value, dict)
        and isinstance(created, int | float)
        and isinstance(by, str)
    ):
        raise DamagedRun(f"{path.name} lacks kind, name, value, created or by")
    if path.stem != _stem(name) or _cleaned(name) != name:
        # Its name would find another file, or none.
        raise DamagedRun(f"{path.name} is not the file of the name that it gives")
    return Saved(kind, name, value, created, by)


def _refuse_newer(path: Path, kind: str) -> None:
    try:
        _read(path, kind)
    except NewerRun:
        raise
    except (FileNotFoundError, DamagedRun):
        return
