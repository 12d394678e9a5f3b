"""Pipelines by name: starting from one, the JSON to copy, paste, save, load and delete, and going on to training."""

from collections.abc import Callable

import orjson
import streamlit as st

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.exceptions import CoreError
from core.jobs import permissions
from core.pipelines import KIND, pipeline_named, pipeline_names
from core.runs import saved
from dashboard import data
from dashboard.widgets.dataset_picker import SETTINGS_KEY
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY
from dashboard.widgets.markdown import escaped
from dashboard.widgets.pipeline_in_url import (
    STEP_KEY,
    URL_KEY,
    keep,
    name_of,
    parsed,
    put_pipeline,
    saved_name,
)

TRAIN_KEY = "augmentation"
"""Under which the page Train finds the name of the pipeline, in its URL."""
CHANGED = ""
LARGEST_PASTE = 100_000
PROBLEM = "pipeline-problem"


def pipeline_picker(pipeline: AugmentationPipeline) -> None:
    """Show the choice of a pipeline to start from: presets and saved ones; a changed one is called so."""
    root = data.store().root
    name = name_of(pipeline)
    names = list(pipeline_names(root))
    st.session_state["start-from"] = name or CHANGED
    known = [*names, CHANGED] if name is None else names

    def shown(one: str) -> str:
        if one == CHANGED:
            return "steps of your own"
        return one if one in PRESETS else f"{one} (saved)"

    def start() -> None:
        chosen = st.session_state["start-from"]
        if chosen != CHANGED:
            # A saved one that is damaged is said to be so where the link is read.
            st.query_params.update({URL_KEY: chosen, STEP_KEY: "1"})

    st.selectbox(
        "Start from",
        known,
        format_func=shown,
        key="start-from",
        on_change=start,
        help=escaped(PRESETS[name].description) if name in PRESETS else None,
        label_visibility="collapsed",
        width=200,
    )


def pipeline_json(pipeline: AugmentationPipeline, key: str) -> None:
    """Show the pipeline as JSON, and what can be done with it."""
    root = data.store().root
    # Another pipeline closes it, so that what came of it can be seen.
    opened = f"{key}-{st.query_params.get(URL_KEY)}"
    with st.popover("Save, load, JSON", icon=":material/data_object:", key=opened):
        problem = st.session_state.pop(PROBLEM, None)
        if problem:
            st.error(escaped(problem), icon=":material/error:")
        st.session_state.setdefault(f"{key}-name", "")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Save under a name", key=f"{key}-name", max_chars=40)
            st.button(
                "Save", key=f"{key}-save", on_click=_try, args=(lambda: _save(pipeline, key),)
            )
        kept = [one.name for one in saved.saved(root, KIND)]
        if kept:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                chosen = st.selectbox("Saved pipelines", kept, key=f"{key}-kept")
                st.button(
                    "Load",
                    key=f"{key}-load",
                    on_click=_try,
                    args=(lambda: put_pipeline(pipeline_named(chosen, root), 0),),
                )
                st.button(
                    "Delete",
                    icon=":material/delete:",
                    key=f"{key}-delete",
                    on_click=_try,
                    args=(lambda: _remove(chosen, pipeline),),
                )
        for sentence in saved.unreadable(root, KIND):
            st.caption(f":material/warning: {escaped(sentence)}")
        st.markdown("**As JSON**")
        text = orjson.dumps(pipeline.to_json(), option=orjson.OPT_INDENT_2).decode()
        st.code(text, language="json", height=200)
        st.text_area("Paste JSON", key=f"{key}-pasted", height=90, placeholder='{"steps": [...]}')
        st.button("Use it", key=f"{key}-use", on_click=_try, args=(lambda: _paste(key),))


def train_button(pipeline: AugmentationPipeline, dataset: str) -> None:
    """Show the way to the page Train with this pipeline; one without a name is saved first."""
    if st.button(
        "Use in Train",
        type="primary",
        icon=":material/model_training:",
        key="use-in-train",
        help="Goes on to the page Train with this pipeline; without a name it is saved first.",
    ):
        name = saved_name(pipeline)
        st.session_state[TRAIN_KEY] = name
        link = {DATASET_KEY: dataset, TRAIN_KEY: name}
        if SETTINGS_KEY in st.query_params:
            link[SETTINGS_KEY] = st.query_params[SETTINGS_KEY]
        st.switch_page("views/train.py", query_params=link)


def _save(pipeline: AugmentationPipeline, key: str) -> None:
    keep(st.session_state[f"{key}-name"], pipeline)
    st.session_state[f"{key}-name"] = ""
    put_pipeline(pipeline)


def _remove(name: str, pipeline: AugmentationPipeline) -> None:
    root = data.store().root
    permissions.require_to_save(root, KIND, name, data.person().name)
    saved.remove(root, KIND, name)
    # The link may have named it.
    put_pipeline(pipeline)


def _paste(key: str) -> None:
    text = st.session_state[f"{key}-pasted"] or ""
    if not text.lstrip().startswith("{"):
        raise CoreError("A pipeline's JSON begins with {. Copy one from above to see its form.")
    put_pipeline(parsed(text[:LARGEST_PASTE]), 0)
    st.session_state[f"{key}-pasted"] = ""


def _try(change: Callable[[], None]) -> None:
    """Do what a button asks for; why it cannot be done is shown in the popover."""
    try:
        change()
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
    except OSError as error:
        st.session_state[PROBLEM] = f"The runs folder cannot be written: {error.strerror}."
