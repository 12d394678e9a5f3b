"""Keeping splits on disk: made once, then memory-mapped by every process that reads them.

Apart from the sources, because it knows nothing of what it keeps. A kept folder is disposable: without it, or when it
is damaged or cannot be written, the splits are made again. Nothing is ever removed here; deleting is the user's.

    FOLDER/<split>_<part>.npy   part: images, labels, counts (where there are counts)
    FOLDER/manifest.json        {file name: {sha256, bytes, mtime_ns}}; written last

A file of the size and time that the manifest names is taken as it is: hashing cost more than twice the reading of
52,500 images of 32x32. A copied one has another time and is hashed. What a flipped bit on the disk does to pixels is
found by the fingerprint that each run checks.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from core.datasets.base import SPLITS, Split

_MANIFEST = "manifest.json"


def cached_splits(folder: Path, make: Callable[[], dict[str, Split]]) -> dict[str, Split]:
    """Return the splits that `folder` keeps; make and keep them first where it does not, or not whole.

    Args:
        folder: the name must tell everything that decides the pixels and labels, the maker's version included.
        make: returns the same splits on every call.

    Returns:
        Splits with read-only arrays: memory-mapped, or in memory where the folder cannot be written.
    """
    try:
        return _kept(folder)
    except (OSError, ValueError):
        pass  # Not there, half written or damaged: all the same, it is made again.
    splits = make()
    try:
        _keep(folder, splits)
        return _kept(folder)
    except (OSError, ValueError):
        # A full disk or a folder without write permission costs time at the next call, not the data set.
        return {name: _read_only(split) for name, split in splits.items()}


def _kept(folder: Path) -> dict[str, Split]:
    """Read the splits.

    Raises:
        OSError: a file is missing or cannot be read.
        ValueError: the manifest is damaged, or a file is not the one that it names.
    """
    manifest = orjson.loads((folder / _MANIFEST).read_bytes())
    needed = {_file_name(split, part) for split in SPLITS for part in ("images", "labels")}
    if not isinstance(manifest, dict) or not needed <= manifest.keys():
        raise ValueError(f"{_MANIFEST} does not name every file.")
    return {
        split: Split(
            _array(folder, manifest, split, "images"),
            _array(folder, manifest, split, "labels"),
            _array(folder, manifest, split, "counts")
            if _file_name(split, "counts") in manifest
            else None,
        )
        for split in SPLITS
    }


def _array(folder: Path, manifest: dict[str, Any], split: str, part: str) -> NDArray[Any]:
    path = folder / _file_name(split, part)
    kept = manifest[path.name]
    if not isinstance(kept, dict):
        raise ValueError(f"{_MANIFEST} is of another version.")
    is_untouched = _stamp(path) == {"bytes": kept.get("bytes"), "mtime_ns": kept.get("mtime_ns")}
    if not is_untouched and _sha256(path) != kept.get("sha256"):
        raise ValueError(f"{path.name} is damaged.")
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _keep(folder: Path, splits: dict[str, Split]) -> None:
    """Write the splits aside and move them into place, file by file, the manifest last.

    Two processes that do it at once move equal files, so whoever is later changes nothing.

    Raises:
        OSError: something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        manifest = {}
        for name, split in splits.items():
            for part in ("images", "labels", "counts"):
                array = getattr(split, part)
                if array is not None:
                    path = aside / _file_name(name, part)
                    np.save(path, array, allow_pickle=False)
                    manifest[path.name] = {"sha256": _sha256(path), **_stamp(path)}
        (aside / _MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for name in (*manifest, _MANIFEST):
            os.replace(aside / name, folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _stamp(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_name(split: str, part: str) -> str:
    return f"{split}_{part}.npy"


def _read_only(split: Split) -> Split:
    for array in (split.images, split.labels, split.counts):
        if array is not None:
            array.flags.writeable = False
    return split
