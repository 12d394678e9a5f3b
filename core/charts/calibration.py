"""Reliability diagram: accuracy by confidence, beside the diagonal of perfect calibration.

Separate as each chart is. It leaves out the one number (expected calibration error).
"""

import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def calibration(table: pd.DataFrame) -> go.Figure:
    """Draw the accuracy of each confidence bin that holds samples.

    Args:
        table: M rows of `evaluation.calibration`: bin_low, bin_high, confidence, accuracy, count.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", figure 1.
    """
    fig = style.figure("Confidence (%)", "Accuracy (%)")
    table = table[table["count"] > 0] if not table.empty else table
    if table.empty:
        return style.with_note(fig, "No predictions to calibrate yet.")
    labels = [
        f"confidence {style.percent(row['bin_low'])} to {style.percent(row['bin_high'])}, "
        f"mean {style.percent(row['confidence'])}<br>"
        f"accuracy <b>{style.percent(row['accuracy'])}</b><br>{style.samples(row['count'])}"
        for row in table.to_dict("records")
    ]
    fig.add_bar(
        x=((table["bin_low"] + table["bin_high"]) / 2).to_numpy(),
        y=table["accuracy"].to_numpy(),
        width=(0.94 * (table["bin_high"] - table["bin_low"])).to_numpy(),
        marker={"color": style.PALETTE[0], "opacity": 0.75},
        name="accuracy in the bin, its samples above",
        text=[f"{count:,}" for count in table["count"]],
        textposition="outside",
        cliponaxis=False,
        hovertext=labels,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": style.ACCENT, "dash": "dash", "width": 3},
        name="perfect calibration",
        hoverinfo="skip",
    )
    fig.update_xaxes(range=[0, 1.005], tickformat=".0%", dtick=0.2, fixedrange=True)
    fig.update_yaxes(range=[0, 1.08], tickformat=".0%", dtick=0.2, fixedrange=True)
    fig.update_layout(
        height=420,
        dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return fig
