"""What a data set refuses of a pipeline: the reason in words, the image that shows it, and what can be done about it."""

import numpy as np
import streamlit as st

from core.augmentations.base import Augmentation
from core.augmentations.pipeline import Refusal
from core.augmentations.symmetries import HorizontalFlip
from core.augmentations.unsafe import UnsafeExample, unsafe_example
from core.augmentations.zoom import Zoom
from core.exceptions import CoreError
from dashboard.widgets.augmented import Augmented
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.pipeline_editor import force, turn_off
from dashboard.widgets.pipeline_in_url import step_in_url

SIDE = 84
COPIES_VIEW, STRENGTH_VIEW = "copies", "strength"
"""Views that try fixed copies, and steps, whether they are refused or not."""


def refusals(look: Augmented, view: str) -> None:
    """Show one refusal with its example: of the step that is open, else the first; the others in a sentence.

    Args:
        look: the images and the pipeline.
        view: what is looked at below, which may show what is refused.
    """
    if not look.refusals:
        return
    opened = step_in_url(look.pipeline)
    of_opened = [one for one in look.refusals if one.step == (None if opened < 0 else opened)]
    shown = (of_opened or look.refusals)[0]
    example = _example(shown, look)
    with (
        st.container(border=True),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        if example is not None:
            with st.container(width=2 * SIDE + 40):
                picture_cards(
                    [
                        Card(
                            "refused",
                            "",
                            (Picture(0, "an image before"), Picture(1, example.sentence)),
                        )
                    ],
                    np.stack([example.before, example.after]),
                    "refused",
                    side=SIDE,
                )
        with st.container(width="stretch", gap="small"):
            st.markdown(f":material/block: {_words(shown, look, example)}")
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.button(
                    "Turn it off",
                    key="refused-off",
                    on_click=turn_off,
                    args=(look.pipeline, shown),
                )
                if shown.can_be_forced:
                    st.button(
                        "Apply all the same",
                        icon=":material/gpp_maybe:",
                        key="refused-force",
                        on_click=force,
                        args=(look.pipeline, shown),
                        help="The pipeline then says so, and every run that uses it.",
                    )
                others = len(look.refusals) - 1
                more = f"{others} more {'is' if others == 1 else 'are'} refused. " if others else ""
                below = (
                    "The pictures below show what it would do."
                    if view == (COPIES_VIEW if shown.step is None else STRENGTH_VIEW)
                    else "The pictures below leave it out."
                )
                st.caption(f"{more}{below}", width="content")


def _words(refusal: Refusal, look: Augmented, example: UnsafeExample | None) -> str:
    """Return what is refused and why, in Markdown; the example's sentence has the reason in it."""
    if example is None:
        return escaped(f"{refusal.message[:1].upper()}{refusal.message[1:]}")
    place = refusal.step
    what = (
        "Fixed copies are"
        if place is None
        else f"Step {place + 1} ({look.pipeline.steps[place].name}) is"
    )
    return f"**{escaped(what)} refused for this data set.** {escaped(example.sentence)}"


def _example(refusal: Refusal, look: Augmented) -> UnsafeExample | None:
    if not refusal.can_be_forced or not look.sample_ids:
        return None
    sample_id, split = look.sample_ids[0], look.split
    try:
        return unsafe_example(
            _step(refusal, look),
            np.asarray(split.images[sample_id]),
            int(split.labels[sample_id]),
            None if split.counts is None else split.counts[sample_id],
            look.space,
            look.seed,
        )
    except CoreError:
        return None  # the step does not fit the images, which the refusals say


def _step(refusal: Refusal, look: Augmented) -> Augmentation:
    """Return the step that is refused; of the fixed copies the part."""
    if refusal.step is not None:
        return look.pipeline.steps[refusal.step]
    expansion = look.pipeline.expansion
    is_flip = "horizontal_flip" in look.space.rules.unsafe
    has_flip = expansion is not None and "horizontal_flip" in expansion.effects
    return HorizontalFlip() if is_flip and has_flip else Zoom(k=expansion.k if expansion else 2)
