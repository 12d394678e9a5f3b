"""Archive: runs as one zip that opens elsewhere, `<id>/...` as in the runs folder and a `manifest.json` with hashes.

It holds what was asked for and what came out (`layout.role_of`: "lasting"). It leaves out what is this machine's own:
locks, heartbeat, requests, checkpoints to resume from (only torch could read them), the log (its tracebacks name the
server's folders), and in the rest host, process, slot and folder of the data sets. A run under way is exported as a
snapshot that says so. Reading an archive is `core.jobs.importing`.

manifest.json: format "petridish-runs", schema, created (Unix seconds), runs (list of id, state, is_snapshot), files
(name -> bytes, sha256).
"""

import hashlib
import re
import stat
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from core.exceptions import DamagedRun, RunStateError
from core.runs import files, history, outputs
from core.runs.history_damage import lines_sentence
from core.runs.layout import RunLayout
from core.runs.run import Run, wrong_in_edit
from core.runs.state import ACTIVE, RunState

FORMAT = "petridish-runs"
MANIFEST = "manifest.json"
ENDED = ("finished", "failed", "stopped", "paused")
"""States that an archive may hold: nothing in it waits or runs."""

_CHUNK = 2**20
_LOOKS, _LOOK_SECONDS = 5, 0.05

# Folders of an absolute path, up to the last name: a message of a library may hold one.
_FOLDERS = re.compile(r"(?<![\w.~/])~?/(?:[^\s/'\"]+/)+")


