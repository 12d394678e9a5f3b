"""Choosing one run and a split; the choice stands in the URL, so that a copied link shows the same."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.runs.run import Run
from dashboard import data
from dashboard.widgets.markdown import escaped

URL_KEY = "run"


def run_picker(runs: Sequence[Run], key: str) -> Run:
    """Show the choice and return the run; an unknown one in the URL is named and the newest taken instead.

    Args:
        runs: at least one, newest first.
        key: of the widget.
    """
    by_id = {run.id: run for run in runs}
    asked = st.query_params.get(URL_KEY)
    if asked is not None and asked not in by_id:
        st.warning(
            f"The link names the run {escaped(asked[:40])}, of which there is nothing to evaluate here; "
            "this is the newest one.",
            icon=":material/link_off:",
        )
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = asked if asked in by_id else runs[0].id
    titles = titles_of(runs)
    chosen = st.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: titles.get(run_id, run_id),
        key=key,
        on_change=lambda: st.query_params.update({URL_KEY: st.session_state[key]}),
        help=f"Id of this run: {st.session_state[key]}",
    )
    if asked != chosen:
        st.query_params[URL_KEY] = chosen
    return by_id[chosen]


def split_picker(run: Run, key: str) -> str:
    """Show the choice among the splits whose outputs the run has stored, and return one; `key` names it in the URL."""
    splits = data.splits_with_predictions(run)
    return st.segmented_control(
        "Split", splits, required=True, default=splits[0], key=key, bind="query-params"
    )


def titles_of(runs: Sequence[Run]) -> dict[str, str]:
    """Return run id -> title with its data set; runs that would look alike get the end of their id."""
    titles = {run.id: f"{run.title} ({run.dataset})" if run.dataset else run.title for run in runs}
    alike = Counter(titles.values())
    return {
        run_id: title if alike[title] == 1 else f"{title}, {run_id[-6:]}"
        for run_id, title in titles.items()
    }
