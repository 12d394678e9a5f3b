"""Difference of two confusion matrices: where one run takes a class for another more often than the other run does.

Separate as each chart is; the clickable cells are those of the confusion matrix. It leaves out which runs they are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style
from core.charts.confusion_matrix import (
    MOST_CLASSES_WITH_TEXT,
    MOST_TICKS,
    SHOWN,
    cell_values,
    with_clickable_cells,
)
from core.exceptions import UnknownName


def confusion_difference(
    table: pd.DataFrame,
    show: str = "share_of_true",
    selected: tuple[int, int] | None = None,
    is_diagonal_hidden: bool = False,
) -> go.Figure:
    """Draw first minus second, cell by cell, in a diverging scale centred on zero.

    Args:
        table: rows of `evaluation.confusion_difference`.
        show: what was compared, of SHOWN.
        selected: true and predicted class of the cell to outline.
        is_diagonal_hidden: leave out the right answers.

    Raises:
        UnknownName: `show` is no such column.
    """
    if show not in SHOWN:
        raise UnknownName("way to show the confusion matrix", show, SHOWN)
    fig = style.figure("Predicted class", "True class")
    if table.empty:
        return style.with_note(fig, "No two matrices to compare yet.")
    is_share = show != "count"
    values = cell_values(table, "difference", is_diagonal_hidden) * (100 if is_share else 1)
    largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    num_classes = len(values)
    number_format = "+.1f" if is_share else "+,d"
    fig.add_heatmap(
        z=values,
        coloraxis="coloraxis",
        hoverinfo="skip",
        hoverongaps=False,
        xgap=1 if num_classes <= MOST_TICKS else 0,
        ygap=1 if num_classes <= MOST_TICKS else 0,
        texttemplate=f"%{{z:{number_format}}}" if num_classes <= MOST_CLASSES_WITH_TEXT else None,
    )
    unit = f"points of {SHOWN[show]}" if is_share else SHOWN[show]
    fig.update_layout(
        # Both ends equally far from zero, whose colour is the page's own; the scale comes from the template.
        coloraxis={
            "cmin": -(largest or 1.0),
            "cmax": largest or 1.0,
            "cmid": 0,
            "colorbar": {"title": {"text": unit, "side": "right"}, "outlinewidth": 0},
        }
    )
    return with_clickable_cells(fig, table, lambda row: _hover(row, is_share), selected)


def _hover(row: Mapping[Any, Any], is_share: bool) -> str:
    first, second = (
        style.percent(row[name]) if is_share else f"{row[name]:,.0f}"
        for name in ("first", "second")
    )
    size = f"{100 * row['difference']:+.1f} points" if is_share else f"{row['difference']:+,.0f}"
    return (
        f"true {style.text(row['true_name'])}, predicted {style.text(row['predicted_name'])}<br>"
        f"<b>{size}</b><br>first run {first}, second run {second}"
    )
