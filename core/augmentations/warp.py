"""Warps: small rotations, affine and elastic warps, which move content by parts of pixels, perhaps out of the image.

Grey levels between the pixels are computed (bilinear), with black from outside; two kinds of devices may round a pixel
to neighbouring levels. What moves whole pixels is in symmetries.py, shifts.py and zoom.py.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from core.augmentations.base import Augmentation, ImageShape, amount, moved_words, to_pixels
from core.augmentations.draws import StepDraws, pixel_normal
from core.labels import Effect

_DISPLACEMENT: tuple[Effect, ...] = ("displacement",)
_MATRIX = ("xx", "xy", "yx", "yy")


class Rotation(Augmentation):
    """Turns the image about its middle by a small angle."""

    effects: ClassVar[tuple[Effect, ...]] = _DISPLACEMENT
    strength: ClassVar[str | None] = "degrees"
    hidden: ClassVar[tuple[str, ...]] = _MATRIX
    name: Literal["rotation"] = Field("rotation", description="Name of the step.")
    degrees: float = Field(
        10.0,
        gt=0,
        le=180,
        description="Largest angle, drawn evenly in both directions.",
        json_schema_extra={"unit": "degrees"},
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "degrees", clockwise, and the matrix of the turn."""
        degrees = source.uniform("degrees", -self.degrees, self.degrees)
        return {"degrees": degrees, **_back(degrees, np.ones_like(degrees), np.zeros_like(degrees))}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the turned images."""
        nowhere = torch.zeros_like(values["degrees"])
        return _moved(images, values, nowhere, nowhere)

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say the angle and its direction."""
        return _turned(numbers["degrees"])


