"""Bars of shares with their intervals: confused pairs, accuracy per group, offsets of a count.

One chart for several tables because they differ in words only. It leaves out the order of the rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_BARS = 40


def bars_with_intervals(
    table: pd.DataFrame,
    *,
    name: str,
    value: str = "share",
    x_title: str = "Share of the images (%)",
    y_title: str = "",
    door: Sequence[str] = (),
    samples: str = "samples",
    is_whole: bool = False,
    note: str = "Nothing to show yet.",
) -> go.Figure:
    """Draw one horizontal bar a row, the first at the top, with its 95 % interval as a whisker.

    Args:
        table: rows with `value`, low and high (in [0, 1]), `name`, the columns of `door` and `samples`.
        name: column that names a bar.
        value: column that it is as long as; NaN draws no bar but the word.
        x_title: of the axis of shares.
        y_title: of the bars.
        door: columns that a click hands over.
        samples: column with the number of samples.
        is_whole: from 0 to 100 % whatever the values are.
        note: shown for an empty table.
    """
    fig = style.figure(x_title, y_title)
    if table.empty:
        return style.with_note(fig, note)
    table = table.head(MOST_BARS)
    positions = np.arange(len(table))
    values = table[value].to_numpy(np.float64)
    high, low = table["high"].to_numpy(np.float64), table["low"].to_numpy(np.float64)
    labels = [_hover(row, name, value, samples) for row in table.to_dict("records")]
    fig.add_bar(
        x=values,
        y=positions,
        orientation="h",
        marker={"color": style.PALETTE[0], "opacity": 0.85},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - values),
            "arrayminus": np.nan_to_num(values - low),
            "color": style.NEUTRAL,
            "thickness": 1.5,
            "width": 3,
        },
        customdata=table[list(door)].to_numpy().tolist() if door else None,
        hovertext=labels,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    for position in np.flatnonzero(np.isnan(values)):
        fig.add_annotation(
            x=0,
            y=int(position),
            text="no images",
            showarrow=False,
            xanchor="left",
            font={"color": style.NEUTRAL},
        )
    largest = 1.0 if is_whole else float(np.nanmax(np.append(high, 0.01)))
    fig.update_xaxes(range=[0, largest * 1.04], tickformat=_format(largest), fixedrange=True)
    fig.update_yaxes(
        tickvals=positions.tolist(),
        ticktext=[style.text(one) for one in table[name]],
        range=[len(table) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
    )
    fig.update_layout(
        height=90 + 24 * max(len(table), 4), dragmode=False, showlegend=False, margin={"t": 12}
    )
    return fig


def _format(largest: float) -> str:
    return ".0%" if largest > 0.05 else ".1%"


def _hover(row: Mapping[Any, Any], name: str, value: str, samples: str) -> str:
    return (
        f"{style.text(row[name])}<br><b>{style.percent(row[value])}</b> "
        f"[{style.percent(row['low'])}, {style.percent(row['high'])}]<br>"
        f"{style.samples(int(row[samples]))}"
    )
