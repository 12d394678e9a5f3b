"""Kept results: what analyses found, below the run's folder, in `analysis/<key>/`; no network is needed to read them.

    result.json     kind, settings, weights_sha256, facts (plain values), arrays: name -> dtype and shape; written last
    <name>.npy      the arrays

Written by the analyst only, each file at once. A result that is missing, damaged or of other weights is none, and is
worked out again; deleting `analysis/` loses nothing.
"""

import contextlib
import io
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.subject import Subject
from core.exceptions import CoreError, RunStateError
from core.runs import files

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_MANIFEST = "result.json"


@dataclass(frozen=True)
class Kept:
    """What an analysis found.

    Attributes:
        facts: plain values.
        arrays: by name, mapped into memory and read-only.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def keep(
    subject: Subject,
    kind: str,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Keep a result, and forget those of other weights of the run.

    Args:
        subject: whose it is.
        kind: of the analysis.
        settings: all else that it depends on, fit for JSON.
        facts: fit for JSON.
        arrays: of numbers, by name.

    Raises:
        RunStateError: the run was deleted in the meantime.
        OSError: the disk is full or failed.
    """
    folder = subject.layout.analysis(subject.key(kind, settings))
    try:
        # Not with parents: a run that was deleted must not come back as an empty folder.
        for path in (folder.parent, folder):
            path.mkdir(mode=files.FOLDER_MODE, exist_ok=True)
    except FileNotFoundError:
        raise RunStateError(f"Run {subject.layout.id} was deleted in the meantime.") from None
    announced = {}
    for name, values in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
        files.write_bytes(folder / f"{name}.npy", buffer.getvalue())
        announced[name] = {"dtype": values.dtype.str, "shape": list(values.shape)}
    manifest = {"schema": files.SCHEMA, "kind": kind, "settings": dict(settings)}
    manifest |= {"weights_sha256": subject.weights, "facts": dict(facts), "arrays": announced}
    files.write_json(folder / _MANIFEST, manifest)
    _forget_others(folder.parent, subject.weights)


def kept(subject: Subject, kind: str, settings: Mapping[str, Any]) -> Kept | None:
    """Return a result, or None where there is none that can be trusted; arguments as for `keep`."""
    folder = subject.layout.analysis(subject.key(kind, settings))
    try:
        manifest = files.read_json(folder / _MANIFEST)
        if (manifest["kind"], manifest["weights_sha256"]) != (kind, subject.weights):
            return None
        arrays = {}
        for name, announced in manifest["arrays"].items():
            if not _NAME.fullmatch(name):
                return None
            # Mapped, so that no header can ask for more memory than the file is long.
            found = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            if found.dtype.str != announced["dtype"] or list(found.shape) != announced["shape"]:
                return None
            arrays[name] = found
        return Kept(dict(manifest["facts"]), arrays)
    except (OSError, CoreError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def _forget_others(top: Path, weights: str) -> None:
    for folder in top.iterdir():
        # One without a manifest is being written by somebody.
        with contextlib.suppress(OSError, CoreError):
            if files.read_json(folder / _MANIFEST).get("weights_sha256") != weights:
                shutil.rmtree(folder, ignore_errors=True)
