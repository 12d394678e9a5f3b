"""Quick start, by what somebody came for: to show, to try, to measure. Buttons and links that do it, no instructions."""

from collections.abc import Sequence

import orjson
import streamlit as st

from core.runs.run import Run
from dashboard.widgets import empty
from dashboard.widgets.case_link import cases_query
from dashboard.widgets.compare_choice import SUITE
from dashboard.widgets.dataset_picker import URL_KEY as DATASET
from dashboard.widgets.import_form import OPEN
from dashboard.widgets.import_form import URL_KEY as IMPORT
from dashboard.widgets.markdown import escaped
from dashboard.widgets.overview_demo import CONV, DENSE, demo_of
from dashboard.widgets.overview_tour import PART, STEP, TOUR
from dashboard.widgets.run_table import URL_KEY as RUNS
from dashboard.widgets.train_link import CHANGES, CLONE, SEEDS, VARIANTS
from dashboard.widgets.train_link import SUITE as TRAIN_SUITE

LINK_INDENT = 8
"""Pixels before the icon of a page link."""


def quick_start(runs: Sequence[Run], key: str) -> None:
    """Show the three ways in.

    Args:
        runs: all there are, newest first.
        key: of the widgets.
    """
    show, attempt, measure = st.columns(3, gap="small")
    with show.container(border=True, height="stretch", gap="xsmall"):
        st.header("Show", anchor=False)
        st.markdown("For a lecture: three small runs on built-in data, and from each number one click to its images.")  # fmt: skip
        _show(runs, key)
    with attempt.container(border=True, height="stretch", gap="xsmall"):
        st.header("Try", anchor=False)
        st.markdown("Train a variant in a minute, change one thing, and see whether it did anything.")  # fmt: skip
        _try(runs)
    with measure.container(border=True, height="stretch", gap="xsmall"):
        st.header("Measure", anchor=False)
        st.markdown("A suite of variants with several seeds: which differences are real? It goes on when the browser is closed.")  # fmt: skip
        _measure(runs)


def _show(runs: Sequence[Run], key: str) -> None:
    demo = demo_of(runs)
    if not demo.is_complete and not demo.active:
        empty.demo_button(key=f"{key}-demo")
        st.caption("Done in minutes on a CPU, without a download.")
    if demo.active:
        st.page_link("views/runs.py", label="Watch the demo learn", icon=":material/show_chart:", query_params={RUNS: demo.ids})  # fmt: skip
    best = demo.of(CONV) or demo.of(DENSE)
    if best:
        st.page_link("views/evaluate.py", label="What it takes for what", icon=":material/grid_on:", query_params={RUNS: best, "split": "test"})  # fmt: skip
        mistakes = {RUNS: demo.of(CONV, DENSE), "split": "test", "right": "no"}
        st.page_link("views/errors.py", label="The images that it gets wrong", icon=":material/find_in_page:", query_params=mistakes)  # fmt: skip
    # A button, for Streamlit does not put the query of a link to the page itself into the URL. Indented as the links are.
    with st.container(horizontal=True, gap=None, vertical_alignment="center"):
        st.space(LINK_INDENT)
        st.button("Take the tour, in eight steps", key=f"{key}-tour", type="tertiary", icon=":material/tour:", on_click=_to_tour)  # fmt: skip


def _to_tour() -> None:
    st.query_params.update({PART: TOUR, STEP: "1"})


def _try(runs: Sequence[Run]) -> None:
    one = {DATASET: "digits", VARIANTS: DENSE}
    st.page_link("views/train.py", label="Train a variant", icon=":material/model_training:", query_params=one)  # fmt: skip
    newest = next((run for run in runs if run.state.state == "finished"), None)
    if newest is not None:
        changed, words = {CLONE: newest.id}, "Change one thing of the newest run"
    else:
        change = orjson.dumps({"training.learning_rate": 0.01}).decode()
        changed, words = one | {CHANGES: change}, "Change one thing: the learning rate"
    of = None if newest is None else f"{escaped(newest.title)}, on {escaped(newest.dataset)}"
    st.page_link("views/train.py", label=words, icon=":material/tune:", query_params=changed, help=of)  # fmt: skip
    if newest is not None:
        found = {DATASET: str(newest.dataset)}
        st.page_link("views/compare.py", label="Did it change anything?", icon=":material/compare_arrows:", query_params=found)  # fmt: skip
        mistakes = cases_query([newest], "test", right="no")
        st.page_link("views/errors.py", label="Its mistakes", icon=":material/find_in_page:", query_params=mistakes)  # fmt: skip
    st.page_link("views/data.py", label="Bring images of your own", icon=":material/upload:", query_params={IMPORT: OPEN})  # fmt: skip


def _measure(runs: Sequence[Run]) -> None:
    regimes = {DATASET: "shapes", TRAIN_SUITE: "shapes-regimes", SEEDS: "0-4"}
    st.page_link("views/train.py", label="A suite with five seeds", icon=":material/model_training:", query_params=regimes)  # fmt: skip
    measured = _with_several_seeds(runs)
    if measured is not None:
        query = {DATASET: str(measured.dataset)}
        query |= {SUITE: measured.spec["suite"]} if measured.spec.get("suite") else {}
        st.page_link("views/compare.py", label="Is it real?", icon=":material/compare_arrows:", query_params=query)  # fmt: skip
    st.caption("The same without a browser:")
    st.code("petridish train --suite shapes-regimes --seeds 0-4", language=None, wrap_lines=True)


def _with_several_seeds(runs: Sequence[Run]) -> Run | None:
    """Return the newest finished run of a variant that another seed of it has finished too."""
    seeds: dict[tuple[object, ...], set[int | None]] = {}
    for run in runs:
        if run.state.state == "finished":
            of = (run.dataset, run.spec.get("suite"), run.variant)
            seeds.setdefault(of, set()).add(run.seed)
            if len(seeds[of]) > 1:
                return run
    return None
