"""Pair matrix: each variant against each other one, coloured by the difference, marked where it is real.

Separate as each chart is. It leaves out the sentences, which say the same of the pairs that matter most.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

FEW_NAMES, MOST_NUMBERS = 9, 20
"""Variants up to which cells have room for large numbers, and for any."""
FEW_LETTERS, MOST_LETTERS = 18, 40
"""Letters of a line of a name, where names have room for three lines, and where for one alone."""
FEW_COLUMNS = 3
"""Variants up to which the names of the columns have more than one line."""
STEEP_LETTERS = 22
"""Letters of the longest name from which on names that are not level stand upright."""
LOW = 6
"""Variants up to which the bar of the colours is too low for more numbers than its ends and its middle."""


def pair_matrix(table: pd.DataFrame, metric: str = "accuracy") -> go.Figure:
    """Draw a square: row minus column in a diverging scale centred on zero, real differences with a dot.

    Every cell keeps its number: without colours the signs and dots tell the same. A click on a cell hands over
    [row, column].

    Args:
        table: rows of `evaluation.pair_matrix`: row, column, difference, low, high, p_adjusted, real, networks_differ.
        metric: what was compared; differences of "rmse" are shown in figures, those of all others in points.
    """
    fig = style.figure("Column variant", "Row variant")
    if table.empty:
        return style.with_note(fig, "It takes two variants to compare.")
    scale, unit = (1, "figures") if metric == "rmse" else (100, "points")
    decimals = 2 if metric == "rmse" else 1
    names = list(dict.fromkeys(table["row"]))
    place = {name: number for number, name in enumerate(names)}
    differences = np.full((len(names), len(names)), np.nan)
    texts = np.full(differences.shape, "", dtype=object)
    hovers = np.full(differences.shape, "", dtype=object)
    for row in table.to_dict("records"):
        at = place[row["row"]], place[row["column"]]
        shown, low, high = (scale * row[name] for name in ("difference", "low", "high"))
        differences[at] = shown
        mark = " ●" if row["real"] else " ○" if row["networks_differ"] else ""
        text = "" if np.isnan(shown) else f"{shown:+.{decimals}f}{mark}"
        texts[at] = f"<b>{text}</b>" if row["real"] else text
        hovers[at] = (
            f"{style.text(row['row'])} minus {style.text(row['column'])}<br><b>{shown:+.{decimals}f} {unit}</b>, "
            f"95 % interval {low:+.{decimals}f} to {high:+.{decimals}f}<br>{_verdict(row)}"
        )
    largest = float(np.nanmax(np.abs(differences))) if np.isfinite(differences).any() else 0.0
    # Lines of slanted names would lie upon each other: only few columns are broad enough for level ones.
    row_labels, column_labels = (
        [
            style.broken(name, FEW_LETTERS)
            if len(names) <= most
            else style.broken(name, MOST_LETTERS, 1)
            for name in names
        ]
        for most in (FEW_NAMES, FEW_COLUMNS)
    )
    fig.add_heatmap(
        z=differences.astype(np.float32),
        x=np.arange(len(names)),
        y=np.arange(len(names)),
        text=texts,
        texttemplate="%{text}" if len(names) <= MOST_NUMBERS else None,
        # Left to itself it counts the letters of "<b>" too, and shrinks all numbers to make room for them.
        textfont={"size": 12 if len(names) <= FEW_NAMES else 10},
        hoverinfo="skip",
        coloraxis="coloraxis",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    # A heat map tells nobody that it was clicked: unseen markers over its cells do, from plain lists, since the rows of an
    # array would come back as objects.
    at = [
        (place[row], place[column])
        for row, column in zip(table["row"], table["column"], strict=True)
    ]
    fig.add_scatter(
        x=[column for _, column in at],
        y=[row for row, _ in at],
        mode="markers",
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": style.NEUTRAL},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=table[["row", "column"]].to_numpy().tolist(),
        hovertext=[hovers[cell] for cell in at],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    ticks = {"tickvals": list(range(len(names))), "showgrid": False, "zeroline": False}
    # A long slanted name would leave the figure on the left, and plotly hides such a one.
    angle = -90 if max(map(len, names)) > STEEP_LETTERS else -40
    fig.update_xaxes(**ticks, ticktext=column_labels, autotickangles=[0, angle])
    fig.update_yaxes(**ticks, ticktext=row_labels, autorange="reversed")
    return fig.update_layout(
        dragmode=False,
        hovermode="closest",
        # No cut-off: the tiny marker then catches the pointer anywhere in its cell.
        hoverdistance=-1,
        # The template's diverging scale: its middle is the page's own, light or dark.
        coloraxis={
            "autocolorscale": True,
            "cmin": -largest or -1,
            "cmax": largest or 1,
            "colorbar": {"title": {"text": f"row - column<br>({unit})"}, "outlinewidth": 0}
            | (_ends(largest or 1, decimals) if len(names) <= LOW else {}),
        },
        height=_height(row_labels, column_labels),
    )


def _ends(largest: float, decimals: int) -> dict:
    values = [-largest, 0, largest]
    return {
        "tickvals": values,
        "ticktext": [f"{value:+.{decimals}f}" if value else "0" for value in values],
        # As high as the cells of two variants at least.
        "lenmode": "pixels",
        "len": 170,
    }


def _height(row_labels: list[str], column_labels: list[str]) -> int:
    """Return pixels for the cells, below them the names of the columns, and the axis' title."""
    row = max(34, 8 + 17 * max(len(label.split("<br>")) for label in row_labels))
    letters = max(len(line) for label in column_labels for line in label.split("<br>"))
    # Of a letter some 6.5 pixels, of which a slant of 40 degrees makes 4.5.
    names = letters * (6.5 if letters > STEEP_LETTERS else 4.5)
    return round(100 + names + max(190, row * len(row_labels)))


def _verdict(row: dict) -> str:
    if np.isnan(row["p_adjusted"]):
        return "cannot be compared"
    p = "below 0.001" if row["p_adjusted"] < 0.001 else f"{row['p_adjusted']:.2g}"
    if row["real"]:
        return f"● real: adjusted p {p}"
    if row["networks_differ"]:
        return f"○ these networks differ; too few seeds to say it of the variants: adjusted p {p}"
    return f"cannot be told apart: adjusted p {p}"
