"""Precision-recall curves: how pure the found ones are, the more of the class is to be found.

Separate as each chart is. It leaves out which curves are shown.
"""

from collections.abc import Mapping

import numpy as np
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
    for name, colour, dash, curve in unit_square.named_curves(table, colours):
        fig.add_scatter(
            x=curve["recall"].to_numpy(np.float32),
            y=curve["precision"].to_numpy(np.float32),
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            name=f"{style.text(name)}  {unit_square.area(curve['average_precision'].iloc[0])}",
            legendgroup=name,
            hoverinfo="skip",
        )
        unit_square.add_doors(
            fig, curve, "recall", "precision", name, "precision <b>%{y:.1%}</b>, recall %{x:.1%}"
        )
    return unit_square.finish(fig, "Average precision", marked)
