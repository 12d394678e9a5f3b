"""Curves in the unit square: what the ROC and the precision-recall chart share.

Separate from `style`, which all charts share. It leaves out what the axes mean.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

AVERAGES_DASH = "dot"

MOST_DOORS = 60
"""Points of a curve that can be clicked; each is an element of the page."""


def named_curves(
    table: pd.DataFrame, colours: Mapping[str, str] | None
) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Yield name, colour, dash and rows of each curve, in the order of the table; averages over classes are dotted.

    Args:
        table: with class and class_name, and label where the curves are those of several runs.
        colours: label -> colour; without, the palette in order.
    """
    by = "label" if "label" in table else "class"
    for number, (key, curve) in enumerate(table.groupby(by, sort=False)):
        first = curve.iloc[0]
        is_average = by == "class" and first["class"] < 0
        colour = style.NEUTRAL if is_average else style.PALETTE[number % len(style.PALETTE)]
        if is_average and number:
            colour = style.ACCENT
        if colours and by == "label":
            colour = colours.get(str(key), colour)
        name = str(key) if by == "label" else str(first["class_name"])
        yield name, colour, AVERAGES_DASH if is_average else "solid", curve


def add_curves(
    fig: go.Figure,
    table: pd.DataFrame,
    colours: Mapping[str, str] | None,
    *,
    x: str,
    y: str,
    area_of: str,
    words: str,
) -> None:
    """Draw the curves of a table with their doors, each named with the area below it.

    Args:
        fig: is changed.
        table: as `named_curves` takes it, with the columns x, y, threshold and the area.
        colours: as there.
        x: column to the right.
        y: column upwards.
        area_of: column of the area, of a curve in all its rows the same.
        words: template of what the pointer shows.
    """
    for name, colour, dash, curve in named_curves(table, colours):
        fig.add_scatter(
            x=curve[x].to_numpy(np.float32),
            y=curve[y].to_numpy(np.float32),
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            name=f"{style.text(name)}  {area(curve[area_of].iloc[0])}",
            legendgroup=name,
            hoverinfo="skip",
        )
        add_doors(fig, curve, x, y, name, words)


def add_doors(fig: go.Figure, curve: pd.DataFrame, x: str, y: str, name: str, words: str) -> None:
    """Lay unseen markers over a curve, since plotly reports clicks on markers only: customdata is [class, threshold].

    Args:
        fig: with the line; it is changed.
        curve: its rows.
        x: column to the right.
        y: column upwards.
        name: of the line, whose legend entry switches them off too.
        words: template of what the pointer shows.
    """
    kept = curve.iloc[spaced(curve[x].to_numpy(), curve[y].to_numpy())]
    fig.add_scatter(
        x=kept[x].to_numpy(np.float32),
        y=kept[y].to_numpy(np.float32),
        mode="markers",
        marker={"size": 9, "opacity": 0, "color": style.NEUTRAL},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        name=style.text(name),
        legendgroup=name,
        showlegend=False,
        customdata=[
            [int(label), float(one) if np.isfinite(one) else None]
            for label, one in zip(kept["class"], kept["threshold"], strict=True)
        ],
        hovertext=[threshold_text(one) for one in kept["threshold"]],
        hovertemplate=f"%{{fullData.name}}<br>{words}<br>%{{hovertext}}<extra></extra>",
    )


def spaced(x: np.ndarray, y: np.ndarray, most: int = MOST_DOORS) -> np.ndarray:
    """Return the positions of at most `most` points, evenly spaced along a curve."""
    if len(x) <= most:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, length[-1], most)
    return np.unique(np.minimum(np.searchsorted(length, wanted), len(x) - 1))


def threshold_text(threshold: float) -> str:
    """Return in words from which probability on a sample is taken for the class; empty where no threshold stands."""
    if np.isnan(threshold):
        return "mean of the classes"
    return "nothing taken" if np.isinf(threshold) else f"taken from {style.percent(threshold)} on"


def area(value: float) -> str:
    """Return an area with three decimals; one that only rounding makes perfect has more."""
    return f"{value:.3f}" if value == 1 or value < 0.9995 else f"{np.floor(value * 1e5) / 1e5:.5f}"


def finish(fig: go.Figure, title: str, marked: tuple[float, float, str] | None = None) -> go.Figure:
    """Mark a point, fix both axes from 0 to 1 in percent and put the names, headed by a title, beside the square.

    Args:
        fig: with its curves; it is changed.
        title: what the number behind each name is.
        marked: x, y and words of the point, or None.
    """
    if marked is not None:
        x, y, words = marked
        fig.add_scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={
                "size": 13,
                "symbol": "circle-open",
                "color": style.ACCENT,
                "line": {"width": 3},
            },
            name=style.text(words),
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    axis = {"range": [-0.01, 1.01], "tickformat": ".0%", "dtick": 0.2, "fixedrange": True}
    fig.update_xaxes(axis, zeroline=False)
    fig.update_yaxes(axis, zeroline=False)
    fig.update_layout(
        height=430,
        dragmode=False,
        hovermode="closest",
        clickmode="event+select",
        margin={"t": 12},
        legend={"x": 1.01, "y": 1, "title": {"text": title}, "font": {"size": 12}},
    )
    return fig
