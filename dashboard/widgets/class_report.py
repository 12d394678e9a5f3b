"""The report per class as a table; a click on a row opens the images of that class."""

import pandas as pd
import streamlit as st

from core.evaluation.per_class import summary
from core.predictions import Predictions
from dashboard.widgets.cell import open_cell

ROWS_SHOWN = 20


def class_report(table: pd.DataFrame, predictions: Predictions, key: str) -> None:
    """Show the report, classes first, and below it the averages.

    Args:
        table: rows of `core.evaluation.per_class`.
        predictions: where it comes from.
        key: of the widget.
    """
    column = st.column_config
    numbers = {
        name: column.NumberColumn(label, format="%.3f", help=text)
        for name, label, text in (
            ("precision", "Precision", "Share of the images given to the class that belong there."),
            ("recall", "Recall", "Share of the class's images that were found."),
            ("f1", "F1", "Harmonic mean of precision and recall."),
            ("auc", "AUC", "Area under the ROC curve, this class against the rest."),
        )
    }
    st.dataframe(
        table,
        key=key,
        hide_index=True,
        height=35 * (min(len(table), ROWS_SHOWN) + 1) + 3,
        column_order=["class_name", "precision", "recall", "f1", "auc", "support"],
        column_config={
            "class_name": column.TextColumn("Class"),
            "support": column.NumberColumn("Images", format="localized"),
            **numbers,
        },
        placeholder="–",
        on_select=lambda: _chosen(table, key),
        selection_mode="single-cell",
        alt="Precision, recall, F1, AUC and number of images of each class.",
    )
    st.caption("Click a row or a bar to see all images of that class above.")
    averages = summary(predictions)
    st.dataframe(
        averages,
        hide_index=True,
        column_order=["average", "precision", "recall", "f1", "auc", "support"],
        column_config={
            "average": column.TextColumn("Average"),
            "support": column.NumberColumn("Images", format="localized"),
            **numbers,
        },
        placeholder="",
        alt="Averages over the classes.",
    )


def _chosen(table: pd.DataFrame, key: str) -> None:
    # Cells, not rows: Streamlit chooses a row only by the box before it, and every number is a door.
    cells = st.session_state[key]["selection"]["cells"]
    if cells:
        row, _ = cells[0]
        open_cell(int(table["class"].iloc[row]), None)
