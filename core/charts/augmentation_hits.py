"""How many images each step of a pipeline hits, as bars. Separate as each chart is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def augmentation_hits(table: pd.DataFrame) -> go.Figure:
    """Draw one bar per step with the images that it hits, then those that none and that several hit.

    Args:
        table: rows of `augmentations.preview.hits`: step, hit, num_samples.
    """
    fig = style.figure("Images hit", "Step")
    if table.empty or not table["num_samples"].max():
        return style.with_note(fig, "No images to count yet.")
    num_samples = int(table["num_samples"].max())
    # The last two rows are no steps.
    is_step = np.arange(len(table)) < len(table) - 2
    positions = np.arange(len(table)) + np.where(is_step, 0, 0.4)
    names = [
        style.text(name if step else f"{name} of them")
        for name, step in zip(table["step"], is_step, strict=True)
    ]
    fig.add_bar(
        x=table["hit"].to_numpy(),
        y=positions,
        width=0.8,
        orientation="h",
        marker={"color": np.where(is_step, style.PALETTE[0], style.NEUTRAL).tolist()},
        text=[f"{hit:,}" for hit in table["hit"]],
        textposition="outside",
        cliponaxis=False,
        hovertext=[
            f"{name}<br><b>{hit:,} of {style.samples(num_samples)}</b>"
            for name, hit in zip(names, table["hit"], strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(range=[0, 1.1 * num_samples], tickformat=style.COUNT_FORMAT, fixedrange=True)
    fig.update_yaxes(
        tickvals=positions.tolist(),
        ticktext=names,
        range=[positions[-1] + 0.6, -0.6],
        fixedrange=True,
        showgrid=False,
    )
    return fig.update_layout(height=100 + 32 * len(table), dragmode=False, showlegend=False)
