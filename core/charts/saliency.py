"""Saliency: an image, and beside it the same image under what decides each class.

Separate as each chart is. It leaves out how a map is worked out (`analysis.saliency`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.charts import style

COLORBAR_TITLES: Mapping[str, str] = {
    "gradient": "logits per<br>grey range",
    "occlusion": "fall of the<br>probability",
    "grad-cam": "no unit",
}
LEAST_TOP: Mapping[str, float] = {"occlusion": 0.05}
"""Where the scale ends at least: falls of a probability too small to matter must not look like large ones."""

_RED, _GREEN, _BLUE = (int(style.ACCENT[place : place + 2], 16) for place in (1, 3, 5))
_SCALE = [
    [share, f"rgba({_RED},{_GREEN},{_BLUE},{0.95 * share:.3f})"]
    for share in (0, 0.25, 0.5, 0.75, 1)
]
"""One hue that covers the image more and more: nothing, where the network does not look."""


def saliency(
    table: pd.DataFrame,
    image: NDArray[np.uint8],
    method: str = "gradient",
    title: str = "the image",
) -> go.Figure:
    """Draw the image alone and, for each class, under its map; all maps share one scale from 0.

    Args:
        table: a row per class and pixel: panel (words above it), row, column (from 0 at the top left), value (below 0
            counts as 0).
        image: (C, H, W) uint8; C is 1 or 3.
        method: names the unit: one of `COLORBAR_TITLES`.
        title: words above the image.
    """
    panels = list(dict.fromkeys(table["panel"]))
    titles = [style.text(one) for one in (title, *panels)]
    fig = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, horizontal_spacing=0.02)
    fig.update_layout(template=style.LIGHT)
    _, height, width = image.shape
    # One grey channel as three equal ones.
    pixels = np.broadcast_to(image, (3, height, width)).transpose(1, 2, 0)
    top = max(float(np.nanmax(table["value"])) if len(table) else 0.0, LEAST_TOP.get(method, 0.0))
    for number in range(1, len(titles) + 1):
        fig.add_trace(go.Image(z=pixels, hoverinfo="skip"), row=1, col=number)
    for number, panel in enumerate(panels, start=2):
        values = np.zeros((height, width), dtype=np.float32)
        rows = table[table["panel"] == panel]
        values[rows["row"], rows["column"]] = rows["value"]
        fig.add_trace(
            go.Heatmap(
                z=values,
                zmin=0,
                zmax=top if top > 0 else 1,
                zsmooth=False,
                colorscale=_SCALE,
                showscale=number == 2,
                colorbar={"title": {"text": COLORBAR_TITLES.get(method, "")}, "thickness": 12},
                hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
            ),
            row=1,
            col=number,
        )
    fig.update_xaxes(visible=False, constrain="domain")
    fig.update_yaxes(visible=False, constrain="domain", autorange="reversed")
    for number in range(1, len(titles) + 1):
        anchor = "x" if number == 1 else f"x{number}"
        fig.update_yaxes(scaleanchor=anchor, row=1, col=number)
    fig.update_annotations(font_size=13)
    return fig.update_layout(height=270, margin={"l": 4, "r": 4, "t": 36, "b": 4}, dragmode=False)
