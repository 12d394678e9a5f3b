"""The views of the page Errors: what stands above the gallery, chosen by a control because hidden tabs would still run."""

from collections.abc import Callable

import streamlit as st

from dashboard.widgets.case_choice import Look
from dashboard.widgets.case_map import case_map, take_ids
from dashboard.widgets.case_time import case_time
from dashboard.widgets.embedding_section import embedding_section
from dashboard.widgets.robustness_section import robustness_section


def _embedding(look: Look) -> None:
    _take(embedding_section(look.lead, look.split, "case-embedding"), "case-embedding-taken")


def _robustness(look: Look) -> None:
    chosen = robustness_section(list(look.runs), look.split, "case-robustness")
    _take(chosen, "case-robustness-taken")


def _take(chosen: list[int] | None, place: str) -> None:
    """Make what was just chosen the filter; a choice that stays from run to run is taken once, so that its chip can go."""
    known = ",".join(map(str, chosen or ()))
    if chosen and st.session_state.get(place) != known:
        take_ids(chosen)
    st.session_state[place] = known


VIEWS: dict[str, tuple[str, Callable[[Look], None] | None]] = {
    "gallery": ("Gallery", None),
    "time": ("Time machine", lambda look: case_time(look, "case-time")),
    "map": ("Data map", lambda look: case_map(look, "case-map")),
    "embedding": ("Embedding", _embedding),
    "robustness": ("Robustness", _robustness),
}
"""Name in the URL -> words and what is shown above the gallery."""
