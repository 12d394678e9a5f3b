"""Export: runs as one file for somebody else: an archive that opens elsewhere, or a table of all histories.

Each exporter writes to an open file and returns what there is to say; here is what they share: the file appears whole or
not at all, and never in place of another one unasked.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from core.exceptions import InvalidInput, InvalidParameter
from core.registry import Registry
from core.runs import files
from core.runs.archive import write_zip
from core.runs.run import Run

_ABOUT_RUN = ("name", "dataset", "variant", "seed", "suite", "owner", "state", "created", "tags")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(
    kind: str, runs: Sequence[Run], out: Path, *, weights: bool = True, force: bool = False
) -> list[str]:
    """Write runs to a file.

    Args:
        kind: one of `EXPORTERS`.
        runs: which.
        out: the file.
        weights: whether an archive holds the best weights.
        force: whether to replace a file that is there.

    Returns:
        Sentences about snapshots and about what was left out.

    Raises:
        InvalidInput: there is no such kind, a run is damaged, or the file is there or cannot be written.
        DamagedRun: what a run has stored cannot be read.
    """
    write = EXPORTERS[kind]
    if out.is_dir():
        raise InvalidParameter(f"{out.name!r} is a folder. Name the file to write.")
    if out.exists() and not force:
        raise InvalidParameter(f"{out.name!r} exists. Choose another name, or --force replaces it.")
    aside = files.aside_of(out)
    try:
        descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, files.FILE_MODE)
        with os.fdopen(descriptor, "w+b") as file:
            notes = write(file, runs, weights)
            file.flush()
            os.fsync(descriptor)
        if force:
            os.replace(aside, out)
        else:
            os.link(aside, out)  # fails where another has been made meanwhile
        files.sync_folder(out.parent)
    except FileExistsError:
        raise InvalidParameter(
            f"{out.name!r} exists. Choose another name, or --force replaces it."
        ) from None
    except OSError as error:
        raise InvalidInput(f"{out.name!r} cannot be written: {error.strerror}.") from None
    finally:
        aside.unlink(missing_ok=True)
    return notes


def write_csv(file: BinaryIO, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write the histories of runs as one table: a row an epoch, with what the run is in front.

    Columns: run (id), name, dataset, variant, seed, suite, owner, state, created (Unix seconds), tags, each setting by
    its dotted path (training.learning_rate), then what the histories have (epoch, `<split>_<metric>`, ...; a value that
    was not finite is empty). A text that a spreadsheet would take for a formula gets a "'" in front; numbers stay numbers.

    Args:
        file: where to.
        runs: which.
        weights: of no meaning here.

    Returns:
        A sentence for each run that has no epoch yet.
    """
    about = [_about(run) for run in runs]
    columns = list(dict.fromkeys(key for values in about for key in values))
    # Twice over the histories, so that none but the one at hand is in memory.
    measured = list(dict.fromkeys(key for run in runs for row in _rows(run) for key in row))
    columns += [key for key in measured if key not in columns]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(key) for key in columns])
    notes: list[str] = []
    for run, of_run in zip(runs, about, strict=True):
        count = 0
        for row in _rows(run):
            values = row | of_run
            writer.writerow([_cell(values.get(key)) for key in columns])
            count += 1
        if not count:
            notes.append(f"Run {run.id} has finished no epoch yet and gives no row.")
    text.detach()
    return notes


EXPORTERS: Registry[Callable[[BinaryIO, Sequence[Run], bool], list[str]]] = Registry(
    "export format", {"zip": write_zip, "csv": write_csv}
)


def _about(run: Run) -> dict[str, Any]:
    row = run.row()
    config = {key: value for key, value in run.config.items() if key != "variant"}
    return {"run": run.id, **{key: row[key] for key in _ABOUT_RUN}, **dict(_flat(config))}


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    for row in run.history():
        yield dict(_flat({key: value for key, value in row.items() if key != "nan"}))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _cell(value: Any) -> str | int | float:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case str():
            return f"'{value}" if value.startswith(_FORMULA) else value
    return orjson.dumps(value).decode()
