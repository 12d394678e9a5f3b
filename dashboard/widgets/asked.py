"""Answers of a run's network about one image, asked once and shared by all sessions.

Apart from `data`, whose readers read files: these ask the process of the models (`core.jobs.answers`), and which layers
there are to ask about.
"""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.features import LayerChoice, layer_choices
from core.analysis.subject import subject_of
from core.config import RunConfig
from core.exceptions import CoreError, InvalidParameter
from core.facts import network_on_paper
from core.jobs import answers
from core.runs.run import Run
from dashboard import data


def saliency(
    run: Run, split: str, sample_id: int, labels: tuple[int, ...], method: str
) -> NDArray[np.float32]:
    """Return a map (H, W) for each class: which pixels of an image decide, as `core.analysis.saliency` has it.

    Raises:
        CoreError: there are no weights or images, or the network cannot answer.
    """
    return _asked(
        "saliency", subject_of(run).weights, run.id, split, sample_id, labels, method, run
    )


def features(run: Run, split: str, sample_id: int, layer: str) -> NDArray[np.float32]:
    """Return (1, D) what a layer makes of an image.

    Raises:
        CoreError: as `saliency`.
    """
    return _asked("features", subject_of(run).weights, run.id, split, sample_id, (), layer, run)


@st.cache_data(max_entries=512, show_spinner=False)
def _asked(
    kind: str,
    weights: str,
    run_id: str,
    split: str,
    sample: int,
    labels: tuple,
    how: str,
    _run: Run,
) -> NDArray[np.float32]:
    shown = data.images(_run, split)
    if not 0 <= sample < len(shown):
        raise InvalidParameter(f"The data set has no image {sample} in its {split} split.")
    image = shown[sample]
    if kind == "saliency":
        found = answers.saliency(_run, image, labels, how)
    else:
        found = answers.features(_run, image[None], how)
    if found.values is None:
        raise CoreError(found.problem)
    return found.values


def layers(run: Run) -> list[LayerChoice]:
    """Return the layers of a run's network that can be asked for, the part before the classifier first.

    Raises:
        CoreError: there are no weights or images, or another version wrote the run's settings.
    """
    shape = data.images(run, "train").shape[1:]
    return _layers(run.id, (int(shape[0]), int(shape[1]), int(shape[2])), run)


@st.cache_data(max_entries=128, show_spinner=False)
def _layers(run_id: str, shape: tuple[int, int, int], _run: Run) -> list[LayerChoice]:
    space = data.dataset(_run.config["dataset"]).space
    return layer_choices(
        network_on_paper(RunConfig.checked(_run.config).model, shape, space), shape
    )
