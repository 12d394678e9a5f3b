"""Reliability diagram: accuracy by confidence, beside the diagonal of perfect calibration.

Separate as each chart is. It leaves out the one number (expected calibration error).
"""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def calibration(table: pd.DataFrame, colours: Mapping[str, str] | None = None) -> go.Figure:
    """Draw the accuracy of each confidence bin that holds samples: bars of one run, lines of several.

    A click on a bar or point hands over [bin_low, bin_high, label]; the label is empty for one run.

    Args:
        table: M rows of `evaluation.calibration`: bin_low, bin_high, confidence, accuracy, count; of several runs one below
            the other with a column label.
        colours: label -> colour; the palette in order otherwise.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", figure 1.
    """
    fig = style.figure("Confidence (%)", "Accuracy (%)")
    table = table[table["count"] > 0] if not table.empty else table
    if table.empty:
        return style.with_note(fig, "No predictions to calibrate yet.")
    if "label" in table:
        for number, (label, bins) in enumerate(table.groupby("label", sort=False)):
            own = style.PALETTE[number % len(style.PALETTE)]
            _add_line(fig, str(label), bins, (colours or {}).get(str(label), own))
    else:
        _add_bars(fig, table)
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
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return fig


def _add_bars(fig: go.Figure, table: pd.DataFrame) -> None:
    fig.add_bar(
        x=((table["bin_low"] + table["bin_high"]) / 2).to_numpy(),
        y=table["accuracy"].to_numpy(),
        width=(0.94 * (table["bin_high"] - table["bin_low"])).to_numpy(),
        marker={"color": style.PALETTE[0], "opacity": 0.75},
        name="accuracy in the bin, its samples above",
        text=[f"{count:,}" for count in table["count"]],
        textposition="outside",
        cliponaxis=False,
        customdata=_doors(table, ""),
        hovertext=_hovers(table),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_line(fig: go.Figure, label: str, table: pd.DataFrame, colour: str) -> None:
    fig.add_scatter(
        x=table["confidence"].to_numpy(),
        y=table["accuracy"].to_numpy(),
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 7},
        name=style.text(label),
        customdata=_doors(table, label),
        hovertext=_hovers(table),
        hovertemplate="%{fullData.name}<br>%{hovertext}<extra></extra>",
    )


def _doors(table: pd.DataFrame, label: str) -> list[list[float | str]]:
    return [
        [float(low), float(high), label]
        for low, high in zip(table["bin_low"], table["bin_high"], strict=True)
    ]


def _hovers(table: pd.DataFrame) -> list[str]:
    return [
        f"confidence {style.percent(row['bin_low'])} to {style.percent(row['bin_high'])}, "
        f"mean {style.percent(row['confidence'])}<br>"
        f"accuracy <b>{style.percent(row['accuracy'])}</b><br>{style.samples(row['count'])}"
        for row in table.to_dict("records")
    ]
