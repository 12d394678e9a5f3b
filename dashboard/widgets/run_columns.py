"""The columns of the list of runs: what they are called, how wide they are, and which of them are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard.widgets.run_words import COLOURS, STATES
from dashboard.widgets.table import text_width

ALWAYS = (
    "state",
    "run",
    "dataset",
    "seed",
    "best",
    "curve",
    "epoch",
    "duration",
    "age",
)

NAMES = {
    "state": "State",
    "run": "Run",
    "variant": "Variant",
    "suite": "Suite",
    "seed": "Seed",
    "best": "Validation",
    "curve": "Curve",
    "epoch": "Epoch",
    "progress": "Progress",
    "left": "Time left",
    "reason": "Reason",
    "owner": "Owner",
    "speed": "Samples/s",
    "duration": "Duration",
    "age": "Age",
    "dataset": "Data set",
    "submitted": "Submitted",
    "tags": "Tags",
    "note": "Note",
    "id": "Id",
}
"""Column -> what it is called, in the order in which columns stand: what is cut off behind long names matters least."""

LEAST_NAME_WIDTH, MOST_NAME_WIDTH = 112, 300
"""Pixels; the widest shows "dense-base, learning rate 0.001, batch size 64"."""

LEAST_REASON_WIDTH, MOST_REASON_WIDTH = 96, 160
"""Pixels; the widest shows "waits for a free CPU slot"."""

_CHOSEN = "run-columns"


def column_choice(runs: Sequence[Run], key: str) -> None:
    """Show the choice of columns, which holds for this visit; without one, what tells the runs apart is shown.

    Args:
        runs: all runs.
        key: of the widget; `shown_columns` of the same key says what was chosen.
    """
    usual = usual_columns(runs)
    st.session_state[key] = st.session_state.get(_CHOSEN) or usual
    with st.popover("Columns", icon=":material/view_column:", key=f"{key}-popover"):
        st.pills(
            "Columns",
            list(NAMES),
            selection_mode="multi",
            format_func=lambda name: NAMES[name],
            key=key,
            width=420,
            on_change=lambda: st.session_state.update({_CHOSEN: list(st.session_state[key])}),
        )
        st.button(
            "The usual ones",
            key=f"{key}-usual",
            disabled=_CHOSEN not in st.session_state,
            on_click=lambda: st.session_state.pop(_CHOSEN, None),
        )


def usual_columns(runs: Sequence[Run]) -> list[str]:
    """Return the columns shown unless others are chosen: those that tell these runs apart or say something of them.

    Owner, tags, reason, progress and time left do not always; while runs are under way, the time left takes the
    room of the time taken.
    """
    names = set(ALWAYS)
    if len({run.spec.get("owner") for run in runs if not run.damaged}) > 1:
        names.add("owner")
    if any(run.state.state in ACTIVE for run in runs):
        names |= {"progress", "left"}
        names.remove("duration")
    if any(run.tags for run in runs):
        names.add("tags")
    if any(run.state.state not in ("running", "finished") for run in runs):
        names.add("reason")
    return [name for name in NAMES if name in names]


def shown_columns(key: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that are shown, in their order; the reason only where a row has one, unless it was chosen.

    Args:
        key: as `column_choice` got it.
        rows: those that are shown, by column.
    """
    chosen = set(st.session_state.get(key) or ())
    if _CHOSEN not in st.session_state and not any(row["reason"] for row in rows):
        chosen.discard("reason")
    return [name for name in NAMES if name in chosen]


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how each column looks.

    Args:
        rows: those that are shown, by column: the runs of a grid have long names, which must be told apart.
    """
    column = st.column_config
    name_width = text_width((row["run"] for row in rows), MOST_NAME_WIDTH, LEAST_NAME_WIDTH)
    reason_width = text_width(
        (row["reason"] for row in rows), MOST_REASON_WIDTH, LEAST_REASON_WIDTH
    )
    looks = {
        "state": column.MultiselectColumn(
            NAMES["state"],
            options=list(STATES.values()),
            color=[COLOURS.get(word, "red") for word in STATES.values()],
            width=85,
        ),
        "reason": _text("reason", reason_width, "Why the run stands as it does."),
        "run": _text("run", name_width, "The run's own name, or the variant's."),
        "variant": _text("variant", 125, "What the run started from."),
        "dataset": _text("dataset", 70),
        "suite": _text("suite", 90, "The set of variants that it was started with."),
        "seed": column.NumberColumn(NAMES["seed"], width=48, format="%d"),
        "owner": _text("owner", 62, "Whose run it is."),
        "epoch": _text("epoch", 78, "Finished epochs of those that may come."),
        "progress": column.ProgressColumn(
            NAMES["progress"],
            width=72,
            min_value=0,
            max_value=100,
            format="%d %%",
            help="Training may stop early, when the validation accuracy no longer rises.",
        ),
        "left": _text(
            "left",
            88,
            "Until the run has ended, from its own epochs, those of equal runs and the queue; "
            "≤ where it may stop early.",
        ),
        "best": column.NumberColumn(
            NAMES["best"],
            width=84,
            format="%.1f %%",
            help="Best accuracy on validation, of all epochs.",
        ),
        "curve": column.LineChartColumn(
            NAMES["curve"],
            width=72,
            y_min=0,
            y_max=100,
            help="Validation accuracy by epoch, from 0 to 100 %.",
        ),
        "speed": column.NumberColumn(
            NAMES["speed"],
            width=80,
            format="%.0f",
            help="Training images a second in the last epoch.",
        ),
        "duration": _text("duration", 74, "From the first start to the end."),
        "age": column.DatetimeColumn(
            NAMES["age"], width=128, format="distance", help="Since it was submitted."
        ),
        "submitted": _text("submitted", 110),
        "tags": column.ListColumn(NAMES["tags"], width=110),
        "note": _text("note", 160),
        "id": _text("id", 160, "Name of the run's folder, and how the command line calls it."),
    }
    return looks


def _text(name: str, width: int, help: str | None = None) -> Any:
    return st.column_config.TextColumn(NAMES[name], width=width, help=help)
