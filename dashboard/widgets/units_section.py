"""Units: which neurons of a layer are dead, and the images that each of the others answers to most."""

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.features import BODY
from core.analysis.kept import Kept
from core.analysis.subject import subject_of
from core.analysis.units import NO_IMAGE
from core.charts.style import percent, significant
from core.exceptions import CoreError
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.asked import layers
from dashboard.widgets.downloads import number_buttons
from dashboard.widgets.kept_result import kept_result
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards

SPLIT = "validation"
ROWS = 8
SIDE = 64
ORDERS = {"number": "By number", "often": "Most often active", "seldom": "Least often active"}
HOW_TO_READ = """
Each row is a unit of the layer: a neuron of a dense layer, or a channel of a feature map, which counts by its largest value
over the image. Shown are the validation images on which it is largest, the largest first. A row of images that have something
in common says what the unit answers to; a row without a theme is usual too. A unit that is above zero on *no* image is
**dead**: it does nothing, and where it follows a ReLU it learns nothing any more.
"""


def units_section(run: Run, key: str) -> None:
    """Show the units of a layer as rows of images, and how many of them are dead.

    Args:
        run: whose network.
        key: of the widget.
    """
    try:
        subject = subject_of(run)
        images = data.images(run, SPLIT)
        choices = {one.name: one for one in layers(run)}
    except CoreError as error:
        st.info(escaped(error), icon=":material/visibility_off:")
        return
    names = [name for name in choices if name != BODY] or [BODY]
    with st.container(horizontal=True, vertical_alignment="center"):
        layer = st.selectbox(
            "Layer",
            names,
            index=len(names) - 1,
            format_func=lambda one: choices[one].words if one in choices else one,
            key=f"{key}-layer-{run.id}",  # another network has other layers
            persist_state="session",
            label_visibility="collapsed",
            width=330,
        )
        order = st.segmented_control(
            "Order",
            list(ORDERS),
            format_func=lambda one: ORDERS[one],
            required=True,
            default="number",
            key=f"{key}-order",
            persist_state="session",
            label_visibility="collapsed",
        )
        with st.popover(
            "How to read this", type="tertiary", icon=":material/help:", key=f"{key}-how"
        ):
            st.markdown(HOW_TO_READ)
    found = kept_result(
        subject,
        "units",
        {"layer": layer, "split": SPLIT},
        "Units",
        f"Shows the network the {len(images):,} validation images: some seconds.",
        key,
    )
    if found is None:
        return
    active = np.asarray(found.arrays["share_active"])
    num_dead = int((active == 0).sum())
    what = "dead" if choices[layer].is_rectified else "never above zero"
    st.markdown(
        f"**{num_dead} of {len(active)} units are {what}**: above zero on none of the "
        f"{int(found.facts['num_images']):,} validation images."
    )
    _rows(found, images, _ordered(active, order), key)


def _ordered(active: np.ndarray, order: str) -> list[int]:
    if order == "number":
        return list(range(len(active)))
    sign = -1 if order == "often" else 1
    return np.argsort(sign * active, kind="stable").tolist()


def _rows(found: Kept, images: np.ndarray, order: list[int], key: str) -> None:
    ids, values = found.arrays["sample_ids"], found.arrays["values"]
    active = found.arrays["share_active"]
    num_pages = -(-len(order) // ROWS)
    page = st.pagination(num_pages, key=f"{key}-page") if num_pages > 1 else 1
    shown = order[(page - 1) * ROWS : page * ROWS]
    cards, wanted = [], []
    for unit in shown:
        pictures = []
        for sample, value in zip(ids[unit].tolist(), values[unit].tolist(), strict=True):
            if sample == NO_IMAGE:
                continue
            pictures.append(
                Picture(len(wanted), f"image {sample}, {significant(value)}", significant(value))
            )
            wanted.append(sample)
        says = f"active on {percent(float(active[unit]))}" if active[unit] > 0 else "dead"
        cards.append(Card(str(unit), f"Unit {unit}, {says}", pictures))
    # One picture at least, for a page of dead units.
    pixels = np.asarray(images[wanted or [0]])
    picture_cards(cards, pixels, f"{key}-units", side=SIDE, is_in_rows=True, title=130)
    table = pd.DataFrame(
        {
            "unit": np.arange(len(active)),
            "share_active": active,
            "strongest_image": ids[:, 0] if ids.shape[1] else NO_IMAGE,
            "strongest_value": values[:, 0] if values.shape[1] else 0.0,
        }
    )
    with st.container(horizontal=True):
        number_buttons(lambda: table, f"{key}-units", f"{key}-units")
