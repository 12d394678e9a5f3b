"""Augmentation: the settings of one step and what it does to images; Draws: what chance decided for a step.

A step never draws while it works: its numbers are made beforehand for the whole split (core.augmentations.draws), so
that they can be shown, and the label rule can follow them. What becomes of labels and counts is core.labels; steps in
a row are core.augmentations.pipeline.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from core.augmentations.draws import StepDraws
from core.labels import Effect
from core.settings import Settings

Numbers = Mapping[str, NDArray[Any]]
"""What was drawn, by name: (N,) each, one number a sample."""

ImageShape = tuple[int, int, int]
"""Channels, rows, columns."""


@dataclass(frozen=True)
class Draws:
    """What chance decided for one step, for N samples. On the CPU, so that asking never waits for a device.

    Attributes:
        step: name of the augmentation.
        hit: (N,) bool, whether the step changes the sample.
        values: name -> (N,) numbers drawn, also where the step does not hit.
        symmetry: (N,) int64, the symmetry of the square applied (core.labels), 0 where nothing is turned or flipped;
            None for a step that never turns or flips.
        hidden: the values that say nothing to a reader.
    """

    step: str
    hit: Tensor
    values: Mapping[str, Tensor]
    symmetry: Tensor | None = None
    hidden: tuple[str, ...] = ()

    def subset(self, sample_ids: Tensor) -> Self:
        """Return what was decided for some samples, in the order of their ids."""
        return type(self)(
            self.step,
            self.hit[sample_ids],
            {name: value[sample_ids] for name, value in self.values.items()},
            None if self.symmetry is None else self.symmetry[sample_ids],
            self.hidden,
        )

    def numbers(self, position: int) -> dict[str, float | int] | None:
        """Return what was drawn for one sample, by name, or None where the step leaves it as it is."""
        if not self.hit[position]:
            return None
        shown = {name: one for name, one in self.values.items() if name not in self.hidden}
        return {name: value[position].item() for name, value in shown.items()}


class Augmentation(Settings):
    """The settings of one kind of step. `name` tells the kinds apart."""

    effects: ClassVar[tuple[Effect, ...]]
    """What it does to an image, by which a data set's rules know it."""

    strength: ClassVar[str | None] = None
    """The setting that makes it stronger, for a strip of growing strength; None where it has none."""

    hidden: ClassVar[tuple[str, ...]] = ()
    """Names of drawn numbers that `apply` needs and that say nothing to a reader."""

    name: str
    probability: float = Field(
        0.0, ge=0, le=1, description="Share of the images that the step changes, drawn for each."
    )
    is_forced: bool = Field(
        False,
        description="Apply the step even where the data set says that labels would no longer be true.",
    )

    @property
    def unit(self) -> str:
        """Unit of the strength, in the plural; "" where it has none."""
        declared = type(self).model_fields[self.strength].json_schema_extra if self.strength else {}
        return str(declared.get("unit", "")) if isinstance(declared, dict) else ""

    def draws(self, source: StepDraws, image_shape: ImageShape) -> Draws:
        """Decide for all samples of a split which are hit, and with which numbers."""
        hit = source.uniform("hit") < self.probability
        numbers = self.draw(source, image_shape)
        symmetry = self.symmetry(numbers, len(hit))
        return Draws(
            self.name,
            torch.from_numpy(hit),
            {name: _tensor(values) for name, values in numbers.items()},
            None if symmetry is None else torch.from_numpy(np.where(hit, symmetry, 0)),
            self.hidden,
        )

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Return the numbers that `apply` needs, (N,) each; none by default."""
        return {}

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64] | None:
        """Return (N,) symmetries of the square that the step applies where it hits; None if it never does."""
        return None

    @abstractmethod
    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return images that are all changed.

        Args:
            images: (B, C, H, W) uint8, not to be written to.
            values: name -> (B,) the numbers drawn for them, on the same device; whole numbers int64 or int32, others
                float32.

        Returns:
            (B, C, H, W) uint8.
        """

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say in a few plain words, with units, what was done to one image; "" where the step's name says it all.

        Args:
            numbers: what `Draws.numbers` gives for it.
        """
        if not numbers and self.strength is not None:
            return f"{_plain(self.strength)} {amount(getattr(self, self.strength), self.unit)}"
        return ", ".join(f"{_plain(name)} {one:.3g}" for name, one in numbers.items())

    def problem(self, image_shape: ImageShape) -> str | None:
        """Return why the step cannot be applied to images of this shape, as "SETTING must ...; got ...", or None."""
        return None


class Mixing(Augmentation):
    """A step that mixes an image with another of the split, which gives labels that are shares.

    The partner is another sample's picture after the steps before, with that sample's own numbers. `draw` gives
    "partner", a sample id, and "own_share", the share of the label that stays.
    """

    effects: ClassVar[tuple[Effect, ...]] = ("mixing",)

    def apply(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the images as they are: without partners there is nothing to mix."""
        return images

    @abstractmethod
    def mixed(self, images: Tensor, partners: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return (B, C, H, W) uint8 mixtures of images and partners of the same shape; else as `apply`."""


def to_pixels(values: Tensor) -> Tensor:
    """Round float grey levels to uint8, ties to even, what is beyond 0..255 cut off."""
    return values.round_().clamp_(0, 255).to(torch.uint8)


def per_image(values: Tensor) -> Tensor:
    """Shape (B,) numbers so that they spread over images (B, C, H, W)."""
    return values[:, None, None, None]


def amount(number: float, unit: str) -> str:
    """Return a number with its unit, a plural or "": "1 pixel", "2 pixels", "0.25"."""
    shown = f"{number:.3g}"
    return f"{shown} {unit.removesuffix('s') if shown == '1' else unit}".rstrip()


def moved_words(down: float, right: float) -> str:
    """Say how far an image was moved: "moved 2 pixels down, 1 pixel left"."""
    moves = [
        f"{amount(abs(move), 'pixels')} {there if move > 0 else back}"
        for move, there, back in ((down, "down", "up"), (right, "right", "left"))
        if f"{abs(move):.3g}" != "0"
    ]
    return f"moved {', '.join(moves)}" if moves else "not moved"


def box_words(numbers: Mapping[str, float | int]) -> str:
    """Say where a box lies: "7x9 pixels at row 3, column 12", height first, rows and columns counted from 0."""
    return (
        f"{numbers['height']}x{numbers['width']} pixels at row {numbers['top']}, "
        f"column {numbers['left']}"
    )


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _tensor(values: NDArray[Any]) -> Tensor:
    # float32 on every device: some accelerators have no float64.
    return torch.from_numpy(values.astype(np.float32) if values.dtype.kind == "f" else values)
