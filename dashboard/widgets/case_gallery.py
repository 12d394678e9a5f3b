"""The gallery of the page Errors beside the image that is open in it.

A fragment, so that the arrow keys draw only these two anew. The tiles are those of `gallery`; the open image stands in the URL
as image=ID, how many tiles a page has as tiles=300.
"""

import pandas as pd
import streamlit as st

from core.evaluation.cases import share_right
from dashboard.widgets.case_choice import (
    Look,
    from_the_first_image,
    images_problem,
    open_image,
)
from dashboard.widgets.case_opened import opened_image
from dashboard.widgets.cell import IMAGE_KEY
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.gallery import TILES, page_of, sheet, show_tiles, tiles
from dashboard.widgets.markdown import escaped, with_interval

NUMBER, MANY = "tiles", 300
DECIDING = ("right", "suspect")
"""Filters that decide by themselves whether the run is right on what passes: its share says nothing then."""


def case_gallery(look: Look, rows: pd.DataFrame, is_inverted: bool, key: str) -> None:
    """Show images and the open one, which is the first where none is.

    Args:
        look: what is looked at.
        rows: of its cases, filtered and in order.
        is_inverted: dark as bright.
        key: of the widgets.
    """
    st.fragment(_gallery)(look, rows, is_inverted, key)


def slice_line(look: Look, rows: pd.DataFrame) -> None:
    """Say how often the leading run is right on these images, beside the whole split."""
    table = look.cases.table
    whole = with_interval(*share_right(table)[1:])
    at = f"epoch {look.epoch}" if look.epoch is not None else "best weights"
    lead = escaped(f"{look.titles.get(look.lead.id, look.lead.id)}, {at}")
    if len(rows) == len(table):
        st.caption(f"All {len(table):,} images of {look.split}. **{lead}** is right on {whole}.")
        return
    number = f"**{len(rows):,}** of {len(table):,} images of {look.split}."
    if any(kind in st.query_params for kind in DECIDING):
        st.caption(f"{number} **{lead}** is right on {whole} of all.")
        return
    here = with_interval(*share_right(rows)[1:]) if len(rows) else "none"
    st.caption(f"{number} **{lead}** is right on {here} of them, and on {whole} of all.")


def _gallery(look: Look, rows: pd.DataFrame, is_inverted: bool, key: str) -> None:
    with errors_shown():
        left, right = st.columns(2, gap="small")
        with left:
            shown = _tiles(look, rows, is_inverted, key)
        with right:
            opened_image(look, _opened(look, shown), is_inverted)


def _tiles(look: Look, rows: pd.DataFrame, is_inverted: bool, key: str) -> pd.DataFrame:
    """Show the tiles and return the rows of the page shown."""
    if rows.empty:
        st.info("No image passes these filters. Remove one of them.", icon=":material/filter_alt:")
        return rows
    problem = images_problem(look)
    if problem:
        st.warning(
            f"The images are absent, the numbers remain: {escaped(problem)}",
            icon=":material/image_not_supported:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        has_many = len(rows) > TILES and st.query_params.get(NUMBER) == str(MANY)
        shown = page_of(rows, MANY if has_many else TILES)
        st.space("stretch")
        if len(rows) > TILES:
            _number_picker(has_many)
    found = None if problem else sheet(shown, look.lead, look.split)
    picked = _asked()
    show_tiles(
        tiles(shown, look.cases.predictions),
        found,
        is_inverted,
        picked,
        key,
        open_image,
        has_detail=False,
    )
    return shown


def _number_picker(has_many: bool) -> None:
    key = "case-many"
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = has_many

    def choose() -> None:
        from_the_first_image()
        if st.session_state[key]:
            st.query_params[NUMBER] = str(MANY)
        elif NUMBER in st.query_params:
            del st.query_params[NUMBER]

    st.toggle(f"{MANY} a page", key=key, on_change=choose)


def _opened(look: Look, shown: pd.DataFrame) -> int | None:
    """Return the sample that is open: that of the URL, which need not be on the page shown, or the first one."""
    asked = _asked()
    if asked is not None and asked in look.cases.table["sample_id"].to_numpy():
        return asked
    if st.query_params.get(IMAGE_KEY):
        st.warning(
            f"The link names the image {escaped(st.query_params[IMAGE_KEY][:40])}, which is not among the images of "
            f"{look.split}.",
            icon=":material/link_off:",
        )
    return None if shown.empty else int(shown["sample_id"].iloc[0])


def _asked() -> int | None:
    text = st.query_params.get(IMAGE_KEY, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
