"""Runs: the live table, the curves of the chosen runs, stop and resume."""

import streamlit as st

from dashboard import data
from dashboard.widgets import empty
from dashboard.widgets.curves import curves
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.run_actions import run_actions
from dashboard.widgets.run_details import damaged_runs, run_details, run_messages
from dashboard.widgets.run_table import run_table, worth_watching

st.title("Runs", anchor=False)
found = data.store().runs()
if not found:
    empty.no_runs()
    st.stop()
every = data.poll_seconds(found)


@st.fragment(run_every=every)
def live() -> None:
    """Look again every other second while something is under way."""
    with errors_shown():
        runs = data.store().runs()
        chosen = run_table(runs, key="table")
        run_actions(chosen, key="actions")
        watched = chosen or worth_watching(runs)
        run_messages(watched)
        curves(watched, key="curves", height=300)
        for run in watched[:3]:
            run_details(run)
        if data.poll_seconds(runs) != every:
            st.rerun()


live()
damaged_runs(found)
