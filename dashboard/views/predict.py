"""Predict: a file in and results.csv out, one image uploaded or drawn, and for shapes figures placed by hand."""

import streamlit as st

from dashboard import predict_data
from dashboard.widgets import empty
from dashboard.widgets.figures_section import figures_section
from dashboard.widgets.one_image_section import one_image_section
from dashboard.widgets.predict_choice import predict_choice
from dashboard.widgets.predict_file_section import predict_file_section

VIEWS = {
    "file": ("A file", predict_file_section),
    "image": ("One image", one_image_section),
    "figures": ("Place figures", figures_section),
}

runs = predict_data.runs_with_weights()
if not runs:
    st.title("Predict", anchor=False)
    empty.nothing_to_predict()
    st.stop()

top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Predict", anchor=False, width="content")
with top:
    chosen = predict_choice(runs, key="choice")

views = [name for name in VIEWS if name != "figures" or predict_data.knows_figures(chosen[0])]
view = st.segmented_control(
    "What to predict",
    views,
    format_func=lambda name: VIEWS[name][0],
    required=True,
    default=views[0],
    key="view",
    bind="query-params",
    label_visibility="collapsed",
)
VIEWS[view][1](chosen, key=view)
