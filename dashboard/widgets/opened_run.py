"""The run behind a bar, a point or a row: its mistakes as images, and the ways to the pages that know more of it.

The page Compare shows it in place, beside the chart; which run it is stands in the URL as `open`, and the epoch of a point that
was clicked as `epoch`.
"""

import streamlit as st

from core.exceptions import CoreError
from core.run_groups import Group
from core.runs.run import Run
from dashboard import data, errors_data
from dashboard.widgets.case_link import EPOCH, cases_query
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY, Cell
from dashboard.widgets.compare_choice import OPEN
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.gallery import gallery
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import URL_KEY as RUN
from dashboard.widgets.run_table import URL_KEY as RUNS


def open_run(run_id: str | None, epoch: int | None = None) -> None:
    """Put a run to look at into the URL, from its first image on, and one of its epochs; None takes it out."""
    st.session_state[PAGE_KEY] = 1
    for name in (IMAGE_KEY, OPEN, EPOCH):
        if name in st.query_params:
            del st.query_params[name]
    if run_id is not None:
        st.query_params[OPEN] = run_id
    if epoch is not None:
        st.query_params[EPOCH] = str(epoch)


def open_variant(now: Comparing, label: str) -> None:
    """Put the first run of a variant into the URL."""
    group = now.group(label)
    open_run(group.runs[0].id if group else None)


def run_in_url(now: Comparing) -> tuple[Group, Run] | None:
    """Return the run to look at with its group; None where none of those compared is asked for."""
    asked = st.query_params.get(OPEN)
    found = ((group, run) for group in now.groups for run in group.runs if run.id == asked)
    return next(found, None)


def opened_run(group: Group, run: Run, split: str, key: str) -> None:
    """Show a run's mistakes on a split, and lead on.

    Args:
        group: of the run; its other seeds are one click away.
        run: the run.
        split: of the images.
        key: of the widgets.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            escaped(group.label),
            icon=":material/close:",
            key=f"{key}-chip",
            help=f"Close this and see the comparison again. Run {run.id}.",
            on_click=open_run,
            args=(None,),
        )
        if len(group.runs) > 1:
            _seed_picker(group, run, key)
        if data.splits_with_predictions(run):
            st.page_link(
                "views/evaluate.py",
                label="Evaluate",
                icon=":material/query_stats:",
                query_params={RUN: run.id, "split": split},
            )
        _epoch_link(run)
        st.page_link(
            "views/runs.py",
            label="Run",
            icon=":material/list:",
            query_params={RUNS: run.id},
            help="Curves, settings, log and verdicts of this run.",
        )
    try:
        predictions = data.predictions(run, split)
    except CoreError as error:
        st.info(escaped(error), icon=":material/hourglass_empty:")
        return
    wrong = Cell()
    title = f"All mistakes on {split}"
    rows = wrong.samples(predictions)
    gallery(rows, predictions, run, split, title, wrong.nothing, f"{key}-gallery")


def _epoch_link(run: Run) -> None:
    """Show the way to the mistakes of the epoch in the URL, where that is one of the run's."""
    asked = st.query_params.get(EPOCH, "")
    is_number = asked.isascii() and asked.isdigit() and len(asked) < 7
    if is_number and int(asked) in errors_data.epochs(run, "validation"):
        st.page_link(
            "views/errors.py",
            label=f"Epoch {asked}",
            icon=":material/history:",
            query_params=cases_query([run], "validation", epoch=int(asked), right="no"),
            help="The validation images that this run had wrong in that epoch.",
        )


def _seed_picker(group: Group, run: Run, key: str) -> None:
    by_id = {one.id: one for one in group.runs}
    place = f"{key}-seed"
    st.session_state[place] = run.id
    st.selectbox(
        "Seed",
        list(by_id),
        format_func=lambda one: f"seed {by_id[one].seed}",
        key=place,
        on_change=lambda: _open_seed(st.session_state[place]),
        label_visibility="collapsed",
        width=110,
    )


def _open_seed(run_id: str) -> None:
    """Put another seed into the URL; the epoch stays."""
    epoch = st.query_params.get(EPOCH)
    open_run(run_id)
    if epoch is not None:
        st.query_params[EPOCH] = epoch
