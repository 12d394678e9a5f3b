"""FixedExpansion: several fixed copies of every training image, such as the Fashion study's four.

Apart from the steps because nothing is drawn: an epoch visits every copy. Validation and test rows are never expanded.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args

import numpy as np
import pydantic
import torch
from pydantic import Field
from torch import Tensor

from core.augmentations.base import Draws, ImageShape
from core.augmentations.zoom import MOST_PIXELS, zoom_problem, zoomed
from core.labels import HORIZONTAL_FLIP, Effect
from core.settings import Settings

CopyKind = Literal["original", "flip", "zoom", "flip-of-zoom"]


class FixedExpansion(Settings):
    """Shows every training image as several copies: itself, flipped, zoomed, or both."""

    effects_of: ClassVar[dict[CopyKind, tuple[Effect, ...]]] = {
        "original": (),
        "flip": ("horizontal_flip",),
        "zoom": ("displacement",),
        "flip-of-zoom": ("horizontal_flip", "displacement"),
    }

    copies: tuple[CopyKind, ...] = Field(
        get_args(CopyKind),
        min_length=1,
        max_length=4,
        description="Copies of each image, in order.",
    )
    k: int = Field(
        2,
        ge=1,
        le=MOST_PIXELS,
        description="Pixels cropped on each side before the rest is enlarged, in zoomed copies.",
        json_schema_extra={"unit": "pixels"},
    )
    is_forced: bool = Field(
        False,
        description="Make the copies even where the data set says that labels would no longer be true.",
    )

    @pydantic.field_validator("copies")
    @classmethod
    def _each_once(cls, copies: tuple[CopyKind, ...]) -> tuple[CopyKind, ...]:
        if len(set(copies)) < len(copies):
            raise ValueError(f"each kind of copy may be named once; got {', '.join(copies)}.")
        return copies

    @property
    def num_copies(self) -> int:
        """Copies of each image."""
        return len(self.copies)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the copies do to images, each effect once."""
        return tuple(dict.fromkeys(one for kind in self.copies for one in self.effects_of[kind]))

    def problem(self, image_shape: ImageShape) -> str | None:
        """Return why images of this shape cannot be copied so, or None."""
        return zoom_problem("k", self.k, image_shape) if "displacement" in self.effects else None

    def draws(self, num_rows: int) -> Draws:
        """Return which copy each row is, in the form of a step that hits all rows but the originals."""
        copy = torch.arange(num_rows) % self.num_copies
        return Draws(
            "expansion",
            self._has("horizontal_flip")[copy] | self._has("displacement")[copy],
            {"copy": copy},
            self._has("horizontal_flip")[copy] * HORIZONTAL_FLIP,
        )

    def apply(self, images: Tensor, copy: Tensor) -> Tensor:
        """Return each image as one of its copies.

        Args:
            images: (B, C, H, W) uint8.
            copy: (B,) int64, the number of the copy, on the CPU.
        """
        images = images.clone()
        for effect, change in (
            ("displacement", lambda some: zoomed(some, self.k)),
            ("horizontal_flip", lambda some: some.flip(3)),
        ):
            chosen = self._has(effect)[copy].nonzero()[:, 0].to(images.device)
            images[chosen] = change(images[chosen])
        return images

    def words(self, numbers: Mapping[str, float | int]) -> str:
        """Say which copy an image is shown as."""
        return self.copies[int(numbers["copy"])].replace("-", " ")

    def expanded(self, images: Tensor) -> Tensor:
        """Return all copies of all images: (N * M, C, H, W), the M copies of an image beside each other."""
        shape = (len(images), self.num_copies, *images.shape[1:])
        if images.device.type == "cpu":
            # NumPy asks the kernel for large pages and torch does not: 14 instead of 58 ms for the first touch of 129 MB
            # (shared 2-core AMD EPYC, torch 2.13, median of 5), as much as all else here takes.
            result = torch.from_numpy(np.empty(shape, dtype=np.uint8))
        else:
            result = torch.empty(shape, dtype=torch.uint8, device=images.device)
        for start in range(0, len(images), _BLOCK):
            block, target = images[start : start + _BLOCK], result[start : start + _BLOCK]
            enlarged = zoomed(block, self.k) if "displacement" in self.effects else block
            for number, kind in enumerate(self.copies):
                shown = enlarged if "displacement" in self.effects_of[kind] else block
                is_flipped = "horizontal_flip" in self.effects_of[kind]
                target[:, number] = shown.flip(3) if is_flipped else shown
        return result.view(-1, *images.shape[1:])

    def _has(self, effect: str) -> Tensor:
        return torch.tensor([effect in self.effects_of[kind] for kind in self.copies])


# What a block needs then stays in the processor's cache.
_BLOCK = 256
