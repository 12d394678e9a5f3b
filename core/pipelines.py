"""Pipelines by name: presets and those that users saved, for the pages and the command line.

Above both augmentations and runs because neither knows the other. A preset's name always means the preset.
"""

from pathlib import Path

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.exceptions import InvalidParameter, UnknownName
from core.runs import saved

KIND = "pipelines"


def pipeline_names(root: Path) -> tuple[str, ...]:
    """Return all names that can be asked for: presets in their order, then saved ones by name.

    Args:
        root: the runs folder.
    """
    kept = [one.name for one in saved.saved(root, KIND) if one.name not in PRESETS]
    return (*PRESETS, *kept)


def pipeline_named(name: str, root: Path) -> AugmentationPipeline:
    """Return the preset of a name, else the pipeline saved under it.

    Args:
        name: as `pipeline_names` gives it.
        root: the runs folder.

    Raises:
        UnknownName: there is none; the message suggests the nearest.
        InvalidParameter: a setting of the saved pipeline breaks its rule, or a later version wrote it.
        DamagedRun: its file cannot be trusted.
    """
    if name in PRESETS:
        return PRESETS[name].pipeline
    try:
        entry = saved.load(root, KIND, name)
    except UnknownName:
        raise UnknownName("pipeline", name, pipeline_names(root)) from None
    try:
        return AugmentationPipeline.checked(entry.value)
    except InvalidParameter as error:
        raise InvalidParameter(f"The saved pipeline {entry.name!r}: {error}") from None


def save_pipeline(root: Path, name: str, pipeline: AugmentationPipeline, by: str) -> str:
    """Save a pipeline, in place of one of the same name, and return the name as it is kept.

    Args:
        root: the runs folder.
        name: at most 40 characters.
        pipeline: what to save.
        by: who saves it.

    Raises:
        InvalidParameter: the name is empty, too long or a preset's.
        NewerRun: a later version keeps a pipeline under this name.
    """
    kept = saved.cleaned_name(KIND, name)
    if kept in PRESETS:
        raise InvalidParameter(f"{kept!r} is the name of a preset. Save under another name.")
    return saved.save(root, KIND, kept, pipeline.to_json(), by).name
