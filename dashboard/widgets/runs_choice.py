"""Choosing runs, a split and an epoch; the choice stands in the URL, so that a copied link shows the same.

runs=ID,ID2        the first leads; the newest run without it (run=ID, as older links say it, is understood too)
split=validation   test, validation or train (the stored slice of it)
epoch=7            of validation and train; without it the best weights
"""

from collections.abc import Callable, Sequence

import streamlit as st

from core.runs.run import Run
from dashboard import errors_data
from dashboard.widgets.case_link import EPOCH, RUNS, SPLIT
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of

OLD_KEY = "run"


def runs_choice(found: Sequence[Run], key: str) -> list[Run]:
    """Show the choice and return the runs, in the order chosen; at least one.

    Args:
        found: runs to choose from, newest first; at least one.
        key: of the widget.
    """
    by_id, titles = {run.id: run for run in found}, titles_of(found)
    text = st.query_params.get(RUNS) or st.query_params.get(OLD_KEY, "")
    asked = list(dict.fromkeys(one for one in text.split(",") if one))
    unknown = [one for one in asked if one not in by_id]
    if unknown:
        st.session_state[f"{key}-unknown"] = ", ".join(unknown)[:200]
    chosen = [one for one in asked if one in by_id] or [found[0].id]
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = chosen

    def choose() -> None:
        _put(st.session_state[key] or [found[0].id])

    st.multiselect(
        "Runs",
        list(by_id),
        format_func=lambda run_id: titles.get(run_id, run_id),
        key=key,
        on_change=choose,
        placeholder="Choose runs",
        help="One run, or several side by side. Ids: " + ", ".join(chosen),
        width="stretch",
    )
    if asked != chosen or OLD_KEY in st.query_params:
        _put(chosen)
    return [by_id[one] for one in chosen]


def unknown_runs(key: str) -> None:
    """Say which runs of the link there are not; beneath the choice, whose row has no room for it."""
    names = st.session_state.pop(f"{key}-unknown", None)
    if names:
        st.warning(
            f"The link names runs of which there is nothing to evaluate here: {escaped(names)}.",
            icon=":material/link_off:",
        )


def split_choice(run: Run, key: str, on_change: Callable[[], None] | None = None) -> str:
    """Show the choice among the splits whose outputs a run has stored, and return one.

    Args:
        run: whose splits.
        key: of the widget.
        on_change: called when another one was chosen, before the page runs again.
    """
    splits = errors_data.splits(run)
    asked = st.query_params.get(SPLIT)
    st.session_state[key] = asked if asked in splits else splits[0]
    if asked == "test" and asked not in splits:
        st.caption(
            f":material/link_off: No answers on test: {escaped(run.title)} is {run.state.state}."
        )

    def choose() -> None:
        st.query_params[SPLIT] = st.session_state[key]
        if on_change is not None:
            on_change()

    st.segmented_control(
        "Split",
        splits,
        required=True,
        key=key,
        on_change=choose,
        help="Of train a fixed slice is stored. Validation and train have every epoch, test only the best weights.",
    )
    return str(st.session_state[key])


def epoch_choice(run: Run, split: str, key: str) -> int | None:
    """Show the cursor where a split has epochs, and return the epoch; None for the best weights."""
    known = errors_data.epochs(run, split)
    asked = st.query_params.get(EPOCH, "")
    is_number = asked.isascii() and asked.isdigit() and len(asked) < 7
    epoch = errors_data.nearest_epoch(run, split, int(asked)) if is_number else None
    if len(known) < 2:
        return epoch
    st.session_state[key] = epoch or run.state.best_epoch or known[-1]
    st.slider(
        f"Epoch (best: {run.state.best_epoch})",
        known[0],
        known[-1],
        key=key,
        on_change=lambda: st.query_params.update({EPOCH: str(st.session_state[key])}),
        width=170,
        help="Moves everything on this page. A run that stopped earlier answers with its last epoch.",
    )
    return epoch


def _put(ids: Sequence[str]) -> None:
    st.query_params[RUNS] = ",".join(ids)
    if OLD_KEY in st.query_params:
        del st.query_params[OLD_KEY]
