"""Dark and bright pixels of each split as one bar of two parts. Separate as each chart is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

# Blue of two depths: the darker part is the dark pixels, on a white page and on a black one.
COLOURS = {"dark": style.PALETTE[0], "bright": style.PALETTE[5]}


def dark_share(table: pd.DataFrame) -> go.Figure:
    """Draw the shares of dark and of bright pixels; a click hands over [split, kind].

    Args:
        table: two rows for each split of `datasets.pixels.dark_share`: split, kind ("dark", "bright"), count, share.
    """
    fig = style.figure("Share of the pixels (%)", "Split")
    if table.empty or not table["count"].sum():
        return style.with_note(fig, "No pixels to count yet.")
    splits = list(dict.fromkeys(table["split"]))
    for kind, rows in table.groupby("kind", sort=False):
        fig.add_bar(
            x=rows["share"].to_numpy(),
            y=[splits.index(name) for name in rows["split"]],
            orientation="h",
            name=str(kind),
            marker={"color": COLOURS[str(kind)]},
            text=[style.percent(share) if share >= 0.05 else "" for share in rows["share"]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            customdata=[[str(name), str(kind)] for name in rows["split"]],
            hovertext=[
                f"{style.text(row['split'])}<br><b>{style.percent(row['share'])} {row['kind']}</b>: "
                f"{row['count']:,} pixels"
                for row in rows.to_dict("records")
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    fig.update_xaxes(range=[0, 1], tickformat=".0%", dtick=0.2, fixedrange=True)
    fig.update_yaxes(
        tickvals=np.arange(len(splits)).tolist(),
        ticktext=[style.text(name) for name in splits],
        range=[len(splits) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
    )
    return fig.update_layout(
        barmode="stack",
        height=130 + 34 * max(len(splits), 2),
        margin={"r": 28},  # for the half of "100%" beyond the axis
        dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )
