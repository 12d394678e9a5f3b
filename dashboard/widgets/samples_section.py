"""Samples: distinct images drawn at random or some of each class, and the first rows of a split."""

import streamlit as st

from core.datasets.samples import per_class, sample_grid
from core.datasets.statistics import first_rows
from dashboard import data
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.class_picker import class_picker
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.dataset_picker import LABEL_KEY, SEED_KEY
from dashboard.widgets.table import shown_table

DRAWS = {"random": "At random", "class": "Of each class"}
GRID_IMAGES, IMAGES_OF_A_CLASS = 32, 5
"""A grid of 4 by 8 to begin with, as in the reference study."""
NUMBERS = {"random": [8, 16, 32, 60, 120, 300, 600], "class": [1, 2, 5, 10, 20, 50, 100]}
ALL_SPLITS = "all splits"
LARGEST_SEED = 2**31


def samples_section(loaded: data.Loaded) -> None:
    """Show how to draw, the images drawn, and the first rows."""
    with st.container(horizontal=True, vertical_alignment="center"):
        draw = st.segmented_control(
            "Draw",
            list(DRAWS),
            format_func=lambda name: DRAWS[name],
            required=True,
            default="random",
            key="draw",
            bind="query-params",
            on_change=_from_first,
            label_visibility="collapsed",
        )
        split = split_picker(loaded)
        label = _class_picker(loaded) if draw == "random" else None
        number = st.selectbox(
            "How many",
            NUMBERS[draw],
            NUMBERS[draw].index(GRID_IMAGES if draw == "random" else IMAGES_OF_A_CLASS),
            format_func=lambda count: f"{count} images" if draw == "random" else f"{count} of each",
            key=f"number-{draw}",
            bind="query-params",
            on_change=_from_first,
            label_visibility="collapsed",
            width=140,
        )
        st.button(
            "Draw again",
            icon=":material/casino:",
            on_click=_draw_again,
            key="draw-again",
            help="Other images, drawn with the next seed; the link keeps it.",
        )
    seed = _number(st.query_params.get(SEED_KEY, "0"))
    if draw == "random":
        table = sample_grid(loaded.dataset, split, number, seed, label)
        what = "Drawn" if label is None else f"{loaded.dataset.space.class_names[label]}, drawn"
        title = f"{what} from {split} at random"
    else:
        table = per_class(loaded.dataset, split, number, seed)
        title = f"Up to {number} of each class, drawn from {split} at random"
    dataset_gallery(table, loaded, title, "samples")
    st.markdown(f"**First rows of {split}**")
    numbers = {"least_grey": "Least grey", "mean_grey": "Mean grey", "most_grey": "Most grey"}
    shown_table(
        first_rows(loaded.dataset, split),
        "first-rows",
        column_config={
            "split": None,
            "sample_id": "Sample",
            "label": "Label",
            "class_name": "Class",
            **{
                name: st.column_config.NumberColumn(
                    text, format="%.1f", help="Grey level, from 0 (black) to 255 (white)."
                )
                for name, text in numbers.items()
            },
        },
        alt=f"The first samples of {split} with their classes and grey levels.",
    )


def split_picker(loaded: data.Loaded) -> str:
    """Show the choice of a split that stands in the URL, and return it."""
    return _split_choice(_splits(loaded), "from")


def split_filter(loaded: data.Loaded) -> str | None:
    """Show the choice of a split, or of all, that stands in the URL; None means all of them."""
    chosen = _split_choice([ALL_SPLITS, *_splits(loaded)], "only")
    return None if chosen == ALL_SPLITS else chosen


def _splits(loaded: data.Loaded) -> list[str]:
    return [name for name, split in loaded.dataset.splits.items() if len(split)]


def _split_choice(options: list[str], key: str) -> str:
    return st.segmented_control(
        "Split",
        options,
        required=True,
        default=options[0],
        key=key,
        bind="query-params",
        on_change=_from_first,
        label_visibility="collapsed",
    )


def _class_picker(loaded: data.Loaded) -> int | None:
    asked = st.query_params.get(LABEL_KEY)
    label = _number(asked) if asked is not None else -1
    names = loaded.dataset.space.class_names
    return class_picker(names, label, "class-picker", 210, _from_first)


def _draw_again() -> None:
    _from_first()
    seed = _number(st.query_params.get(SEED_KEY, "0"))
    st.query_params[SEED_KEY] = str((seed + 1) % LARGEST_SEED)


def _from_first() -> None:
    st.session_state[PAGE_KEY] = 1
    if IMAGE_KEY in st.query_params:
        del st.query_params[IMAGE_KEY]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
