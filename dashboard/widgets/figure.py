"""Showing a figure: the only place that calls `st.plotly_chart`.

It picks our light or dark template, and offers with each figure how to read it, its numbers as CSV and LaTeX and itself as
a page that opens offline (the toolbar above the figure saves a picture, PNG or SVG). What is drawn is decided in `core.charts`.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import orjson
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.style import themed
from dashboard.widgets.downloads import number_buttons
from dashboard.widgets.live_figure_component import COMPONENT as LIVE_FIGURE

_BUTTONS = ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "pan2d"]


def figure(
    fig: go.Figure,
    key: str,
    *,
    alt: str,
    how_to_read: str,
    table: pd.DataFrame,
    height: int | None = None,
    on_pick: Callable[[list[Any]], None] | None = None,
    on_region: Callable[[list[float], list[float]], None] | None = None,
    is_live: bool = False,
) -> None:
    """Show a figure with its reading aid and its downloads.

    Args:
        fig: as `core.charts` made it.
        key: stable name of this place; also the name of the downloaded files.
        alt: what the figure shows, in one sentence, for those who cannot see it.
        how_to_read: for a reader who sees such a figure for the first time.
        table: the numbers that it draws.
        height: in pixels, where the page wants another one than the chart's own.
        on_pick: called with the customdata of the point that was clicked, before the page runs again; where a live figure's
            points have none, with the meta of their line and their place along x.
        on_region: called likewise with the corners, along x and along y, of what was drawn with the lasso; of a box with two.
        is_live: whether it grows while it is looked at: zoom and switched-off lines stay as its `uirevision` says.
    """
    is_dark = st.context.theme.type == "dark"
    shown = themed(fig, is_dark)
    if height is not None:
        shown.update_layout(height=height)
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": (_BUTTONS if on_region is None else [])
        + (["zoom2d", "resetScale2d"] if on_pick and on_region is None and not is_live else []),
        "toImageButtonOptions": {
            "format": "svg" if st.session_state.get(f"{key}-svg") else "png",
            "scale": 2,
            "filename": f"petridish-{key}",
        },
    }
    if is_live:
        _grow(shown, config, key, alt, on_pick)
    else:
        st.plotly_chart(
            shown,
            theme=None,
            key=key,
            alt=alt,
            on_select=(
                "ignore"
                if on_pick is None and on_region is None
                else lambda: _picked(key, on_pick, on_region)
            ),
            selection_mode="points" if on_region is None else ("points", "box", "lasso"),
            config=config,
        )
    with st.container(horizontal=True, gap="small"):
        with st.popover("How to read this", type="tertiary", icon=":material/help:"):
            st.markdown(how_to_read)
        with st.popover("Download", type="tertiary", icon=":material/download:"):
            number_buttons(lambda: table, key, key)
            st.download_button(
                "Figure (HTML, opens offline)",
                lambda: page(fig),
                f"petridish-{key}.html",
                "text/html",
                key=f"{key}-html",
                on_click="ignore",
            )
            st.toggle(
                "The camera saves SVG",
                key=f"{key}-svg",
                help="The camera in the toolbar above the figure saves what you see, as PNG or as SVG.",
            )


def _grow(
    fig: go.Figure,
    config: dict[str, Any],
    key: str,
    alt: str,
    on_pick: Callable[[list[Any]], None] | None,
) -> None:
    def picked() -> None:
        custom = st.session_state[key].get("picked")
        if on_pick is not None and custom:
            on_pick(list(custom))

    LIVE_FIGURE(
        key=key,
        data={
            "figure": fig.to_json(),
            "config": orjson.dumps(config | {"responsive": True}).decode(),
            "alt": alt,
            # Of another version, it is another file.
            "library": f"api/plotly.js?version={version('plotly')}",
            "is_pickable": on_pick is not None,
        },
        on_picked_change=picked,
    )


def page(fig: go.Figure) -> bytes:
    """Return a figure as one HTML file with all it needs, on white."""
    light = themed(fig, is_dark=False).update_layout(paper_bgcolor="white", plot_bgcolor="white")
    return light.to_html(include_plotlyjs=True, full_html=True).encode()


def _picked(
    key: str,
    on_pick: Callable[[list[Any]], None] | None,
    on_region: Callable[[list[float], list[float]], None] | None,
) -> None:
    selection = (st.session_state.get(key) or {}).get("selection", {})
    regions = [*selection.get("lasso", ()), *selection.get("box", ())]
    if regions and on_region is not None:
        # The points come along, but only those that were drawn.
        on_region(list(regions[-1]["x"]), list(regions[-1]["y"]))
        return
    points = selection.get("points", [])
    custom = points[0].get("customdata") if points else None
    if custom and on_pick is not None:
        # A row of a NumPy array comes back as an object: {"0": 3, "1": 5}.
        on_pick(list(custom.values() if isinstance(custom, dict) else custom))
