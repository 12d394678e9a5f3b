"""Compare: which variant is better, is it real, what did it cost, and the images behind every difference."""

import streamlit as st

from dashboard import data
from dashboard.widgets import empty
from dashboard.widgets.compare_choice import compare_choice
from dashboard.widgets.comparing import (
    SECTION,
    comparing,
    under_way,
    variants_popover,
)
from dashboard.widgets.cost_section import cost_section
from dashboard.widgets.curves_section import curves_section
from dashboard.widgets.duel_section import duel_section
from dashboard.widgets.live import looked_again
from dashboard.widgets.pairs_section import pairs_section
from dashboard.widgets.report_button import report_button
from dashboard.widgets.result_section import result_section
from dashboard.widgets.run_details import damaged_runs
from dashboard.widgets.table_section import table_section
from dashboard.widgets.verdicts_section import verdicts_section

SECTIONS = {
    "result": ("Result", result_section),
    "curves": ("Curves", curves_section),
    "cost": ("Cost", cost_section),
    "table": ("Table", table_section),
    "pairs": ("Pairs", pairs_section),
    "duel": ("Duel", duel_section),
    "verdicts": ("Verdicts", verdicts_section),
}

found = data.store().runs()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Compare", anchor=False, width="content")
if not found:
    empty.no_runs()
    st.stop()
with top:
    runs = compare_choice(found, key="choice")
    shown = variants_popover(runs, key="variants-picker")
if not shown:
    empty.nothing_to_compare()
    damaged_runs(runs)
    st.stop()

looked_again(runs)
bar = st.container(horizontal=True, vertical_alignment="center")
section = bar.segmented_control(
    "Look at",
    list(SECTIONS),
    format_func=lambda name: SECTIONS[name][0],
    required=True,
    default="result",
    key=SECTION,
    bind="query-params",
    label_visibility="collapsed",
)
bar.space("stretch")
with bar:
    now = comparing(runs, shown, key="comparing")
with top:
    report_button(now.runs, key="report")
under_way(now)
SECTIONS[section][1](now)
