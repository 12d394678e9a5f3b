"""Data: choose, fetch or import a data set, and look at it from every side before a network does."""

import streamlit as st

from dashboard.widgets.background import background_task
from dashboard.widgets.classes_section import classes_section
from dashboard.widgets.dataset_picker import dataset_picker, settings_popover
from dashboard.widgets.dataset_summary import dataset_or_help, headline, notes, place_for
from dashboard.widgets.duplicates_section import duplicates_section
from dashboard.widgets.import_form import import_form, remove_form
from dashboard.widgets.map_section import map_section
from dashboard.widgets.pixels_section import pixels_section
from dashboard.widgets.samples_section import samples_section
from dashboard.widgets.selection import leave_section
from dashboard.widgets.splits_section import splits_section

SECTIONS = {
    "samples": ("Samples", samples_section),
    "classes": ("Classes", classes_section),
    "splits": ("Splits", splits_section),
    "pixels": ("Pixels", pixels_section),
    "duplicates": ("Duplicates", duplicates_section),
    "map": ("Map", map_section),
}

top = st.container(horizontal=True, vertical_alignment="bottom")
background_task(key="task")
top.title("Data", anchor=False, width="content")
with top:
    name = dataset_picker(key="dataset-picker")
    settings = settings_popover(name, key="dataset-settings")
    notes(name)
    import_form(name, key="import")
    remove_form(name, key="remove")

with place_for(settings, key="place"):
    loaded = dataset_or_help(settings, key="help")
    if loaded is None:
        st.stop()
    headline(loaded)
    section = st.segmented_control(
        "Look at",
        list(SECTIONS),
        format_func=lambda name: SECTIONS[name][0],
        required=True,
        default="samples",
        key="section",
        bind="query-params",
        on_change=leave_section,
        label_visibility="collapsed",
    )
    SECTIONS[section][1](loaded)
