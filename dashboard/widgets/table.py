"""Showing a table: the only place that calls `st.dataframe`.

It offers with each table its rows as CSV and LaTeX, behind one small button beside it, where it pushes nothing down, and says
how many of the rows are in view where the others must be scrolled to. Columns and what a click does are the caller's.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.widgets.downloads import number_buttons

ROW_HEIGHT, BROKEN_ROW_HEIGHT = 35, 66
"""Pixels; of rows higher than 64 Streamlit breaks long texts into lines."""
SIDE = 40
"""Pixels beside the table: the button, and below it how many rows are in view."""
MOST_MORE = 2
"""Rows more than asked for that are shown nevertheless: to scroll for one or two takes longer than to see them."""
BUTTON = 33
"""Pixels of the button: its words are cut off, and are its name for those who listen and for the pointer that rests on it."""


def shown_table(
    rows: pd.DataFrame | Sequence[dict[str, Any]],
    key: str,
    *,
    alt: str,
    most_rows: int | None = None,
    row_height: int = ROW_HEIGHT,
    style: Callable[[pd.DataFrame], Styler] | None = None,
    numbers: Callable[[], pd.DataFrame] | None = None,
    file_name: str | None = None,
    is_narrow: bool = False,
    is_folded: bool = True,
    **look: Any,
) -> Any:
    """Show a table with its downloads.

    Args:
        rows: what is shown.
        key: stable name of this place.
        alt: what the table shows, in one sentence, for those who cannot see it.
        most_rows: rows in view; the others are scrolled to, where there are more than `MOST_MORE` of them. None is as many as
            there are.
        row_height: in pixels.
        style: marks cells of what is shown.
        numbers: returns what is saved where that is not what is shown: plain numbers where the cells are words, shares in
            [0, 1] where they are percent, all runs where one page of them is shown. Called when a file is asked for, outside
            of the page's run: it must not ask Streamlit for anything.
        file_name: of the downloads, without "petridish-" and the ending; else the key.
        is_narrow: whether the table needs all the width there is: the button then stands below it.
        is_folded: whether the downloads hide behind a button; not within a popover, which should hold no other one.
        **look: as `st.dataframe` takes them: columns, selection, width.

    Returns:
        What `st.dataframe` returns: with on_select the selection.
    """
    shown = pd.DataFrame(rows)
    num_rows = len(shown)
    is_cut = most_rows is not None and num_rows > most_rows + MOST_MORE
    in_view = most_rows if is_cut else num_rows
    place = f"{key}-download"

    def downloads() -> None:
        number_buttons(numbers or (lambda: shown), place, file_name or key)

    is_beside = is_folded and not is_narrow
    with st.container(horizontal=is_beside, gap="xxsmall"):
        event = st.dataframe(
            shown if style is None else style(shown),
            key=key,
            hide_index=True,
            height=ROW_HEIGHT + row_height * in_view + 3,
            row_height=row_height,
            alt=alt,
            **look,
        )
        with (
            st.container(width=SIDE, gap=None)
            if is_beside
            else st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        ):
            if is_folded:
                with st.popover(
                    "Download this table",
                    type="tertiary",
                    icon=":material/download:",
                    width=BUTTON,
                    wrap=False,
                    key=place,
                ):
                    downloads()
            else:
                downloads()
            if in_view < num_rows:
                st.caption(
                    f"{in_view} of {num_rows:,} rows", width="stretch" if is_beside else "content"
                )
    return event


def text_width(texts: Iterable[str], most: int, least: int = 0) -> int:
    """Return how wide a column must be for the longest of its texts, in pixels, within bounds."""
    # 14 pixels high, a letter of the theme's font is 6.7 wide on average; 18 are the cell's own edges.
    longest = max((len(text) for text in texts), default=0)
    return min(most, max(least, round(18 + 6.7 * longest)))
