"""Saved slices: filters under a name, each with its own accuracy beside the whole; kept beside the runs (`core.runs.saved`).

Value of a kept slice: fingerprint (of the data set), split, filters (kind -> text of `core.evaluation.case_filters`).
"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.evaluation.case_filters import CaseFilter
from core.evaluation.case_parsing import filters_of
from core.evaluation.cases import share_right
from core.runs import saved
from dashboard import data, errors_data
from dashboard.widgets.case_chips import put_filters
from dashboard.widgets.case_choice import Look
from dashboard.widgets.case_link import SPLIT
from dashboard.widgets.case_notes import PROBLEM, attempted, may_save
from dashboard.widgets.markdown import escaped, with_interval
from dashboard.widgets.table import shown_table

KIND = "slices"
LONGEST_NAME = 40
MOST_ROWS = 6


def slices_popover(look: Look, filters: Sequence[CaseFilter], key: str) -> None:
    """Show the slices of this data with their accuracies, and what can be done with them.

    Args:
        look: what is looked at.
        filters: those in force, which a new slice keeps.
        key: of the widgets.
    """
    root = data.store().root
    kept = [one for one in saved.saved(root, KIND) if _is_of(one, look)]
    words = "Slices" if not kept else f"Slices ({len(kept)})"
    with st.popover(words, icon=":material/data_table:", key=key, width="content"):
        problem = st.session_state.pop(PROBLEM, None)
        if problem:
            st.error(escaped(problem), icon=":material/error:")
        if kept:
            _table(look, kept, key)
        else:
            st.markdown(
                "A slice is a set of filters under a name, such as *dark shirts*: its accuracy then stands here beside that "
                "of the whole split."
            )
        if filters:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.session_state.setdefault(f"{key}-name", "")
                st.text_input("Keep these filters as", key=f"{key}-name", max_chars=LONGEST_NAME)
                st.button(
                    "Keep",
                    type="primary",
                    key=f"{key}-keep",
                    on_click=attempted,
                    args=(lambda: _keep(look, filters, key),),
                )
        for sentence in saved.unreadable(root, KIND):
            st.caption(f":material/warning: {escaped(sentence)}")


def _table(look: Look, kept: Sequence[saved.Saved], key: str) -> None:
    rows, numbers = [], []
    for one in kept:
        table, problems = _rows_of(look, one)
        number, *share = share_right(table)
        accuracy = "cannot be used here" if problems else with_interval(*share)
        rows.append({"Slice": one.name, "Images": number, "Accuracy": accuracy})
        numbers.append((one.name, number, *share))
    whole = share_right(look.cases.table)
    rows.append(
        {"Slice": "the whole split", "Images": whole[0], "Accuracy": with_interval(*whole[1:])}
    )
    numbers.append(("the whole split", *whole))
    shown_table(
        rows,
        f"{key}-table",
        most_rows=MOST_ROWS,
        numbers=lambda: pd.DataFrame(
            numbers, columns=["slice", "images", "accuracy", "low", "high"]
        ),
        file_name="slices",
        is_folded=False,
        width=460,
        column_config={"Images": st.column_config.NumberColumn("Images", format="localized")},
        alt="Accuracy of the leading run on each slice, with its 95 % interval, beside the whole split.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [one.name for one in kept]
        chosen = st.selectbox("Slice", names, key=f"{key}-chosen", width=220)
        by_name = {one.name: one for one in kept}
        if chosen in by_name:
            st.button("Show", key=f"{key}-show", on_click=_show, args=(by_name[chosen],))
            st.button(
                "Delete",
                icon=":material/delete:",
                key=f"{key}-delete",
                on_click=attempted,
                args=(lambda: _remove(str(chosen)),),
            )


def _rows_of(look: Look, one: saved.Saved) -> tuple[pd.DataFrame, list[str]]:
    """Return the images of a slice in the split looked at, and why it cannot be used."""
    filters, problems = filters_of(_filters(one), look.space)
    if "ids" in _filters(one) and one.value.get("split") != look.split:
        problems.append("it names single images of another split")
    columns = [each.column for each in filters]
    table, missing = errors_data.full_table(look.cases, look.lead, look.split, columns)
    rows, ignored = errors_data.kept_rows(look.cases, table, filters)
    problems += [*missing, *ignored]
    return (rows.iloc[:0] if problems else rows), problems


def _is_of(one: saved.Saved, look: Look) -> bool:
    return one.value.get("fingerprint") == look.fingerprint


def _filters(one: saved.Saved) -> dict[str, str]:
    """Return the filters of a slice; whoever wrote its file may have put anything there."""
    found = one.value.get("filters")
    return {str(kind): str(text) for kind, text in found.items()} if isinstance(found, dict) else {}


def _keep(look: Look, filters: Sequence[CaseFilter], key: str) -> None:
    value = {
        "fingerprint": look.fingerprint,
        "split": look.split,
        "filters": {one.kind: one.text for one in filters},
    }
    saved.save(data.store().root, KIND, st.session_state[f"{key}-name"], value, may_save())
    st.session_state[f"{key}-name"] = ""


def _show(one: saved.Saved) -> None:
    put_filters(_filters(one))
    split = one.value.get("split")
    if "ids" in _filters(one) and isinstance(split, str):
        st.query_params[SPLIT] = split


def _remove(name: str) -> None:
    may_save()
    saved.remove(data.store().root, KIND, name)
