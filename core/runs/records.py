"""What a run's folder records beside its results: attempts, events and the end of the log, as a page or a shell shows them.

Apart from `core.runs.history`, which is what training measured. Everything here may be missing or damaged without harm:
what cannot be read is left out.
"""

from typing import Any

from core.exceptions import DamagedRun
from core.runs import files, history
from core.runs.layout import RunLayout

LARGEST_TAIL = 256 * 1024
"""Bytes of the event file that are looked at, from its end."""


def attempts(layout: RunLayout) -> list[dict[str, Any]]:
    """Return one row for each start of the run, first to last.

    Returns:
        attempt (from 1), host, device, slot, from_epoch (first epoch that it does), started and ended (Unix seconds),
        code (exit status), signal, peak_memory (bytes), cpu_seconds; None where nobody wrote it down.
    """
    rows = []
    for number, began in history.attempts(layout).items():
        try:
            ended = files.read_json(layout.exit(number))
        except (OSError, DamagedRun):
            ended = {}
        row = {"attempt": number, "started": began.get("time")}
        row |= {name: began.get(name) for name in ("host", "device", "slot", "from_epoch")}
        row["ended"] = ended.get("time")
        row |= {name: ended.get(name) for name in ("code", "signal", "peak_memory", "cpu_seconds")}
        rows.append(row)
    return rows


def events(layout: RunLayout, most: int = 200) -> list[dict[str, Any]]:
    """Return the last events, newest first: time (Unix seconds), event (its kind), and what else it says."""
    try:
        data = _end_of(layout.events, LARGEST_TAIL)
    except OSError:
        return []
    rows, _ = files.parse_rows(data)
    known = [row for row in rows if isinstance(row.get("event"), str)]
    known = [row for row in known if isinstance(row.get("time"), int | float)]
    return known[-most:][::-1]


def log_tail(layout: RunLayout, most: int) -> str:
    """Return the last bytes of a run's log as text; nothing where there is none."""
    try:
        return _end_of(layout.log, most).decode(errors="replace").strip()
    except OSError:
        return ""


def _end_of(path: Any, most: int) -> bytes:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - most))
        return file.read(most)
