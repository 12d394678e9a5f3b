"""Data map: each image by how sure a run was of its class, and by how much that varied; each point a door to its image.

Separate as each chart is. It leaves out where an image lies (`evaluation.data_map`).
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_POINTS = 2_500
"""Points drawn: more only lie on top of each other, and cost the browser a second."""
SEED = 0
LEAST_END = 0.32
"""Variability up to which the map reaches at least; it can be 0.5 at most."""
_LOOKS = {"easy": (style.PALETTE[0], "circle"), "ambiguous": (style.PALETTE[4], "diamond")}
_LOOKS |= {"stubborn": (style.PALETTE[1], "x")}


def data_map(
    table: pd.DataFrame,
    bounds: tuple[float, float],
    selected: int | None = None,
) -> go.Figure:
    """Draw a point per image, of many images a fair draw; a click hands over [sample_id].

    Args:
        table: rows of `evaluation.data_map`: sample_id, true_name, mean_confidence, variability, share_right, region.
        bounds: variability from which an image is ambiguous, and mean confidence from which another one is easy.
        selected: sample id of the point to ring; one not in the table is not drawn.
    """
    fig = style.figure(
        "Variability (standard deviation of the probability over the epochs)",
        "Mean probability of the true class (%)",
    )
    if table.empty:
        return style.with_note(fig, "No epoch has ended yet.")
    chosen = table[table["sample_id"] == selected]
    shares = table["region"].value_counts(normalize=True)
    if len(table) > MOST_POINTS:
        rows = np.random.default_rng(SEED).choice(len(table), MOST_POINTS, replace=False)
        table = table.iloc[np.sort(rows)]
    for region, (colour, symbol) in _LOOKS.items():
        rows = table[table["region"] == region]
        fig.add_scatter(
            x=rows["variability"].to_numpy(dtype=np.float32),
            y=rows["mean_confidence"].to_numpy(dtype=np.float32),
            mode="markers",
            name=f"{region}, {style.percent(shares.get(region, 0.0))}",
            marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
            customdata=[[int(one)] for one in rows["sample_id"]],
            hovertext=[
                f"sample {row['sample_id']}, {style.text(row['true_name'])}<br>"
                f"right in {style.percent(row['share_right'])} of the epochs"
                for row in rows.to_dict("records")
            ],
            hovertemplate="%{hovertext}<br>mean %{y:.1%}, variability %{x:.2f}<extra></extra>",
        )
    fig.add_scatter(
        x=chosen["variability"].to_numpy(),
        y=chosen["mean_confidence"].to_numpy(),
        mode="markers",
        marker={"symbol": "circle-open", "size": 18, "line": {"width": 3}, "color": style.ACCENT},
        hoverinfo="skip",
        showlegend=False,
    )
    line = {"color": style.NEUTRAL, "dash": "dot", "width": 1}
    variability, confidence = bounds
    fig.add_vline(x=variability, line=line)
    fig.add_shape(type="line", x0=0, x1=variability, y0=confidence, y1=confidence, line=line)
    # The same for all runs that do not swing more than most.
    end = max(LEAST_END, float(table["variability"].max()) + 0.02)
    fig.update_xaxes(range=[-0.01, end], zeroline=False)
    fig.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    return fig.update_layout(
        height=470,
        dragmode="lasso",
        hovermode="closest",
        # What was drawn stays where it was while other parts of the page change.
        uirevision="keep",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
        | {"itemsizing": "constant"},
    )
