"""Embedding: images as a network's layer lays them out, coloured by class, error or confidence.

Separate as each chart is. It leaves out how the places were found (`analysis.embedding`).
"""

import pandas as pd
import plotly.graph_objects as go

from core.charts import style
from core.exceptions import UnknownName

COLOURED_BY = {"class": "class", "error": "error", "confidence": "confidence"}
MOST_COLOURS = len(style.PALETTE)
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")


def embedding(
    table: pd.DataFrame,
    explained: tuple[float, float] | None = None,
    colour_by: str = "class",
    selected: int | None = None,
) -> go.Figure:
    """Draw one point per image; a click hands over [sample_id].

    Args:
        table: sample_id, true (label), true_name, predicted_name, is_right, confidence (in [0, 1], NaN without a prediction), x, y.
        explained: shares of the variance along x and y, in [0, 1], for a map by PCA; None for one by t-SNE.
        colour_by: one of `COLOURED_BY`. Of more classes than there are colours all points are grey.
        selected: sample id of the point to ring; one not on the map is not drawn.

    Raises:
        UnknownName: `colour_by` is none of them.
    """
    if colour_by not in COLOURED_BY:
        raise UnknownName("colouring of the map", colour_by, COLOURED_BY)
    fig = style.figure(*_titles(explained))
    if table.empty:
        return style.with_note(fig, "No images to lay out.")
    ways = {"class": _by_class, "error": _by_error, "confidence": _by_confidence}
    for trace in ways[colour_by](table):
        fig.add_trace(trace)
    ringed = table[table["sample_id"] == selected]
    if len(ringed):
        fig.add_scatter(
            x=ringed["x"].to_numpy(),
            y=ringed["y"].to_numpy(),
            mode="markers",
            marker={
                "symbol": "circle-open",
                "size": 18,
                "color": style.ACCENT,
                "line": {"width": 3},
            },
            hoverinfo="skip",
            showlegend=False,
        )
    # One unit is as long across as down: a distance on the screen is a distance on the map.
    fig.update_xaxes(showticklabels=explained is not None, zeroline=False)
    fig.update_yaxes(
        showticklabels=explained is not None, zeroline=False, scaleanchor="x", scaleratio=1
    )
    return fig.update_layout(
        height=560, dragmode="lasso", hovermode="closest", legend={"itemsizing": "constant"}
    )


def _titles(explained: tuple[float, float] | None) -> tuple[str, str]:
    if explained is None:
        return "t-SNE, first direction (no unit)", "t-SNE, second direction (no unit)"
    first, second = (
        f"principal component ({style.percent(share)} of the variance)" for share in explained
    )
    return f"First {first}", f"Second {second}"


def _by_class(table: pd.DataFrame) -> list[go.Scatter]:
    # In the order of the labels, so that classes have the colours that they have on a map of the data set.
    groups = [rows for _, rows in table.groupby("true", sort=True)]
    if len(groups) > MOST_COLOURS:
        return [_points(table, f"{len(groups)} classes", style.NEUTRAL, "circle", 0.6)]
    return [
        _points(
            rows,
            rows["true_name"].iloc[0],
            style.PALETTE[place],
            _SYMBOLS[place % len(_SYMBOLS)],
            0.75,
        )
        for place, rows in enumerate(groups)
    ]


def _by_error(table: pd.DataFrame) -> list[go.Scatter]:
    is_right = table["is_right"].to_numpy(dtype=bool)
    # Errors above: there are fewer of them.
    return [
        _points(table[is_right], "right", style.PALETTE[0], "circle", 0.4),
        _points(table[~is_right], "wrong", style.ACCENT, "x", 0.95),
    ]


def _by_confidence(table: pd.DataFrame) -> list[go.Scatter]:
    trace = _points(table, "images", style.NEUTRAL, "circle", 0.85)
    trace.marker = {
        "color": table["confidence"].to_numpy(),
        "colorscale": "Viridis",
        "cmin": 0,
        "cmax": 1,
        "size": 6,
        "colorbar": {"title": {"text": "Confidence"}, "tickformat": ".0%", "thickness": 12},
    }
    trace.showlegend = False
    return [trace]


def _points(
    rows: pd.DataFrame, name: object, colour: str, symbol: str, opacity: float
) -> go.Scatter:
    return go.Scatter(
        x=rows["x"].to_numpy(),
        y=rows["y"].to_numpy(),
        mode="markers",
        name=style.text(name),
        marker={"color": colour, "symbol": symbol, "size": 6, "opacity": opacity},
        customdata=[[int(one)] for one in rows["sample_id"]],
        hovertext=[
            f"sample {row['sample_id']}<br>true {style.text(row['true_name'])}, "
            f"predicted {style.text(row['predicted_name'])} ({style.percent(row['confidence'])})"
            for row in rows.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
