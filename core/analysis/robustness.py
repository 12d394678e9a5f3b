"""Robustness: how accuracy falls when images are changed more and more, by the augmentation library's own steps.

Each change is drawn once for every image, by the same seed for every run, so that runs are asked about the same pictures. At
strength 0 stand the outputs that the run stored. A change after which the data set's labels would no longer be true is left
out and said. What is drawn of it is `core.charts.robustness`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from core.augmentations.base import Augmentation
from core.augmentations.intensity import Brightness, GaussianNoise
from core.augmentations.occlusion import RandomErasing
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.shifts import Shift
from core.augmentations.warp import Rotation
from core.datasets.base import Dataset, Split
from core.datasets.samples import stratified
from core.evaluation.accuracy import wilson_interval
from core.exceptions import DamagedRun, InvalidParameter
from core.inference import Averaging, Predictor
from core.labels import LabelSpace
from core.models.forward import EVALUATION_BATCH_SIZE
from core.predictions import NO_PREDICTION, Predictions

SEED = 0
TABLE_COLUMNS = ("corruption", "strength", "accuracy", "low", "high", "correct", "count", "lost")


@dataclass(frozen=True)
class Corruption:
    """A change of growing strength.

    Attributes:
        title: what it is.
        axis: what its strength is, with its unit.
        step: makes the step of a strength.
        strengths: rising, all above 0.
    """

    title: str
    axis: str
    step: Callable[[float], Augmentation]
    strengths: tuple[float, ...]


CORRUPTIONS: Mapping[str, Corruption] = {
    "shift": Corruption(
        "Shift",
        "Farthest shift to each side (pixels)",
        lambda strength: Shift(probability=1, pixels=int(strength)),
        (1, 2, 3, 4, 6),
    ),
    "rotation": Corruption(
        "Small rotation",
        "Largest angle (degrees)",
        lambda strength: Rotation(probability=1, degrees=strength),
        (5, 10, 15, 20, 30),
    ),
    "noise": Corruption(
        "Noise",
        "Variance (share of the largest grey level)",
        lambda strength: GaussianNoise(probability=1, variance=strength),
        (0.005, 0.01, 0.02, 0.05, 0.1),
    ),
    "brightness": Corruption(
        "Brightness",
        "Farthest of the factor from 1",
        lambda strength: Brightness(probability=1, change=strength),
        (0.1, 0.2, 0.4, 0.6, 0.8),
    ),
    "erasing": Corruption(
        "Erasing",
        "Erased share of the image",
        lambda strength: RandomErasing(probability=1, least_area=strength, most_area=strength),
        (0.05, 0.1, 0.2, 0.3, 0.4),
    ),
}
"""What is tried, in the order of the panels."""


def allowed(
    space: LabelSpace, image_shape: tuple[int, int, int]
) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
    """Return which changes a data set allows.

    Args:
        space: with the data set's rules.
        image_shape: C, H, W.

    Returns:
        Name -> strengths that fit the images, and name -> why it is left out, a sentence.
    """
    strengths: dict[str, tuple[float, ...]] = {}
    left_out: dict[str, str] = {}
    for name, one in CORRUPTIONS.items():
        steps = [one.step(strength) for strength in one.strengths]
        reasons = [
            space.rules.unsafe[effect]
            for effect in steps[0].effects
            if effect in space.rules.unsafe
        ]
        fitting = tuple(
            strength
            for strength, step in zip(one.strengths, steps, strict=True)
            if step.problem(image_shape) is None
        )
        if reasons:
            left_out[name] = (
                f"{one.title} is left out, because labels would no longer be true: {reasons[0]}."
            )
        elif not fitting:
            left_out[name] = f"{one.title} is left out: the images are too small for it."
        else:
            strengths[name] = fitting
    return strengths, left_out


def samples_to_try(dataset: Dataset, split: str, num_samples: int) -> NDArray[np.int64]:
    """Return the rising ids of the images that are tried: all of a small split, else so many, of each class in proportion."""
    if num_samples >= len(dataset.split(split)):
        return np.arange(len(dataset.split(split)))
    return np.sort(stratified(dataset, split, num_samples, SEED)["sample_id"].to_numpy())


@dataclass(frozen=True)
class Robustness:
    """What a run says of n images, as they are and changed.

    Attributes:
        sample_ids: (n,) int64, rising.
        labels: (n,) int64 true classes, which no change changes.
        predicted: (n,) int64 stored classes of the images as they are; -1 where outputs were not finite.
        changed: name of the change -> (strengths, n) int64 classes of the changed images.
        strengths: name of the change -> its strengths, rising, without 0.
        left_out: name -> why it is left out.
    """

    sample_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    changed: Mapping[str, NDArray[np.int64]]
    strengths: Mapping[str, tuple[float, ...]]
    left_out: Mapping[str, str]

    @classmethod
    def from_kept(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "Robustness":
        """Make it again from what `to_kept` gave.

        Raises:
            DamagedRun: it does not fit together.
        """
        try:
            strengths = {name: tuple(values) for name, values in facts["strengths"].items()}
            ids = arrays["sample_ids"]
            found = cls(
                ids,
                arrays["labels"],
                arrays["predicted"],
                {name: arrays[name] for name in strengths},
                strengths,
                dict(facts["left_out"]),
            )
            shapes = {name: (len(values), len(ids)) for name, values in strengths.items()}
            if any(found.changed[name].shape != shape for name, shape in shapes.items()):
                raise ValueError("shapes disagree")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DamagedRun("What is kept of the robustness cannot be understood.") from None
        return found

    def to_kept(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain facts, and arrays by name."""
        facts = {
            "strengths": {name: list(values) for name, values in self.strengths.items()},
            "left_out": dict(self.left_out),
        }
        return facts, {
            "sample_ids": self.sample_ids,
            "labels": self.labels,
            "predicted": self.predicted,
            **self.changed,
        }

    def lost(self, name: str, strength: float) -> NDArray[np.int64]:
        """Return the ids of the images that are right as they are and wrong at a strength; none at strength 0.

        Raises:
            InvalidParameter: the change was not tried at this strength.
        """
        is_lost = (self.predicted == self.labels) & (self.answers(name, strength) != self.labels)
        return self.sample_ids[is_lost]

    def answers(self, name: str, strength: float) -> NDArray[np.int64]:
        """Return (n,) classes at a strength, at 0 those of the images as they are.

        Raises:
            InvalidParameter: the change was not tried at this strength.
        """
        if strength == 0 and name in self.strengths:
            return self.predicted
        if strength not in self.strengths.get(name, ()):
            raise InvalidParameter(
                f"strength must be one that was tried of {name!r}: {self.strengths.get(name, ())}; "
                f"got {strength}."
            )
        return self.changed[name][self.strengths[name].index(strength)]

    def table(self) -> pd.DataFrame:
        """Return accuracy by strength.

        Returns:
            One row per change and strength, from 0: corruption, strength, accuracy, low and high (Wilson, 95 %, in [0, 1]),
            correct and count (images), lost (right as they are and wrong here).
        """
        rows = []
        for name, strengths in self.strengths.items():
            for strength in (0.0, *strengths):
                correct = int((self.answers(name, strength) == self.labels).sum())
                count = len(self.labels)
                low, high = wilson_interval(correct, count)
                share = correct / count if count else np.nan
                lost = len(self.lost(name, strength))
                rows.append(
                    (name, float(strength), share, float(low), float(high), correct, count, lost)
                )
        return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))


