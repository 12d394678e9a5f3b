"""Runs: the live table, the curves of the chosen runs, and everything that can be done with them."""

import streamlit as st

from dashboard import data
from dashboard.widgets import empty
from dashboard.widgets.curves import curves
from dashboard.widgets.live import looked_again, run_forecasts
from dashboard.widgets.machine_panel import machine_panel
from dashboard.widgets.run_actions import outcome, run_actions
from dashboard.widgets.run_columns import column_choice
from dashboard.widgets.run_details import damaged_runs, run_details, run_messages
from dashboard.widgets.run_filters import nothing_found, run_filters
from dashboard.widgets.run_table import run_table, worth_watching
from dashboard.widgets.runs_transfer import import_archive
from dashboard.widgets.trash import trash

runs = data.store().runs()
top = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
top.title("Runs", anchor=False, width="content")
if not runs:
    with top:
        import_archive(key="import")
        trash(key="trash")
    outcome((), key="actions")
    empty.no_runs()
    st.stop()
looked_again(runs)
with top:
    shown = run_filters(runs, key="search")
    column_choice(runs, key="table-columns")
    machine_panel(runs, key="machine")
    import_archive(key="import")
    trash(key="trash")
if not shown:
    outcome((), key="actions")
    nothing_found(key="nothing")
    st.stop()
chosen = run_table(shown, len(runs), run_forecasts(runs), key="table")
run_actions(chosen, runs, key="actions")
watched = chosen or worth_watching(shown)
run_messages(chosen)
curves(watched, key="curves", height=300)
for run in watched[:3]:
    run_details(run, key="details")
damaged_runs(runs)
