"""Flips and quarter turns: steps after which an image of the same classes is as likely as before, if labels follow.

They move whole pixels and lose none, so a data set can say exactly what becomes of a label (core.labels). Small
rotations are in warp.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import Augmentation, ImageShape, Numbers, per_image
from core.augmentations.draws import StepDraws
from core.labels import HORIZONTAL_FLIP, NUM_SYMMETRIES, VERTICAL_FLIP, Effect

_TURNS = ("", "a quarter turn clockwise", "a half turn", "a quarter turn counter-clockwise")


class HorizontalFlip(Augmentation):
    """Swaps left and right."""

    effects: ClassVar[tuple[Effect, ...]] = ("horizontal_flip",)
    name: Literal["horizontal-flip"] = Field("horizontal-flip", description="Name of the step.")

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64]:
        """Return the horizontal flip for all."""
        return np.full(num_samples, HORIZONTAL_FLIP, dtype=np.int64)

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the mirrored images."""
        return images.flip(3)


class VerticalFlip(Augmentation):
    """Swaps top and bottom."""

    effects: ClassVar[tuple[Effect, ...]] = ("vertical_flip",)
    name: Literal["vertical-flip"] = Field("vertical-flip", description="Name of the step.")

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64]:
        """Return the vertical flip for all."""
        return np.full(num_samples, VERTICAL_FLIP, dtype=np.int64)

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the upset images."""
        return images.flip(2)


class QuarterTurn(Augmentation):
    """Turns by a quarter, clockwise or counter-clockwise with equal chances."""

    effects: ClassVar[tuple[Effect, ...]] = ("quarter_turn",)
    name: Literal["quarter-turn"] = Field("quarter-turn", description="Name of the step.")

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "quarter_turns", clockwise: 1 or 3, which is one counter-clockwise."""
        return {"quarter_turns": source.integers("direction", 0, 1) * 2 + 1}

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64]:
        """Return the turn."""
        return numbers["quarter_turns"]

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the turned images."""
        return transformed(images, values["quarter_turns"])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say in which direction."""
        return _TURNS[int(numbers["quarter_turns"])].removeprefix("a quarter turn ")

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse images that are not square."""
        return _unless_square(image_shape)


class Symmetry(Augmentation):
    """Applies one of the eight symmetries of the square with equal chances, the identity among them."""

    effects: ClassVar[tuple[Effect, ...]] = ("horizontal_flip", "vertical_flip", "quarter_turn")
    name: Literal["symmetry"] = Field("symmetry", description="Name of the step.")

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "is_flipped" (0 or 1: left and right swapped) and "quarter_turns" clockwise after it (0 to 3)."""
        number = source.integers("symmetry", 0, NUM_SYMMETRIES - 1)
        return {"is_flipped": number // 4, "quarter_turns": number % 4}

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64]:
        """Return the symmetry."""
        return numbers["is_flipped"] * 4 + numbers["quarter_turns"]

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images, flipped and turned."""
        return transformed(images, values["is_flipped"] * 4 + values["quarter_turns"])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say which symmetry."""
        flip = "left and right swapped" if numbers["is_flipped"] else ""
        turn = _TURNS[int(numbers["quarter_turns"])]
        return ", then ".join(one for one in (flip, turn) if one) or "the image as it is"

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse images that are not square."""
        return _unless_square(image_shape)


def transformed(images: Tensor, symmetry: Tensor) -> Tensor:
    """Apply to each image a symmetry of the square, as core.labels numbers them.

    Args:
        images: (B, C, S, S).
        symmetry: (B,) whole numbers in [0, 8), on the same device.

    Returns:
        (B, C, S, S) of the same dtype, pixels moved and none changed.
    """
    number = per_image(symmetry)
    images = torch.where(number >= 4, images.flip(3), images)
    images = torch.where(number % 4 >= 2, images.flip(2, 3), images)
    # A positive number of turns is counter-clockwise to torch.
    return torch.where(number % 2 == 1, images.rot90(-1, (2, 3)), images)


def _unless_square(image_shape: ImageShape) -> str | None:
    _, height, width = image_shape
    if height == width:
        return None
    return f"quarter turns need square images; these have {height} rows and {width} columns"
