"""Checkpoints on disk: written aside, hashed, renamed; trusted only when a manifest matches.

torch and safetensors both load a file with a flipped bit without complaint (measured), so the hash decides. What is in
a checkpoint is the caller's: this module gets a function that writes a file, and needs no torch.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from core.exceptions import DamagedRun
from core.runs import files
from core.runs.layout import RunLayout


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose bytes match its manifest.

    Attributes:
        path: the file.
        epoch: last epoch in it.
        manifest: run, file, bytes, sha256, epoch, attempt, and what the writer added.
    """

    path: Path
    epoch: int
    manifest: dict[str, Any]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checkpoint(
    layout: RunLayout, save: Callable[[Path], object], manifest: dict[str, Any]
) -> None:
    """Replace the last checkpoint, keeping the one before.

    Args:
        layout: the run.
        save: writes the state to the path that it is given.
        manifest: at least "epoch" and "attempt"; with "is_last" where training is over, and then "best_epoch".

    Raises:
        OSError: the disk is full or failed; the newest whole checkpoint is still there.
        RuntimeError: the same, as torch reports it.
    """
    last, prev = layout.last_checkpoint, layout.prev_checkpoint
    aside, described = _write_aside(layout, last, save)
    # A death between these steps leaves files under each other's names; `usable` matches them by hash. What an
    # earlier death has left without its manifest must not push out the one before, which may be all there is.
    if is_whole(layout, last):
        os.replace(last, prev)
        os.replace(last.with_suffix(".json"), prev.with_suffix(".json"))
    os.replace(aside, last)
    files.write_json(last.with_suffix(".json"), {**described, **manifest})


def write_weights(
    layout: RunLayout, save: Callable[[Path], object], manifest: dict[str, Any]
) -> None:
    """Replace the best weights and their manifest.

    Raises:
        OSError: the disk is full or failed; the weights are as they were.
    """
    aside, described = _write_aside(layout, layout.best_weights, save)
    os.replace(aside, layout.best_weights)
    files.write_json(layout.best_json, {**described, **manifest})


def usable(
    layout: RunLayout, most_epochs: int | None = None
) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint from which training can go on to its end, and what was found wrong.

    Its bytes match a manifest of this run. Where it says that training is over, the best weights must be there too:
    nothing would write them again.

    Args:
        layout: the run.
        most_epochs: epochs whose history rows are all there; going on after a later one would leave a hole. No limit by
            default.

    Returns:
        The checkpoint, or None to start at epoch 1; and a sentence for each damaged file, and for starting over.
    """
    last, prev = layout.last_checkpoint, layout.prev_checkpoint
    manifests: list[dict[str, Any]] = []
    hashes: dict[Path, str] = {}
    warnings: list[str] = []
    for path in (last.with_suffix(".json"), prev.with_suffix(".json")):
        try:
            manifest = files.read_json(path)
        except FileNotFoundError:
            continue
        except DamagedRun as error:
            warnings.append(f"{error}.")
            continue
        if is_of(layout, manifest):
            manifests.append(manifest)
        else:
            warnings.append(f"{path.name} is of another run.")
    for path in (last, prev):
        try:
            hashes[path] = sha256_of(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            warnings.append(f"{path.name} cannot be read: {error.strerror}.")
    found = [
        Checkpoint(path, manifest["epoch"], manifest)
        for path, digest in hashes.items()
        for manifest in manifests
        if manifest.get("sha256") == digest and _is_understood(manifest)
    ]
    known = {checkpoint.path for checkpoint in found}
    warnings += [
        f"{path.name} matches no manifest and is not used." for path in hashes if path not in known
    ]
    if most_epochs is not None and any(one.epoch > most_epochs for one in found):
        warnings.append(f"history.jsonl lacks epoch {most_epochs + 1}, which is done again.")
        found = [one for one in found if one.epoch <= most_epochs]
    best_epoch = next(
        (one.manifest.get("best_epoch") for one in found if one.manifest.get("is_last")), None
    )
    if best_epoch is not None and not is_whole(layout, layout.best_weights):
        warnings.append("The best weights do not match their manifest and must be trained again.")
        found = [one for one in found if one.epoch < best_epoch]
    if not found and (manifests or warnings or layout.history.exists()):
        warnings.append("There is no checkpoint to go on from: training starts again at epoch 1.")
    return max(found, key=lambda checkpoint: checkpoint.epoch, default=None), warnings


def drop_previous(layout: RunLayout) -> None:
    """Remove the checkpoint before the last: a finished run has no use for it."""
    for path in (layout.prev_checkpoint, layout.prev_checkpoint.with_suffix(".json")):
        path.unlink(missing_ok=True)


def is_of(layout: RunLayout, manifest: Mapping[str, Any]) -> bool:
    """Return whether a manifest is of this run; an old one does not say of which it is."""
    return manifest.get("run", layout.id) == layout.id


def is_whole(layout: RunLayout, path: Path) -> bool:
    """Return whether a checkpoint's or the best weights' bytes match the manifest beside them, and it is of this run."""
    try:
        manifest = files.read_json(path.with_suffix(".json"))
        return is_of(layout, manifest) and manifest.get("sha256") == sha256_of(path)
    except (OSError, DamagedRun):
        return False


def _is_understood(manifest: Mapping[str, Any]) -> bool:
    kinds = {"epoch": int, "best_epoch": int | None, "best_validation_accuracy": float | int | None}
    return "epoch" in manifest and all(
        isinstance(manifest.get(key), kind) for key, kind in kinds.items()
    )


def _write_aside(
    layout: RunLayout, path: Path, save: Callable[[Path], object]
) -> tuple[Path, dict[str, Any]]:
    aside = path.with_name(f"{path.name}.tmp")
    try:
        files.fault(path)
        save(aside)
        # torch makes it readable by everybody, safetensors by nobody else.
        aside.chmod(files.FILE_MODE)
        files.sync_file(aside)
        size = aside.stat().st_size
        facts = {"run": layout.id, "file": path.name, "bytes": size, "sha256": sha256_of(aside)}
        return aside, facts
    except BaseException as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        if isinstance(error, SafetensorError):
            # Neither OSError nor RuntimeError: whoever waits for space on a full disk would not know it.
            raise OSError(errno.EIO, str(error), path.name) from None
        raise
