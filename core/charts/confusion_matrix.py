"""Confusion matrix: true classes down, predicted classes across, every cell that holds samples clickable.

Separate as each chart is. It leaves out the images behind a cell; the click hands over which cell it was.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts import style
from core.exceptions import UnknownName

SHOWN = {
    "count": "samples",
    "share_of_true": "share of true class",
    "share_of_predicted": "share of predicted class",
    "share_of_all": "share of all samples",
}
MOST_CLASSES_WITH_TEXT = 20
MOST_TICKS = 30
MOST_TICKS_OF_COLOURS = 6


def confusion_matrix(
    table: pd.DataFrame,
    show: str = "count",
    selected: tuple[int, int] | None = None,
    is_diagonal_hidden: bool = False,
) -> go.Figure:
    """Draw the confusion matrix.

    Each cell with samples carries an invisible marker, since plotly reports no click on a heatmap: its customdata is
    [true, predicted, count].

    Args:
        table: K * K rows of `evaluation.confusion_matrix`: true, predicted, true_name, predicted_name, count, the
            three shares and, where classes have groups, true_group (names the ticks of many classes).
        show: the column that colours the cells: "count", "share_of_true", "share_of_predicted", "share_of_all".
        selected: true and predicted class of the cell to outline; one outside the matrix is not drawn.
        is_diagonal_hidden: leave out the right answers, so that the colours tell the mistakes apart.

    Raises:
        UnknownName: `show` is no such column.
    """
    if show not in SHOWN:
        raise UnknownName("way to show the confusion matrix", show, SHOWN)
    fig = style.figure("Predicted class", "True class")
    if table.empty:
        return style.with_note(fig, "No predictions to compare yet.")
    num_classes = int(table["true"].max()) + 1
    is_share = show != "count"
    number_format = style.PERCENT_FORMAT if is_share else style.COUNT_FORMAT
    values = cell_values(table, show, is_diagonal_hidden)
    is_low = not is_share and np.nanmax(values, initial=0) < MOST_TICKS_OF_COLOURS
    fig.add_heatmap(
        z=values,
        zmin=0,
        hoverinfo="skip",
        hoverongaps=False,
        xgap=1 if num_classes <= MOST_TICKS else 0,
        ygap=1 if num_classes <= MOST_TICKS else 0,
        texttemplate=f"%{{z:{number_format}}}" if num_classes <= MOST_CLASSES_WITH_TEXT else None,
        colorbar={
            "title": {"text": SHOWN[show], "side": "right"},
            "tickformat": ".0%" if is_share else style.COUNT_FORMAT,
            # Between few counts there are no others.
            "dtick": 1 if is_low else None,
        },
    )
    return with_clickable_cells(fig, table, cell_hover, selected)


def cell_values(table: pd.DataFrame, column: str, is_diagonal_hidden: bool) -> NDArray[np.float32]:
    """Return a column of a confusion table as a square, rows true; the diagonal NaN where it is hidden."""
    num_classes = int(table["true"].max()) + 1
    values = np.full((num_classes, num_classes), np.nan, dtype=np.float32)
    values[table["true"], table["predicted"]] = table[column]
    if is_diagonal_hidden:
        np.fill_diagonal(values, np.nan)
    return values


def with_clickable_cells(
    fig: go.Figure,
    table: pd.DataFrame,
    hover: Callable[[Mapping[Any, Any]], str],
    selected: tuple[int, int] | None,
) -> go.Figure:
    """Lay over a heatmap what plotly reports clicks on, name the ticks and outline a cell.

    Args:
        fig: with the heatmap; it is changed.
        table: rows of a confusion table.
        hover: from a row to what the pointer shows over its cell.
        selected: true and predicted class of the cell to outline; one outside the matrix is not drawn.
    """
    num_classes = int(table["true"].max()) + 1
    # In a small matrix an empty cell answers for itself; else the nearest marker would take its click. At 135 classes
    # 18,225 markers would be too many.
    is_small = num_classes <= MOST_CLASSES_WITH_TEXT
    fig.add_trace(_clickable_cells(table if is_small else table[table["count"] > 0], hover))
    positions, names = _ticks(table, num_classes)
    axis = {"tickvals": positions, "ticktext": names, "fixedrange": True, "showgrid": False}
    axis |= {"zeroline": False}
    ends = [-0.5, num_classes - 0.5]
    fig.update_xaxes(axis, range=ends)
    fig.update_yaxes(axis, range=ends[::-1])
    fig.update_layout(
        dragmode=False,
        hovermode="closest",
        # No cut-off: the tiny marker then catches the pointer anywhere in its cell.
        hoverdistance=-1,
        height=520 if num_classes <= MOST_CLASSES_WITH_TEXT else 760,
        showlegend=False,
    )
    if selected is not None and all(0 <= label < num_classes for label in selected):
        true, predicted = selected
        # In a large matrix a cell has few pixels: the outline stands off so as not to hide it.
        margin = 0.5 if num_classes <= MOST_TICKS else 1.0
        fig.add_shape(
            type="rect",
            x0=predicted - margin,
            x1=predicted + margin,
            y0=true - margin,
            y1=true + margin,
            line={"color": style.ACCENT, "width": 3},
        )
    return fig


def cell_hover(row: Mapping[Any, Any]) -> str:
    """Return what the pointer shows over a cell."""
    return (
        f"true {style.text(row['true_name'])}, predicted {style.text(row['predicted_name'])}<br>"
        f"<b>{style.samples(row['count'])}</b><br>"
        f"{style.percent(row['share_of_true'])} of the true class<br>"
        f"{style.percent(row['share_of_predicted'])} of the predicted class<br>"
        f"{style.percent(row['share_of_all'])} of all"
    )


def _clickable_cells(cells: pd.DataFrame, hover: Callable[[Mapping[Any, Any]], str]) -> go.Scatter:
    # Plain lists: a NumPy array would reach the browser as a typed array, whose rows a click hands back as objects.
    customdata = cells[["true", "predicted", "count"]].to_numpy().tolist()
    labels = [hover(row) for row in cells.to_dict("records")]
    return go.Scatter(
        x=cells["predicted"].to_list(),
        y=cells["true"].to_list(),
        mode="markers",
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": style.NEUTRAL},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=customdata,
        hovertext=labels,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _ticks(table: pd.DataFrame, num_classes: int) -> tuple[list[float], list[str]]:
    """Return positions and names of the ticks: each class, or one per run of a group, or every n-th class."""
    by_class = table.drop_duplicates("true").set_index("true").sort_index()
    if num_classes > MOST_TICKS and "true_group" in by_class:
        groups = by_class["true_group"]
        block = (groups != groups.shift()).to_numpy().cumsum()
        if block[-1] <= MOST_TICKS:
            members = [np.flatnonzero(block == number) for number in range(1, block[-1] + 1)]
            return (
                [float(classes.mean()) for classes in members],
                [style.text(groups.iloc[classes[0]]) for classes in members],
            )
    step = -(-num_classes // MOST_TICKS)
    names = by_class["true_name"].iloc[::step]
    return [float(label) for label in names.index], [style.text(name) for name in names]
