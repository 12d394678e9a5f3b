"""Picture cards: groups of pictures with what is said of each, such as an image before and after a change.

Apart from `gallery`, whose images lie in a split and are fetched by their ids: these exist only as long as the settings
on the page, so that one contact sheet of all of them travels with the page itself.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.sheet import reduced, sheet
from dashboard.widgets.picture_cards_component import COMPONENT

SHEET_COLUMNS = 16
MOST_PIXELS = 96
"""Longest side of an image as it travels; larger ones are made smaller by a whole factor."""
LARGE_SIDE = 120
"""From this side on the words are larger as well: such pictures are for a lecture hall."""

Line = dict[str, str]
"""A line of a table's cell: "text", "share" beside it, and "mark" right or wrong where it is judged."""


@dataclass(frozen=True)
class Picture:
    """A picture of a card.

    Attributes:
        at: its position among the pixels that are handed over.
        alt: what it is, for those who cannot see it.
        caption: what stands below it.
        is_changed: whether the caption says something new, and is therefore highlighted.
    """

    at: int
    alt: str
    caption: str = ""
    is_changed: bool = False


@dataclass(frozen=True)
class Card:
    """Pictures that belong together.

    Attributes:
        id: under which it is picked.
        title: what they are.
        pictures: in their order.
        lines: said below them.
        head: titles of a table beside them; without it there is none.
        rows: of the table: cells of lines.
    """

    id: str
    title: str
    pictures: Sequence[Picture]
    lines: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Sequence[Line]]] = field(default_factory=tuple)


def picture_cards(
    cards: Sequence[Card],
    images: NDArray[np.uint8],
    key: str,
    *,
    side: int,
    is_inverted: bool = False,
    is_in_rows: bool = False,
    caption: int = 0,
    title: int = 110,
    height: int | None = None,
    on_pick: Callable[[str], None] | None = None,
) -> None:
    """Show cards; nothing where there are none.

    Args:
        cards: what to show.
        images: (N, C, H, W) the pixels of all their pictures.
        key: of the widget.
        side: longest side of a picture on the screen, in pixels; met by a whole multiple of its pixels.
        is_inverted: dark as bright.
        is_in_rows: a card takes a row of its own, its title at the left.
        caption: least width of a picture with its caption, in pixels.
        title: width of the titles at the left, in pixels.
        height: from which on they scroll, in pixels.
        on_pick: called with the id of a card that was clicked, before the page runs again; without it none can be.
    """
    if not cards:
        return
    longest = max(images.shape[2:])
    factor = min(-(-longest // MOST_PIXELS), *images.shape[2:])
    shown = reduced(images, factor)
    data: dict[str, Any] = {
        "cards": [_plain(card) for card in cards],
        "sheet": {
            "png": base64.b64encode(sheet(shown, SHEET_COLUMNS)).decode(),
            "columns": SHEET_COLUMNS,
            "rows": -(-len(shown) // SHEET_COLUMNS),
            "width": shown.shape[3],
            "height": shown.shape[2],
            "scale": max(1, side // max(shown.shape[2:])),
        },
        "inverted": is_inverted,
        "layout": "rows" if is_in_rows else "cards",
        "caption": caption,
        "title": title,
        "large": side >= LARGE_SIDE,
        "height": height,
        "pickable": on_pick is not None,
    }
    COMPONENT(
        key=f"{key}-cards",
        data=data,
        on_picked_change=lambda: _picked(f"{key}-cards", on_pick),
    )


def _plain(card: Card) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": card.id,
        "title": card.title,
        "pictures": [
            {"at": one.at, "alt": one.alt, "caption": one.caption, "changed": one.is_changed}
            for one in card.pictures
        ],
        "lines": list(card.lines),
    }
    if card.head:
        plain["table"] = {"head": list(card.head), "rows": [list(row) for row in card.rows]}
    return plain


def _picked(key: str, on_pick: Callable[[str], None] | None) -> None:
    picked = (st.session_state.get(key) or {}).get("picked")
    if picked is not None and on_pick is not None:
        on_pick(str(picked))
