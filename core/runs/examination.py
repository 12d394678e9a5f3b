"""Examination: everything that can be wrong with one run's folder, said in sentences. Nothing is changed here.

The list of runs looks at three small files and must be quick; this reads every file, and hashes the checkpoints. Two ask
for it: fsck.py, which also repairs, and the import of runs, which takes none that is damaged. While a worker lives,
what it may be writing at the moment is left out.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from core.exceptions import CoreError, DamagedRun, NewerRun
from core.runs import checkpoints, files, history, locks, outputs
from core.runs.layout import RunLayout, role_of
from core.runs.run import read_spec, wrong_in_edit
from core.runs.state import Observer, RunState, derive, read_state

Kind = Literal["damage", "leftover", "notice"]
Repair = Literal[
    "end the line", "cut the torn line", "remove the file", "remove the folder", "queue it again"
]
"""What mends something; the last one is `core.jobs`' to do."""

OLD_SECONDS = 24 * 3600
"""Age from which nobody can still be writing what was to be renamed into place."""

LARGEST_ROWS = 2**28
"""Bytes of a file of rows; a larger one is damaged or hostile."""

_SHOWN = 5
_MEASURES = frozenset(
    {"step", "time", "learning_rate", "epoch_seconds", "samples", "samples_per_second"}
)
_PREFIXES = ("train_", "validation_")


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        place: id of the run, or name of a folder beside the runs.
        file: path in it, or None for all of it.
        kind: "damage": something is lost or cannot be trusted; "leftover": of a process that was killed; "notice": odd,
            and harmless.
        problem: what, in a clause.
        repair: what would mend it without losing anything, or None.
    """

    place: str
    file: str | None
    kind: Kind
    problem: str
    repair: Repair | None = None


def examine(layout: RunLayout, observer: Observer | None = None) -> list[Finding]:
    """Return all that is wrong with a run.

    Args:
        layout: the run.
        observer: who looks, to compare the state with the lock; None for a folder that no worker can be in.
    """
    if layout.path.is_symlink():
        return [Finding(layout.id, None, "damage", "a link stands where the run should be")]
    try:
        return list(_findings(layout, observer))
    except OSError as error:
        return [Finding(layout.id, None, "damage", f"it cannot be read: {error.strerror}")]


def _findings(layout: RunLayout, observer: Observer | None) -> Iterator[Finding]:
    is_alive = observer is not None and locks.holder(layout.alive_lock) is not None
    yield from _specification(layout)
    yield from _state(layout, observer)
    yield from _edit(layout)
    yield from _attempts(layout)
    yield from _lines(layout, layout.history, is_alive)
    yield from _lines(layout, layout.events, is_alive)
    if not is_alive:
        yield from _checkpoints(layout)
        yield from _results(layout)
    yield from _outputs(layout)
    yield from _folder(layout)


def _damage(layout: RunLayout, path: Path, problem: str, repair: Repair | None = None) -> Finding:
    return Finding(layout.id, _relative(layout, path), "damage", problem, repair)


def _relative(layout: RunLayout, path: Path) -> str:
    return path.relative_to(layout.path).as_posix()


def _specification(layout: RunLayout) -> Iterator[Finding]:
    try:
        read_spec(layout)
    except DamagedRun as error:
        kind: Kind = "notice" if isinstance(error, NewerRun) else "damage"
        yield Finding(layout.id, "run.json", kind, str(error))


def _state(layout: RunLayout, observer: Observer | None) -> Iterator[Finding]:
    try:
        written = read_state(layout)
    except DamagedRun as error:
        kind: Kind = "notice" if isinstance(error, NewerRun) else "damage"
        yield Finding(layout.id, "state.json", kind, str(error))
        return
    if observer is not None:
        problem = _contradiction(layout, written, observer)
        if problem is not None:
            yield Finding(layout.id, "state.json", "notice", problem)


def _contradiction(layout: RunLayout, written: RunState, observer: Observer) -> str | None:
    if written.state in ("starting", "running"):
        shown = derive(layout, written, observer).state
        if shown in ("crashed", "interrupted"):
            return f"it says {written.state}, but no worker holds the lock: the run shows as {shown}; resume goes on"
        return None
    if locks.holder(layout.alive_lock) is None:
        return None
    time.sleep(0.2)  # a worker writes its last state a moment before it gives the lock up
    holder = locks.holder(layout.alive_lock)
    if holder is None or read_state(layout) != written:
        return None
    return f"it says {written.state}, but process {holder} holds the lock of the run's worker"


def _edit(layout: RunLayout) -> Iterator[Finding]:
    try:
        wrong = wrong_in_edit(files.read_json(layout.edit_json))
    except FileNotFoundError:
        return
    except DamagedRun as error:
        wrong = str(error)
    if wrong:
        yield _damage(layout, layout.edit_json, f"{wrong}: name, tags and note are not shown")


def _attempts(layout: RunLayout) -> Iterator[Finding]:
    for number in history.attempts(layout):
        wanted = {layout.attempt(number): ("from_epoch",), layout.exit(number): ("code", "signal")}
        for path, keys in wanted.items():
            try:
                values = files.read_json(path)
            except FileNotFoundError:
                continue
            except DamagedRun as error:
                yield _damage(layout, path, str(error))
                continue
            allowed = (int,) if path == layout.attempt(number) else (int, type(None))
            for key in keys:
                if not isinstance(values.get(key), allowed) or isinstance(values.get(key), bool):
                    yield _damage(layout, path, f"{key} is {values.get(key)!r}"[:200])


def _lines(layout: RunLayout, path: Path, is_alive: bool) -> Iterator[Finding]:
    try:
        if path.stat().st_size > LARGEST_ROWS:
            yield _damage(layout, path, f"it is larger than {LARGEST_ROWS >> 20} MiB")
            return
        data = path.read_bytes()
    except FileNotFoundError:
        return
    *lines, tail = data.split(b"\n")
    wrong_in_row = _wrong_in_row if path == layout.history else _wrong_in_event
    wrong = [(number, _wrong_in_line(line, wrong_in_row)) for number, line in enumerate(lines, 1)]
    bad = [f"line {number} {problem}" for number, problem in wrong if problem]
    if bad:
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        yield _damage(layout, path, "; ".join(bad[:_SHOWN]) + more)
    if tail and not is_alive:
        if _wrong_in_line(tail, wrong_in_row) is None:
            yield _damage(layout, path, "the last line lacks its end", "end the line")
        else:
            yield _damage(layout, path, "the last line is torn", "cut the torn line")


def _wrong_in_line(line: bytes, wrong_in_row: Any) -> str | None:
    if not line.strip():
        return None
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "is no JSON"
    return wrong_in_row(row) if isinstance(row, dict) else "is no JSON object"


def _wrong_in_row(row: dict[str, Any]) -> str | None:
    if not history.is_row(row) or row["epoch"] < 1 or row["attempt"] < 1:
        return "is not the row of an epoch"
    for key, value in row.items():
        if (key in _MEASURES or key.startswith(_PREFIXES)) and not _is_number_or_none(value):
            return f"says that {key} is {value!r}"[:200]
    shares = row.get("dead_share")
    if shares is not None and not (
        isinstance(shares, dict) and all(map(_is_number_or_none, shares.values()))
    ):
        return "has no numbers in dead_share"
    return None


def _wrong_in_event(row: dict[str, Any]) -> str | None:
    moment = row.get("time")
    if not isinstance(row.get("event"), str) or not isinstance(moment, int | float):
        return "is no event"
    return None


def _is_number_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _checkpoints(layout: RunLayout) -> Iterator[Finding]:
    last, prev = layout.last_checkpoint, layout.prev_checkpoint
    kept = (last, prev)
    if _is_finished(layout) and checkpoints.is_whole(layout, last):
        # Its worker died while it removed what a finished run has no use for.
        kept = (last,)
        for path in (prev, prev.with_suffix(".json")):
            if path.exists():
                yield leftover(
                    layout.id, _relative(layout, path), path, time.time(), "remove the file"
                )
    known: dict[str, Path] = {}
    for path in (one.with_suffix(".json") for one in kept):
        try:
            manifest = files.read_json(path)
        except FileNotFoundError:
            continue
        except DamagedRun as error:
            yield _damage(layout, path, str(error))
            continue
        if checkpoints.is_of(layout, manifest):
            known[str(manifest.get("sha256"))] = path
        else:
            yield _damage(layout, path, "it is of another run")
    # A death between two renames leaves files under each other's names: the hash decides, not the name.
    hashes = {path: checkpoints.sha256_of(path) for path in kept if path.exists()}
    for path, digest in hashes.items():
        if digest not in known:
            yield _damage(layout, path, "it matches no manifest, and resume does not use it")
    for digest, path in known.items():
        if digest not in hashes.values():
            yield _damage(layout, path, "the checkpoint that it describes is not there")
    yield from _weights(layout)


def _is_finished(layout: RunLayout) -> bool:
    try:
        return read_state(layout).state == "finished"
    except DamagedRun:
        return False


def _weights(layout: RunLayout) -> Iterator[Finding]:
    weights, manifest = layout.best_weights, layout.best_json
    match weights.exists(), manifest.exists():
        case True, False:
            yield _damage(layout, weights, "its manifest best.json is missing")
        case False, True:
            yield _damage(layout, manifest, "the weights that it describes are missing")
        case True, True:
            try:
                described = files.read_json(manifest)
            except DamagedRun as error:
                yield _damage(layout, manifest, str(error))
                return
            if not checkpoints.is_of(layout, described):
                yield _damage(layout, manifest, "it is of another run")
            elif described.get("sha256") != checkpoints.sha256_of(weights):
                yield _damage(layout, weights, "its bytes do not match the manifest best.json")


def _outputs(layout: RunLayout) -> Iterator[Finding]:
    rows = history.history(layout)
    epochs = [row["epoch"] for row in rows]
    if not rows:
        return
    if epochs != list(range(1, epochs[-1] + 1)):
        missing = sorted(set(range(1, epochs[-1])) - set(epochs))[:_SHOWN]
        yield _damage(layout, layout.history, f"rows of epochs are missing, such as {missing[0]}")
    try:
        sizes = outputs.record_bytes(files.read_json(layout.predictions_index))
    except FileNotFoundError:
        yield _damage(layout, layout.predictions_index, "it is missing")
        return
    except DamagedRun as error:
        yield _damage(layout, layout.predictions_index, str(error))
        return
    for (split, head), size in sizes.items():
        path = layout.outputs(split, head)
        there = path.stat().st_size if path.exists() else 0
        if there < epochs[-1] * size:
            problem = f"it holds {there // size if size else 0} of the {epochs[-1]} epochs that the history names"
            yield _damage(layout, path, problem)
    for split in {split for split, _ in sizes}:
        try:
            outputs.epoch_predictions(layout, split, epochs[-1])
        except CoreError as error:
            if all(layout.outputs(*one).exists() for one in sizes):
                yield _damage(layout, layout.predictions_index, str(error).rstrip("."))


def _results(layout: RunLayout) -> Iterator[Finding]:
    if layout.test_json.exists():
        try:
            outputs.final_predictions(layout)
        except CoreError as error:
            yield _damage(layout, layout.test_json, str(error).rstrip("."))
    else:
        try:
            is_finished = read_state(layout).state == "finished"
        except DamagedRun:
            return
        if is_finished:
            yield _damage(layout, layout.test_json, "it is missing, though the run is finished")
    for path in map(layout.test_outputs, outputs.HEADS):
        if path.exists():
            try:
                np.load(path, mmap_mode="r", allow_pickle=False)
            except (ValueError, EOFError) as error:
                yield _damage(layout, path, f"it is no array of numbers ({error})"[:200])


def _folder(layout: RunLayout) -> Iterator[Finding]:
    now = time.time()
    for folder, names, file_names in os.walk(layout.path):
        for name in sorted(names + file_names):
            path = Path(folder, name)
            relative = _relative(layout, path)
            if path.is_symlink():
                yield Finding(
                    layout.id, relative, "damage", "it is a link, and links are not part of a run"
                )
            elif name in names:
                continue
            elif name.endswith(".tmp"):
                yield leftover(layout.id, relative, path, now, "remove the file")
            elif role_of(relative) is None:
                yield Finding(layout.id, relative, "notice", "no run has a file of this name")


def leftover(place: str, file: str | None, path: Path, now: float, repair: Repair) -> Finding:
    """Return the finding of something that a writer left; it is only repaired when nobody can be writing it still."""
    try:
        is_old = now - path.stat().st_mtime > OLD_SECONDS
    except OSError:
        is_old = False
    problem = (
        "a process that was killed left it" if is_old else "somebody is making it, or was killed"
    )
    return Finding(place, file, "leftover", problem, repair if is_old else None)
