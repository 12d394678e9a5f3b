"""Splits: how many images each has, and which classes a split lacks."""

import streamlit as st

from core.charts.split_sizes import split_sizes as split_chart
from core.datasets.classes import missing_in_splits
from core.datasets.samples import sample_table
from core.datasets.statistics import split_sizes
from dashboard import data
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.figure import figure
from dashboard.widgets.selection import Selection, look_at, on_row, selection_in_url
from dashboard.widgets.table import shown_table

ROWS_SHOWN = 8


def splits_section(loaded: data.Loaded) -> None:
    """Show bars and table of the splits beside the gallery, and the classes that a split lacks."""
    table = split_sizes(loaded.dataset)
    column = st.column_config
    left, right = st.columns(2, gap="medium")
    with left:
        figure(
            split_chart(table),
            "data-splits",
            alt=f"Images of each split of {loaded.dataset.name} as bars.",
            how_to_read=(
                "**train** is what a network learns from, **validation** what decides when to stop, **test** what judges "
                "it at the end. An image belongs to one of them only. Click a bar to see its images."
            ),
            table=table,
            on_pick=lambda picked: look_at(Selection("split", split=str(picked[0]))),
        )
        shown_table(
            table,
            "split-table",
            column_config={
                "split": "Split",
                "count": column.NumberColumn("Images", format="localized"),
                "share": column.NumberColumn("Share", format="percent"),
            },
            placeholder="–",
            on_select=lambda: on_row(
                table, "split-table", lambda row: Selection("split", split=str(row["split"]))
            ),
            selection_mode="single-row",
            alt="Images of each split and their share.",
        )
        _missing(loaded)
    with right:
        selection = selection_in_url(loaded)
        samples = None if selection is None else selection.samples(loaded)
        if selection is None or samples is None:
            samples = sample_table(
                loaded.dataset, "train", range(len(loaded.dataset.split("train")))
            )
            dataset_gallery(samples, loaded, "All of train", "splits")
        else:
            dataset_gallery(samples, loaded, selection.title(loaded), "splits", selection)


def _missing(loaded: data.Loaded) -> None:
    missing = missing_in_splits(loaded.dataset)
    if missing.empty:
        st.caption("Every class that occurs is in every split.")
        return
    word = "class is" if len(missing) == 1 else "classes are"
    st.warning(
        f"{len(missing):,} times a split lacks a class that occurs elsewhere: what is not in train cannot be learnt, what is "
        "not in test is not judged."
        if len(missing) > 1
        else f"1 {word} missing in a split although it occurs elsewhere.",
        icon=":material/warning:",
    )
    shown_table(
        missing,
        "missing-table",
        most_rows=ROWS_SHOWN,
        column_order=["split", "class_name", "count"],
        column_config={
            "split": "Split",
            "class_name": "Class it lacks",
            "count": st.column_config.NumberColumn("Images elsewhere", format="localized"),
        },
        on_select=lambda: on_row(
            missing, "missing-table", lambda row: Selection("class", int(row["label"]))
        ),
        selection_mode="single-row",
        alt="Classes that a split lacks.",
    )
