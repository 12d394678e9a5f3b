"""Importing runs: from an archive of anybody's to runs of this folder, or to one sentence that says why not.

The archive is read as something hostile. Names are checked before anything is unpacked; what is unpacked is counted,
hashed and lies in a folder of its own until every run of the archive has passed `core.runs.admission`; only then is it
renamed into place. Checkpoints to resume from are dropped: only torch could read them. It lives among the jobs because
it needs both the settings (`core.config`) and the safe reader of zips (`core.datasets.unpack`), which know no runs.
"""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.config import RunConfig
from core.datasets.unpack import LARGEST_UNPACKED, ZipMembers, opened_zip
from core.exceptions import InvalidInput, RunsFolderError, RunStateError
from core.jobs import permissions
from core.runs import checkpoints, files
from core.runs.admission import admit
from core.runs.archive import FORMAT, MANIFEST
from core.runs.layout import RUN_ID, RunLayout, role_of
from core.runs.run import read_spec
from core.runs.store import Store

LARGEST_MANIFEST = 2**24
"""Bytes: enough for the files of 10,000 runs."""

# What users and their requests change here, and what an export does not give away.
_CHANGING = ("state.json", "edit.json", "events.jsonl", "attempts/")


@dataclass(frozen=True)
class ImportedRun:
    """A run of an archive.

    Attributes:
        run_id: its id.
        is_new: whether it was brought here now; otherwise the same one was here already.
    """

    run_id: str
    is_new: bool


def import_runs(store: Store, path: Path, by: str) -> list[ImportedRun]:
    """Bring the runs of an archive here: all of them, or none.

    Args:
        store: the runs folder.
        path: a zip that `petridish runs export --to zip` wrote.
        by: who asks.

    Returns:
        The runs, in the archive's order.

    Raises:
        NotAllowed: who asks may import nothing, or not the runs of others that it holds.
        InvalidInput: the archive breaks a rule, is damaged, or is of a later version; a run of the same id and other
            content is here; the runs folder cannot be written.
    """
    permissions.require_to("import_runs", store.root, by)
    store.require_writable()
    aside = store.layout.unfinished(f"import-{os.getpid()}-{time.time_ns()}")
    try:
        with opened_zip(path) as members:
            manifest = _manifest(members, path.name)
            wanted = _wanted(members.names, manifest, path.name)
            for run_id in wanted:
                for folder in RunLayout(aside / run_id).folders:
                    files.make_folder(folder)
                for name in wanted[run_id]:
                    described = manifest["files"][f"{run_id}/{name}"]
                    _unpack(
                        members, f"{run_id}/{name}", described, aside / run_id / name, path.name
                    )
        for run_id in wanted:
            admit(RunLayout(aside / run_id), RunConfig.checked)
        owners = [read_spec(RunLayout(aside / run_id))["owner"] for run_id in wanted]
        permissions.require_to_import(store.root, owners, by)
        return _put_in_place(store, aside, wanted, by)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunsFolderError(
                "The disk of the runs folder is full. Free some space; nothing was imported."
            ) from None
        raise RunsFolderError(
            f"{path.name!r} cannot be imported: {error.strerror}. Nothing was imported."
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _manifest(members: ZipMembers, zip_name: str) -> dict[str, Any]:
    """Return the manifest, of the right form."""
    if MANIFEST not in members.names:
        raise InvalidInput(
            f"{zip_name!r} holds no {MANIFEST}, so it is no archive of runs. Make one with petridish runs export."
        )
    try:
        manifest = orjson.loads(members.read(MANIFEST, LARGEST_MANIFEST))
    except orjson.JSONDecodeError:
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InvalidInput(f"{MANIFEST} in {zip_name!r} is not that of an archive of runs.")
    schema = manifest.get("schema")
    if isinstance(schema, int) and schema > files.SCHEMA:
        raise InvalidInput(
            f"{zip_name!r} has schema {schema}: a later version of Petridish wrote it. Import it with that version."
        )
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not all(map(_is_description, listed.values())):
        raise InvalidInput(f"{MANIFEST} in {zip_name!r} does not say which files there are.")
    return manifest


def _is_description(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
    )


def _wanted(
    names: Sequence[str], manifest: Mapping[str, Any], zip_name: str
) -> dict[str, list[str]]:
    """Return run id -> names of the files to unpack; every name of the zip is known to be harmless then."""
    found = [name for name in names if name != MANIFEST]
    if set(found) != set(manifest["files"]):
        first = sorted(set(found) ^ set(manifest["files"]))[0]
        where = "its manifest does not name" if first in found else "its manifest names in vain"
        raise InvalidInput(f"{zip_name!r} is not whole: {first!r} is a file that {where}.")
    by_folded: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}
    for name in found:
        other = by_folded.setdefault(name.casefold(), name)
        if other != name:
            raise InvalidInput(
                f"{zip_name!r} holds {other!r} and {name!r}, which are one file where letter case does not count."
            )
        run_id, _, inner = name.partition("/")
        role = role_of(inner)
        if not RUN_ID.fullmatch(run_id) or role not in ("lasting", "resuming"):
            raise InvalidInput(
                f"{zip_name!r} holds {name!r}, which is no file of a run. Only archives of petridish runs export are read."
            )
        kept = wanted.setdefault(run_id, [])
        if role == "lasting":
            kept.append(inner)
    if not wanted:
        raise InvalidInput(f"{zip_name!r} holds no runs.")
    return wanted


def _unpack(
    members: ZipMembers, name: str, described: Mapping[str, Any], target: Path, zip_name: str
) -> None:
    """Write one member to a new file, and check its size and hash on the way."""
    is_small = target.suffix == ".json"
    largest = files.LARGEST_JSON if is_small else LARGEST_UNPACKED
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in members.chunks(name, largest):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(descriptor)
    if size != described["bytes"] or digest.hexdigest() != described["sha256"]:
        raise InvalidInput(
            f"{name!r} in {zip_name!r} does not match its manifest. Fetch or make the archive again."
        )


def _put_in_place(
    store: Store, aside: Path, wanted: Mapping[str, Sequence[str]], by: str
) -> list[ImportedRun]:
    """Rename what passed into the runs folder; what is here already stays as it is."""
    imported: list[ImportedRun] = []
    for run_id, names in wanted.items():
        there = store.root / run_id
        if os.path.lexists(there):
            different = _difference(RunLayout(aside / run_id), RunLayout(there), names)
            if different is not None:
                raise RunStateError(
                    f"Run {run_id} is here already, with another {different}. Delete the one here first, or keep it;"
                    " nothing was imported."
                )
        imported.append(ImportedRun(run_id, not os.path.lexists(there)))
    for run in imported:
        if run.is_new:
            # A rename onto a folder that is not empty fails: whoever was quicker keeps what is there.
            os.rename(aside / run.run_id, store.root / run.run_id)
            files.append_event(RunLayout(store.root / run.run_id).events, "imported", by=by)
    files.sync_folder(store.root)
    return imported


def _difference(new: RunLayout, here: RunLayout, names: Sequence[str]) -> str | None:
    """Return the first file in which the run of an archive and the one here say different things, or None."""
    for name in names:
        if name.startswith(_CHANGING):
            continue
        path = here.path / name
        if path.is_symlink() or not path.is_file():
            return name
        if checkpoints.sha256_of(path) != checkpoints.sha256_of(new.path / name):
            return name
    return None
