"""What can be done with the chosen runs: stop, resume, evaluate; a button that is off says why."""

from collections.abc import Sequence

import streamlit as st

from core.jobs import control
from core.jobs.local import LocalExecutor
from core.runs.host import user_name
from core.runs.run import Run
from core.runs.state import ACTIVE, RESUMABLE
from dashboard import data
from dashboard.widgets.run_picker import URL_KEY


def run_actions(runs: Sequence[Run], key: str) -> None:
    """Show the buttons.

    Args:
        runs: those chosen.
        key: of the widget.
    """
    under_way = [run for run in runs if run.state.state in ACTIVE and not run.damaged]
    stopped = [run for run in runs if run.state.state in RESUMABLE and not run.damaged]
    known = [run for run in runs if run.state.best_epoch is not None and not run.damaged]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            _counted("Stop", under_way),
            key=f"{key}-stop",
            icon=":material/stop:",
            disabled=not under_way,
            help="Ends at the next batch and keeps the results."
            if under_way
            else _why(runs, "is waiting or running"),
        ):
            for run in under_way:
                control.stop(data.store(), run, user_name())
            st.toast("Asked to stop.", icon=":material/stop:")
        if st.button(
            _counted("Resume", stopped),
            key=f"{key}-resume",
            icon=":material/resume:",
            disabled=not stopped,
            help="Goes on from the last checkpoint."
            if stopped
            else _why(runs, "was stopped or broke off"),
        ):
            for run in stopped:
                control.resume(
                    data.store(), LocalExecutor(data.store(), data.data_dir()), run, user_name()
                )
            st.rerun()
        if known:
            st.page_link(
                "views/evaluate.py",
                label="Evaluate",
                icon=":material/query_stats:",
                query_params={URL_KEY: known[0].id},
                help=f"Opens {known[0].title}.",
            )


def _counted(word: str, runs: Sequence[Run]) -> str:
    return word if len(runs) < 2 else f"{word} {len(runs)} runs"


def _why(runs: Sequence[Run], wanted: str) -> str:
    return f"None of the chosen runs {wanted}." if runs else "Choose a run in the table first."
