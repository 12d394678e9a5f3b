"""Occlusion: steps that hide a part of the image, so that no single part decides.

Where the boxes lie is drawn for each image; they never depend on its pixels. What changes all grey levels is in
intensity.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import (
    Augmentation,
    ImageShape,
    amount,
    box_words,
    moved_words,
    per_image,
)
from core.augmentations.draws import StepDraws, pixel_bytes
from core.augmentations.intensity import image_mean
from core.labels import Effect

_OCCLUSION: tuple[Effect, ...] = ("occlusion",)


class RandomErasing(Augmentation):
    """Covers a box of random size, shape and place.

    Source: Zhong et al. 2020, "Random Erasing Data Augmentation", algorithm 1; a box too tall or too wide for the image
    is made squarer at equal area instead of drawn again.
    """

    effects: ClassVar[tuple[Effect, ...]] = _OCCLUSION
    strength: ClassVar[str | None] = "most_area"
    hidden: ClassVar[tuple[str, ...]] = ("key",)
    name: Literal["random-erasing"] = Field("random-erasing", description="Name of the step.")
    least_area: float = Field(
        0.02, gt=0, le=1, description="Smallest box, as a share of the image's area."
    )
    most_area: float = Field(
        0.33,
        gt=0,
        le=1,
        validate_default=True,  # it depends on least_area
        description="Largest box, as a share of the image's area.",
    )
    most_stretch: float = Field(
        3.3, ge=1, le=20, description="Largest ratio of the box's sides, either way round."
    )
    fill: Literal["value", "noise", "mean"] = Field(
        "value", description="What covers the box: one grey level, noise, or the image's mean."
    )
    value: int = Field(0, ge=0, le=255, description="Grey level of the box, where fill is value.")

    @pydantic.field_validator("most_area")
    @classmethod
    def _in_order(cls, most_area: float, info: pydantic.ValidationInfo) -> float:
        least_area = info.data.get("least_area", 0)
        if most_area < least_area:
            raise ValueError(f"must not be below least_area, {least_area}; got {most_area}.")
        return most_area

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "top", "left", "height" and "width" of the box in pixels, and "key" of the noise."""
        _, rows, columns = image_shape
        area = source.uniform("area", self.least_area, self.most_area) * rows * columns
        # Equally likely by logarithm, so that tall is as frequent as wide. The area is at most the whole image's, so some
        # ratio always fits.
        ratio = self.most_stretch ** source.uniform("ratio", -1, 1)
        ratio = np.clip(ratio, area / columns**2, rows**2 / area)
        height = np.clip(np.rint(np.sqrt(area * ratio)), 1, rows).astype(np.int64)
        width = np.clip(np.rint(np.sqrt(area / ratio)), 1, columns).astype(np.int64)
        return {
            "top": _place(source, "top", rows - height),
            "left": _place(source, "left", columns - width),
            "height": height,
            "width": width,
            "key": source.keys(),
        }

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images with their boxes covered."""
        top, left = values["top"], values["left"]
        is_covered = in_box(images, top, left, top + values["height"], left + values["width"])
        return torch.where(is_covered, self._cover(images, values), images)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say which box was covered."""
        return box_words(numbers)

    def _cover(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        if self.fill == "noise":
            return pixel_bytes(values["key"], images[0].numel()).view_as(images)
        if self.fill == "mean":
            return per_image(image_mean(images).round_().to(torch.uint8))
        return torch.full((), self.value, dtype=torch.uint8, device=images.device)


class Cutout(Augmentation):
    """Blackens a square about a random pixel; beyond the border it is cut off.

    Source: DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", section 3.
    """

    effects: ClassVar[tuple[Effect, ...]] = _OCCLUSION
    strength: ClassVar[str | None] = "side"
    name: Literal["cutout"] = Field("cutout", description="Name of the step.")
    side: int = Field(
        8,
        ge=1,
        le=256,
        description="Side of the square.",
        json_schema_extra={"unit": "pixels"},
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "top", "left", "height" and "width" in pixels: what lies in the image of the square."""
        _, rows, columns = image_shape
        found: dict[str, NDArray[Any]] = {}
        for name, start, extent, size in (
            ("row", "top", "height", rows),
            ("column", "left", "width", columns),
        ):
            first = source.integers(name, 0, size - 1) - self.side // 2
            found[start] = np.maximum(first, 0)
            found[extent] = np.minimum(first + self.side, size) - found[start]
        return found

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images with their squares blackened."""
        top, left = values["top"], values["left"]
        return images * ~in_box(images, top, left, top + values["height"], left + values["width"])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say what was covered; less than the square where it is cut off."""
        return box_words(numbers)

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse a square larger than the image."""
        return _too_large("side", self.side, image_shape)


class GridMask(Augmentation):
    """Blackens squares in the cells of a grid that lies at random.

    Source: Chen et al. 2020, "GridMask Data Augmentation", section 3, without the grid's rotation.
    """

    effects: ClassVar[tuple[Effect, ...]] = _OCCLUSION
    strength: ClassVar[str | None] = "covered_share"
    name: Literal["grid-mask"] = Field("grid-mask", description="Name of the step.")
    cell: int = Field(
        8,
        ge=2,
        le=256,
        description="Side of the grid's cells.",
        json_schema_extra={"unit": "pixels"},
    )
    covered_share: float = Field(
        0.5, gt=0, lt=1, description="Side of the black square as a share of the cell's side."
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "down" and "right", by how many pixels the grid is moved."""
        return {name: source.integers(name, 0, self.cell - 1) for name in ("down", "right")}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images with black squares."""
        side = max(1, round(self.cell * self.covered_share))
        is_row, is_column = (
            (torch.arange(size, device=images.device) - values[name][:, None]) % self.cell < side
            for size, name in ((images.shape[2], "down"), (images.shape[3], "right"))
        )
        return images * ~(is_row[:, None, :, None] & is_column[:, None, None, :])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how the grid lies."""
        place = moved_words(numbers["down"], numbers["right"])
        return f"cells of {amount(self.cell, 'pixels')}, {place}"

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse cells larger than the image."""
        return _too_large("cell", self.cell, image_shape)


def in_box(images: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Return (B, 1, H, W) bool: the pixels in rows [top, bottom) and columns [left, right), (B,) each."""
    rows, columns = (torch.arange(size, device=images.device)[None] for size in images.shape[2:])
    is_row = (rows >= top[:, None]) & (rows < bottom[:, None])  # (B, H)
    is_column = (columns >= left[:, None]) & (columns < right[:, None])  # (B, W)
    return is_row[:, None, :, None] & is_column[:, None, None, :]


def _place(source: StepDraws, name: str, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw whole numbers uniform over [0, most], with another bound for each sample."""
    return np.minimum((source.uniform(name) * (most + 1)).astype(np.int64), most)


def _too_large(setting: str, side: int, image_shape: ImageShape) -> str | None:
    _, height, width = image_shape
    if side <= min(height, width):
        return None
    return (
        f"{setting} must be at most {min(height, width)} for images of {height}x{width} pixels; "
        f"got {side}"
    )
