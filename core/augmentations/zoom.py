"""Zooms: a crop from the middle, brought back to size by repeating the nearest pixels, so no new grey level appears.

Byte by byte what `scipy.ndimage.zoom(order=0)` gives, but as one gather for the whole batch. Warps that compute new
grey levels are in warp.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import Augmentation, ImageShape, amount
from core.augmentations.draws import StepDraws
from core.labels import Effect

MOST_PIXELS = 16
"""Most pixels that a zoom crops on each side."""


class Zoom(Augmentation):
    """Crops some pixels on each side and enlarges the rest to the old size."""

    effects: ClassVar[tuple[Effect, ...]] = ("displacement",)
    strength: ClassVar[str | None] = "k"
    name: Literal["zoom"] = Field("zoom", description="Name of the step.")
    k: int = Field(
        2,
        ge=1,
        le=MOST_PIXELS,
        description="Pixels cropped on each side before the rest is enlarged.",
        json_schema_extra={"unit": "pixels"},
    )

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the enlarged images."""
        return zoomed(images, self.k)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how many pixels were cropped."""
        return _cropped(self.k)

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse a crop of which less than two pixels are left."""
        return zoom_problem("k", self.k, image_shape)


class ZoomRange(Augmentation):
    """Crops a number of pixels drawn for each image on each side and enlarges the rest to the old size."""

    effects: ClassVar[tuple[Effect, ...]] = ("displacement",)
    strength: ClassVar[str | None] = "most_pixels"
    name: Literal["zoom-range"] = Field("zoom-range", description="Name of the step.")
    least_pixels: int = Field(
        0,
        ge=0,
        le=MOST_PIXELS,
        description="Fewest pixels cropped on each side.",
        json_schema_extra={"unit": "pixels"},
    )
    most_pixels: int = Field(
        3,
        ge=0,
        le=MOST_PIXELS,
        validate_default=True,  # it depends on least_pixels
        description="Most pixels cropped on each side.",
        json_schema_extra={"unit": "pixels"},
    )

    @pydantic.field_validator("most_pixels")
    @classmethod
    def _in_order(cls, most_pixels: int, info: pydantic.ValidationInfo) -> int:
        least_pixels = info.data.get("least_pixels", 0)
        if most_pixels < least_pixels:
            raise ValueError(f"must not be below least_pixels, {least_pixels}; got {most_pixels}.")
        return most_pixels

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "k", the pixels cropped on each side."""
        return {"k": source.integers("k", self.least_pixels, self.most_pixels)}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the enlarged images."""
        height, width = images.shape[2:]
        # (most + 1, S): a row of source indices for every k, which is as exact as one k alone.
        rows, columns = (
            torch.stack([_on(images, source_index(size, k)) for k in range(self.most_pixels + 1)])
            for size in (height, width)
        )
        k = values["k"]
        pixels = rows[k][:, :, None] * width + columns[k][:, None, :]  # (B, H, W)
        index = pixels.flatten(1)[:, None].expand(-1, images.shape[1], -1)  # (B, C, H * W)
        return images.flatten(2).gather(2, index).view_as(images)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how many pixels were cropped."""
        return _cropped(numbers["k"])

    def problem(self, image_shape: ImageShape) -> str | None:
        """Refuse a crop of which less than two pixels are left."""
        return zoom_problem("most_pixels", self.most_pixels, image_shape)


def zoomed(images: Tensor, k: int) -> Tensor:
    """Crop k pixels on each side of (B, C, H, W) images and enlarge the rest to the old size."""
    height, width = images.shape[2:]
    rows, columns = (_on(images, source_index(size, k)) for size in (height, width))
    return images.index_select(2, rows).index_select(3, columns)


def source_index(size: int, k: int) -> NDArray[np.int64]:
    """Return the row, or column, that each of `size` rows shows after a zoom by k.

    Computed as scipy does, ties up. At a few sizes (30 rows with k = 7, 36 with 3, none of 8, 28 and 32) scipy's last row
    falls by rounding just outside the crop and turns black; here it is the crop's last row.
    """
    rest = size - 2 * k
    index = np.floor(np.arange(size) * ((rest - 1) / (size - 1)) + 0.5).astype(np.int64)
    return index + k


def zoom_problem(setting: str, k: int, image_shape: ImageShape) -> str | None:
    """Return why images cannot be zoomed by k, or None."""
    most = (min(image_shape[1:]) - 2) // 2
    if k <= most:
        return None
    _, height, width = image_shape
    return f"{setting} must be at most {most} for images of {height}x{width} pixels; got {k}"


def _cropped(k: float) -> str:
    return f"{amount(k, 'pixels')} cropped on each side"


def _on(images: Tensor, index: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(index).to(images.device)
