"""Which runs answer on the page Predict: several of one data set; the choice stands in the URL as `runs`."""

from collections.abc import Sequence

import streamlit as st

from core.runs.run import Run
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of
from dashboard.widgets.run_table import URL_KEY

MOST_RUNS = 12


def predict_choice(runs: Sequence[Run], key: str) -> list[Run]:
    """Show the choice and return the runs, at least one, all trained on the same data.

    Args:
        runs: those that have weights, newest first; at least one.
        key: of the widgets.
    """
    asked = [one for one in st.query_params.get(URL_KEY, "").split(",") if one]
    by_id = {run.id: run for run in runs}
    known = [by_id[one] for one in asked if one in by_id]
    if len(known) < len(asked):
        missing = next(one for one in asked if one not in by_id)
        st.warning(
            f"The link names the run {escaped(missing[:40])}, which has no weights here.",
            icon=":material/link_off:",
        )
    groups = _by_data(runs)
    labels = _labels(groups)
    here = _data_of(known[0] if known else runs[0])
    # The URL is the truth and the widgets follow, so that the browser's way back works too.
    st.session_state[f"{key}-data"] = here
    st.selectbox(
        "Trained on",
        list(groups),
        format_func=lambda one: labels.get(one, one),
        key=f"{key}-data",
        on_change=lambda: _choose([groups[st.session_state[f"{key}-data"]][0]]),
        width=190,
    )
    chosen = [run for run in known if _data_of(run) == here][:MOST_RUNS] or groups[here][:1]
    titles = titles_of(groups[here])
    st.session_state[f"{key}-runs"] = [run.id for run in chosen]
    st.multiselect(
        "Runs, whose mean answers",
        list(titles),
        format_func=lambda one: titles.get(one, one).removesuffix(f" ({groups[here][0].dataset})"),
        key=f"{key}-runs",
        max_selections=MOST_RUNS,
        on_change=lambda: _choose([by_id[one] for one in st.session_state[f"{key}-runs"]]),
        placeholder="Choose runs",
        help="Several seeds of one variant are right more often together than each alone.",
    )
    return chosen


def _choose(runs: Sequence[Run]) -> None:
    st.query_params[URL_KEY] = ",".join(run.id for run in runs)


def _data_of(run: Run) -> str:
    return str(run.spec.get("data_fingerprint"))


def _by_data(runs: Sequence[Run]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_data_of(run), []).append(run)
    return groups


def _labels(groups: dict[str, list[Run]]) -> dict[str, str]:
    """Return the name of each data set; where settings of one name differ, the number of their runs tells them apart."""
    names = [runs[0].dataset for runs in groups.values()]
    return {
        one: str(runs[0].dataset)
        if names.count(runs[0].dataset) == 1
        else f"{runs[0].dataset}, {len(runs)} runs of {runs[0].id[:8]}"
        for one, runs in groups.items()
    }
