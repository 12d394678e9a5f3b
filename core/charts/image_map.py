"""Map of the images: each a point, near points look alike, each point a door to its image.

Separate as each chart is. It leaves out how the places were found (`datasets.projection`).
"""

import pandas as pd
import plotly.graph_objects as go

from core.charts import style
from core.exceptions import UnknownName

COLOURED_BY = {"class_name": "class", "split": "split"}
MOST_COLOURS = len(style.PALETTE)
# A second cue beside the colour.
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")


def image_map(
    table: pd.DataFrame,
    explained: tuple[float, float] | None = None,
    colour_by: str = "class_name",
    highlighted: int | None = None,
    selected: tuple[str, int] | None = None,
) -> go.Figure:
    """Draw one point per image; a click hands over [split, sample_id].

    Up to 14 classes have a colour and a sign each; the points of more are grey but for the highlighted class.

    Args:
        table: rows of `datasets.projection.ImageMap`: split, sample_id, label, class_name, x, y.
        explained: shares of the variance along x and y, in [0, 1], for a map by PCA; None for one by t-SNE.
        colour_by: the column that colours the points: "class_name" or "split".
        highlighted: label of a class to show above all others, in the accent colour.
        selected: split and sample_id of the point to ring; one not on the map is not drawn.

    Raises:
        UnknownName: `colour_by` is no such column.
    """
    if colour_by not in COLOURED_BY:
        raise UnknownName("colouring of the map", colour_by, COLOURED_BY)
    fig = style.figure(*_titles(explained))
    if table.empty:
        return style.with_note(fig, "No images to lay out yet.")
    for trace in _traces(table, colour_by, highlighted):
        fig.add_trace(trace)
    if selected is not None:
        found = table[(table["split"] == selected[0]) & (table["sample_id"] == selected[1])]
        fig.add_scatter(
            x=found["x"].to_numpy(),
            y=found["y"].to_numpy(),
            mode="markers",
            marker={"symbol": "circle-open", "size": 18, "line": {"width": 3}},
            marker_color=style.ACCENT,
            hoverinfo="skip",
            showlegend=False,
        )
    # One unit is as long across as down: a distance on the screen is a distance on the map.
    fig.update_xaxes(showticklabels=explained is not None, zeroline=False)
    fig.update_yaxes(
        showticklabels=explained is not None, zeroline=False, scaleanchor="x", scaleratio=1
    )
    return fig.update_layout(
        height=620,
        dragmode="pan",
        hovermode="closest",
        legend={"itemsizing": "constant", "title": {"text": COLOURED_BY[colour_by].capitalize()}},
    )


def _titles(explained: tuple[float, float] | None) -> tuple[str, str]:
    if explained is None:
        return "t-SNE, first direction (no unit)", "t-SNE, second direction (no unit)"
    first, second = (
        f"principal component ({style.percent(share)} of the variance)" for share in explained
    )
    return f"First {first}", f"Second {second}"


def _traces(table: pd.DataFrame, colour_by: str, highlighted: int | None) -> list[go.Scatter]:
    # Classes in the order of their labels, whatever the order of the samples.
    by = "label" if colour_by == "class_name" else "split"
    groups = list(table.groupby(by, sort=by == "label"))
    if highlighted is not None and colour_by == "class_name":
        is_chosen = table["label"] == highlighted
        others = _points(table[~is_chosen], "other classes", style.NEUTRAL, "circle", 0.35)
        chosen = table[is_chosen]
        if chosen.empty:
            return [others]
        return [others, _points(chosen, chosen["class_name"].iloc[0], style.ACCENT, "circle", 0.95)]
    if len(groups) > MOST_COLOURS:
        return [_points(table, f"{len(groups)} classes", style.NEUTRAL, "circle", 0.6)]
    return [
        _points(
            rows,
            rows[colour_by].iloc[0],
            style.PALETTE[position],
            _SYMBOLS[position % len(_SYMBOLS)],
            0.75,
        )
        for position, (_, rows) in enumerate(groups)
    ]


def _points(
    rows: pd.DataFrame, name: object, colour: str, symbol: str, opacity: float
) -> go.Scatter:
    return go.Scatter(
        x=rows["x"].to_numpy(),
        y=rows["y"].to_numpy(),
        mode="markers",
        name=style.text(name),
        marker={"color": colour, "symbol": symbol, "size": 6, "opacity": opacity},
        customdata=[
            [str(split), int(sample_id)]
            for split, sample_id in zip(rows["split"], rows["sample_id"], strict=True)
        ],
        hovertext=[
            f"{style.text(row['class_name'])}<br>{style.text(row['split'])}, sample {row['sample_id']}"
            for row in rows.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
