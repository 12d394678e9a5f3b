"""Robustness: accuracy against the strength of a change of the images, a panel per change, a line per run.

Separate as each chart is. It leaves out how the images were changed (`analysis.robustness`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts import style

COLUMNS = 3
ROW_PIXELS = 270


def robustness(
    table: pd.DataFrame,
    panels: Mapping[str, tuple[str, str]],
    *,
    variants: Mapping[str, str] | None = None,
    selected: tuple[str, str, float] | None = None,
) -> go.Figure:
    """Draw a line per run with its interval, in its variant's colour; a click hands over [run_id, corruption, strength].

    Args:
        table: run_id, label, corruption, strength, accuracy, low, high (in [0, 1]), correct, count, lost.
        panels: corruption -> its title and what its strength is, with its unit; in their order.
        variants: label -> variant, which gives the colour; the label itself where it is missing.
        selected: run id, corruption and strength of the point to ring.
    """
    shown = [name for name in panels if (table["corruption"] == name).any()]
    if not shown:
        return style.with_note(
            style.figure("Strength", "Accuracy (%)"), "No change could be tried yet."
        )
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    fig = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes="all",
        subplot_titles=[style.text(panels[name][0]) for name in shown],
        horizontal_spacing=0.03,
        vertical_spacing=0.4 / rows,
    )
    fig.update_layout(template=style.LIGHT, hovermode="closest")
    labels = list(dict.fromkeys(table["label"]))
    colours = style.distinct_colours(
        {label: (variants or {}).get(label, label) for label in labels}
    )
    for place, name in enumerate(shown):
        row, column = place // columns + 1, place % columns + 1
        panel = table[table["corruption"] == name]
        for label in labels:
            line = panel[panel["label"] == label].sort_values("strength")
            for trace in _line(line, label, colours[label], is_named=place == 0):
                fig.add_trace(trace, row=row, col=column)
        if selected is not None and selected[1] == name:
            at = panel[(panel["run_id"] == selected[0]) & (panel["strength"] == selected[2])]
            fig.add_trace(_ring(at), row=row, col=column)
        fig.update_xaxes(title_text=panels[name][1], rangemode="tozero", row=row, col=column)
    fig.update_yaxes(tickformat=".0%")
    for row in range(1, rows + 1):
        fig.update_yaxes(title_text="Accuracy (%)", row=row, col=1)
    return fig.update_layout(
        height=rows * ROW_PIXELS + 90,
        margin={"t": 60},
        legend={"orientation": "h", "x": 0, "y": 1.0 + 0.16 / rows, "yanchor": "bottom"},
    )


def _line(line: pd.DataFrame, label: str, colour: str, *, is_named: bool) -> list[go.Scatter]:
    if line.empty:
        return []
    strengths = line["strength"].to_numpy()
    band = go.Scatter(
        x=np.concatenate([strengths, strengths[::-1]]),
        y=np.concatenate([line["high"], line["low"][::-1]]),
        fill="toself",
        fillcolor=colour,
        opacity=0.18,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        legendgroup=label,
        showlegend=False,
    )
    points = go.Scatter(
        x=strengths,
        y=line["accuracy"].to_numpy(),
        mode="lines+markers",
        name=style.text(label),
        line={"color": colour},
        marker={"size": 7},
        legendgroup=label,
        showlegend=is_named,
        customdata=[
            [str(run_id), str(name), float(strength)]
            for run_id, name, strength in zip(
                line["run_id"], line["corruption"], line["strength"], strict=True
            )
        ],
        hovertext=[
            f"{style.text(label)}<br>{style.percent(row['accuracy'])} "
            f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}] of {style.samples(row['count'])}"
            + (f"<br>{row['lost']:,} right before and wrong here" if row["strength"] else "")
            for row in line.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    return [band, points]


def _ring(at: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=at["strength"].to_numpy(),
        y=at["accuracy"].to_numpy(),
        mode="markers",
        marker={"symbol": "circle-open", "size": 16, "color": style.ACCENT, "line": {"width": 3}},
        hoverinfo="skip",
        showlegend=False,
    )
