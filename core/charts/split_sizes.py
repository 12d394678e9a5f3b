"""Images of each split as bars. Separate as each chart is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def split_sizes(table: pd.DataFrame) -> go.Figure:
    """Draw one bar per split with its images and its share of all; a click hands over [split].

    Args:
        table: rows of `datasets.statistics.split_sizes`: split, count, share.
    """
    fig = style.figure("Images", "Split")
    if table.empty or not table["count"].sum():
        return style.with_note(fig, "No images to split yet.")
    positions = np.arange(len(table))
    texts = [
        f"{row['count']:,} ({style.percent(row['share'])})" for row in table.to_dict("records")
    ]
    fig.add_bar(
        x=table["count"].to_numpy(),
        y=positions,
        orientation="h",
        marker={"color": style.PALETTE[0]},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        customdata=[[str(name)] for name in table["split"]],
        hovertext=[
            f"{style.text(name)}<br><b>{text}</b>"
            for name, text in zip(table["split"], texts, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(
        range=[0, 1.25 * int(table["count"].max())],
        tickformat=style.COUNT_FORMAT,
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=positions.tolist(),
        ticktext=[style.text(name) for name in table["split"]],
        range=[len(table) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
    )
    return fig.update_layout(height=100 + 40 * max(len(table), 3), dragmode=False, showlegend=False)
