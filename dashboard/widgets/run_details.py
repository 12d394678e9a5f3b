"""One run in words: how it stands, what its curves say, what it was asked to do, how it went, the end of its log."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.style import percent
from core.differences import differences, differences_from_variant
from core.exceptions import CoreError
from core.runs import records
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.differences import shown_differences
from dashboard.widgets.markdown import duration, escaped
from dashboard.widgets.run_edits import edit_form
from dashboard.widgets.run_words import clock
from dashboard.widgets.table import shown_table
from dashboard.widgets.verdicts import verdicts

LOG_BYTES = 8_000
MOST_MESSAGES = 3
MOST_ROWS = 10
BROKEN = ("failed", "crashed", "interrupted", "lost", "stalled", "damaged")
URL_KEY = "about"


def run_messages(runs: Sequence[Run]) -> None:
    """Say in words what became of the runs: aloud where something broke, in one quiet line else."""
    said = [(run, run.damaged or run.state.message) for run in runs]
    broken = [(run, text) for run, text in said if text and run.state.state in BROKEN]
    for run, text in broken[:MOST_MESSAGES]:
        title = f"**{escaped(run.title)}** ({escaped(run.state.state)}): {escaped(text)}"
        st.error(title, icon=":material/error:")
    if len(broken) > MOST_MESSAGES:
        st.caption(f"{len(broken) - MOST_MESSAGES} more of the chosen runs broke off.")
    quiet = [(run, text) for run, text in said if text and run.state.state not in BROKEN]
    if quiet:
        texts = [f"{escaped(run.title)}: {escaped(text)}" for run, text in quiet[:MOST_MESSAGES]]
        st.caption(" ".join(texts))


def run_details(run: Run, key: str) -> None:
    """Show what a run's curves say, and folded away its settings, attempts, environment, events and log.

    Args:
        run: a sound one.
        key: of the widgets.
    """
    verdicts(run)
    key = f"{key}-{run.id}"
    # Closed at first like the verdicts above it: opened unasked below the edge of the window, it was closed by the click
    # that was to open it.
    with st.expander(
        f"Settings and log of {escaped(run.title)}",
        icon=":material/description:",
        key=key,
        on_change="rerun",
    ) as opened:
        # Folded away it costs nothing: a page that polls draws this every other second.
        if not opened.open:
            return
        st.markdown(_facts(run))
        with st.container(horizontal=True, vertical_alignment="center"):
            section = st.segmented_control(
                "About the run",
                list(SECTIONS),
                required=True,
                default=next(iter(SECTIONS)),
                key=f"{key}-section",
                label_visibility="collapsed",
                persist_state="session",
            )
            edit_form(run, f"{key}-edit")
        SECTIONS[section](run)


def _facts(run: Run) -> str:
    state = run.state
    facts = [f"Id `{run.id}`", f"data set {escaped(run.dataset)}", f"seed {run.seed}"]
    if owner := run.spec.get("owner"):
        facts.append(f"of {escaped(owner)}")
    facts.append(f"submitted {clock(run.created)}")
    if state.best_epoch is not None and state.best_validation_accuracy is not None:
        best = percent(state.best_validation_accuracy)
        facts.append(f"best epoch {state.best_epoch} with {best} on validation")
    if state.started is not None and state.ended is not None:
        facts.append(f"took {duration(state.ended - state.started)}")
    text = ", ".join(facts) + "."
    return f"{text} Note: {escaped(run.note)}" if run.note else text


def _settings(run: Run) -> None:
    parent = run.spec.get("parent")
    if isinstance(parent, str):
        try:
            origin = data.store().run(parent)
            shown_differences(differences(origin.config, run.config), origin.title)
        except CoreError:
            st.caption(f"It was cloned from `{escaped(parent)}`, which is not here any more.")
    shown_differences(differences_from_variant(run.config), run.variant or "")
    with st.expander("All settings"):
        st.json(run.config, expanded=2)


def _attempts(run: Run) -> None:
    attempts = records.attempts(run.layout)
    rows = [
        {
            "Attempt": one["attempt"],
            "Started": clock(one["started"]),
            "Ended": clock(one["ended"]),
            "From epoch": one["from_epoch"],
            "Machine": one["host"],
            "Device": one["device"],
            "Slot": one["slot"],
            "Exit": _exit(one),
            "Peak memory": _megabytes(one["peak_memory"]),
            "CPU time": duration(one["cpu_seconds"]),
        }
        for one in attempts
    ]
    if rows:
        shown_table(
            rows,
            f"attempts-{run.id}",
            most_rows=MOST_ROWS,
            numbers=lambda: pd.DataFrame(attempts),
            placeholder="",
            alt="The starts of the run.",
        )
    else:
        st.caption("It has not started yet.")


def _environment(run: Run) -> None:
    env, resources = run.spec.get("env") or {}, run.spec.get("resources") or {}
    values = {**env, **resources, "executor": run.spec.get("executor")}
    values |= {"data fingerprint": run.spec.get("data_fingerprint")}
    values |= {"suite": run.spec.get("suite"), "retries": run.spec.get("retries")}
    rows = [{"What": key, "Value": str(value)} for key, value in values.items() if value is not None]  # fmt: skip
    alt = "What the run was submitted with and where."
    shown_table(rows, f"environment-{run.id}", most_rows=MOST_ROWS, alt=alt)


def _events(run: Run) -> None:
    events = records.events(run.layout)
    rows = [
        {
            "Time": clock(one["time"]),
            "Event": one["event"],
            "By": one.get("by"),
            "What": "; ".join(
                f"{key} {', '.join(map(str, value)) if isinstance(value, list) else value}"
                for key, value in one.items()
                if key not in ("time", "event", "by") and value is not None
            ),
        }
        for one in events
    ]
    if rows:
        times = [one["time"] for one in events]
        shown_table(
            rows,
            f"events-{run.id}",
            most_rows=MOST_ROWS,
            numbers=lambda: pd.DataFrame(rows).assign(Time=times),
            placeholder="",
            alt="What happened, newest first.",
        )
    else:
        st.caption("Nothing has happened yet.")


def _log(run: Run) -> None:
    text = records.log_tail(run.layout, LOG_BYTES)
    if text:
        st.code(text, language=None, height=240)
    else:
        st.caption("The log is empty.")


SECTIONS: dict[str, Callable[[Run], None]] = {
    "Settings": _settings,
    "Attempts": _attempts,
    "Environment": _environment,
    "Events": _events,
    "Log": _log,
}
"""Name -> what shows it; only the chosen one is drawn."""


def _exit(attempt: dict[str, Any]) -> str:
    if attempt["signal"] is not None:
        return f"signal {attempt['signal']}"
    return "" if attempt["code"] is None else f"code {attempt['code']}"


def _megabytes(number: Any) -> str:
    return f"{number / 1e6:,.0f} MB" if isinstance(number, int) else ""


def damaged_runs(runs: Sequence[Run]) -> None:
    """List those of the runs that cannot be read, with the reason."""
    damaged = [run for run in runs if run.damaged]
    if damaged:
        with st.expander(
            f"{len(damaged)} damaged {'run' if len(damaged) == 1 else 'runs'}",
            icon=":material/broken_image:",
        ):
            for run in damaged:
                st.markdown(f"- `{run.id}`: {escaped(run.damaged)}")
