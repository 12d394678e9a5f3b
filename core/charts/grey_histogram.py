"""Histogram of grey levels, each bar a door to the images with most of such pixels.

Separate as each chart is. It leaves out the dark ground below the threshold (`dark_share.py`).
"""

import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def grey_histogram(table: pd.DataFrame) -> go.Figure:
    """Draw how many pixels have each grey level; a click hands over [bin_low, bin_high].

    Bars are as wide as their bins, and as high as the pixels of one grey level are on average: bins of 12 and of 13 levels
    would else look uneven where the levels are not.

    Args:
        table: M rows of `datasets.pixels.grey_histogram`: bin_low, bin_high, num_levels, count, count_per_level, share.
    """
    fig = style.figure("Grey level (0 black to 255 white)", "Pixels per grey level")
    if table.empty or not table["count"].sum():
        return style.with_note(fig, "No pixels above the threshold.")
    labels = [
        f"grey {_levels(row['bin_low'], row['bin_high'])}<br><b>{row['count']:,} pixels</b>, "
        f"{style.percent(row['share'])} of those shown"
        for row in table.to_dict("records")
    ]
    fig.add_bar(
        x=((table["bin_low"] + table["bin_high"]) / 2).to_numpy(),
        y=table["count_per_level"].to_numpy(),
        width=(0.94 * table["num_levels"]).to_numpy(),
        marker={"color": style.PALETTE[0]},
        customdata=table[["bin_low", "bin_high"]].to_numpy().tolist(),
        hovertext=labels,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(
        range=[min(-1, int(table["bin_low"].min()) - 1), 257],
        tickvals=[0, 50, 100, 150, 200, 255],
        fixedrange=True,
    )
    fig.update_yaxes(rangemode="tozero", tickformat=style.COUNT_FORMAT, fixedrange=True)
    return fig.update_layout(height=380, dragmode=False, showlegend=False)


def _levels(low: int, high: int) -> str:
    return f"level {low}" if low == high else f"levels {low} to {high}"
