"""The list of runs: one row each, with its state in words, its progress and a small curve; rows can be chosen."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.learning_curves import kept_points
from core.runs.run import Run
from core.runs.state import ACTIVE, read_beat
from dashboard import data
from dashboard.widgets.markdown import duration

STATES = {
    "queued": "waiting",
    "starting": "starting",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "paused": "paused",
    "crashed": "crashed",
    "interrupted": "interrupted",
    "lost": "lost",
    "stalled": "stalled",
    "damaged": "damaged",
}
"""State -> the word on screen."""

COLOURS = {
    "waiting": "gray",
    "starting": "blue",
    "running": "blue",
    "finished": "green",
    "stopped": "gray",
    "paused": "gray",
    "stalled": "orange",
    "interrupted": "orange",
    "lost": "orange",
}
CURVE_POINTS = 40
ROWS_SHOWN = 5
FEW = 3
ROW_HEIGHT = 35
URL_KEY = "runs"


def run_table(runs: Sequence[Run], key: str) -> list[Run]:
    """Show the runs and return the chosen ones, newest first; the choice stands in the URL as `runs`.

    Args:
        runs: newest first.
        key: of the widget.
    """
    ids = [run.id for run in runs]
    wanted = [one for one in st.query_params.get(URL_KEY, "").split(",") if one]
    # Streamlit remembers positions, not runs: when the list changes, another table takes over the choice by id.
    place = f"{key}-{len(ids)}-{ids[0] if ids else ''}"
    event = st.dataframe(
        _table(runs),
        key=place,
        height=ROW_HEIGHT * (min(len(runs), ROWS_SHOWN) + 1) + 3,
        hide_index=True,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        selection_default={"selection": {"rows": [ids.index(one) for one in wanted if one in ids]}},
        column_config=_columns(),
        placeholder="",
        alt="The runs, newest first, with state, settings and progress.",
    )
    # Who has ticked nothing yet and clicks on a name means that run.
    rows = event["selection"]["rows"] or [row for row, _ in event["selection"]["cells"]]
    chosen = [runs[row] for row in sorted(rows) if row < len(runs)]
    _remember([run.id for run in chosen], [one for one in wanted if one in ids])
    missing = [one for one in wanted if one not in ids]
    if missing:
        st.info(f"{len(missing)} of the runs in this link are not in this runs folder.")
    return chosen


def _remember(chosen: list[str], wanted: list[str]) -> None:
    if sorted(chosen) == sorted(wanted):
        return
    if chosen:
        st.query_params[URL_KEY] = ",".join(chosen)
    elif URL_KEY in st.query_params:
        del st.query_params[URL_KEY]


def _table(runs: Sequence[Run]) -> pd.DataFrame:
    return pd.DataFrame([_row(run) for run in runs])


def _row(run: Run) -> dict[str, Any]:
    state = run.state
    word = STATES.get(state.state, state.state)
    rows = [] if run.damaged else data.history(run)[1]
    accuracies = [row.get("validation_accuracy") for row in rows]
    curve = np.array([value for value in accuracies if value is not None], dtype=np.float64)
    best = state.best_validation_accuracy
    return {
        "state": [word],
        "run": run.name or run.variant or run.id,
        "dataset": run.dataset,
        "seed": run.seed,
        "epoch": f"{state.epoch} of {state.epochs}" if state.epochs else "",
        "progress": _percent_done(run),
        "best": None if best is None else 100 * best,
        "curve": (100 * curve[kept_points(curve, CURVE_POINTS)]).round(1).tolist(),
        "submitted": _clock(run.created),
        "duration": duration(_seconds(run)),
    }


def _clock(created: float | None) -> str:
    """Return a moment in local time, as in the titles of runs: "14:25", with the day when it is another one."""
    if created is None:
        return ""
    moment = datetime.fromtimestamp(created)
    is_today = moment.date() == datetime.now().date()
    return f"{moment:%H:%M}" if is_today else f"{moment.day} {moment:%b %Y, %H:%M}"


def _percent_done(run: Run) -> float | None:
    state = run.state
    if state.state == "finished":
        return 100.0
    if not state.epochs:
        return None
    done = float(state.epoch)
    if state.state in ("running", "stalled"):
        beat = read_beat(run.layout)
        step, steps = beat.get("step"), beat.get("steps")
        if beat.get("epoch") == state.epoch + 1 and isinstance(step, int) and steps:
            done += min(step / steps, 1.0)
    return 100 * done / state.epochs


def _seconds(run: Run) -> float | None:
    state = run.state
    if state.started is None:
        return None
    if state.state in ("running", "stalled"):
        return time.time() - state.started
    return None if state.ended is None else state.ended - state.started


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "state": column.MultiselectColumn(
            "State",
            options=list(STATES.values()),
            color=[COLOURS.get(word, "red") for word in STATES.values()],
            width=95,
        ),
        "run": column.TextColumn("Variant", width=130, help="The variant, or the run's own name."),
        "dataset": column.TextColumn("Data set", width=75),
        "seed": column.NumberColumn("Seed", width=50, format="%d"),
        "epoch": column.TextColumn(
            "Epoch", width=75, help="Finished epochs of those that may come."
        ),
        "progress": column.ProgressColumn(
            "Progress",
            width=95,
            min_value=0,
            max_value=100,
            format="%d %%",
            help="Training may stop early, when the validation accuracy no longer rises.",
        ),
        "best": column.NumberColumn(
            "Best accuracy",
            width=95,
            format="%.1f %%",
            help="Highest validation accuracy of an epoch.",
        ),
        "curve": column.LineChartColumn(
            "Curve",
            width=118,
            y_min=0,
            y_max=100,
            help="Validation accuracy by epoch, from 0 to 100 %.",
        ),
        "submitted": column.TextColumn("Submitted", width=85),
        "duration": column.TextColumn("Duration", width=85),
    }


def worth_watching(runs: Sequence[Run]) -> list[Run]:
    """Return what to look at when nothing is chosen: what is under way, filled up with the newest to a few.

    So a curve that is being watched stays when its run ends before the others.
    """
    sound = [run for run in runs if not run.damaged]
    active = [run for run in sound if run.state.state in ACTIVE]
    others = [run for run in sound if run.state.state not in ACTIVE]
    shown = {run.id for run in [*active, *others[: max(0, FEW - len(active))]]}
    return [run for run in sound if run.id in shown]
