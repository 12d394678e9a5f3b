"""Evaluate: how good runs are, what they take for what, and the images behind every number."""

import streamlit as st

from dashboard import data, errors_data
from dashboard.widgets import empty
from dashboard.widgets.calibration_section import calibration_section
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.class_report import class_report
from dashboard.widgets.confusion_section import confusion_section
from dashboard.widgets.counts_section import counts_section
from dashboard.widgets.evaluating import evaluating, shown_picker, what_is_missing
from dashboard.widgets.neurons_section import neurons_section
from dashboard.widgets.ranking_section import precision_recall_section, roc_section
from dashboard.widgets.runs_transfer import export_form
from dashboard.widgets.scores import scores

SECTIONS = {
    "confusion": ("Confusion", confusion_section),
    "classes": ("Classes", class_report),
    "roc": ("ROC", roc_section),
    "precision-recall": ("Precision-recall", precision_recall_section),
    "calibration": ("Calibration", calibration_section),
    "counts": ("Counts", counts_section),
    "neurons": ("Neurons", neurons_section),
}

runs = errors_data.runs_with_cases()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Evaluate", anchor=False, width="content")
if not runs:
    empty.nothing_to_evaluate() if data.store().runs() else empty.no_runs()
    st.stop()
with top:
    now = evaluating(runs, key="evaluating")
    export_form([one.run for one in now.answers.values()], key="export")
what_is_missing(now, key="evaluating")
scores(now, key="scores")
known = {name: words for name, (words, _) in SECTIONS.items() if name != "counts" or now.has_counts}
with st.container(horizontal=True, vertical_alignment="center"):
    section = case_switch("section", known, "View")
    st.space("stretch")
    shown_picker(now, key="shown")
SECTIONS[section][1](now)
