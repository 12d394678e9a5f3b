"""Evaluate: how good a run is, what it takes for what, and the images behind every number."""

import streamlit as st

from core.charts.confusion_matrix import MOST_CLASSES_WITH_TEXT
from core.report import SECTIONS
from dashboard import data
from dashboard.widgets import empty
from dashboard.widgets.cell import cell_in_url, open_cell, share_picker
from dashboard.widgets.class_report import class_report
from dashboard.widgets.figure import figure
from dashboard.widgets.gallery import gallery
from dashboard.widgets.run_picker import run_picker, split_picker
from dashboard.widgets.scores import count_tables, scores

MATRIX_HEIGHT, LARGE_MATRIX_HEIGHT = 430, 500

runs = data.runs_with_predictions()
if not runs:
    st.title("Evaluate", anchor=False)
    empty.nothing_to_evaluate() if data.store().runs() else empty.no_runs()
    st.stop()

matrix, classes, reliability = SECTIONS
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Evaluate", anchor=False, width="content")
with top:
    run = run_picker(runs, key="picker")
    split = split_picker(run, key="split")

predictions = data.predictions(run, split)
cell = cell_in_url(predictions)
scores(run, split)

is_large = predictions.space.num_classes > MOST_CLASSES_WITH_TEXT
left, right = (st.container(), st.container()) if is_large else st.columns([11, 9], gap="medium")
table = data.table(matrix.name, run, split)
with left:
    shown = share_picker(key="show")
    figure(
        matrix.chart(table, shown, cell.both),
        "confusion",
        alt=f"Confusion matrix of {run.title} on the {split} split.",
        how_to_read=matrix.how_to_read,
        table=table,
        height=LARGE_MATRIX_HEIGHT if is_large else MATRIX_HEIGHT,
        on_pick=lambda picked: open_cell(picked[0], picked[1]),
    )
with right:
    gallery(cell.samples(predictions), predictions, run, split, cell.title(predictions), "gallery")

st.subheader(classes.title, anchor=False)
report = data.table(classes.name, run, split)
left, right = st.columns(2, gap="medium")
with left:
    class_report(report, predictions, key="report")
with right:
    figure(
        classes.chart(report),
        "per-class",
        alt="F1 of each class as bars.",
        how_to_read=classes.how_to_read,
        table=report,
        on_pick=lambda picked: open_cell(picked[0], None),
    )
count_tables(run, split)
st.subheader(reliability.title, anchor=False)
table = data.table(reliability.name, run, split)
figure(
    reliability.chart(table),
    "calibration",
    alt="Accuracy by confidence.",
    how_to_read=reliability.how_to_read,
    table=table,
)
