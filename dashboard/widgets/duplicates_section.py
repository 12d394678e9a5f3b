"""Duplicates: equal images and nearly equal ones, within a split and across splits, with the images themselves."""

import pandas as pd
import streamlit as st

from core.datasets.duplicates import LEAST_CORRELATION, Duplicates
from dashboard import data
from dashboard.widgets.background import awaited
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.markdown import escaped
from dashboard.widgets.selection import Selection, on_row, selection_in_url
from dashboard.widgets.table import shown_table

LIKE = {"equal": "Equal", "near": "Nearly equal"}
ROWS_SHOWN = 10
HELP = (
    "Equal images have the same pixels. Nearly equal ones correlate to at least "
    f"{LEAST_CORRELATION:g} (Pearson, over the pixels): a copy in other brightness or contrast, or saved again with loss. "
    "Copies that are shifted, turned, mirrored or cropped are not found."
)


def duplicates_section(loaded: data.Loaded) -> None:
    """Show the verdict, the groups and the images of the group that was chosen."""
    like = st.segmented_control(
        "Images that are",
        list(LIKE),
        format_func=lambda name: LIKE[name],
        required=True,
        default="equal",
        key="like",
        bind="query-params",
        label_visibility="collapsed",
    )
    st.caption(HELP)
    if like == "equal":
        with st.spinner("Comparing the images ..."):
            found = data.statistic("exact_duplicates", loaded)
    else:
        found = _near(loaded)
    if found is None:
        return
    groups = found.groups
    if groups.empty:
        st.success(escaped(found.verdict), icon=":material/check_circle:")
        return
    if groups["is_across_splits"].any():
        st.warning(escaped(found.verdict), icon=":material/leak_remove:")
    else:
        st.info(escaped(found.verdict), icon=":material/content_copy:")
    left, right = st.columns([9, 11], gap="medium")
    with left:
        _group_table(groups, like)
    with right:
        selection = selection_in_url(loaded)
        table, title = found.table, "All of these groups, one after the other"
        if selection is not None:
            chosen = selection.samples(loaded)
            if selection.kind == like:
                chosen = found.table[found.table["group"] == selection.number]
            if chosen is None:
                selection = None
            else:
                table, title = chosen, selection.title(loaded)
        dataset_gallery(table, loaded, title, "duplicates", selection)


def _near(loaded: data.Loaded) -> Duplicates | None:
    arguments = {
        "dataset": dict(loaded.settings),
        "fingerprint": loaded.fingerprint,
        "least_correlation": LEAST_CORRELATION,
    }
    found = awaited("near", arguments, "Near-duplicates", "near")
    if found is None:
        return None
    return Duplicates(pd.DataFrame(found["table"]), found["verdict"])


def _group_table(groups: pd.DataFrame, like: str) -> None:
    column = st.column_config
    key = f"group-table-{like}"
    shown = groups.assign(
        number=groups["group"] + 1,
        across=groups["is_across_splits"].map({True: "leak", False: ""}),
        labels=groups["has_other_labels"].map({True: "differ", False: ""}),
    )
    shown_table(
        shown,
        key,
        most_rows=ROWS_SHOWN,
        numbers=lambda: groups,
        file_name=f"duplicates-{like}",
        column_order=[
            "number",
            "count",
            "splits",
            "across",
            "class_names",
            "labels",
            *(["correlation"] if like == "near" else []),
        ],
        column_config={
            "number": column.NumberColumn("Group", width="small"),
            "count": column.NumberColumn("Images", width="small", format="localized"),
            "splits": "Splits",
            "across": column.TextColumn(
                "Across",
                help="The group lies in more than one split: results look better than they are.",
            ),
            "class_names": "Classes",
            "labels": column.TextColumn(
                "Labels", help="Whether its images carry more than one label."
            ),
            "correlation": column.NumberColumn(
                "Correlation",
                format="%.4f",
                help="Of the image of the group that is least like another one of it.",
            ),
        },
        on_select=lambda: on_row(groups, key, lambda row: Selection(like, int(row["group"]))),
        selection_mode="single-row",
        alt="Groups of alike images with their splits and classes.",
    )
    st.caption("Choose a row to see its images.")
