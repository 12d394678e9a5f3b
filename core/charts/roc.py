"""ROC curves: found of the class, upwards, against wrongly taken for it, to the right.

Separate as each chart is. It leaves out which curves are shown and the threshold's confusion.
"""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from core.charts import style, unit_square

X_TITLE = "False positive rate (share of the others taken for the class)"
Y_TITLE = "True positive rate (recall)"


def roc(
    table: pd.DataFrame,
    colours: Mapping[str, str] | None = None,
    marked: tuple[float, float, str] | None = None,
) -> go.Figure:
    """Draw one curve a name, with its area in the legend, and the diagonal of guessing.

    A click on a curve hands over [class, threshold].

    Args:
        table: rows of `evaluation.roc`: class, class_name, threshold, false_positive_rate, true_positive_rate, auc; with a
            column label, curves are told apart by it (runs) and not by the class.
        colours: label -> colour; the palette in order otherwise.
        marked: false and true positive rate of a point to mark, and its words.
    """
    fig = style.figure(X_TITLE, Y_TITLE)
    if table.empty:
        return style.with_note(fig, "No class with samples and others to tell it from.")
    unit_square.add_curves(
        fig,
        table,
        colours,
        x="false_positive_rate",
        y="true_positive_rate",
        area_of="auc",
        words="found <b>%{y:.1%}</b>, wrongly taken %{x:.1%}",
    )
    fig.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": style.NEUTRAL, "dash": "dash", "width": 1},
        name="guessing  0.500",
        hoverinfo="skip",
    )
    return unit_square.finish(fig, "AUC", marked)
