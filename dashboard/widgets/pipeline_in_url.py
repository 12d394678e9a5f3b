"""The pipeline that the page is about, with seed and epoch; all of it stands in the URL, so that a copied link shows the same.

pipeline=fashion-recipe                  a preset, or one saved under this name
pipeline={"steps":[{"name":"blur"}]}     any other, without the settings that have their defaults
step=2                                   the step whose settings are shown, from 1; 0 for the fixed copies
seed=3, epoch=2                          of what is drawn

It leaves out how a pipeline is shown and changed (`pipeline_editor`).
"""

import hashlib
from typing import Any

import orjson
import streamlit as st

from core.augmentations.pipeline import AugmentationPipeline, Refusal
from core.augmentations.presets import PRESETS
from core.exceptions import CoreError
from core.jobs import permissions
from core.pipelines import KIND, pipeline_named, pipeline_names, save_pipeline
from dashboard import data
from dashboard.widgets.dataset_picker import SEED_KEY
from dashboard.widgets.markdown import escaped

URL_KEY = "pipeline"
STEP_KEY = "step"
EPOCH_KEY = "epoch"
LONGEST_TEXT = 3_000
"""Characters of JSON that a link may hold; servers and mail programs cut longer ones."""
UNCHANGED = "none"
"""Name of the preset that leaves images as they are."""
LARGEST_SEED = 2**31 - 1
LARGEST_EPOCH = 1_000
"""As many epochs as a run may have."""


def pipeline_in_url(loaded: data.Loaded) -> AugmentationPipeline:
    """Return the pipeline of the URL; without one the `first_choice`, one in error is said so."""
    text = st.query_params.get(URL_KEY)
    if text is None:
        return pipeline_named(first_choice(loaded), data.store().root)
    try:
        return parsed(text)
    except CoreError as error:
        st.warning(
            f"The pipeline in the link cannot be used: {escaped(error)} Images stay as they are.",
            icon=":material/link_off:",
        )
        return AugmentationPipeline()


def parsed(text: str) -> AugmentationPipeline:
    """Return the pipeline that a name or JSON stands for.

    Raises:
        CoreError: no pipeline is called that, or the JSON is none or breaks a rule; the message says which.
    """
    if not text.lstrip().startswith("{"):
        return pipeline_named(text, data.store().root)
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CoreError(f"It is no JSON: {error}.") from None
    return AugmentationPipeline.checked(values)


def first_choice(loaded: data.Loaded) -> str:
    """Return the last preset that the data set allows: recipes stand last, and images as they are always go.

    Where nobody declared what flips and turns do to its labels, nothing is suggested that might make them untrue.
    """
    shape, space = loaded.dataset.image_shape, loaded.dataset.space
    if not space.rules.is_declared:
        return UNCHANGED
    allowed = [
        name for name, preset in PRESETS.items() if not preset.pipeline.refusals(shape, space)
    ]
    return allowed[-1]


def name_of(pipeline: AugmentationPipeline) -> str | None:
    """Return the name of an equal preset, or under which an equal one is saved; None where there is none."""
    root = data.store().root
    for name in pipeline_names(root):
        try:
            # What begins like JSON could not be told from it in a link.
            if pipeline_named(name, root) == pipeline and not name.startswith("{"):
                return name
        except CoreError:
            continue  # damaged: whoever asks for it is told so
    return None


def compact(pipeline: AugmentationPipeline) -> str:
    """Return a pipeline as short JSON, without the settings that have their defaults."""
    values: dict[str, Any] = {"schema_version": pipeline.schema_version}
    if pipeline.expansion is not None:
        values["expansion"] = pipeline.expansion.model_dump(mode="json", exclude_defaults=True)
    if pipeline.steps:
        values["steps"] = [
            {"name": step.name, **step.model_dump(mode="json", exclude_defaults=True)}
            for step in pipeline.steps
        ]
    return orjson.dumps(values).decode()


def put_pipeline(pipeline: AugmentationPipeline, step: int | None = None) -> None:
    """Put a pipeline into the URL; one too long for a link is saved, and its name put there.

    Where that fails, it is said so and the pipeline before stays.

    Args:
        pipeline: what to put there.
        step: position from 0 of the step to show, -1 for the fixed copies; None leaves that.
    """
    text = name_of(pipeline) or compact(pipeline)
    if len(text) > LONGEST_TEXT:
        try:
            text = saved_name(pipeline)
        except CoreError as error:
            st.toast(f"Too long for a link. {escaped(error)}", icon=":material/error:")
            return
        st.toast(f"Too long for a link, so it was saved as {escaped(text)}.", duration="long")
    # At once: each call is a step of the browser's way back.
    st.query_params.update({URL_KEY: text} | ({} if step is None else {STEP_KEY: str(step + 1)}))


def saved_name(pipeline: AugmentationPipeline) -> str:
    """Return the name of a pipeline; one that has none is saved under a name made of what it does.

    Raises:
        CoreError: the runs folder cannot be written.
    """
    name = name_of(pipeline)
    if name is not None:
        return name
    digest = hashlib.sha256(compact(pipeline).encode()).hexdigest()[:8]
    return keep(f"pipeline-{digest}", pipeline)


def keep(name: str, pipeline: AugmentationPipeline) -> str:
    """Save a pipeline under a name, in place of what was there, and return the name as it is kept.

    Raises:
        CoreError: the name breaks its rule, or the runs folder cannot be written.
    """
    try:
        root, by = data.store().root, data.person().name
        permissions.require_to_save(root, KIND, name, by)
        return save_pipeline(root, name, pipeline, by)
    except OSError as error:
        raise CoreError(f"The runs folder cannot be written: {error.strerror}.") from None


def step_in_url(pipeline: AugmentationPipeline) -> int:
    """Return the position of the step to show, -1 for the fixed copies; the first one if the URL names none."""
    asked = number_in_url(STEP_KEY, 1, 0, 99) - 1
    return min(asked, len(pipeline.steps) - 1)


def put_step(position: int) -> None:
    """Put the step to show into the URL."""
    st.query_params[STEP_KEY] = str(position + 1)


def seed_in_url() -> int:
    """Return the seed of what is drawn."""
    return number_in_url(SEED_KEY, 0, 0, LARGEST_SEED)


def epoch_in_url() -> int:
    """Return the epoch whose pictures are shown."""
    return number_in_url(EPOCH_KEY, 1, 1, LARGEST_EPOCH)


def number_in_url(key: str, default: int, least: int, most: int) -> int:
    """Return a whole number of the URL; one that breaks its rule is said so, and the default taken."""
    text = st.query_params.get(key)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most:
        return int(text)
    st.warning(
        f"The link's {key} must be a whole number in [{least}, {most}]; got {escaped(text[:20])}. "
        f"It is {default} here.",
        icon=":material/link_off:",
    )
    return default


def without(pipeline: AugmentationPipeline, refusals: list[Refusal]) -> AugmentationPipeline:
    """Return a pipeline with what is refused turned off, and the numbers of all else drawn as before."""
    off = {refusal.step for refusal in refusals}
    steps = tuple(
        step.model_copy(update={"probability": 0.0}) if position in off else step
        for position, step in enumerate(pipeline.steps)
    )
    changed: dict[str, Any] = {"steps": steps}
    if None in off:
        changed["expansion"] = None
    return pipeline.model_copy(update=changed)
