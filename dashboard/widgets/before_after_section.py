"""Before and after: images beside their pictures, with what was drawn for each and the label that came of it."""

import numpy as np
import streamlit as st

from core.augmentations.preview import Preview
from core.labels import LabelSpace
from dashboard.widgets.augmented import Augmented, choose_images
from dashboard.widgets.gallery import gallery_header
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards

CARDS_HEIGHT = 560
SIDES = {1: 256, 2: 192, 4: 160, 9: 96}
"""Most cards -> longest side of their pictures, in pixels of the screen."""
SMALLEST_SIDE = 64
CAPTION_WIDTH = 100
NOTHING_DRAWN = "as it is"


def before_after_section(look: Augmented) -> None:
    """Show the cards; a click on one leaves it alone on the page."""
    shown = look.preview()
    is_inverted = augmented_header(look)
    side = side_of(len(shown.rows))
    picture_cards(
        pair_cards(shown, look.space),
        np.concatenate([shown.before, shown.after]),
        "before-after",
        side=side,
        is_inverted=is_inverted,
        caption=CAPTION_WIDTH,
        height=CARDS_HEIGHT,
        on_pick=None if look.is_chosen and len(look.sample_ids) == 1 else _choose_card,
    )


def augmented_header(look: Augmented, first: str | None = None) -> bool:
    """Show which images they are, as a chip where they were named, and return whether they are to be inverted.

    Args:
        look: the images.
        first: what is said instead where only the first one is shown.
    """
    on_remove = (lambda: choose_images(None)) if look.is_chosen else None
    num_images = len(look.sample_ids) if first is None else 1
    return gallery_header(escaped(first or look.title), num_images, "augmented", on_remove)


def pair_cards(shown: Preview, space: LabelSpace) -> list[Card]:
    """Return a card of two pictures for each row: the images lie before all pictures."""
    cards = []
    changed = shown.is_changed
    for place, sample_id in enumerate(shown.sample_ids.tolist()):
        before = label_text(shown, place, space, "before")
        after = label_text(shown, place, space, "after")
        words = shown.texts(place)
        said = ", ".join(words) or NOTHING_DRAWN
        becomes = f"label becomes {after}" if changed[place] else f"label stays {after}"
        cards.append(
            Card(
                id=str(sample_id),
                title=f"#{sample_id}",
                pictures=(
                    Picture(place, f"sample {sample_id} before: {before}", before),
                    Picture(
                        len(shown.rows) + place,
                        f"after {said}: {becomes}",
                        after,
                        bool(changed[place]),
                    ),
                ),
                lines=words or [NOTHING_DRAWN],
            )
        )
    return cards


def label_text(shown: Preview, place: int, space: LabelSpace, which: str) -> str:
    """Return a label by name; where only the counts changed, the counts as well."""
    text = shown.label_text(place, space, "before" if which == "before" else "after")
    counts = shown.counts if which == "before" else shown.new_counts
    is_hidden = shown.is_changed[place] and shown.labels[place] == shown.new_labels[place]
    if counts is None or shown.shares is not None or not is_hidden:
        return text
    named = zip(counts[place].tolist(), space.count_names, strict=True)
    return f"{text} ({', '.join(f'{count} {name}' for count, name in named if count)})"


def side_of(num_cards: int) -> int:
    """Return the longest side of the pictures of so many cards, in pixels of the screen."""
    fitting = [side for most, side in SIDES.items() if num_cards <= most]
    return fitting[0] if fitting else SMALLEST_SIDE


def _choose_card(card: str) -> None:
    choose_images(card)
    st.session_state["images-text"] = card
