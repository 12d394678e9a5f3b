"""Errors: the case file. The images behind every number, and what every variant says of each."""

import streamlit as st

from dashboard import data, errors_data
from dashboard.widgets import empty
from dashboard.widgets.case_chips import chips, chosen_rows, filter_problems, sort_picker
from dashboard.widgets.case_choice import case_choice, left_out
from dashboard.widgets.case_gallery import case_gallery, slice_line
from dashboard.widgets.case_notes import notes_popover
from dashboard.widgets.case_slices import slices_popover
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.case_views import VIEWS
from dashboard.widgets.runs_choice import unknown_runs

found = errors_data.runs_with_cases()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Errors", anchor=False, width="content")
if not found:
    empty.nothing_to_evaluate() if data.store().runs() else empty.no_runs()
    st.stop()
with top:
    look = case_choice(found, key="case")
unknown_runs("case-runs")
bar = st.container(horizontal=True, vertical_alignment="center")
with bar:
    view = case_switch("view", {name: words for name, (words, _) in VIEWS.items()}, "View")
    st.space("stretch")
show = VIEWS[view][1]
if show is not None:
    show(look)
line = st.container(horizontal=True, vertical_alignment="center", gap="small")
with line:
    filters = chips(look, key="case-filter")
    st.space("stretch")
    is_inverted = st.toggle("Invert", key="case-invert", persist_state="session")
    column, is_rising = sort_picker(look, key="case-sort")
rows, problems = chosen_rows(look, filters, column, is_rising)
with bar:
    slices_popover(look, filters, key="case-slices")
    notes_popover(look, key="case-notes-list")
filter_problems("case-filter", problems)
slice_line(look, rows)
case_gallery(look, rows, is_inverted, key="case-gallery")
left_out(look)
