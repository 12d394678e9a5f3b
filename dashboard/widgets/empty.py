"""What a page shows when there is nothing to show: why, and where to start."""

import streamlit as st

from core.jobs.local import LocalExecutor
from core.jobs.submit import submit_all
from core.runs.state import ACTIVE
from core.variants import SUITES, run_configs
from dashboard import data
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped


def no_runs() -> None:
    """Say that there are no runs yet; offer the demo suite and the training page."""
    with st.container(border=True, gap="small", width=720):
        st.header("No runs yet", anchor=False)
        st.markdown(
            "A run is one network trained once. Start the demo, three small runs on built-in data "
            "that finish in minutes, or choose what to train yourself."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            demo_button(key="no-runs-demo")
            st.page_link("views/train.py", label="Train a run", icon=":material/model_training:")


def demo_button(key: str) -> None:
    """Show the button that starts the demo and goes to its runs; off, with the reason, for who may start none.

    Args:
        key: of the widget.
    """
    closed = why_not("submit")
    if st.button(
        "Start the demo",
        type="primary",
        icon=":material/play_arrow:",
        disabled=closed is not None,
        help=closed and escaped(closed),
        key=key,
    ):
        start_demo()
        st.switch_page("views/runs.py")


def start_demo() -> None:
    """Queue the demo suite; runs of it that are under way or finished are not started again.

    Raises:
        InvalidInput: the runs folder cannot be used.
    """
    with st.spinner("Preparing the data ..."):
        submit_all(
            data.store(),
            LocalExecutor(data.store(), data.data_dir()),
            data.data_dir(),
            run_configs(SUITES["demo"]),
            [0],
            suite="demo",
            owner=data.person().name,
            reuse=("finished", *ACTIVE),
        )


def nothing_to_evaluate() -> None:
    """Say that runs exist, but none has predictions yet."""
    with st.container(border=True, gap="small", width=720):
        st.header("Nothing to evaluate yet", anchor=False)
        st.markdown(
            "No run has finished an epoch. As soon as one has, its predictions can be looked at here."
        )
        st.page_link("views/runs.py", label="Watch the runs", icon=":material/list:")


def nothing_to_predict() -> None:
    """Say that no run has weights yet."""
    with st.container(border=True, gap="small", width=720):
        st.header("No run can answer yet", anchor=False)
        st.markdown(
            "Predicting needs a run that has finished at least one epoch. Train one, or watch those under way."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("views/train.py", label="Train a run", icon=":material/model_training:")
            st.page_link("views/runs.py", label="All runs", icon=":material/list:")


def nothing_to_compare() -> None:
    """Say that no run of the choice can be compared."""
    with st.container(border=True, gap="small", width=720):
        st.header("Nothing to compare here", anchor=False)
        st.markdown("No run of this choice can be read. Choose others above, or train some.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("views/runs.py", label="All runs", icon=":material/list:")
            st.page_link("views/train.py", label="Train a run", icon=":material/model_training:")
