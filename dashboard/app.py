"""The script that Streamlit runs: which pages there are, and what holds on all of them."""

import os
from pathlib import Path

import streamlit as st

from core.jobs.local import ensure_runner_if_queued
from dashboard import data
from dashboard.widgets.case_link import go_if_wished
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.field_first import field_first
from dashboard.widgets.identity import identity

HERE = Path(__file__).parent

# In the order of the work, which is the order of the sidebar.
PAGES = [
    st.Page(HERE / "views/overview.py", title="Overview", icon=":material/home:", default=True),
    st.Page(HERE / "views/data.py", title="Data", icon=":material/dataset:"),
    st.Page(HERE / "views/augment.py", title="Augment", icon=":material/auto_awesome_motion:"),
    st.Page(HERE / "views/train.py", title="Train", icon=":material/model_training:"),
    st.Page(HERE / "views/runs.py", title="Runs", icon=":material/list:"),
    st.Page(HERE / "views/compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page(HERE / "views/evaluate.py", title="Evaluate", icon=":material/query_stats:"),
    st.Page(HERE / "views/errors.py", title="Errors", icon=":material/find_in_page:"),
    st.Page(HERE / "views/predict.py", title="Predict", icon=":material/label:"),
]

SIDEBAR_PIXELS = 210

# The first screen answers at 1280x720: Streamlit's own margins and headings take a third of it. Its captions (contrast
# 4.07 on white) and chosen segments (4.02 on black) are too faint to be read by all: WCAG asks for 4.5.
STYLE = """<style>
.stMainBlockContainer { padding: 2.25rem 2rem 3rem; }
.stMainBlockContainer h1 { font-size: 1.75rem; padding: 0 0 0.35rem; }
.stMainBlockContainer h2 { font-size: 1.25rem; padding: 0.5rem 0 1rem; }
[data-testid="stMetricValue"] { font-size: 1.5rem; font-weight: 600; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.8; }
[data-testid="stButtonGroup"] button[data-selected] { color: inherit !important; }
[data-testid="stHeader"] { background: transparent; height: 2.25rem; }
</style>"""

# Before the navigation, and with a picture of ours: a Material icon in the tab is fetched from another server.
st.set_page_config(
    page_icon=HERE / "petridish.svg", layout="wide", initial_sidebar_state=SIDEBAR_PIXELS
)
page = st.navigation(PAGES)
st.logo(HERE / "wordmark.svg", size="large", icon_image=HERE / "petridish.svg")
st.html(STYLE)
field_first()
with errors_shown():
    identity()
    store = data.store()
    ensure_runner_if_queued(store)
    if store.root.is_dir() and not os.access(store.root, os.W_OK):
        st.warning(
            "The runs folder is read-only: you can look at everything, but start and change nothing.",
            icon=":material/edit_off:",
        )
    elif store.root.is_dir() and not store.locks_work:
        st.warning(
            "File locks do not work in this runs folder (some network drives pretend). States of runs follow from "
            "their heartbeat and may be two minutes late.",
            icon=":material/lock_open:",
        )
    go_if_wished()
    page.run()
