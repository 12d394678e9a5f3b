"""What there is in this runs folder: its numbers, what is under way, and the studies that can be compared.

Apart from the page Runs because this says where to look, not what can be done. Each number is a way to what it counts.
"""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.runs.run import Run
from core.runs.state import ACTIVE
from core.variants import SUITES, VARIANTS
from dashboard import data
from dashboard.widgets.compare_choice import SUITE
from dashboard.widgets.dataset_picker import URL_KEY as DATASET
from dashboard.widgets.live import run_forecasts
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_table import URL_KEY as RUNS
from dashboard.widgets.run_words import COLOURS, STATES, reason, time_left

MOST_LINES = 3
"""Runs under way that are named; the page Runs has all of them."""
MOST_STUDIES = 6


def numbers(runs: Sequence[Run]) -> None:
    """Show how much there is of everything; each number opens what it counts."""
    states = Counter(run.state.state for run in runs)
    num_active = sum(states[state] for state in ACTIVE)
    num_trained = len({run.variant for run in runs if run.variant})
    shown = [
        ("data", ":material/dataset:", _counted(len(data.dataset_names()), "data set")),
        ("runs", ":material/list:", f"{_counted(len(runs), 'run')}, {states['finished']:,} finished"),
        ("runs", ":material/pending:", f"**{num_active:,}** under way" if num_active else "nothing is running"),
        ("compare", ":material/compare_arrows:", f"{_counted(num_trained, 'variant')} trained of {len(VARIANTS):,}"),
        ("train", ":material/model_training:", f"{_counted(len(SUITES), 'suite')} to choose"),
    ]  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for page, icon, label in shown:
            st.page_link(f"views/{page}.py", label=label, icon=icon, width="content")


def running_now(runs: Sequence[Run]) -> None:
    """Name the runs under way, the running ones first, with their epoch and the time left."""
    active = [run for run in runs if run.damaged is None and run.state.state in ACTIVE]
    if not active:
        return
    active.sort(key=lambda run: (run.state.state == "queued", run.id))
    ahead = run_forecasts(runs)
    with st.container(border=True, gap="xxsmall"):
        for run in active[:MOST_LINES]:
            _line(run, time_left(ahead.get(run.id)), reason(run, ahead.get(run.id)))
        if len(active) > MOST_LINES:
            more = len(active) - MOST_LINES
            st.page_link("views/runs.py", label=f"and {more:,} more under way", icon=":material/list:")  # fmt: skip


def _line(run: Run, left: str, why: str) -> None:
    word = STATES[run.state.state]
    facts = [f"epoch {run.state.epoch:,} of {run.state.epochs:,}" if run.state.epoch else "", why]
    facts += [f"{left} left" if left else ""]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":{COLOURS.get(word, 'red')}-badge[{word}]", width="content")
        st.page_link(
            "views/runs.py",
            label=f"{escaped(run.title)} ({escaped(run.dataset)})",
            query_params={RUNS: run.id},
            width="content",
        )
        st.caption(", ".join(escaped(fact) for fact in facts if fact), width="content")


def studies(runs: Sequence[Run]) -> None:
    """Show the newest runs that belong together, by data set and suite, each with the way to its comparison."""
    groups: dict[tuple[str, str | None], list[Run]] = {}
    for run in runs:
        if run.damaged is None and run.dataset:
            groups.setdefault((run.dataset, run.spec.get("suite")), []).append(run)
    if not groups:
        return
    st.header("Here so far", anchor=False)
    for (dataset, suite), members in list(groups.items())[:MOST_STUDIES]:
        query = {DATASET: dataset} | ({SUITE: suite} if suite else {})
        num_variants, num_seeds = _distinct(members, "variant"), _distinct(members, "seed")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "views/compare.py",
                label=f"{escaped(suite or 'Runs without a suite')} on {escaped(dataset)}",
                icon=":material/compare_arrows:",
                query_params=query,
                width="content",
            )
            st.caption(
                f"{_counted(len(members), 'run')}: {_counted(num_variants, 'variant')}, {_counted(num_seeds, 'seed')}",
                width="content",
            )
    if len(groups) > MOST_STUDIES:
        st.page_link("views/runs.py", label="All runs", icon=":material/list:")


def _distinct(runs: Sequence[Run], name: str) -> int:
    return len({getattr(run, name) for run in runs})


def _counted(number: int, word: str) -> str:
    return f"**{number:,}** {word}" if number == 1 else f"**{number:,}** {word}s"
