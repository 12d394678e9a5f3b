"""How sure the network was: of right and of wrong answers, and what it gains by staying silent when unsure.

Two charts in one file because both draw the tables of `evaluation/confidence.py`. They leave out whether the confidence is
true (`calibration.py`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style
from core.charts.unit_square import spaced


def confidence_histogram(table: pd.DataFrame) -> go.Figure:
    """Draw right answers upwards and wrong ones downwards, bin by bin.

    A click on a bar hands over [bin_low, bin_high, is_right].

    Args:
        table: rows of `evaluation.confidence_histogram`: bin_low, bin_high, right, wrong.
    """
    fig = style.figure("Confidence (%)", "Share of right, share of wrong (%)")
    totals = {name: int(table[name].sum()) if len(table) else 0 for name in ("right", "wrong")}
    if not sum(totals.values()):
        return style.with_note(fig, "No predictions yet.")
    colours = {"right": style.PALETTE[0], "wrong": style.ACCENT}
    for name, sign in (("right", 1), ("wrong", -1)):
        shares = table[name].to_numpy(np.float64) / max(totals[name], 1)
        fig.add_bar(
            x=((table["bin_low"] + table["bin_high"]) / 2).to_numpy(),
            y=sign * shares,
            width=(0.94 * (table["bin_high"] - table["bin_low"])).to_numpy(),
            marker={"color": colours[name], "pattern": {"shape": "" if sign > 0 else "/"}},
            name=f"{name} ({totals[name]:,} images)",
            customdata=[
                [float(low), float(high), name == "right"]
                for low, high in zip(table["bin_low"], table["bin_high"], strict=True)
            ],
            hovertext=[
                f"confidence {style.percent(row['bin_low'])} to {style.percent(row['bin_high'])}<br>"
                f"<b>{style.samples(row[name])}</b> {name}, {style.percent(share)} of those"
                for row, share in zip(table.to_dict("records"), shares, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    fig.add_hline(y=0, line={"color": style.NEUTRAL, "width": 1})
    fig.update_xaxes(range=[0, 1.005], tickformat=".0%", dtick=0.2, fixedrange=True)
    ticks = [-1, -0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]
    fig.update_yaxes(tickvals=ticks, ticktext=[f"{abs(one):.0%}" for one in ticks], fixedrange=True)
    fig.update_layout(
        height=420,
        barmode="relative",
        dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return fig


def coverage(table: pd.DataFrame, colours: Mapping[str, str] | None = None) -> go.Figure:
    """Draw the accuracy on the surest images by how many of all images they are.

    A click on a curve hands over [threshold, label]; the label is empty for one run.

    Args:
        table: rows of `evaluation.coverage`: coverage, threshold, samples, accuracy, low, high; of several runs one below the
            other with a column label.
        colours: label -> colour; the palette in order otherwise.
    """
    fig = style.figure(
        "Coverage (share of the images that are answered)", "Accuracy of the answered (%)"
    )
    if table.empty:
        return style.with_note(fig, "No predictions yet.")
    labelled = table if "label" in table else table.assign(label="")
    curves = list(labelled.groupby("label", sort=False))
    for number, (key, curve) in enumerate(curves):
        label = str(key)
        colour = (colours or {}).get(label, style.PALETTE[number % len(style.PALETTE)])
        if len(curves) == 1:
            fig.add_scatter(
                x=np.concatenate([curve["coverage"], curve["coverage"][::-1]]),
                y=np.concatenate([curve["low"], curve["high"][::-1]]),
                fill="toself",
                fillcolor=colour,
                opacity=0.15,
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            )
        fig.add_scatter(
            x=curve["coverage"].to_numpy(np.float32),
            y=curve["accuracy"].to_numpy(np.float32),
            mode="lines",
            line={"color": colour, "width": 2.5},
            name=style.text(label),
            showlegend=bool(label),
            legendgroup=label,
            hoverinfo="skip",
        )
        # Plotly reports clicks on markers only.
        curve = curve.iloc[spaced(curve["coverage"].to_numpy(), curve["accuracy"].to_numpy())]
        fig.add_scatter(
            x=curve["coverage"].to_numpy(np.float32),
            y=curve["accuracy"].to_numpy(np.float32),
            mode="markers",
            marker={"size": 9, "opacity": 0, "color": colour},
            selected={"marker": {"opacity": 0}},
            unselected={"marker": {"opacity": 0}},
            name=style.text(label),
            legendgroup=label,
            showlegend=False,
            customdata=[[float(one), label] for one in curve["threshold"]],
            hovertext=[
                f"answered from {style.percent(row['threshold'])} confidence on: {style.samples(row['samples'])}<br>"
                f"accuracy <b>{style.percent(row['accuracy'])}</b> "
                f"[{style.percent(row['low'])}, {style.percent(row['high'])}]"
                for row in curve.to_dict("records")
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    lowest = float(labelled["accuracy"].min())
    fig.update_xaxes(range=[0, 1.005], tickformat=".0%", dtick=0.2, fixedrange=True)
    fig.update_yaxes(range=[max(0.0, lowest - 0.05), 1.005], tickformat=".0%", fixedrange=True)
    fig.update_layout(
        height=420,
        dragmode=False,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return fig
