"""An image made by hand: drawn with a brush, or pixel by pixel picked; what is made of it the caller decides."""

import base64
import binascii
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.widgets.pixel_canvas_component import COMPONENT

SCREEN_PIXELS = 336
"""About the side of the canvas on the screen; met by a whole multiple of the image's pixels."""

BRUSH = 1.8
"""Radius of the brush in pixels of a 28x28 image, about that of a felt pen on paper."""


def drawn_image(height: int, width: int, key: str, *, is_eraser: bool) -> NDArray[np.uint8] | None:
    """Show a black canvas to draw on in white, and return the drawing (H, W); None while it is empty.

    Args:
        height: H, in pixels of the image.
        width: W.
        key: of the widget; the button that clears it is `<key>-clear`.
        is_eraser: whether the brush takes away.
    """
    version = int(st.session_state.get(f"{key}-version", 0))
    empty = np.zeros((height, width), np.uint8)
    state = COMPONENT(
        key=f"{key}-canvas",
        data={
            **_size(height, width),
            "mode": "draw",
            "pixels": _encoded(empty),
            "version": version,
            "brush": BRUSH * max(height, width) / 28,
            "eraser": is_eraser,
            "inverted": False,
            "alt": "Canvas to draw on: arrow keys move, the space bar paints.",
        },
        on_drawing_change=lambda: None,
    )
    return decoded_drawing(state.get("drawing"), version, height, width)


def clear_drawing(key: str) -> None:
    """Forget what was drawn on the canvas of this key."""
    st.session_state[f"{key}-version"] = int(st.session_state.get(f"{key}-version", 0)) + 1


def decoded_drawing(
    value: object, version: int, height: int, width: int
) -> NDArray[np.uint8] | None:
    """Return the drawing that a browser sent, None where it is of before the last clearing, empty, or no drawing."""
    if not isinstance(value, str) or not value.startswith(f"{version}:"):
        return None
    try:
        data = base64.b64decode(value.partition(":")[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != height * width or not any(data):
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width)


def picked_pixels(
    image: NDArray[np.uint8],
    key: str,
    *,
    ghost: Sequence[tuple[int, int]],
    alt: str,
    is_inverted: bool,
    on_pick: Callable[[int, int], None],
) -> None:
    """Show an image whose pixels can be clicked.

    Args:
        image: (H, W) uint8.
        key: of the widget.
        ghost: pixels, as offsets (down, across) from the one below the pointer, that a click would turn around.
        alt: what the image shows.
        is_inverted: dark as bright.
        on_pick: called with the row and column of each click inside the image, before the page runs again; after several
            quick ones, several times.
    """
    height, width = image.shape
    COMPONENT(
        key=f"{key}-canvas",
        data={
            **_size(height, width),
            "mode": "pick",
            "heard": int(st.session_state.get(f"{key}-heard", 0)),
            "pixels": _encoded(image),
            "version": 0,
            "ghost": [list(offset) for offset in ghost],
            "inverted": is_inverted,
            "alt": f"{alt} Arrow keys move, Enter places.",
        },
        on_picked_change=lambda: _picked(key, height, width, on_pick),
    )


def _picked(key: str, height: int, width: int, on_pick: Callable[[int, int], None]) -> None:
    """Tell of each click once, in their order: the browser repeats them until it knows that they were heard."""
    picks = (st.session_state.get(f"{key}-canvas") or {}).get("picked")
    for pick in picks if isinstance(picks, list) else []:
        match pick:
            case [int(number), int(row), int(column)] if (
                number > st.session_state.get(f"{key}-heard", 0)
                and 0 <= row < height
                and 0 <= column < width
            ):
                st.session_state[f"{key}-heard"] = number
                on_pick(row, column)


def _size(height: int, width: int) -> dict[str, int]:
    return {
        "height": height,
        "width": width,
        "scale": max(1, round(SCREEN_PIXELS / max(height, width))),
    }


def _encoded(pixels: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()
