"""Precision-recall curves: how pure the found ones are, the more of the class is to be found.

Separate as each chart is. It leaves out which curves are shown.
"""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from core.charts import style, unit_square


def precision_recall(
    table: pd.DataFrame,
    colours: Mapping[str, str] | None = None,
    marked: tuple[float, float, str] | None = None,
) -> go.Figure:
    """Draw one curve a name, with its average precision in the legend.

    A click on a curve hands over [class, threshold].

    Args:
        table: rows of `evaluation.precision_recall`: class, class_name, threshold, recall, precision, average_precision; with
            a column label, curves are told apart by it (runs) and not by the class.
        colours: label -> colour; the palette in order otherwise.
        marked: recall and precision of a point to mark, and its words.
    """
    fig = style.figure(
        "Recall (share of the class that is found)", "Precision (share of the found that is right)"
    )
    if table.empty:
        return style.with_note(fig, "No class with samples to find.")
    unit_square.add_curves(
        fig,
        table,
        colours,
        x="recall",
        y="precision",
        area_of="average_precision",
        words="precision <b>%{y:.1%}</b>, recall %{x:.1%}",
    )
    return unit_square.finish(fig, "Average precision", marked)