class Affine(Augmentation):
    """Turns, stretches, shears and moves the image at once."""

    effects: ClassVar[tuple[Effect, ...]] = _DISPLACEMENT
    strength: ClassVar[str | None] = "degrees"
    hidden: ClassVar[tuple[str, ...]] = _MATRIX
    name: Literal["affine"] = Field("affine", description="Name of the step.")
    degrees: float = Field(
        10.0,
        ge=0,
        le=180,
        description="Largest angle of the turn, drawn evenly in both directions.",
        json_schema_extra={"unit": "degrees"},
    )
    stretch: float = Field(
        0.1,
        ge=0,
        le=3,
        description="The size is multiplied by a number between 1 / (1 + stretch) and 1 + stretch.",
    )
    shear_degrees: float = Field(
        0.0,
        ge=0,
        le=60,
        description="Largest angle by which columns lean, drawn evenly in both directions.",
        json_schema_extra={"unit": "degrees"},
    )
    shift_share: float = Field(
        0.05,
        ge=0,
        le=0.9,
        description="Farthest move to each side, as a share of the image's height and width.",
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "degrees" (clockwise), "size" (factor), "shear_degrees", "down" and "right" (pixels), and the matrix."""
        _, height, width = image_shape
        degrees = source.uniform("degrees", -self.degrees, self.degrees)
        size = (1 + self.stretch) ** source.uniform("size", -1, 1)
        shear = source.uniform("shear_degrees", -self.shear_degrees, self.shear_degrees)
        return {
            "degrees": degrees,
            "size": size,
            "shear_degrees": shear,
            "down": source.uniform("down", -self.shift_share, self.shift_share) * height,
            "right": source.uniform("right", -self.shift_share, self.shift_share) * width,
            **_back(degrees, size, shear),
        }

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the warped images."""
        return _moved(images, values, values["down"], values["right"])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say all that was done at once."""
        moved = moved_words(numbers["down"], numbers["right"])
        parts = [_turned(numbers["degrees"]), f"{numbers['size']:.2f} times the size", moved]
        if self.shear_degrees:
            parts.insert(2, f"columns leaning by {amount(numbers['shear_degrees'], 'degrees')}")
        return ", ".join(parts)


class Elastic(Augmentation):
    """Moves each pixel by a smooth random field, as handwriting varies.

    Source: Ronneberger, Fischer and Brox 2015, "U-Net", section 3.1: normal moves at the nodes of a coarse grid, bicubic
    between them.
    """

    effects: ClassVar[tuple[Effect, ...]] = _DISPLACEMENT
    strength: ClassVar[str | None] = "pixels"
    hidden: ClassVar[tuple[str, ...]] = ("key",)
    name: Literal["elastic"] = Field("elastic", description="Name of the step.")
    pixels: float = Field(
        1.5,
        gt=0,
        le=16,
        description="Standard deviation of a node's move, in each direction.",
        json_schema_extra={"unit": "pixels"},
    )
    nodes: int = Field(
        4,
        ge=2,
        le=8,
        description="Nodes of the grid along each side; the more, the finer the ripples.",
        json_schema_extra={"unit": "nodes"},
    )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Draw "key", of the moves of the nodes."""
        return {"key": source.keys()}

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the warped images."""
        height, width = images.shape[2:]
        moves = pixel_normal(values["key"], 2 * self.nodes**2).mul_(self.pixels)
        moves = moves.view(-1, 2, self.nodes, self.nodes)  # (B, 2, G, G)
        moves = _between_nodes(moves, width)  # (B, 2, G, W)
        moves = _between_nodes(moves.transpose(2, 3), height).transpose(2, 3)  # (B, 2, H, W)
        rows, columns = _centred(images)
        return _sampled(images, rows[:, None] + moves[:, 0], columns[None] + moves[:, 1])

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say by how much the nodes moved."""
        return f"{self.nodes}x{self.nodes} nodes moved by about {amount(self.pixels, 'pixels')}"


def _back(
    degrees: NDArray[np.float64], size: NDArray[np.float64], shear: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the (N,) entries of the matrix from a pixel of the result back to its source, x right and y down."""
    angle, lean = np.deg2rad(degrees), np.tan(np.deg2rad(shear))
    cosine, sine = np.cos(angle) / size, np.sin(angle) / size
    # The inverse of: lean the columns, stretch, turn clockwise.
    return {
        "xx": cosine + lean * sine,
        "xy": sine - lean * cosine,
        "yx": -sine,
        "yy": cosine,
    }


def _moved(images: Tensor, values: Mapping[str, Tensor], down: Tensor, right: Tensor) -> Tensor:
    rows, columns = _centred(images)
    y = rows[:, None] - down[:, None, None]  # (B, H, 1)
    x = columns[None] - right[:, None, None]  # (B, 1, W)
    xx, xy, yx, yy = (values[name][:, None, None] for name in _MATRIX)
    return _sampled(images, yx * x + yy * y, xx * x + xy * y)


def _turned(degrees: float) -> str:
    direction = "clockwise" if degrees >= 0 else "counter-clockwise"
    return f"{amount(abs(degrees), 'degrees')} {direction}"


def _between_nodes(moves: Tensor, size: int) -> Tensor:
    """Interpolate (..., G) moves at nodes to (..., size) pixels; a sum in fixed order, so equal on every device."""
    weights = torch.from_numpy(_cubic_weights(moves.shape[-1], size)).to(moves.device)
    total = moves[..., :1] * weights[0]
    for node in range(1, moves.shape[-1]):
        total = total + moves[..., node : node + 1] * weights[node]
    return total


@cache
def _cubic_weights(num_nodes: int, size: int) -> NDArray[np.float32]:
    """Return (G, size): how much each node counts at each pixel; first and last node lie on the first and last pixel.

    Source: Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", equation 15; beyond the border the
    nodes go on as at the edge.
    """
    weights = np.zeros((num_nodes, size))
    places = np.linspace(0, num_nodes - 1, size)
    first = np.floor(places).astype(np.int64) - 1
    for step in range(4):
        node = first + step
        far = np.abs(places - node)
        near_weight = 1.5 * far**3 - 2.5 * far**2 + 1
        far_weight = -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2
        weight = np.where(far <= 1, near_weight, np.where(far < 2, far_weight, 0))
        np.add.at(weights, (node.clip(0, num_nodes - 1), np.arange(size)), weight)
    return weights.astype(np.float32)


def _centred(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows (H,) and columns (W,) of the pixels' middles, counted from the image's middle."""
    height, width = images.shape[2:]
    rows, columns = (
        torch.arange(size, device=images.device) - (size - 1) / 2 for size in (height, width)
    )
    return rows, columns


def _sampled(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return grey levels at (B, H, W) places counted from the image's middle, in pixels."""
    height, width = images.shape[2:]
    grid = torch.stack([columns * (2 / width), rows * (2 / height)], dim=3)  # (B, H, W, 2)
    return to_pixels(functional.grid_sample(images.to(torch.float32), grid, align_corners=False))
