"""Importing: putting a user's files into the data folder under a name, and taking them out again.

Apart from `core.datasets.imported`, which runs need, because this needs the readers. All is written aside and renamed,
so that nothing is ever there by half.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson

from core.datasets import DATASETS
from core.datasets.imported import FACTS, NAME_PATTERN, imported_folder, imported_names
from core.datasets.kinds import KINDS, recognised
from core.datasets.raw import (
    LARGEST_NUMBER,
    PARTS,
    UNLABELLED,
    ImportOptions,
    Progress,
    RawData,
    silent,
)
from core.exceptions import InvalidInput, InvalidParameter, UnknownName

_SIDES = range(4, 513)
_ROWS_AT_ONCE = 4096
_STALE_SECONDS = 86_400
_MOST_FILES = 200_000
_NAMED_CLASSES = 5


def import_dataset(
    path: Path,
    name: str,
    kind: str | None,
    options: ImportOptions,
    data_dir: Path,
    progress: Progress = silent,
) -> Path:
    """Read a file or folder and keep it as a data set.

    Args:
        path: of the source; it is only read.
        name: of the data set, 1 to 40 of a-z, 0-9 and "-".
        kind: of the source, one of `KINDS`, or None to recognise it.
        options: what the user chose about reading.
        data_dir: folder of the data sets.
        progress: told how far it is.

    Returns:
        The data set's folder.

    Raises:
        InvalidInput: the name is not allowed or taken, or the source cannot be read or used; nothing is left behind.
    """
    folder = imported_folder(checked_name(name, data_dir), data_dir)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InvalidInput(f"{path.name!r} is neither a file nor a folder.")
    before = _state(path)
    kind = kind or recognised(path)
    raw = KINDS[kind].read(path, options, lambda share, what: progress(0.9 * share, what))
    if _state(path) != before:
        raise InvalidInput(
            f"{path.name!r} changed while it was read. Import it again when it is whole."
        )
    progress(0.9, "Checking images")
    notes = (*raw.notes, *_checked(raw, path.name))
    progress(0.95, "Keeping the data set")
    try:
        _keep(folder, raw, notes, kind, path.name)
    except OSError as error:
        if folder.exists():  # another process was quicker
            checked_name(name, data_dir)
        raise InvalidInput(f"The data set cannot be kept: {error.strerror or error}.") from None
    progress(1.0, "Done")
    return folder


def checked_name(name: str, data_dir: Path) -> str:
    """Return the name if a new data set may have it.

    Raises:
        InvalidParameter: it is of another form, or taken.
    """
    if not re.fullmatch(NAME_PATTERN.strip("^$"), name):
        raise InvalidParameter(
            f"The name of a data set must be 1 to 40 of a-z, 0-9 and '-'; got {name[:60]!r}."
        )
    if name in DATASETS:
        raise InvalidParameter(f"{name!r} is the name of a built-in data set. Choose another.")
    if imported_folder(name, data_dir).exists():
        raise InvalidParameter(
            f"A data set {name!r} is there already. Choose another name, or remove it first."
        )
    return name


def remove_dataset(name: str, data_dir: Path) -> None:
    """Delete an imported data set and its kept splits. Runs that were made with it stay, but cannot go on.

    Raises:
        UnknownName: nothing is imported under this name.
        InvalidInput: it is built in, or cannot be deleted.
    """
    if name in DATASETS:
        raise InvalidInput(f"{name!r} is built in and cannot be removed.")
    if (
        not re.fullmatch(NAME_PATTERN.strip("^$"), name)
        or not imported_folder(name, data_dir).is_dir()
    ):
        raise UnknownName("imported data set", name, imported_names(data_dir))
    try:
        aside = Path(tempfile.mkdtemp(prefix=".removed-", dir=data_dir / "imported"))
        os.replace(imported_folder(name, data_dir), aside)
    except OSError as error:
        raise InvalidInput(f"The data set {name!r} cannot be removed: {error.strerror}.") from None
    shutil.rmtree(aside, ignore_errors=True)


def _state(path: Path) -> list[tuple[str, int, int]]:
    """Return what changes when a source does: its files with size and time of change."""
    try:
        found = [path.stat()]
        names = [""]
        if path.is_dir():
            for folder, _, files in os.walk(path):
                for file in files[: _MOST_FILES - len(names)]:
                    names.append(os.path.join(folder, file))
                    found.append(os.lstat(names[-1]))
    except OSError as error:
        raise InvalidInput(f"{path.name!r} cannot be read: {error.strerror}.") from None
    return sorted(
        (name, one.st_size, one.st_mtime_ns) for name, one in zip(names, found, strict=True)
    )


def _checked(raw: RawData, source: str) -> list[str]:
    """Refuse what no network can learn from; return what is worth knowing of the rest."""
    number, channels, height, width = raw.images.shape
    if raw.images.dtype != np.uint8 or channels not in (1, 3):
        raise InvalidInput(
            f"Images must be bytes with 1 or 3 channels; got {raw.images.dtype} with {channels}."
        )
    if height not in _SIDES or width not in _SIDES:
        raise InvalidInput(
            f"Images must be {_SIDES.start} to {_SIDES.stop - 1} pixels wide and high; those of {source!r} are"
            f" {width}x{height}. Choose a size to resize them to."
        )
    if number > LARGEST_NUMBER:
        raise InvalidInput(f"A data set holds at most {LARGEST_NUMBER:,} images; got {number:,}.")
    labelled = raw.labels[raw.labels != UNLABELLED]
    occurring = np.bincount(labelled, minlength=raw.space.num_classes)
    num_occurring = np.count_nonzero(occurring)
    if not len(labelled):
        raise InvalidInput(
            f"None of the {number:,} images of {source!r} has a label, so there is nothing to learn."
            " Unlabelled images are for prediction."
        )
    if num_occurring == 1:
        name = raw.space.class_names[int(occurring.argmax())]
        raise InvalidInput(
            f"All {len(labelled):,} labelled images of {source!r} are of one class, {name!r};"
            " at least two are needed to tell apart."
        )
    return _remarks(raw, occurring)


def _remarks(raw: RawData, occurring: np.ndarray) -> list[str]:
    remarks = []
    missing = np.flatnonzero(occurring == 0)
    if len(missing):
        named = ", ".join(repr(raw.space.class_names[one]) for one in missing[:_NAMED_CLASSES])
        more = f" and {len(missing) - _NAMED_CLASSES} more" if len(missing) > _NAMED_CLASSES else ""
        remarks.append(
            f"{len(missing)} of {raw.space.num_classes} classes have no image: {named}{more}."
        )
    num_unlabelled = int(np.count_nonzero(raw.labels == UNLABELLED))
    if num_unlabelled:
        remarks.append(f"{num_unlabelled:,} images have no label and are in no split.")
    num_flat, largest = 0, 0
    for start in range(0, len(raw.images), _ROWS_AT_ONCE):
        block = raw.images[start : start + _ROWS_AT_ONCE]
        flat = block.reshape(len(block), -1)
        highest = flat.max(axis=1)
        num_flat += int(np.count_nonzero(highest == flat.min(axis=1)))
        largest = max(largest, int(highest.max()))
    if num_flat:
        share = "All" if num_flat == len(raw.images) else f"{num_flat:,} of"
        remarks.append(f"{share} {len(raw.images):,} images have one value in every pixel.")
    if 0 < largest < 32:
        remarks.append(
            f"The largest pixel value is {largest} of 255, so the images are nearly black."
        )
    return remarks


def _keep(folder: Path, raw: RawData, notes: tuple[str, ...], kind: str, source: str) -> None:
    """Write the data set aside and rename it into place.

    Raises:
        OSError: it cannot be written, or a data set of this name has appeared.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_stale(folder.parent)
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        sha256 = {}
        for part in ("images", "labels", "counts", "parts"):
            array = getattr(raw, part)
            if array is not None:
                path = aside / f"{part}.npy"
                np.save(path, array, allow_pickle=False)
                with path.open("rb") as file:
                    sha256[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        fixed = [] if raw.parts is None else np.unique(raw.parts[raw.labels != UNLABELLED])
        facts = {
            "schema": 1,
            "name": folder.name,
            "kind": kind,
            "source": source,
            "created": time.time(),
            "shape": list(raw.images.shape),
            "space": raw.space.to_json(),
            "fixed_parts": [PARTS[one] for one in fixed],
            "notes": list(notes),
            "sha256": sha256,
        }
        (aside / FACTS).write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        aside.chmod(0o750)  # mkdtemp lets nobody else in, but workers may be another user's
        os.rename(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _forget_stale(folder: Path) -> None:
    """Delete what killed imports and removals left aside more than a day ago."""
    for left in [*folder.glob(".part-*"), *folder.glob(".removed-*")]:
        try:
            is_stale = time.time() - left.stat().st_mtime > _STALE_SECONDS
        except OSError:
            continue
        if is_stale:
            shutil.rmtree(left, ignore_errors=True)