def robustness(
    predictor: Predictor,
    split: Split,
    space: LabelSpace,
    stored: Predictions,
    sample_ids: NDArray[np.int64],
    averaging: Averaging,
    report: Callable[[float], None] = lambda _share: None,
) -> Robustness:
    """Try a run on changed images.

    Args:
        predictor: of the run.
        split: all its images.
        space: of the data set, with its rules.
        stored: the run's outputs on the split as it is.
        sample_ids: (n,) the images to try, rising.
        averaging: views whose answers are averaged, as they were for the stored outputs.
        report: told the share that is done, in [0, 1].

    Raises:
        DamagedRun: an image's stored output is missing.
        CoreError: as `Predictor.predict`.
    """
    places = np.searchsorted(stored.sample_ids, sample_ids)
    if len(sample_ids) and (
        places.max() >= len(stored.sample_ids) or (stored.sample_ids[places] != sample_ids).any()
    ):
        raise DamagedRun(f"Run {predictor.run_id} has not stored its outputs on all these images.")
    strengths, left_out = allowed(space, predictor.image_shape)
    num_done, num_all = 0, sum(map(len, strengths.values()))
    changed: dict[str, NDArray[np.int64]] = {}
    for name, values in strengths.items():
        rows = []
        for strength in values:
            pictures = pictures_of(name, strength, split, space)
            parts = []
            for start in range(0, len(sample_ids), EVALUATION_BATCH_SIZE):
                block = sample_ids[start : start + EVALUATION_BATCH_SIZE]
                logits, _ = predictor.predict(_changed(pictures, block), averaging)
                is_finite = np.isfinite(logits).all(axis=1)
                parts.append(np.where(is_finite, logits.argmax(axis=1), NO_PREDICTION))
                report((num_done + (start + len(block)) / len(sample_ids)) / num_all)
            rows.append(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64))
            num_done += 1
        changed[name] = np.stack(rows)
    return Robustness(
        sample_ids,
        stored.labels[places],
        stored.predicted[places],
        changed,
        strengths,
        left_out,
    )


def pictures_of(name: str, strength: float, split: Split, space: LabelSpace) -> EpochPictures:
    """Return the changed images of a split, the same ones at each call.

    Raises:
        InvalidParameter: the labels would no longer be true, or the step does not fit the images.
    """
    pipeline = AugmentationPipeline(steps=(CORRUPTIONS[name].step(strength),))
    return EpochPictures(pipeline, split.images, split.labels, split.counts, space, SEED, 1)


def changed_images(
    name: str, strength: float, split: Split, space: LabelSpace, sample_ids: Sequence[int]
) -> NDArray[np.uint8]:
    """Return some images (n, C, H, W) as a change leaves them, for looking at.

    Raises:
        InvalidParameter: as `pictures_of`.
    """
    ids = np.asarray(sample_ids, dtype=np.int64)
    if strength == 0:
        return np.asarray(split.images[ids])
    return _changed(pictures_of(name, strength, split, space), ids)


def _changed(pictures: EpochPictures, sample_ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    return pictures.batch(torch.from_numpy(sample_ids)).images.numpy()
