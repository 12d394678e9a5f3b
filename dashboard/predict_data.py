"""Cached readers of the page Predict: what a run's images are like, and what predicting a file left.

Beside `dashboard.data`, whose readers know runs and data sets as they are, because these are about images from elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.datasets.likeness import Likeness
from core.datasets.shapes import SIDE, label_space
from core.exceptions import CoreError, DamagedRun
from core.jobs.predict_task import predicted
from core.labels import LabelSpace
from core.runs import files
from core.runs.run import Run
from dashboard import data


def runs_with_weights() -> list[Run]:
    """Return the runs that can answer, newest first."""
    return [
        run
        for run in data.store().runs()
        if run.damaged is None and run.state.best_epoch is not None
    ]


def knows_figures(run: Run) -> bool:
    """Return whether a run was trained on images of shapes, into which figures can be placed."""
    space = _space(run)
    return (
        space is not None
        and space.class_names == label_space().class_names
        and image_shape(run) == (1, SIDE, SIDE)
    )


def has_counts(run: Run) -> bool:
    """Return whether the classes of a run's data count something, as those of shapes do."""
    space = _space(run)
    return space is not None and space.num_counts > 0


def _space(run: Run) -> LabelSpace | None:
    try:
        return LabelSpace.from_json(files.read_json(run.layout.predictions_index)["label_space"])
    except (OSError, CoreError, ValueError, KeyError, TypeError, AttributeError):
        return None


def image_shape(run: Run) -> tuple[int, int, int]:
    """Return C, H, W of the images that a run takes.

    Raises:
        CoreError: neither its weights nor its data set say it.
    """
    try:
        stored = files.read_json(run.layout.best_json).get("image_shape")
    except (OSError, DamagedRun):
        stored = None
    match stored:
        case [int(channels), int(height), int(width)] if min(stored) > 0:
            return channels, height, width
    channels, height, width = data.images(run, "train").shape[1:]
    return channels, height, width


def training_likeness(run: Run) -> Likeness | None:
    """Return what a run's training images look like, or None where they are gone."""
    try:
        images = data.images(run, "train")
    except CoreError:
        return None
    return _likeness(str(run.spec.get("data_fingerprint")), images)


@st.cache_data(max_entries=32, show_spinner=False)
def _likeness(fingerprint: str, _images: NDArray[np.uint8]) -> Likeness:
    return Likeness.of(_images)


@dataclass(frozen=True)
class Outcome:
    """What predicting a file gave.

    Attributes:
        facts: as `core.jobs.predict_task.predict_images` returns them.
        images: (N, C, H, W) uint8, those worth showing.
        folder: under which its table is kept.
    """

    facts: Mapping[str, Any]
    images: NDArray[np.uint8]
    folder: str

    @property
    def per_class(self) -> pd.DataFrame:
        """Label, class_name and count (images), the most frequent class first where there are many."""
        table = pd.DataFrame(
            {
                "label": range(len(self.facts["per_class"])),
                "class_name": self.facts["class_names"],
                "count": self.facts["per_class"],
            }
        )
        return table if len(table) <= 30 else table.sort_values("count", ascending=False).head(30)

    def table(self) -> bytes:
        """Return the bytes of `results.csv`.

        Raises:
            UnknownName: it is gone.
        """
        return predicted(data.data_dir(), self.folder).table.read_bytes()


def outcome(facts: Mapping[str, Any], folder: str) -> Outcome:
    """Return what lies in the folder of a task that gave these facts.

    Raises:
        UnknownName: it is gone: such folders are kept for a day.
    """
    return Outcome(facts, predicted(data.data_dir(), folder).images, folder)