@dataclass
class _Written:
    """What has been written so far.

    Attributes:
        archive: the zip.
        files: name -> its entry in the manifest.
        notes: sentences about what was left out.
    """

    archive: zipfile.ZipFile
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, chunks: Iterator[bytes], is_text: bool) -> None:
        """Write a member while hashing it."""
        # Numbers hardly shrink; and a file of equal ones would shrink so much that an import took it for a bomb.
        method = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
        info = zipfile.ZipInfo(name)
        info.compress_type = method
        info.external_attr = (stat.S_IFREG | files.FILE_MODE) << 16
        digest, size = hashlib.sha256(), 0
        with self.archive.open(info, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.files[name] = {"bytes": size, "sha256": digest.hexdigest()}


def write_zip(file: Path | BinaryIO, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write an archive of runs, one file after the other.

    Args:
        file: the file to make, or one that is open and seekable.
        runs: which.
        weights: whether to include the best weights.

    Returns:
        Sentences about snapshots and about what was left out because it is damaged.

    Raises:
        RunStateError: a run is damaged; DamagedRun: its stored outputs are.
        OSError: reading or writing failed.
    """
    for run in runs:
        if run.damaged is not None:
            raise RunStateError(f"Run {run.id} is damaged and cannot be exported: {run.damaged}.")
    listed: list[dict[str, Any]] = []
    with zipfile.ZipFile(file, "w") as archive:
        written = _Written(archive)
        for run in runs:
            listed.append(_add_run(written, run, weights))
        manifest = {
            "format": FORMAT,
            "schema": files.SCHEMA,
            "created": time.time(),
            "runs": listed,
            "files": written.files,
        }
        text = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        written.add(MANIFEST, iter([text]), is_text=True)
    return written.notes


def _add_run(written: _Written, run: Run, weights: bool) -> dict[str, Any]:
    """Write the files of a run in such an order that a worker beside us makes no contradiction.

    A worker writes outputs, then the row, then the best weights; we read in the opposite order.
    """
    layout, is_snapshot = run.layout, run.state.state in ACTIVE
    best_epoch = _add_weights(written, layout) if weights else None
    rows = _history_lines(written, layout)
    parsed, _ = files.parse_rows(rows)
    visible = history.visible(parsed, history.from_epochs(layout))
    state = _exported_state(run, visible, best_epoch)
    _add_values(written, layout.state_json, layout, state.to_json())
    written.add(_name(layout, layout.run_json), iter([layout.run_json.read_bytes()]), is_text=True)
    if rows:
        written.add(_name(layout, layout.history), iter([rows]), is_text=True)
    _add_attempts(written, layout)
    if visible:
        _add_outputs(written, layout, visible[-1]["epoch"])
    if not is_snapshot:
        _add_results(written, layout)
    _add_edit(written, layout)
    events, _ = files.parse_rows(_whole_lines(layout.events))
    if events:
        lines = (orjson.dumps(_without_folders(event)) + b"\n" for event in events)
        written.add(_name(layout, layout.events), lines, is_text=True)
    if is_snapshot:
        written.notes.append(
            f"Run {run.id} is {run.state.state}: the archive holds a snapshot of it after epoch {state.epoch}."
        )
    return {"id": run.id, "state": state.state, "is_snapshot": is_snapshot}


def _exported_state(run: Run, rows: Sequence[dict[str, Any]], best_epoch: int | None) -> RunState:
    """Return the state as it is true elsewhere: without our machine's processes, and of a run that nobody trains."""
    known = run.state
    state = replace(
        known,
        host=None,
        boot=None,
        pid=None,
        pid_start=None,
        slot=None,
        message=_without_folders(known.message),
    )
    if known.state in ENDED:
        return state
    state = replace(state, state="stopped", ended=known.ended or known.t)
    if known.state not in ACTIVE:
        return state  # crashed, interrupted or lost: reason and message say so
    epoch = rows[-1]["epoch"] if rows else 0
    for row in rows:
        if row["epoch"] == best_epoch:  # of the weights, which may be newer than the state
            accuracy = row.get("validation_accuracy")
            state = replace(state, best_epoch=best_epoch, best_validation_accuracy=accuracy)
    message = f"A snapshot after epoch {epoch}, exported while the run was {known.state}."
    return replace(state, epoch=epoch, reason="exported", message=message)


def _add_weights(written: _Written, layout: RunLayout) -> int | None:
    """Write the best weights and their manifest; return their epoch."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_SECONDS)
        try:
            # An open file stays what it is while a worker renames the next one over it.
            with layout.best_weights.open("rb") as file:
                manifest = files.read_json(layout.best_json)
                if manifest.get("sha256") == hashlib.file_digest(file, "sha256").hexdigest():
                    file.seek(0)
                    name = _name(layout, layout.best_weights)
                    written.add(name, _chunks(file, None), is_text=False)
                    _add_values(written, layout.best_json, layout, manifest)
                    return manifest.get("epoch")
        except FileNotFoundError:
            if not layout.best_weights.exists() and not layout.best_json.exists():
                return None
        except DamagedRun:
            break
    written.notes.append(
        f"Run {layout.id}: its best weights do not match their manifest and were left out."
    )
    return None


def _add_attempts(written: _Written, layout: RunLayout) -> None:
    for number, values in history.attempts(layout).items():
        local = ("host", "boot", "pid", "pid_start", "slot", "data_dir")
        kept = {key: value for key, value in values.items() if key not in local}
        _add_values(written, layout.attempt(number), layout, kept)
        try:
            ended = files.read_json(layout.exit(number))
        except (FileNotFoundError, DamagedRun):
            continue
        _add_values(written, layout.exit(number), layout, ended)


def _add_outputs(written: _Written, layout: RunLayout, epochs: int) -> None:
    try:
        index = layout.predictions_index.read_bytes()
        sizes = outputs.record_bytes(files.read_json(layout.predictions_index))
        for (split, head), size in sizes.items():
            path = layout.outputs(split, head)
            if path.stat().st_size < size * epochs:
                raise DamagedRun(f"{path.name} is shorter than the history says")
            with path.open("rb") as file:
                # Behind it lie at most records that no row names yet.
                written.add(_name(layout, path), _chunks(file, size * epochs), is_text=False)
    except FileNotFoundError as error:
        raise _incomplete(layout, f"{Path(str(error.filename)).name} is missing") from None
    except DamagedRun as error:
        raise _incomplete(layout, str(error)) from None
    written.add(_name(layout, layout.predictions_index), iter([index]), is_text=True)


def _incomplete(layout: RunLayout, why: str) -> DamagedRun:
    return DamagedRun(
        f"Run {layout.id} cannot be exported: {why}. petridish runs fsck {layout.id} says more."
    )


def _add_results(written: _Written, layout: RunLayout) -> None:
    if not layout.test_json.exists():
        return
    outputs.final_predictions(layout)  # what cannot be read here cannot be read elsewhere
    for path in sorted([layout.test_json, *map(layout.test_outputs, outputs.HEADS)]):
        if path.exists():
            with path.open("rb") as file:
                is_text = path.suffix == ".json"
                written.add(_name(layout, path), _chunks(file, None), is_text=is_text)


def _add_edit(written: _Written, layout: RunLayout) -> None:
    try:
        edit = files.read_json(layout.edit_json)
    except FileNotFoundError:
        return
    except DamagedRun as error:
        written.notes.append(f"Run {layout.id}: {error}; name, tags and note were left out.")
        return
    if not wrong_in_edit(edit):
        _add_values(written, layout.edit_json, layout, edit)


def _add_values(written: _Written, path: Path, layout: RunLayout, values: dict[str, Any]) -> None:
    text = orjson.dumps(values, option=orjson.OPT_INDENT_2)
    written.add(_name(layout, path), iter([text]), is_text=True)


def _name(layout: RunLayout, path: Path) -> str:
    return f"{layout.id}/{path.relative_to(layout.path).as_posix()}"


def _whole_lines(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _history_lines(written: _Written, layout: RunLayout) -> bytes:
    """Return the history as it is, or its rows alone where there is something else between them."""
    data = _whole_lines(layout.history)
    found, bad = files.parse_rows(data)
    rows = [row for row in found if history.is_row(row)]
    if not bad and len(rows) == len(found):
        return data
    number = bad + len(found) - len(rows)
    written.notes.append(lines_sentence(layout.id, number))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _chunks(file: BinaryIO, most: int | None) -> Iterator[bytes]:
    left = most
    while chunk := file.read(_CHUNK if left is None else min(_CHUNK, left)):
        yield chunk
        if left is not None:
            left -= len(chunk)


def _without_folders(value: Any) -> Any:
    """Return a value of a JSON file whose texts name files without the folders in which they lay."""
    match value:
        case str():
            return _FOLDERS.sub("", value)
        case dict():
            return {key: _without_folders(one) for key, one in value.items()}
        case list():
            return [_without_folders(one) for one in value]
    return value
