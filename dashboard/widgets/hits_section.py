"""How often: how many images each step hits and which, and what becomes of the grey levels."""

import numpy as np
import streamlit as st

from core.augmentations.preview import grey_change, hits
from core.charts.augmentation_hits import augmentation_hits as hits_chart
from core.charts.grey_change import grey_change as grey_chart
from dashboard.widgets.augmented import NUMBERS, Augmented, choose_images
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

NUM_SAMPLES = 100
GREY_HEIGHT = 300


def hits_section(look: Augmented) -> None:
    """Show both charts for the first images of an epoch, and the ways to the images behind the bars."""
    num_rows = min(NUM_SAMPLES, len(look.split) * look.applied.num_copies)
    table = hits(look.applied, look.loaded.dataset.image_shape, num_rows, look.seed, look.epoch)
    st.caption(
        f"The first {num_rows} rows of epoch {look.epoch} of {look.split_name}; every other hundred looks alike, "
        "but for chance."
    )
    figure(
        hits_chart(table),
        "augment-hits",
        alt=f"How many of {num_rows} images each step hits.",
        how_to_read=(
            "A step hits each image with its probability, whatever the others do. Counts are near the probability and not "
            "equal to it: they are drawn. The grey bars say how many images no step hits, and how many several hit."
        ),
        table=table,
    )
    shown = look.preview_of(range(num_rows))
    _doors(look, table["step"].tolist(), [decision.hit.numpy() for decision in shown.decisions])
    changes = grey_change(shown)
    figure(
        grey_chart(changes),
        "augment-grey",
        alt="Shares of the pixels at each grey level, before and after.",
        how_to_read=(
            "Which part of all pixels has which grey level, before and after. Steps that move whole pixels leave the bars as "
            "they are; noise and brightness spread them. Mind the axis: each line is ten times the one below."
        ),
        table=changes,
        height=GREY_HEIGHT,
    )


def _doors(look: Augmented, names: list[str], found: list[np.ndarray]) -> None:
    """Show a button for each bar, which leads to its images."""
    together = np.sum(found, axis=0) if found else np.zeros(0)
    if found:
        found = [*found, together == 0, together > 1]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("**Look at the images of**", width="content")
        for name, is_hit in zip(names, found, strict=False):
            ids = list(dict.fromkeys((np.flatnonzero(is_hit) // look.applied.num_copies).tolist()))
            st.button(
                escaped(name),
                key=f"door-{name}",
                disabled=not ids,
                on_click=_open,
                args=(ids,),
                help=f"Shows {min(len(ids), NUMBERS[-1])} of them before and after.",
            )


def _open(ids: list[int]) -> None:
    choose_images(",".join(map(str, ids[: NUMBERS[-1]])))
    st.session_state["view"] = "before-after"
