"""The report per class: a table and bars, both with intervals; a click on either opens the images of that class."""

import pandas as pd
import streamlit as st

from core.charts.per_class import METRICS, MOST_CLASSES
from core.charts.per_class import per_class as bars
from core.charts.style import metric_title
from dashboard.evaluate_data import HOW_TO_READ
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.evaluating import Evaluating
from dashboard.widgets.figure import figure
from dashboard.widgets.table import shown_table

ROWS_SHOWN = 9
TEXTS = {
    "precision": ("Precision", "Share of the images given to the class that belong there."),
    "recall": ("Recall", "Share of the class's images that were found."),
    "f1": ("F1", "Harmonic mean of precision and recall."),
    "auc": ("AUC", "Area under the ROC curve, this class against the rest."),
}


def class_report(now: Evaluating) -> None:
    """Show the report of the shown run, classes first, and below it the averages."""
    table, averages = now.one.table("per_class"), now.one.table("summary")
    left, right = st.columns([12, 8], gap="medium")
    with left:
        _report(now, table, averages, "report")
    with right:
        metric = case_switch("metric", {name: TEXTS[name][0] for name in ("f1", *METRICS)}, "Bars")
        figure(
            bars(table, metric).update_layout(margin={"t": 36 if len(table) > MOST_CLASSES else 8}),
            "per-class",
            alt=f"{metric_title(metric)} of each class as bars with their intervals.",
            how_to_read=HOW_TO_READ["per_class"],
            table=table,
            on_pick=lambda picked: now.open(true=str(int(picked[0]))),
        )


def _report(now: Evaluating, table: pd.DataFrame, averages: pd.DataFrame, key: str) -> None:
    column = st.column_config
    numbers = {
        name: column.TextColumn(label, help=f"{text} In brackets the 95 % interval.")
        for name, (label, text) in TEXTS.items()
    }
    count = column.NumberColumn("Images", format="localized")
    shown_table(
        _written(table),
        key,
        most_rows=ROWS_SHOWN,
        numbers=lambda: table,
        file_name="class-report",
        column_order=["class_name", *TEXTS, "support"],
        column_config={"class_name": column.TextColumn("Class"), "support": count, **numbers},
        on_select=lambda: _open_row(now, table, key),
        selection_mode="single-cell",
        alt="Precision, recall, F1 and AUC of each class with their intervals, and its number of images.",
    )
    shown_table(
        _written(averages),
        f"{key}-averages",
        numbers=lambda: averages,
        file_name="class-report-averages",
        column_order=["average", *TEXTS, "support"],
        column_config={"average": column.TextColumn("Average"), "support": count, **numbers},
        alt="Accuracy, macro and weighted averages over the classes with their intervals.",
    )
    st.caption(
        "Click a row or a bar to see the images of that class in Errors. The accuracy stands in the column F1; "
        "averages go over the classes that occur."
    )


def _written(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with each metric and its interval as one text; empty where it is undefined."""
    texts = {
        name: [
            "" if pd.isna(value) else f"{value:.3f} [{low:.2f}, {high:.2f}]"
            for value, low, high in zip(
                table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True
            )
        ]
        for name in TEXTS
    }
    return table.assign(**texts)


def _open_row(now: Evaluating, table: pd.DataFrame, key: str) -> None:
    # Cells, not rows: Streamlit chooses a row only by the box before it, and every number is a door.
    cells = st.session_state[key]["selection"]["cells"]
    if cells:
        now.open(true=str(int(table["class"].iloc[cells[0][0]])))
