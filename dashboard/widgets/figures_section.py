"""Placing figures by hand: an image of shapes put together click by click, and what the chosen runs make of it."""

import secrets
from collections.abc import Sequence

import streamlit as st

from core.datasets.placed_figures import MOST_FIGURES, PlacedFigures, offsets
from core.datasets.shapes import FIGURES_PER_IMAGE, TYPE_NAMES, label_space
from core.runs.run import Run
from dashboard.widgets.markdown import escaped
from dashboard.widgets.pixel_canvas import picked_pixels
from dashboard.widgets.run_answers import run_answers

URL_KEY, STATE_KEY = "figures", "placed-figures"
MARKS = {
    "squares": "■ square",
    "circles": "● circle",
    "up": "▲",
    "right": "▶",
    "down": "▼",
    "left": "◀",
}


def figures_section(runs: Sequence[Run], key: str) -> None:
    """Show the image with its tools, and beside it what the runs answer.

    Args:
        runs: trained on shapes.
        key: of the widgets.
    """
    placed = PlacedFigures.parsed(st.query_params.get(URL_KEY, ""))
    # For what is clicked before this has run again.
    st.session_state[STATE_KEY] = placed
    left, right = st.columns([4, 6], gap="medium")
    with left:
        kind = st.segmented_control(
            "Figure to place",
            list(TYPE_NAMES),
            format_func=lambda name: MARKS[name],
            required=True,
            default=TYPE_NAMES[0],
            key="figure",
            bind="query-params",
        )
        picked_pixels(
            placed.image[0],
            key,
            ghost=offsets(TYPE_NAMES.index(kind)),
            alt=f"Image of {len(placed.places)} figures.",
            is_inverted=False,
            on_pick=_place,
        )
        with st.container(horizontal=True):
            nothing = not placed.places
            st.button(
                "Undo",
                icon=":material/undo:",
                key=f"{key}-undo",
                disabled=nothing,
                on_click=lambda: _put(st.session_state[STATE_KEY].without_last()),
            )
            st.button(
                "Clear",
                icon=":material/delete_sweep:",
                key=f"{key}-clear",
                disabled=nothing,
                on_click=lambda: _put(PlacedFigures()),
            )
            st.button(
                "Random image",
                icon=":material/casino:",
                key=f"{key}-random",
                on_click=lambda: _put(PlacedFigures.drawn(secrets.randbelow(2**31))),
            )
    with right:
        st.markdown(_truth(placed))
        run_answers(runs, placed.image, key, [float(one) for one in placed.counts])
        st.caption(
            "Click the image to place the figure; where two overlap, the pixels are black again, as in the data. "
            "Networks saw ten figures of exactly two types in training: of anything else, they guess."
        )


def _truth(placed: PlacedFigures) -> str:
    counts = zip(placed.counts, TYPE_NAMES, strict=True)
    words = ", ".join(f"{count} {name}" for count, name in counts if count) or "nothing yet"
    if placed.label is not None:
        return f"**{escaped(label_space().class_names[placed.label])}**: a class of the data set."
    full = f" (no more than {MOST_FIGURES})" if len(placed.places) >= MOST_FIGURES else ""
    return f"**{words}**{full}: no class of the data set, whose images show {FIGURES_PER_IMAGE} figures of two types."


def _place(row: int, column: int) -> None:
    figure_type = TYPE_NAMES.index(st.session_state["figure"])
    _put(st.session_state[STATE_KEY].with_figure(figure_type, row, column))


def _put(placed: PlacedFigures) -> None:
    st.session_state[STATE_KEY] = placed
    if placed.places:
        st.query_params[URL_KEY] = placed.text
    elif URL_KEY in st.query_params:
        del st.query_params[URL_KEY]
