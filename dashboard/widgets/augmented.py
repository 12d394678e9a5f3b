"""What the page looks at: some images of a split, and a pipeline with seed and epoch; handed to all its views.

The images stand in the URL: at random or of a class with a seed, or by their sample ids.

from=test          the split; train without it
label=3            only images of this class
number=8           how many at random
draw=2             seed by which they are drawn
images=15,3        sample ids, in place of all that
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
import streamlit as st
from numpy.typing import NDArray

from core.augmentations.pipeline import AugmentationPipeline, Refusal
from core.augmentations.preview import Preview, preview
from core.datasets.base import Split
from core.datasets.samples import sample_grid
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from dashboard import data
from dashboard.widgets.class_picker import class_picker
from dashboard.widgets.dataset_picker import (
    IMAGES_KEY,
    LABEL_KEY,
    SEED_KEY,
    SETTINGS_KEY,
    of_chosen_last,
)
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY
from dashboard.widgets.markdown import escaped
from dashboard.widgets.pipeline_in_url import (
    EPOCH_KEY,
    LARGEST_SEED,
    STEP_KEY,
    number_in_url,
    without,
)
from dashboard.widgets.pipeline_in_url import URL_KEY as PIPELINE_KEY
from dashboard.widgets.samples_section import split_picker

DRAW_KEY = "draw_seed"
NUMBERS = (1, 2, 4, 8, 16, 32, 60)
FIRST_NUMBER = 16
MOST_ROWS_OF_ALL_COPIES = 8

_KEYS = (
    DATASET_KEY,
    SETTINGS_KEY,
    PIPELINE_KEY,
    STEP_KEY,
    SEED_KEY,
    EPOCH_KEY,
    LABEL_KEY,
    DRAW_KEY,
    IMAGES_KEY,
)
_KEPT = "augment-link"


@dataclass(frozen=True)
class Augmented:
    """Some images and what becomes of them.

    Attributes:
        loaded: the data set.
        split_name: of the images.
        sample_ids: (B,) in the split.
        title: what images they are, as plain text.
        is_chosen: whether they were named one by one.
        pipeline: as the user made it.
        refusals: what of it the data set does not allow.
        seed: of what is drawn.
        epoch: whose pictures are shown.
    """

    loaded: data.Loaded
    split_name: str
    sample_ids: Sequence[int]
    title: str
    is_chosen: bool
    pipeline: AugmentationPipeline
    refusals: list[Refusal]
    seed: int
    epoch: int

    @property
    def split(self) -> Split:
        """The images' split."""
        return self.loaded.dataset.split(self.split_name)

    @property
    def space(self) -> LabelSpace:
        """Classes and counts."""
        return self.loaded.dataset.space

    @cached_property
    def applied(self) -> AugmentationPipeline:
        """The pipeline without what is refused."""
        return without(self.pipeline, self.refusals)

    def preview(self) -> Preview:
        """Return the pictures of the images: one copy of each in turn, all copies of a few."""
        ids = np.asarray(self.sample_ids, dtype=np.int64)
        copies = self.applied.num_copies
        if len(ids) * copies <= MOST_ROWS_OF_ALL_COPIES:
            return self.preview_of((ids[:, None] * copies + np.arange(copies)).reshape(-1))
        return self.preview_of(ids * copies + np.arange(len(ids)) % copies)

    def preview_of(self, rows: Sequence[int] | NDArray[np.int64]) -> Preview:
        """Return some pictures of the epoch."""
        split = self.split
        return preview(
            self.applied,
            split.images,
            split.labels,
            split.counts,
            self.space,
            self.seed,
            self.epoch,
            rows,
        )


def restore_link() -> None:
    """Put back what the URL said when the page was left in this visit; a link that says anything goes before all of it.

    What it said of another data set than the one chosen last is left out.
    """
    now = {key: st.query_params[key] for key in _KEYS if key in st.query_params}
    if now:
        st.session_state[_KEPT] = orjson.dumps(now).decode()
    else:
        kept = orjson.loads(st.session_state.get(_KEPT, "{}"))
        st.query_params.update(of_chosen_last(kept))


def image_choice(loaded: data.Loaded) -> tuple[str, list[int], str, bool]:
    """Show how to choose images, and return split, sample ids, what they are, and whether they were named."""
    space = loaded.dataset.space
    asked = st.query_params.get(IMAGES_KEY)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        split = split_picker(loaded)
        label = _class_picker(space)
        number = st.selectbox(
            "How many",
            NUMBERS,
            NUMBERS.index(FIRST_NUMBER),
            format_func=lambda count: "1 image" if count == 1 else f"{count} images",
            key="number",
            bind="query-params",
            on_change=choose_images,
            args=(None,),
            label_visibility="collapsed",
            width=112,
        )
        st.button(
            "Others",
            icon=":material/casino:",
            on_click=_draw_again,
            key="draw-again",
            help="Other images, drawn with the next seed; the link keeps it.",
        )
        st.session_state["images-text"] = asked or ""
        st.text_input(
            "Sample ids",
            key="images-text",
            on_change=lambda: choose_images(st.session_state["images-text"]),
            placeholder="or by number",
            help="Numbers of samples of the split, such as 15, 3.",
            label_visibility="collapsed",
            width=108,
        )
    if asked:
        try:
            ids = sample_ids_of(asked, len(loaded.dataset.split(split)))
            what = "Sample" if len(ids) == 1 else "Samples"
            return split, ids, f"{what} {', '.join(map(str, ids))} of {split}", True
        except InvalidParameter as error:
            st.warning(
                f"{escaped(error)} These are drawn at random instead.", icon=":material/link_off:"
            )
    seed = number_in_url(DRAW_KEY, 0, 0, LARGEST_SEED)
    table = sample_grid(loaded.dataset, split, number, seed, label)
    what = "Drawn" if label is None else f"{space.class_names[label]}, drawn"
    return split, table["sample_id"].tolist(), f"{what} from {split} at random", False


def choose_images(text: str | None) -> None:
    """Put sample ids into the URL; None or nothing takes them out."""
    if text and text.strip():
        st.query_params[IMAGES_KEY] = text.strip()[:400]
    elif IMAGES_KEY in st.query_params:
        del st.query_params[IMAGES_KEY]


def sample_ids_of(text: str, num_samples: int) -> list[int]:
    """Return the sample ids that a text names, each once.

    Raises:
        InvalidParameter: one is no number of a sample, or there are too many.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 10]
    if not parts or len(numbers) < len(parts) or max(numbers) >= num_samples:
        raise InvalidParameter(
            f"images must be numbers from 0 to {num_samples - 1:,} with commas between them; got {text[:60]!r}."
        )
    if len(set(numbers)) > NUMBERS[-1]:
        raise InvalidParameter(f"images must name at most {NUMBERS[-1]}; got {len(set(numbers))}.")
    return list(dict.fromkeys(numbers))


def _class_picker(space: LabelSpace) -> int | None:
    names = space.class_names
    asked = number_in_url(LABEL_KEY, -1, 0, len(names) - 1)
    return class_picker(names, asked, "augment-class", 130, lambda: choose_images(None))


def _draw_again() -> None:
    choose_images(None)
    seed = number_in_url(DRAW_KEY, 0, 0, LARGEST_SEED)
    st.query_params[DRAW_KEY] = str((seed + 1) % LARGEST_SEED)
