"""Classes: how often each occurs, as bars and as a table, and the images of the one that was clicked."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.class_counts import MOST_NAMED
from core.charts.class_counts import class_counts as class_chart
from core.charts.count_distribution import count_distribution as count_chart
from core.datasets.classes import class_counts, group_counts
from core.datasets.samples import per_class
from core.datasets.statistics import count_distribution
from dashboard import data
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.figure import figure
from dashboard.widgets.gallery import TILES
from dashboard.widgets.samples_section import split_filter
from dashboard.widgets.selection import Selection, look_at, on_row, selection_in_url
from dashboard.widgets.table import shown_table

BY = {"class": "Classes", "group": "Groups"}
HEIGHT = 430
ROOMY = 14
"""Classes whose names still fit into this height."""
ROWS_SHOWN = 12


def classes_section(loaded: data.Loaded) -> None:
    """Show the bars beside the gallery, below them the table, and what is counted in the images."""
    has_groups = loaded.dataset.space.class_groups is not None
    by = "class"
    with st.container(horizontal=True, vertical_alignment="center"):
        split = split_filter(loaded)
        if has_groups:
            by = st.segmented_control(
                "Bars",
                list(BY),
                format_func=lambda name: BY[name],
                required=True,
                default="class",
                key="by",
                bind="query-params",
                label_visibility="collapsed",
            )
    table = _table(loaded, split, by)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        figure(
            class_chart(table),
            f"data-{by}",
            alt=f"Images of each {by} of {loaded.dataset.name} as bars.",
            how_to_read=(
                "One bar per class, as long as it has images. The dashed line is where all bars would end if the classes "
                "that occur had equally many. A cross marks a class without images: a network cannot learn it. "
                "Click a bar to see its images."
            ),
            table=table,
            # Between these the chart knows best how much room its names take.
            height=None if ROOMY < len(table) <= MOST_NAMED else HEIGHT,
            on_pick=lambda picked: look_at(Selection(by, int(picked[0]), split=split)),
        )
    with right:
        _gallery(loaded, split)
    _class_table(table, by, split)
    if loaded.dataset.space.count_names:
        _counts(loaded, split)


def _table(loaded: data.Loaded, split: str | None, by: str) -> pd.DataFrame:
    if by == "class":
        return class_counts(loaded.dataset, split)
    groups = group_counts(loaded.dataset, split)
    return groups.rename(columns={"group": "class_name"}).assign(
        label=np.arange(len(groups)), group=None, is_missing=groups["count"] == 0
    )


def _gallery(loaded: data.Loaded, split: str | None) -> None:
    selection = selection_in_url(loaded)
    table = None if selection is None else selection.samples(loaded)
    if selection is not None and table is not None:
        dataset_gallery(table, loaded, selection.title(loaded), "classes", selection)
        return
    first = split or next(name for name, part in loaded.dataset.splits.items() if len(part))
    occurring = int((class_counts(loaded.dataset, first)["count"] > 0).sum())
    number = max(1, TILES // max(1, occurring))
    table = per_class(loaded.dataset, first, number, seed=0)
    dataset_gallery(table, loaded, f"{number} of each class, from {first}", "classes")


def _class_table(table: pd.DataFrame, by: str, split: str | None) -> None:
    column = st.column_config
    key = f"class-table-{by}-{split}"
    shown = table.assign(occurs=np.where(table["is_missing"], "never", ""))
    shown_table(
        shown,
        key,
        most_rows=ROWS_SHOWN,
        numbers=lambda: table,
        file_name=f"data-{by}-table",
        column_order=[
            *(["label"] if by == "class" else []),
            "class_name",
            *(["group"] if table["group"].notna().any() else []),
            *(["num_classes", "num_missing"] if by == "group" else []),
            "count",
            "share",
            "occurs",
        ],
        column_config={
            "label": column.NumberColumn("Label", width="small"),
            "class_name": column.TextColumn("Class" if by == "class" else "Group"),
            "group": column.TextColumn("Group"),
            "num_classes": column.NumberColumn("Classes", format="localized"),
            "num_missing": column.NumberColumn("of which never occur", format="localized"),
            "count": column.NumberColumn("Images", format="localized"),
            "share": column.ProgressColumn(
                "Share", format="percent", max_value=max(float(table["share"].max()), 1e-9)
            ),
            "occurs": column.TextColumn("Occurs"),
        },
        placeholder="–",
        on_select=lambda: on_row(
            table, key, lambda row: Selection(by, int(row["label"]), split=split)
        ),
        selection_mode="single-row",
        alt="Images of each class and their share.",
    )
    st.caption("Choose a row, or click a bar, to see all images of it above.")


def _counts(loaded: data.Loaded, split: str | None) -> None:
    table = count_distribution(loaded.dataset, split)
    st.markdown("**What is counted in the images**")
    figure(
        count_chart(table),
        "data-counts",
        alt="How many images hold how many figures of each type.",
        how_to_read=(
            "For each type, how many images hold so many figures of it. Click a bar to see those images above."
        ),
        table=table,
        on_pick=lambda picked: look_at(
            Selection("count", int(picked[1]), name=str(picked[0]), split=split)
        ),
    )
