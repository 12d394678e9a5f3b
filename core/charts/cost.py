"""Result against cost: what each variant reaches, and what it takes.

Separate as each chart is. It leaves out which variants are on the front (`core.evaluation.cost`).
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

COST_TITLES = {
    "seconds": "Seconds of training and evaluation",
    "epoch_seconds": "Seconds an epoch",
    "parameters": "Parameters",
    "multiply_adds": "Multiply-adds of one image",
    "epochs": "Epochs trained",
    "best_epoch": "Best epoch",
    "plateau_epoch": "Epochs to the plateau",
    "peak_memory": "Peak memory (bytes)",
}


MOST_LETTERS = 24
"""Letters of a line of a name beside its point."""
FAR = 0.6
"""Share of the axis from which on a name stands to the left of its point, where the figure does not end."""
MOST_NAMES = 6
"""Variants up to which each point has its name beside it; with more, those off the front are in the legend alone."""


def cost(
    table: pd.DataFrame,
    by: str = "seconds",
    metric: str = "accuracy",
    *,
    is_log: bool = False,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw a point per variant, filled on the front and open where another variant is better and no dearer.

    Many variants stand in a legend, best first, and only those on the front have their names beside them too.

    A click on a point hands over [variant].

    Args:
        table: rows of `evaluation.cost`: variant, cost, mean, low, high, is_on_front; rows without a cost are not drawn.
        by: what `cost` is; names the axis.
        metric: what the values are, "accuracy" in percent.
        is_log: whether the costs stand on a logarithmic axis.
        colours: variant -> "#RRGGBB"; by its name where it is missing.
    """
    fig = style.figure(COST_TITLES.get(by, by), style.metric_title(metric))
    drawn = table[table["cost"].notna() & table["mean"].notna()]
    if drawn.empty:
        return style.with_note(fig, "No variant's cost is known yet.")
    is_share = metric == "accuracy"
    front = drawn[drawn["is_on_front"].astype(bool)].sort_values("cost")
    fig.add_scatter(
        x=front["cost"].to_numpy(np.float64),
        y=front["mean"].to_numpy(np.float64),
        mode="lines",
        line={"color": style.NEUTRAL, "dash": "dash", "width": 1.5, "shape": "hv"},
        name="front",
        showlegend=False,
        hoverinfo="skip",
    )
    number_format = style.PERCENT_FORMAT if is_share else style.SIGNIFICANT_FORMAT
    is_crowded = len(drawn) > MOST_NAMES
    places = drawn["cost"].astype(np.float64)
    if is_log:
        places = pd.Series(np.log10(places.where(places > 0).to_numpy()))
    shown = _log_range(places) if is_log else (0.0, 1.25 * float(places.max()) or 1.0)
    far = shown[0] + FAR * (shown[1] - shown[0])
    for row, place in zip(drawn.to_dict("records"), places, strict=True):
        name = str(row["variant"])
        colour = (colours or {}).get(name) or style.variant_colour(name)
        state = "on the front" if row["is_on_front"] else "another is better and no dearer"
        fig.add_scatter(
            x=[row["cost"]],
            y=[row["mean"]],
            error_y={
                "type": "data",
                "array": [row["high"] - row["mean"]],
                "arrayminus": [row["mean"] - row["low"]],
                "color": colour,
                "thickness": 1.2,
            },
            mode="markers+text" if row["is_on_front"] or not is_crowded else "markers",
            marker={
                "size": 12,
                "color": colour,
                "symbol": "circle" if row["is_on_front"] else "circle-open",
                "line": {"width": 2, "color": colour},
            },
            text=[style.broken(name, MOST_LETTERS)],
            # The front comes to a point from below and leaves it to the right, at its height.
            textposition="top left" if place > far else "bottom right",
            cliponaxis=False,
            customdata=[[name]],
            name=style.text(name),
            showlegend=is_crowded,
            hovertemplate=f"%{{fullData.name}}<br>{COST_TITLES.get(by, by)}: %{{x:,.4~g}}<br>"
            f"<b>%{{y:{number_format}}}</b>, {state}<extra></extra>",
        )
    fig.update_xaxes(type="log" if is_log else None, zeroline=False, range=shown)
    if is_log:
        # Left to itself it writes the 2 of 20 and of 200 alike.
        ticks = _log_ticks(*shown)
        fig.update_xaxes(tickvals=ticks, ticktext=[_short(tick) for tick in ticks])
    fig.update_yaxes(zeroline=False, tickformat=style.PERCENT_FORMAT if is_share else None)
    return fig.update_layout(height=420, hovermode="closest")


def _log_range(places: pd.Series) -> tuple[float, float]:
    """Return the powers of ten between which the axis runs: some room on either side."""
    if places.notna().sum() == 0:
        return 0.0, 1.0
    room = max(0.1, 0.08 * float(places.max() - places.min()))
    return float(places.min()) - room, float(places.max()) + room


def _log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two powers of ten, the fewer of each the more powers there are."""
    steps = {0: range(1, 10), 1: (1, 2, 3, 5), 2: (1, 2, 5), 3: (1, 3)}.get(int(high - low), (1,))
    known = [
        float(f"{step}e{power}")
        for power in range(math.floor(low), math.ceil(high) + 1)
        for step in steps
    ]
    return [one for one in known if 10**low <= one <= 10**high]


def _short(number: float) -> str:
    """Return "20", "0.5", "300k", "2M" or "5B", as plotly writes them on a linear axis."""
    for least, unit, letter in ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if number >= least:
            return f"{number / unit:g}{letter}"
    return f"{number:g}"
