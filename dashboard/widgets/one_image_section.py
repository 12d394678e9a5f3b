"""One image, uploaded or drawn: as the network sees it, and what the chosen runs answer."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.decode import ENDINGS, LARGEST_FILE, UnreadableImage
from core.datasets.likeness import Likeness, differences
from core.datasets.unlabelled import image_of_file
from core.runs.run import Run
from dashboard import predict_data
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.pixel_canvas import clear_drawing, drawn_image
from dashboard.widgets.run_answers import run_answers

SOURCES = {"draw": "Draw", "upload": "Upload"}
SIDE = 196


def one_image_section(runs: Sequence[Run], key: str) -> None:
    """Show the choice of the image, the image as the network sees it, and the answers.

    Args:
        runs: of one data set.
        key: of the widgets.
    """
    shape = predict_data.image_shape(runs[0])
    left, right = st.columns([4, 6], gap="medium")
    with left:
        source = st.segmented_control(
            "Image",
            list(SOURCES),
            format_func=lambda name: SOURCES[name],
            required=True,
            default="draw",
            key="source",
            bind="query-params",
            label_visibility="collapsed",
        )
        found = _drawn(shape, key) if source == "draw" else _uploaded(shape, key)
    with right:
        if found is None:
            st.info(
                "Draw in the square, and the runs say at once what it is."
                if source == "draw"
                else "Choose an image file.",
                icon=":material/draw:" if source == "draw" else ":material/image:",
            )
            return
        image, original_shape = found
        is_inverted = st.toggle(
            "Exchange dark and bright",
            key=f"{key}-invert",
            help="For pictures of dark on white where training had bright on black.",
        )
        image = 255 - image if is_inverted else image
        training = predict_data.training_likeness(runs[0])
        if training is not None:
            for sentence in differences(Likeness.of(image[None], original_shape), training):
                st.warning(escaped(sentence), icon=":material/compare:")
        if source == "upload":
            channels, height, width = shape
            words = f"{width}x{height} pixels, {'grey' if channels == 1 else 'in colour'}"
            st.markdown(f"**As the network sees it**: {words}")
            cards = [Card("image", "", [Picture(0, "The image as the network sees it.")])]
            picture_cards(cards, image[None], key, side=SIDE)
        run_answers(runs, image, key)


Found = tuple[NDArray[np.uint8], tuple[int, int, int]]


def _drawn(shape: tuple[int, int, int], key: str) -> Found | None:
    channels, height, width = shape
    tool = st.container(horizontal=True, vertical_alignment="center")
    is_eraser = tool.toggle("Eraser", key=f"{key}-eraser")
    tool.button(
        "Clear",
        icon=":material/delete_sweep:",
        key=f"{key}-drawing-clear",
        on_click=clear_drawing,
        args=(f"{key}-drawing",),
    )
    pixels = drawn_image(height, width, f"{key}-drawing", is_eraser=is_eraser)
    if pixels is None:
        return None
    return np.repeat(pixels[None], channels, axis=0), shape


def _uploaded(shape: tuple[int, int, int], key: str) -> Found | None:
    if closed := why_not("import_data"):
        st.info(escaped(closed), icon=":material/lock:")
        return None
    file = st.file_uploader(
        "Image file",
        [ending.removeprefix(".") for ending in ENDINGS],
        key=f"{key}-file",
        max_upload_size=LARGEST_FILE >> 20,
    )
    if file is None:
        return None
    try:
        return image_of_file(file.getvalue(), shape)
    except UnreadableImage as error:
        st.error(f"{escaped(file.name)} {escaped(error)}.", icon=":material/broken_image:")
        return None
