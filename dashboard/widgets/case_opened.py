"""One image opened: large, with its label, and what is known of it: votes, augmented views, saliency, neighbours, history, note.

What is looked at stands in the URL as about=history.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.style import percent, significant
from core.datasets.sheet import reduced, sheet
from core.evaluation.samples import NO_PREDICTION_NAME
from core.exceptions import CoreError
from dashboard import data
from dashboard.widgets.case_augmented import case_augmented
from dashboard.widgets.case_chips import MARGIN
from dashboard.widgets.case_choice import Look
from dashboard.widgets.case_history import case_history
from dashboard.widgets.case_notes import note_form, note_line
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.case_votes import case_votes
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped
from dashboard.widgets.neighbours_section import neighbours_section
from dashboard.widgets.saliency_section import saliency_section

SIDE = 200
"""Longest side of the large image, in pixels of the screen; met by a whole multiple, at least 1, of its own pixels."""
ABOUT = "about"
_SECTIONS: dict[str, tuple[str, Callable[[Look, int], None]]] = {
    "votes": ("Votes", case_votes),
    "augmented": ("Augmented", case_augmented),
    "saliency": (
        "Saliency",
        lambda look, sample_id: saliency_section(look.lead, look.split, sample_id, "case-saliency"),
    ),
    "neighbours": (
        "Neighbours",
        lambda look, sample_id: neighbours_section(
            look.lead, look.split, sample_id, "case-neighbours"
        ),
    ),
    "history": ("History", case_history),
    "note": ("Note", note_form),
}


def opened_image(look: Look, sample_id: int | None, is_inverted: bool) -> None:
    """Show one image and all that is known of it; nothing where none is open."""
    if sample_id is None:
        return
    rows = look.cases.table[look.cases.table["sample_id"] == sample_id]
    picture, facts = st.columns([SIDE + 8, 280], gap="small")
    with picture:
        _large(look, sample_id, is_inverted)
    with facts:
        _facts(look, rows)
    words = {name: words for name, (words, _) in _SECTIONS.items()}
    about = case_switch(ABOUT, words, "About this image")
    with st.container(key=f"case-about-{about}"), errors_shown(with_links=False):
        _SECTIONS[about][1](look, sample_id)


def _large(look: Look, sample_id: int, is_inverted: bool) -> None:
    try:
        images = data.images(look.lead, look.split)
    except CoreError:
        st.info("The image is absent.", icon=":material/image_not_supported:")
        return
    if not 0 <= sample_id < len(images):
        st.info("The data set has no such image any more.", icon=":material/image_not_supported:")
        return
    one = images[sample_id : sample_id + 1]
    longest = max(one.shape[2:])
    factor = -(-longest // SIDE)
    small = reduced(one, factor)
    shown = np.uint8(255) - small if is_inverted else small
    large = sheet(shown, 1, max(1, SIDE // max(shown.shape[2:])))
    st.image(large, width="content", alt=f"Image {sample_id} of {look.split}, enlarged.")


def _facts(look: Look, rows: pd.DataFrame) -> None:
    row = rows.iloc[0]
    mark = ":green[✓]" if row["is_right"] else ":red[✕]"
    said = escaped(row["predicted_name"])
    if row["predicted_name"] != NO_PREDICTION_NAME:
        said += f", {percent(row['confidence'])}"
    lines = [
        f"**#{int(row['sample_id'])}** of {look.split}",
        f"true **{escaped(row['true_name'])}**",
        f"{mark} says **{said}**",
        f"loss {significant(row['loss'])} nats, margin {row['margin']:.2f}",
    ]
    if not np.isnan(row["count_error"]):
        lines.append(f"counts off by {row['count_error']:.2f} figures in all")
    lines.append(_agreement(look, rows))
    st.markdown(
        "  \n".join(lines),
        help=f"**Loss**: minus the logarithm of the true class's probability. **Margin**: {MARGIN}",
    )
    note_line(look, int(row["sample_id"]))


def _agreement(look: Look, rows: pd.DataFrame) -> str:
    num_runs = len(look.cases.runs)
    if num_runs < 2:
        return "no other run to compare with"
    place = int(rows.index[0])
    answers = [int(one.predicted[place]) for one in look.cases.runs.values()]
    names = (*look.space.class_names, NO_PREDICTION_NAME)
    labels, counts = np.unique(answers, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    parts = [f"{escaped(names[labels[at]])} ({counts[at]})" for at in order[:3]]
    if len(order) == 1:
        return f"all {num_runs} runs say {escaped(names[labels[0]])}"
    others = len(order) - 3
    rest = f" and {others} other answer{'s' * (others > 1)}" if others > 0 else ""
    return f"{num_runs} runs say {', '.join(parts)}{rest}"
