"""Strength: one image as each step alone changes it, from weakest to strongest."""

from typing import Any

import numpy as np
import streamlit as st

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Augmentation, Mixing
from core.augmentations.strength import Strip, strength_strip
from core.exceptions import CoreError
from dashboard.widgets.augmented import Augmented
from dashboard.widgets.before_after_section import CARDS_HEIGHT, augmented_header
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.pipeline_editor import words_of

NUM_STRENGTHS = 8
SIDE, CAPTION_WIDTH, TITLE_WIDTH = 64, 62, 104
WHICH = {"own": "Steps of the pipeline", "all": "All steps there are"}


def strength_section(look: Augmented) -> None:
    """Show a row of pictures for each step."""
    which = st.segmented_control(
        "Steps",
        list(WHICH),
        format_func=lambda name: WHICH[name],
        required=True,
        default="own" if look.pipeline.steps else "all",
        key="strengths",
        bind="query-params",
        label_visibility="collapsed",
    )
    steps: list[Augmentation] = (
        list(look.pipeline.steps)
        if which == "own"
        else [kind.checked({"name": name}) for name, kind in AUGMENTATIONS.items()]
    )
    if not steps:
        st.info("The pipeline has no steps. Add one at the left.", icon=":material/add:")
        return
    sample_id = look.sample_ids[0]
    name = look.space.class_names[look.split.labels[sample_id]]
    is_inverted = augmented_header(look, f"Sample {sample_id} of {look.split_name}, {name}")
    cards: list[Card] = []
    pictures: list[Any] = []
    for position, step in enumerate(steps):
        title = words_of(step.name)
        try:
            strip = _strip(step, look)
        except CoreError as error:
            cards.append(Card(f"{position}", title, (), [str(error)]))
            continue
        cards.append(_card(f"{position}", title, strip, look, sum(map(len, pictures))))
        pictures.append(strip.images)
    number = len(look.sample_ids)
    first = f"The first of the {number} images. " if number > 1 else ""
    st.caption(
        f"{first}Each step works alone and for certain, with the same draws at every strength."
    )
    images = np.concatenate([look.split.images[look.sample_ids[:1]], *pictures])
    picture_cards(
        cards,
        images,
        "strength",
        side=SIDE,
        is_inverted=is_inverted,
        is_in_rows=True,
        caption=CAPTION_WIDTH,
        title=TITLE_WIDTH,
        height=CARDS_HEIGHT,
    )


def _strip(step: Augmentation, look: Augmented) -> Strip:
    split, sample_id = look.split, look.sample_ids[0]
    partner = None
    if isinstance(step, Mixing):
        other = look.sample_ids[1] if len(look.sample_ids) > 1 else (sample_id + 1) % len(split)
        partner = (np.asarray(split.images[other]), int(split.labels[other]))
    return strength_strip(
        step,
        np.asarray(split.images[sample_id]),
        int(split.labels[sample_id]),
        None if split.counts is None else split.counts[sample_id],
        look.space,
        num=NUM_STRENGTHS,
        seed=look.seed,
        partner=partner,
    )


def _card(card_id: str, title: str, strip: Strip, look: Augmented, first: int) -> Card:
    names = look.space.class_names
    label = int(look.split.labels[look.sample_ids[0]])
    setting = "" if strip.setting is None else strip.setting.replace("_", " ")
    # "Shift: pixels", not "Shift: pixels pixels".
    unit = f" {strip.unit}" if strip.unit and strip.unit != setting else ""
    shown = []
    for place, caption in enumerate(strip.captions):
        new = int(strip.labels[place])
        # Below the pictures the numbers alone: the setting stands once, in the row's title.
        short = f"{strip.values[place]:.3g}" if strip.values else caption
        said = f"{short}: {names[new]}" if new != label else short
        alt = f"{title}, {caption}: {names[new]}"
        # The first picture of all is the image itself, which is there without any step too.
        shown.append(Picture(1 + first + place, alt, said, new != label))
    lines = [strip.note] if strip.note else []
    return Card(card_id, f"{title}: {setting}{unit}" if setting else title, shown, lines)
