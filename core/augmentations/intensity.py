"""Intensity: steps that change grey levels and move nothing, so that every label stays true.

Factors are drawn for each image; noise is a function of key and pixel (core.augmentations.draws). What hides a part
of the image is in occlusion.py.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import Augmentation, ImageShape, per_image, to_pixels
from core.augmentations.draws import StepDraws, pixel_normal
from core.labels import Effect

_INTENSITY: tuple[Effect, ...] = ("intensity",)

_TRUNCATE = 4.0
"""Half the width of a blur's kernel in standard deviations, as in scipy.ndimage."""

_MOST_GAMMA_STEPS = 32
"""Gamma takes one of 65 values, each with its table of 256 grey levels: powers differ in their last bits between devices."""


class GaussianNoise(Augmentation):
    """Adds independent normal noise to every pixel."""

    effects: ClassVar[tuple[Effect, ...]] = _INTENSITY
    strength: ClassVar[str | None] = "variance"
    hidden: ClassVar[tuple[str, ...]] = ("key",)
    name: Literal["gaussian-noise"] = Field("gaussian-noise", description="Name of the step.")
    variance: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Variance of the noise as a share of the image's largest value, grey levels counted from 0 to 1.",
        json_schema_extra={"is_share": False},  # it goes with the square of grey levels
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "key", of the noise per pixel."""
        return {"key": source.keys()}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the noisy images."""
        largest = images.amax((1, 2, 3)).to(torch.float32) / 255  # (B,)
        deviation = torch.sqrt(largest * self.variance) * 255
        noise = pixel_normal(values["key"], images[0].numel()).view(images.shape)
        return to_pixels(noise.mul_(per_image(deviation)).add_(images))

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say the variance, which is a setting and not drawn."""
        return f"variance {self.variance:.3g}"


class _ByFactor(Augmentation):
    """What is done to each image by a factor about 1."""

    effects: ClassVar[tuple[Effect, ...]] = _INTENSITY
    strength: ClassVar[str | None] = "change"
    change: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Farthest that the factor lies from 1; it is drawn evenly on both sides.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "factor"."""
        return {"factor": source.uniform("factor", 1 - self.change, 1 + self.change)}


class Brightness(_ByFactor):
    """Multiplies all grey levels by a factor."""

    name: Literal["brightness"] = Field("brightness", description="Name of the step.")

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the brighter or darker images."""
        return to_pixels(images * per_image(values["factor"]))


class Contrast(_ByFactor):
    """Multiplies the distance of each grey level from the image's mean by a factor."""

    name: Literal["contrast"] = Field("contrast", description="Name of the step.")

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images with more or less contrast."""
        mean = per_image(image_mean(images))
        return to_pixels((images - mean).mul_(per_image(values["factor"])).add_(mean))


class Gamma(Augmentation):
    """Raises grey levels, counted from 0 to 1, to a power; black and white stay."""

    effects: ClassVar[tuple[Effect, ...]] = _INTENSITY
    strength: ClassVar[str | None] = "change"
    hidden: ClassVar[tuple[str, ...]] = ("table",)
    name: Literal["gamma"] = Field("gamma", description="Name of the step.")
    change: float = Field(
        0.5,
        gt=0,
        le=4,
        description="The power is drawn between 1 / (1 + change) and 1 + change, as often below 1 as above.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "gamma", the power, and "table", which of the 65 powers it is."""
        table = source.integers("gamma", 0, 2 * _MOST_GAMMA_STEPS)
        return {"gamma": _gammas(self.change)[table], "table": table}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images, darker in the middle tones where the power is above 1."""
        levels = np.linspace(0, 1, 256)[None] ** _gammas(self.change)[:, None]  # (65, 256)
        tables = torch.from_numpy(np.rint(255 * levels).astype(np.uint8)).to(images.device)
        own = tables[values["table"]]  # (B, 256)
        return own.gather(1, images.flatten(1).to(torch.int64)).view_as(images)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say the power."""
        return f"power {numbers['gamma']:.3g}"


class Blur(Augmentation):
    """Smooths by a Gaussian bell; beyond the border the image goes on as at its edge."""

    effects: ClassVar[tuple[Effect, ...]] = _INTENSITY
    strength: ClassVar[str | None] = "sigma"
    name: Literal["blur"] = Field("blur", description="Name of the step.")
    sigma: float = Field(
        1.0,
        ge=0.1,
        le=5,
        description="Standard deviation of the bell.",
        json_schema_extra={"unit": "pixels"},
    )

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the smoothed images."""
        return to_pixels(smoothed(images.to(torch.float32), gaussian_kernel(self.sigma)))


class Invert(Augmentation):
    """Swaps black and white."""

    effects: ClassVar[tuple[Effect, ...]] = _INTENSITY
    name: Literal["invert"] = Field("invert", description="Name of the step.")

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the negatives."""
        return 255 - images


def image_mean(images: Tensor) -> Tensor:
    """Return (B,) float32 mean grey levels, from a sum of whole numbers, so in any order the same."""
    return images.sum((1, 2, 3), dtype=torch.int64).to(torch.float32) / images[0].numel()


def gaussian_kernel(sigma: float) -> tuple[float, ...]:
    """Return the weights from the middle outwards, W + 1 of a kernel of 2 W + 1 that sums to 1.

    Args:
        sigma: standard deviation in pixels.
    """
    radius = math.floor(_TRUNCATE * sigma + 0.5)
    bell = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    return tuple((bell / (2 * bell.sum() - bell[0])).tolist())


def smoothed(values: Tensor, kernel: tuple[float, ...]) -> Tensor:
    """Smooth (B, C, H, W) float32 along rows and columns; beyond the border it goes on as at its edge.

    A sum of shifted copies and no convolution: libraries choose a convolution's order of summation by batch size, and
    then a picture would depend on its batch.
    """
    for axis in (2, 3):
        size = values.shape[axis]
        places = torch.arange(size, device=values.device)
        total = values * kernel[0]
        for distance, weight in enumerate(kernel[1:], start=1):
            before = values.index_select(axis, (places - distance).clamp_(min=0))
            after = values.index_select(axis, (places + distance).clamp_(max=size - 1))
            total += before.add_(after).mul_(weight)
        values = total
    return values


@cache
def _gammas(change: float) -> NDArray[np.float64]:
    return (1 + change) ** np.linspace(-1, 1, 2 * _MOST_GAMMA_STEPS + 1)
