"""Overview: what is here, what is running now, and where to start."""

import streamlit as st

from dashboard import data
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.live import looked_again
from dashboard.widgets.overview_glossary import glossary
from dashboard.widgets.overview_here import numbers, running_now, studies
from dashboard.widgets.overview_start import quick_start
from dashboard.widgets.overview_tour import PART, TOUR, tour

runs = data.store().runs()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Overview", anchor=False, width="content")
top.caption("Grow small image classifiers side by side, and look at them closely.")
looked_again(runs)
numbers(runs)
running_now(runs)
part = case_switch(
    PART, {"start": "Quick start", TOUR: "Guided tour", "glossary": "Glossary"}, "Look at"
)
match part:
    case "tour":
        tour(runs, key="tour")
    case "glossary":
        glossary(key="glossary")
    case _:
        quick_start(runs, key="start")
        studies(runs)
