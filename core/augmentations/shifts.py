"""Shifts: steps that move the image by whole pixels, and thereby a part of it out of sight.

No grey level changes. Warps that compute new grey levels are in warp.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import Augmentation, ImageShape, moved_words
from core.augmentations.draws import StepDraws
from core.labels import Effect

_DISPLACEMENT: tuple[Effect, ...] = ("displacement",)


class Shift(Augmentation):
    """Moves the image by whole pixels; what comes in is black."""

    effects: ClassVar[tuple[Effect, ...]] = _DISPLACEMENT
    strength: ClassVar[str | None] = "pixels"
    name: Literal["shift"] = Field("shift", description="Name of the step.")
    pixels: int = Field(
        2,
        ge=1,
        le=128,
        description="Farthest move to each side, drawn for both directions on their own.",
        json_schema_extra={"unit": "pixels"},
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "down" and "right", pixels."""
        return {
            name: source.integers(name, -self.pixels, self.pixels) for name in ("down", "right")
        }

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the moved images."""
        return windows(images, -values["down"], -values["right"], "black")

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how far the image was moved."""
        return moved_words(numbers["down"], numbers["right"])

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse moves that can leave nothing of the image."""
        return _too_far("pixels", self.pixels, image_shape)


class RandomCrop(Augmentation):
    """Widens the image by a border and cuts a window of the old size out of it."""

    effects: ClassVar[tuple[Effect, ...]] = _DISPLACEMENT
    strength: ClassVar[str | None] = "padding"
    name: Literal["random-crop"] = Field("random-crop", description="Name of the step.")
    padding: int = Field(
        2,
        ge=1,
        le=128,
        description="Width of the border on each side.",
        json_schema_extra={"unit": "pixels"},
    )
    border: Literal["black", "edge", "mirror"] = Field(
        "black",
        description="What the border shows: nothing, the edge's pixels, or the mirrored image.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "top" and "left", where the window begins, in rows and columns of the image."""
        return {
            name: source.integers(name, -self.padding, self.padding) for name in ("top", "left")
        }

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the windows."""
        return windows(images, values["top"], values["left"], self.border)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how far the image was moved, against the window."""
        return moved_words(-numbers["top"], -numbers["left"])

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse windows that can show nothing of the image."""
        return _too_far("padding", self.padding, image_shape)


def windows(images: Tensor, top: Tensor, left: Tensor, border: str) -> Tensor:
    """Return windows of the images' own size that begin at (B,) rows and columns, which may lie outside."""
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) + top[:, None]  # (B, H)
    columns = torch.arange(width, device=images.device) + left[:, None]  # (B, W)
    index = (_inside(rows, height, border) * width)[:, :, None]
    index = index + _inside(columns, width, border)[:, None, :]  # (B, H, W)
    index = index.flatten(1)[:, None].expand(-1, images.shape[1], -1)  # (B, C, H * W)
    shown = images.flatten(2).gather(2, index).view_as(images)
    if border != "black":
        return shown
    is_row, is_column = (
        (one >= 0) & (one < size) for one, size in ((rows, height), (columns, width))
    )
    return shown * (is_row[:, None, :, None] & is_column[:, None, None, :])


def _inside(places: Tensor, size: int, border: str) -> Tensor:
    if border == "mirror":
        places = places.abs()
        places = torch.where(places >= size, 2 * (size - 1) - places, places)
    return places.clamp(0, size - 1)


def _too_far(setting: str, pixels: int, image_shape: ImageShape) -> str | None:
    _, height, width = image_shape
    if pixels < min(height, width):
        return None
    return (
        f"{setting} must be below {min(height, width)} for images of {height}x{width} pixels; "
        f"got {pixels}"
    )
