"""Piles of a duel: on how many images both variants are right, one of them, or none.

Separate as each chart is. It leaves out the classes (`duel_classes.py`) and the images behind each pile.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def duel_piles(
    table: pd.DataFrame, a: str, b: str, *, colours: Mapping[str, str] | None = None
) -> go.Figure:
    """Draw four bars, the two that differ in their variants' colours. A click on a bar hands over [pile].

    Args:
        table: `Duel.piles`: pile ("both", "only_a", "only_b", "neither"), images, share.
        a: name of the first variant.
        b: name of the second one.
        colours: variant -> "#RRGGBB"; by its name where it is missing.
    """
    fig = style.figure("Images, from 0", "Who is right")
    if table.empty:
        return style.with_note(fig, "No images to compare on.")
    titles = {
        "both": "both right",
        "only_a": f"only {style.text(a)}",
        "only_b": f"only {style.text(b)}",
        "neither": "both wrong",
    }
    known = {name: (colours or {}).get(name) or style.variant_colour(name) for name in (a, b)}
    fills = {"only_a": known[a], "only_b": known[b]}
    piles = [str(pile) for pile in table["pile"]]
    fig.add_bar(
        x=table["images"].to_numpy(np.int32),
        y=np.arange(len(table)),
        orientation="h",
        marker={"color": [fills.get(pile, style.NEUTRAL) for pile in piles]},
        text=[
            f"{images:,} ({style.percent(share)})"
            for images, share in zip(table["images"], table["share"], strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        customdata=[[pile] for pile in piles],
        hovertemplate="%{text}<extra></extra>",
    )
    fig.update_xaxes(range=[0, 1.25 * max(1, int(table["images"].max()))], tickformat=",d")
    fig.update_yaxes(
        tickvals=list(range(len(piles))),
        ticktext=[titles.get(pile, pile) for pile in piles],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    return fig.update_layout(height=260, bargap=0.3)
