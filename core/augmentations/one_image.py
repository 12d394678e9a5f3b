"""OneImage: one image as one step changes it for certain, and the strengths that a step can have for it.

What strength.py and unsafe.py share; they say what is shown. Pictures and labels come from the same EpochPictures that
training asks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.augmentations.base import Augmentation, ImageShape, Mixing
from core.augmentations.pictures import AugmentedBatch, EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.settings import field_bounds

Partner = tuple[NDArray[np.uint8], int]
"""Another image (C, H, W) and its label."""

_NUM_CANDIDATES = 32
"""Draws among which the one is chosen that shows most, so that no strip shows a factor of 1.00."""


class OneImage:
    """A split that holds one image again and again, so that an epoch shows what different draws do to it."""

    def __init__(
        self,
        image: NDArray[np.uint8],
        label: int,
        count_row: NDArray[Any] | None,
        space: LabelSpace,
        seed: int,
        partner: Partner | None = None,
    ) -> None:
        channels, height, width = image.shape
        self.image_shape: ImageShape = (channels, height, width)
        self.image, self.label, self.count_row = image, label, count_row
        self._space, self._seed, self._partner = space, seed, partner

    def pictures(self, step: Augmentation, num_rows: int = _NUM_CANDIDATES) -> EpochPictures:
        """Return an epoch in which the step hits every row, whatever the data set's rules say."""
        sure = type(step).checked({**step.model_dump(), "probability": 1.0, "is_forced": True})
        images = np.broadcast_to(self.image, (num_rows, *self.image_shape))
        labels = np.full(num_rows, self.label, dtype=np.int64)
        if self._partner is not None and isinstance(step, Mixing):
            # Partners are drawn among all rows: every other one is the second image.
            images = images.copy()
            images[1::2], labels[1::2] = self._partner
        counts = None
        if self.count_row is not None:
            row = np.asarray(self.count_row)
            counts = np.broadcast_to(row, (num_rows, len(row)))
        pipeline = AugmentationPipeline(steps=(sure,))
        return EpochPictures(pipeline, images, labels, counts, self._space, self._seed, 1)

    def telling_row(self, step: Augmentation, symmetries: Sequence[int] = ()) -> Tensor:
        """Return (1,) the row whose draws change the image most, of those with one of the symmetries, if any are named."""
        batch = self.pictures(step).batch(torch.arange(_NUM_CANDIDATES))
        (decision,) = batch.decisions
        original = torch.from_numpy(self.image.astype(np.int64))
        change = (batch.images.to(torch.int64) - original).abs().sum((1, 2, 3))  # (B,)
        if symmetries and decision.symmetry is not None:
            wanted = torch.isin(decision.symmetry, torch.tensor(symmetries))
            change[~wanted] = -1
        if "partner" in decision.values:
            # Only rows of the first image whose partner is the second.
            change[1::2] = -1
            change[decision.values["partner"] % 2 == 0] = -1
        return change.argmax()[None]


def strengths(step: Augmentation, image_shape: ImageShape, num: int) -> list[float]:
    """Return evenly spaced strengths over those declared, rising, as far as the step accepts them for the images.

    Args:
        step: one that has a strength; its other settings are kept.
        image_shape: C, H, W.
        num: how many; fewer where the setting is a whole number that has fewer values.

    Raises:
        InvalidParameter: num is below 2, or no strength fits the images.
    """
    if num < 2:
        raise InvalidParameter(f"num must be at least 2, the weakest and the strongest; got {num}.")
    setting = str(step.strength)
    field = type(step).model_fields[setting]
    bounds = field_bounds(field)
    least = setting.replace("most_", "least_", 1)
    if least != setting and least in type(step).model_fields:
        bounds["ge"] = getattr(step, least)  # a range keeps its other end
    low = bounds["ge"] if "ge" in bounds else bounds["gt"]
    high = bounds["le"] if "le" in bounds else bounds["lt"]
    values: list[float]
    if field.annotation is int:
        problems = [
            with_strength(step, one).problem(image_shape) for one in range(int(low), int(high) + 1)
        ]
        values = [int(low) + place for place, one in enumerate(problems) if one is None]
        if values:
            places = np.unique(np.rint(np.linspace(0, len(values) - 1, num)).astype(np.int64))
            return [values[place] for place in places]
        problem = problems[0]
    else:
        # Ends that the bounds leave out are left out here.
        first, last = int("ge" not in bounds), int("le" not in bounds)
        values = np.linspace(low, high, num + first + last)[first : first + num].tolist()
        problem = with_strength(step, values[-1]).problem(image_shape)
        if problem is None:
            return values
    raise InvalidParameter(f"{step.name}: {problem}.")


def with_strength(step: Augmentation, strength: float) -> Augmentation:
    """Return the step with another strength."""
    return type(step).checked({**step.model_dump(), str(step.strength): strength})


def labels_after(batch: AugmentedBatch) -> NDArray[np.int64]:
    """Return (B,) labels of pictures; where a step mixes, the class with the largest share."""
    labels = batch.labels.argmax(dim=1) if batch.labels.ndim == 2 else batch.labels
    return labels.numpy()
