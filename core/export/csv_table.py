"""The exporter "csv": the histories of runs as one table, for spreadsheets and data frames."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from core.runs.run import Run

_ABOUT_RUN = ("name", "dataset", "variant", "seed", "suite", "owner", "state", "created", "tags")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write the histories of runs as one table: a row an epoch, with what the run is in front.

    Columns: run (id), name, dataset, variant, seed, suite, owner, state, created (Unix seconds), tags, each setting by
    its dotted path (training.learning_rate), then what the histories have (epoch, `<split>_<metric>`, ...; a value that
    was not finite is empty). A text that a spreadsheet would take for a formula gets a "'" in front; numbers stay numbers.

    Args:
        path: the file to make.
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
    notes: list[str] = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_cell(key) for key in columns])
        for run, of_run in zip(runs, about, strict=True):
            count = 0
            for row in _rows(run):
                values = row | of_run
                writer.writerow([_cell(values.get(key)) for key in columns])
                count += 1
            if not count and not run.state.epoch:
                notes.append(f"Run {run.id} has finished no epoch yet and gives no row.")
    return notes


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
