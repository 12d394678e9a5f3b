"""Histogram of grey levels before and after augmentation. Separate as each chart is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def grey_change(table: pd.DataFrame) -> go.Figure:
    """Draw the share of pixels in each bin as two bars, before and after.

    Most images are black and white almost everywhere, and what augmentation adds lies between: the axis counts by
    decades.

    Args:
        table: rows of `augmentations.preview.grey_change`: grey_low, grey_high, before, after.
    """
    fig = style.figure("Grey level (0 black to 255 white)", "Share of pixels")
    shares = table[["before", "after"]].to_numpy(dtype=np.float64)
    if not (shares > 0).any():
        return style.with_note(fig, "No images to compare yet.")
    middles = ((table["grey_low"] + table["grey_high"]) / 2).to_numpy()
    for when, colour in (("before", style.NEUTRAL), ("after", style.PALETTE[0])):
        fig.add_bar(
            x=middles,
            y=table[when].to_numpy(),
            name=when,
            marker={"color": colour},
            hovertext=[
                f"grey levels {row['grey_low']:.0f} to {row['grey_high']:.0f}"
                f"<br><b>{100 * row[when]:.3g} % {when}</b>"
                for row in table.to_dict("records")
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    lowest = min(-1, int(np.floor(np.log10(shares[shares > 0].min()))))
    fig.update_xaxes(range=[-1, 257], tickvals=[0, 50, 100, 150, 200, 255], fixedrange=True)
    fig.update_yaxes(
        type="log",
        range=[lowest, 0],
        tickvals=[10.0**power for power in range(lowest, 1)],
        ticktext=[f"{10.0 ** (power + 2):g} %" for power in range(lowest, 1)],
        fixedrange=True,
    )
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return fig.update_layout(height=340, dragmode=False, bargap=0.1, legend=legend)
