"""Errors per pair of types: a square in which each pair of types is coloured by how often its images are misclassified.

Separate as each chart is. It leaves out the claim that a study made of it.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def type_pair_errors(table: pd.DataFrame) -> go.Figure:
    """Draw the share of mistakes of each pair of types, with the number of mistakes below it.

    A click on a cell hands over [row_number, column_number].

    Args:
        table: rows of `evaluation.type_pair_errors`: row, column, row_number, column_number, samples, wrong, share, low, high.
    """
    fig = style.figure("One type of the image", "The other type")
    if table.empty:
        return style.with_note(fig, "The classes of this data set count nothing.")
    names = list(dict.fromkeys(table["row"]))
    shares = np.full((len(names), len(names)), np.nan, dtype=np.float32)
    shares[table["row_number"], table["column_number"]] = table["share"]
    texts = np.full(shares.shape, "", dtype=object)
    cells = table[table["samples"] > 0]
    for row in cells.to_dict("records"):
        words = f"{style.percent(row['share'])}<br>{row['wrong']:,} of {row['samples']:,}"
        texts[row["row_number"], row["column_number"]] = words
    fig.add_heatmap(
        z=shares,
        # From zero, so that an even colour means evenly spread; plotly heeds one end only together with the other.
        zmin=0,
        zmax=float(np.nanmax(shares, initial=0.01)),
        text=texts,
        texttemplate="%{text}",
        hoverinfo="skip",
        hoverongaps=False,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "misclassified images", "side": "right"}, "tickformat": ".0%"},
    )
    fig.add_scatter(
        x=cells["column_number"].to_list(),
        y=cells["row_number"].to_list(),
        mode="markers",
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": style.NEUTRAL},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=cells[["row_number", "column_number"]].to_numpy().tolist(),
        hovertext=[
            f"{style.text(row['row'])} and {style.text(row['column'])}<br><b>{style.percent(row['share'])}</b> "
            f"[{style.percent(row['low'])}, {style.percent(row['high'])}] misclassified<br>"
            f"{row['wrong']:,} of {row['samples']:,} images"
            for row in cells.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    axis = {
        "tickvals": list(range(len(names))),
        "ticktext": [style.text(name) for name in names],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }
    ends = [-0.5, len(names) - 0.5]
    fig.update_xaxes(axis, range=ends)
    fig.update_yaxes(axis, range=ends[::-1])
    fig.update_layout(
        height=430, dragmode=False, hovermode="closest", hoverdistance=-1, showlegend=False
    )
    fig.update_layout(margin={"t": 12})
    return fig
