"""Mixing: steps that mix two images of a split and share the label between their classes.

They need labels that are shares of classes; counts cannot be shared that way, so the pipeline refuses them there. How
partners are found is core.augmentations.pictures.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.base import ImageShape, Mixing, box_words, per_image, to_pixels
from core.augmentations.draws import StepDraws
from core.augmentations.occlusion import in_box


class Mixup(Mixing):
    """Lays another image over the image, each with a share of the brightness.

    Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", section 2.
    """

    strength: ClassVar[str | None] = "alpha"
    name: Literal["mixup"] = Field("mixup", description="Name of the step.")
    alpha: float = Field(
        0.2,
        gt=0.01,
        le=10,
        description="Both parameters of the beta distribution of the shares; the smaller, the more often one image prevails.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "partner", a sample id, and "own_share" of image and label."""
        return {"partner": _partner(source), "own_share": _beta(source, self.alpha)}

    def mixed(self, images: Tensor, partners: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the blended images."""
        own = per_image(values["own_share"])
        return to_pixels((images * own).add_(partners * (1 - own)))

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say how much of which image was mixed in."""
        return f"{100 * (1 - numbers['own_share']):.0f} % of row {numbers['partner']}"


class CutMix(Mixing):
    """Pastes a box of another image into the image, at the same place.

    Source: Yun et al. 2019, "CutMix", section 3.1; the label's shares are those of the pixels after the box was cut off at
    the border.
    """

    strength: ClassVar[str | None] = "alpha"
    name: Literal["cutmix"] = Field("cutmix", description="Name of the step.")
    alpha: float = Field(
        1.0,
        gt=0.01,
        le=10,
        description="Both parameters of the beta distribution of the shares; at 1 every share is as likely.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "partner", "own_share", and the box: "top", "left", "height", "width" in pixels."""
        _, rows, columns = image_shape
        side = np.sqrt(1 - _beta(source, self.alpha))
        box: dict[str, NDArray[np.int64]] = {}
        for start, extent, size in (("top", "height", rows), ("left", "width", columns)):
            length = (side * size).astype(np.int64)
            first = source.integers(start, 0, size - 1) - length // 2
            box[start] = np.maximum(first, 0)
            box[extent] = np.minimum(first + length, size) - box[start]
        own_share = 1 - box["height"] * box["width"] / (rows * columns)
        return {"partner": _partner(source), "own_share": own_share, **box}

    def mixed(self, images: Tensor, partners: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images with the partners' boxes."""
        top, left = values["top"], values["left"]
        is_partner = in_box(images, top, left, top + values["height"], left + values["width"])
        return torch.where(is_partner, partners, images)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say which box of which image was pasted."""
        return f"{box_words(numbers)} from row {numbers['partner']}"


def _partner(source: StepDraws) -> NDArray[np.int64]:
    return source.integers("partner", 0, source.num_samples - 1)


def _beta(source: StepDraws, alpha: float) -> NDArray[np.float64]:
    # Importing scipy takes a while, and only mixing needs it.
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, source.uniform("share"))
