"""The counts: predicted against true, and by how much they miss.

Two charts in one file because both draw tables of `evaluation/counts.py` and hand over what finds the same images. They
leave out the errors as numbers.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def predicted_counts(table: pd.DataFrame) -> go.Figure:
    """Draw what was counted for each true count, as a share of the images with that count.

    A click on a cell hands over [true, predicted].

    Args:
        table: rows of `evaluation.predicted_counts` of one type, or summed over the types: true, predicted, samples, share.
    """
    fig = style.figure("True count (figures)", "Predicted count, rounded (figures)")
    if table.empty:
        return style.with_note(fig, "There is no count head.")
    cells = table.to_dict("records")
    true = np.arange(int(table["true"].min()), int(table["true"].max()) + 1)
    predicted = np.arange(int(table["predicted"].min()), int(table["predicted"].max()) + 1)
    values = np.full((len(predicted), len(true)), np.nan, dtype=np.float32)
    values[table["predicted"] - predicted[0], table["true"] - true[0]] = table["share"]
    fig.add_heatmap(
        z=values,
        x=true,
        y=predicted,
        zmin=0,
        zmax=1,
        hoverinfo="skip",
        hoverongaps=False,
        xgap=1,
        ygap=1,
        texttemplate="%{z:.0%}",
        colorbar={
            "title": {"text": "share of the true count", "side": "right"},
            "tickformat": ".0%",
        },
    )
    fig.add_scatter(
        x=[cell["true"] for cell in cells],
        y=[cell["predicted"] for cell in cells],
        mode="markers",
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": style.NEUTRAL},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[int(cell["true"]), int(cell["predicted"])] for cell in cells],
        hovertext=[
            f"true {cell['true']}, counted {cell['predicted']}<br><b>{style.samples(cell['samples'])}</b><br>"
            f"{style.percent(cell['share'])} of the true count"
            for cell in cells
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    ends = [min(true[0], predicted[0]) - 0.5, max(true[-1], predicted[-1]) + 0.5]
    fig.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": style.NEUTRAL, "dash": "dash", "width": 1},
        hoverinfo="skip",
    )
    axis = {"dtick": 1, "fixedrange": True, "showgrid": False, "zeroline": False}
    fig.update_xaxes(axis, range=[true[0] - 0.5, true[-1] + 0.5])
    fig.update_yaxes(axis, range=[predicted[0] - 0.5, predicted[-1] + 0.5])
    fig.update_layout(
        height=430, dragmode=False, hovermode="closest", hoverdistance=-1, showlegend=False
    )
    fig.update_layout(margin={"t": 12})
    return fig


def count_residuals(table: pd.DataFrame) -> go.Figure:
    """Draw how often the predicted count misses the true one by how much.

    A click on a bar hands over [low, high].

    Args:
        table: rows of `evaluation.count_residuals` of one type, or summed over the types: low, high, samples.
    """
    fig = style.figure("Predicted minus true count (figures)", "Images")
    if table.empty:
        return style.with_note(fig, "There is no count head.")
    fig.add_bar(
        x=((table["low"] + table["high"]) / 2).to_numpy(),
        y=table["samples"].to_numpy(),
        width=(0.94 * (table["high"] - table["low"])).to_numpy(),
        marker={"color": style.PALETTE[0]},
        customdata=table[["low", "high"]].to_numpy().tolist(),
        hovertext=[
            f"{row['low']:+.3g} to {row['high']:+.3g} figures<br><b>{style.samples(row['samples'])}</b>"
            for row in table.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # One figure off is another class.
    for border in (-0.5, 0.5):
        fig.add_vline(x=border, line={"color": style.ACCENT, "dash": "dash", "width": 2})
    fig.update_xaxes(dtick=1, fixedrange=True)
    fig.update_yaxes(tickformat=style.COUNT_FORMAT, fixedrange=True)
    fig.update_layout(height=430, dragmode=False, showlegend=False, margin={"t": 12})
    return fig
