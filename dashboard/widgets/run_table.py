"""The list of runs: one row each, with its state in words, its progress and a small curve; rows can be chosen.

What a row says in words is `run_words`' business, which runs there are to show `run_filters`'. Histories are read for
the rows of one page alone, so that a thousand runs cost what a hundred cost.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.learning_curves import kept_points
from core.jobs.forecast import Forecast, epochs_done
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import data
from dashboard.widgets.markdown import duration
from dashboard.widgets.run_columns import columns, shown_columns
from dashboard.widgets.run_filters import PAGE
from dashboard.widgets.run_words import STATES, clock, reason, seconds_spent, time_left
from dashboard.widgets.table import shown_table

CURVE_POINTS = 40
ROWS_SHOWN = 8
"""With the few more that a table shows rather than scroll: ten."""
ROWS_A_PAGE = 100
FEW = 3
URL_KEY = "runs"


def run_table(
    runs: Sequence[Run], num_all: int, forecasts: Mapping[str, Forecast], key: str
) -> list[Run]:
    """Show the runs and return the chosen ones, in the order shown; the choice stands in the URL as `runs`.

    Args:
        runs: those that passed the filters, in the order wanted.
        num_all: runs in the runs folder.
        forecasts: of the runs that wait or train.
        key: of the widget.
    """
    wanted = [one for one in st.query_params.get(URL_KEY, "").split(",") if one]
    page = _page(runs, wanted, key)
    ids = [run.id for run in page]
    # Streamlit remembers positions, not runs: when the list changes, another table takes over the choice by id.
    place = f"{key}-{zlib.crc32(','.join(ids).encode())}"
    rows = [_row(run, forecasts.get(run.id)) for run in page]
    event = shown_table(
        rows,
        place,
        most_rows=ROWS_SHOWN,
        # All of them, not this page alone.
        numbers=lambda: pd.DataFrame([run.row() for run in runs]),
        file_name="runs",
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        selection_default={"selection": {"rows": [ids.index(one) for one in wanted if one in ids]}},
        column_order=shown_columns(f"{key}-columns", rows),
        column_config=columns(rows),
        placeholder="",
        alt="The runs with state, settings and progress.",
    )
    # Who has ticked nothing yet and clicks on a name means that run.
    places = event["selection"]["rows"] or [row for row, _ in event["selection"]["cells"]]
    chosen = [page[place] for place in sorted(places) if place < len(page)]
    _remember([run.id for run in chosen], [one for one in wanted if one in ids])
    _say_what_is_missing(wanted, runs, len(runs) < num_all)
    return chosen


def _page(runs: Sequence[Run], wanted: Sequence[str], key: str) -> Sequence[Run]:
    """Return the rows of the page that the URL names, else of that on which the first chosen run stands."""
    num_pages = max(1, -(-len(runs) // ROWS_A_PAGE))
    if num_pages == 1:
        return runs
    asked = st.query_params.get(PAGE, "")
    number = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    if not 1 <= number <= num_pages:
        places = [place for place, run in enumerate(runs) if run.id in wanted[:1]]
        number = 1 + (places[0] // ROWS_A_PAGE if places else 0)
    # Another page is another pager, so that it follows the URL.
    place = f"{key}-pager-{number}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.pagination(
            num_pages,
            default=number,
            key=place,
            on_change=lambda: st.query_params.update({PAGE: str(st.session_state[place])}),
        )
        first = (number - 1) * ROWS_A_PAGE
        last = min(first + ROWS_A_PAGE, len(runs))
        st.caption(f"{first + 1:,} to {last:,} of {len(runs):,} runs", width="content")
    return runs[first:last]


def _remember(chosen: list[str], wanted: list[str]) -> None:
    if sorted(chosen) == sorted(wanted):
        return
    if chosen:
        st.query_params[URL_KEY] = ",".join(chosen)
    elif URL_KEY in st.query_params:
        del st.query_params[URL_KEY]


def _say_what_is_missing(wanted: Sequence[str], runs: Sequence[Run], is_filtered: bool) -> None:
    missing = set(wanted) - {run.id for run in runs}
    if missing and is_filtered:
        st.info(f"{len(missing)} of the chosen runs are not among those shown.")
    elif missing:
        st.info(f"{len(missing)} of the runs in this link are not in this runs folder.")


def _row(run: Run, forecast: Forecast | None) -> dict[str, Any]:
    state = run.state
    rows = [] if run.damaged else data.history(run)[1]
    accuracies = [row.get("validation_accuracy") for row in rows]
    curve = np.array([value for value in accuracies if value is not None], dtype=np.float64)
    best = state.best_validation_accuracy
    return {
        "state": [STATES.get(state.state, state.state)],
        "reason": reason(run, forecast),
        "run": run.name or run.variant or run.id,
        "variant": run.variant,
        "dataset": run.dataset,
        "suite": run.spec.get("suite"),
        "seed": run.seed,
        "owner": run.spec.get("owner"),
        "epoch": f"{state.epoch} of {state.epochs}" if state.epochs else "",
        "progress": _percent_done(run),
        "left": time_left(forecast),
        "best": None if best is None else 100 * best,
        "curve": (100 * curve[kept_points(curve, CURVE_POINTS)]).round(1).tolist(),
        "speed": rows[-1].get("samples_per_second") if rows else None,
        "duration": duration(seconds_spent(run)),
        "age": None if run.created is None else pd.Timestamp(run.created, unit="s", tz="UTC"),
        "submitted": clock(run.created),
        "tags": run.tags,
        "note": run.note,
        "id": run.id,
    }


def _percent_done(run: Run) -> float | None:
    if run.state.state == "finished":
        return 100.0
    return 100 * epochs_done(run) / run.state.epochs if run.state.epochs else None


def worth_watching(runs: Sequence[Run]) -> list[Run]:
    """Return what to look at when nothing is chosen: what is under way, filled up with the newest to a few.

    So a curve that is being watched stays when its run ends before the others.
    """
    sound = [run for run in runs if not run.damaged]
    active = [run for run in sound if run.state.state in ACTIVE]
    others = [run for run in sound if run.state.state not in ACTIVE]
    shown = {run.id for run in [*active, *others[: max(0, FEW - len(active))]]}
    return [run for run in sound if run.id in shown]
