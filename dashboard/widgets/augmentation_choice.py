"""Which augmentation the runs get: each variant's own, a preset or a saved one, with a look at what it does.

Building one is the page Augment's; here is only the choice.
"""

from functools import lru_cache

import numpy as np
import orjson
import streamlit as st

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.preview import preview
from core.datasets.sheet import reduced, sheet
from core.differences import pipeline_words
from core.exceptions import CoreError
from core.pipelines import pipeline_named, pipeline_names
from dashboard import data
from dashboard.widgets.dataset_picker import SETTINGS_KEY
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY
from dashboard.widgets.markdown import escaped
from dashboard.widgets.pipeline_in_url import URL_KEY as PIPELINE_KEY
from dashboard.widgets.pipeline_in_url import compact, name_of
from dashboard.widgets.train_link import AUGMENTATION, said, say
from dashboard.widgets.variant_choice import Choice

SHOWN = 5
MOST_PIXELS = 56
"""Longest side of an image in the preview; larger ones are made smaller by a whole factor."""

_HANDED_ON = (DATASET_KEY, SETTINGS_KEY)

OWN = ""
"""The choice of each variant's own augmentation."""


def augmentation_choice(
    choice: Choice, loaded: data.Loaded, key: str
) -> AugmentationPipeline | None:
    """Show the choice and return what all runs get, None for each its own; it stands in the URL.

    Args:
        choice: at least one config, each with its own augmentation.
        loaded: the data set.
        key: of the widget.
    """
    root, own, configs = data.store().root, choice.own, choice.configs
    names, asked = pipeline_names(root), said(AUGMENTATION) or OWN
    pipeline = None
    if asked != OWN:
        try:
            pipeline = pipeline_named(asked, root)
        except CoreError as error:
            st.warning(
                f"The augmentation in the link cannot be used: {escaped(error)} It is {own} own here.",
                icon=":material/link_off:",
            )
            asked = OWN
    select, pictures, words = st.columns([6, 8, 4], gap="small", vertical_alignment="center")
    st.session_state[f"{key}-name"] = asked
    select.selectbox(
        "Augmentation",
        [OWN, *names],
        format_func=lambda name: f"{own[0].upper()}{own[1:]} own" if name == OWN else name,
        key=f"{key}-name",
        on_change=lambda: say(AUGMENTATION, st.session_state[f"{key}-name"] or None),
        help="What is done to the training images at random. Presets, and what was saved on the page Augment.",
    )
    # Several variants may have several of their own; the first is shown.
    shown = pipeline or configs[0].augmentation
    with words:
        each = {_text(config.augmentation) for config in configs}
        is_one = pipeline is not None or len(each) == 1
        first = "the first leaves images as they are" if shown.is_identity else "the first is shown"
        _said(shown, asked, None if is_one else f"{len(each)} different ones; {first}.")
    refusals = shown.refusals(loaded.dataset.image_shape, loaded.dataset.space)
    if not refusals and not shown.is_identity:
        picture, scale = _picture(loaded.fingerprint, orjson.dumps(loaded.settings), _text(shown))
        pictures.image(
            picture,
            width=scale,
            alt=f"{SHOWN} training images, above as they are and below as the first epoch sees them.",
        )
    return pipeline


def _said(shown: AugmentationPipeline, asked: str, note: str | None) -> None:
    words = "images stay as they are" if shown.is_identity else pipeline_words(shown.to_json())
    st.caption(escaped(note or f"{words[0].upper()}{words[1:]}."))
    query = {name: st.query_params[name] for name in _HANDED_ON if name in st.query_params}
    query[PIPELINE_KEY] = asked or name_of(shown) or compact(shown)
    st.page_link(
        "views/augment.py",
        label="Look closer",
        icon=":material/auto_awesome_motion:",
        query_params=query,
        help="Opens the page Augment with it: every number drawn, and a pipeline of your own.",
    )


def _text(pipeline: AugmentationPipeline) -> bytes:
    return orjson.dumps(pipeline.to_json())


@lru_cache(maxsize=64)
def _picture(_fingerprint: str, settings: bytes, pipeline: bytes) -> tuple[bytes, int]:
    """Return a PNG of some images before and after, and its width on the screen in pixels."""
    dataset = data.loaded(orjson.loads(settings)).dataset
    train, wanted = dataset.split("train"), AugmentationPipeline.checked(orjson.loads(pipeline))
    number = min(SHOWN, len(train))
    # Spread over the split: the first images of a folder are often of one class. Of an image with fixed copies another one each.
    samples = np.linspace(0, len(train) - 1, number).astype(np.int64)
    rows = samples * wanted.num_copies + np.arange(number) % wanted.num_copies
    found = preview(wanted, train.images, train.labels, train.counts, dataset.space, 0, 1, rows)
    both = np.concatenate([found.before, found.after])
    factor = -(-max(both.shape[2:]) // MOST_PIXELS)
    small = reduced(both, min(factor, *both.shape[2:]))
    scale = max(1, MOST_PIXELS // max(small.shape[2:]))
    # A dark line between the images, so that they can be told apart.
    framed = np.pad(small, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=96)
    return sheet(framed, columns=number, scale=scale), number * framed.shape[3] * scale
