"""Copies: the fixed copies of some images, with the pipeline's k or another one to try."""

import streamlit as st

from core.augmentations.expansion import FixedExpansion
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.preview import expansion_view
from core.augmentations.zoom import MOST_PIXELS
from core.exceptions import CoreError
from dashboard.widgets.augmented import Augmented
from dashboard.widgets.before_after_section import CARDS_HEIGHT, augmented_header
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.pipeline_in_url import put_pipeline

SIDE, CAPTION_WIDTH = 96, 100
MOST_IMAGES = 16


def copies_section(look: Augmented) -> None:
    """Show a row of copies for each image."""
    own = look.pipeline.expansion
    largest = max(1, min(MOST_PIXELS, (min(look.loaded.dataset.image_shape[1:]) - 2) // 2))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        k = st.slider(
            "k: pixels cropped on each side in zoomed copies",
            1,
            largest,
            min((own or FixedExpansion()).k, largest),
            key="k",
            bind="query-params",
            width=320,
        )
        if own is None or own.k != k:
            st.button(
                f"Train with k = {k}",
                icon=":material/check:",
                key="use-k",
                on_click=_use,
                args=(look.pipeline, k),
                help="Puts fixed copies with this k into the pipeline.",
            )
    with errors_shown(with_links=False):
        ids = list(look.sample_ids[:MOST_IMAGES])
        shown = expansion_view(
            look.pipeline, look.split.images, look.split.labels, look.space, ids, k
        )
        is_inverted = augmented_header(look)
        st.caption(
            f":material/info: {escaped(shown.note)} Nothing is drawn: every copy is seen in every epoch."
        )
        num_copies = len(shown.columns)
        cards = []
        for place, sample_id in enumerate(ids):
            label = int(look.split.labels[sample_id])
            pictures = []
            for copy, kind in enumerate(shown.columns):
                new = int(shown.labels[place, copy])
                name = look.space.class_names[new]
                alt = f"sample {sample_id}, {kind}: {name}"
                said = kind if new == label else f"{kind}: {name}"
                pictures.append(Picture(place * num_copies + copy, alt, said, new != label))
            lines = [look.space.class_names[label]]
            cards.append(Card(str(sample_id), f"#{sample_id}", pictures, lines))
        picture_cards(
            cards,
            shown.images.reshape(-1, *shown.images.shape[2:]),
            "copies",
            side=SIDE,
            is_inverted=is_inverted,
            is_in_rows=True,
            caption=CAPTION_WIDTH,
            height=CARDS_HEIGHT,
        )


def _use(pipeline: AugmentationPipeline, k: int) -> None:
    expansion = (pipeline.expansion or FixedExpansion()).model_dump() | {"k": k}
    try:
        put_pipeline(
            AugmentationPipeline.checked({**pipeline.to_json(), "expansion": expansion}), -1
        )
    except CoreError as error:
        st.toast(escaped(error), icon=":material/error:")
