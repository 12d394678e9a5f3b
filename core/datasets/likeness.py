"""Likeness: whether images to be predicted look like those that a network was trained on, before anything is predicted.

A network answers for any pixels, also for inverted ones or photographs; only the images themselves can tell. What is
compared is coarse on purpose: size, channels, grey level, and what the border says of the background.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MOST_IMAGES = 2000
"""Images looked at on either side."""

FEWEST_IMAGES = 8
"""Of a later part of a file; the background of fewer is that of single images, which may be odd."""

LEAST_DIFFERENCE = 10.0
"""Grey levels by which a mean must lie outside what is usual to be spoken of."""

LEAST_OF_EXTREMES = 32.0
"""The same for darkest and brightest pixels, which resizing alone brings nearer to the mean (28x28 from 32x32: by 26)."""

FARTHEST = 4.0
"""Standard errors of a mean that it must lie outside as well: the mean of few images varies more."""

USUAL = (5.0, 95.0)
"""Percentiles of single training images between which the mean of any input may lie.

Not the mean of training alone: a file of one class only, or a part of a sorted one, differs from it for no fault.
"""


@dataclass(frozen=True)
class Level:
    """A grey level of each image, over a set of images; all in [0, 255].

    Attributes:
        mean: over the images.
        spread: standard deviation.
        low: below it lie few images (`USUAL`).
        high: above it lie few.
    """

    mean: float
    spread: float
    low: float
    high: float

    @classmethod
    def of(cls, levels: NDArray[np.floating | np.integer]) -> Self:
        """Sum up the levels of at least one image."""
        low, high = np.percentile(levels, USUAL)
        return cls(float(levels.mean()), float(levels.std()), float(low), float(high))

    def is_usual(self, mean: float, num_images: int, least: float) -> bool:
        """Return whether so many images of one class, or of some, could have this mean.

        Args:
            mean: of the level over other images.
            num_images: how many these are.
            least: grey levels outside what is usual that are never spoken of.
        """
        margin = max(least, FARTHEST * self.spread / np.sqrt(num_images))
        return self.low - margin <= mean <= self.high + margin


@dataclass(frozen=True)
class Likeness:
    """What a set of images looks like.

    Attributes:
        shape: C, H, W.
        grey: the mean of each image, which depends on its class too.
        darkest: the darkest pixel of each image, which hardly does.
        brightest: the brightest pixel of each image.
        border: median grey level of the outermost pixels: the background of most data sets.
        num_images: looked at.
    """

    shape: tuple[int, int, int]
    grey: Level
    darkest: Level
    brightest: Level
    border: float
    num_images: int

    @classmethod
    def of(cls, images: NDArray[np.uint8], shape: tuple[int, int, int] | None = None) -> Self:
        """Look at images, at most `MOST_IMAGES` of them, evenly spaced.

        Args:
            images: (N, C, H, W), at least one.
            shape: C, H, W before they were brought to this one, if they were.
        """
        number = min(len(images), MOST_IMAGES)
        some = np.asarray(images[np.linspace(0, len(images) - 1, number).astype(np.int64)])
        border = np.concatenate(
            [
                side.ravel()
                for side in (some[..., 0, :], some[..., -1, :], some[..., 0], some[..., -1])
            ]
        )
        return cls(
            shape=shape or tuple(some.shape[1:]),
            grey=Level.of(some.mean(axis=(1, 2, 3))),
            darkest=Level.of(some.min(axis=(1, 2, 3))),
            brightest=Level.of(some.max(axis=(1, 2, 3))),
            border=float(np.median(border)),
            num_images=len(some),
        )


def differences(input_: Likeness, training: Likeness) -> list[str]:
    """Return in which ways input differs from training images so that answers may mean nothing, a sentence each.

    Args:
        input_: images to be predicted.
        training: images that the network was trained on.
    """
    return list(_by_kind(input_, training).values())


class DifferencesFound:
    """Looks at the parts of a file one after the other and says each kind of difference once, where it begins.

    A file may change in its midst, and it is too long to be read twice: each part is looked at before it is predicted.
    """

    def __init__(self, training: Likeness) -> None:
        self._training = training
        self._num_images = 0
        self._said: set[str] = set()

    def add(self, images: NDArray[np.uint8], shape: tuple[int, int, int] | None) -> list[str]:
        """Return what is new about the next images, as `differences` says it; arguments as of `Likeness.of`."""
        first, self._num_images = self._num_images + 1, self._num_images + len(images)
        if first > 1 and len(images) < FEWEST_IMAGES:
            return []
        found = _by_kind(Likeness.of(images, shape), self._training)
        where = "" if first == 1 else f"From image {first:,} on: "
        new = [f"{where}{sentence}" for kind, sentence in found.items() if kind not in self._said]
        self._said |= found.keys()
        return new


def _by_kind(input_: Likeness, training: Likeness) -> dict[str, str]:
    found = {}
    if input_.shape[1:] != training.shape[1:]:
        found["size"] = (
            f"The images are {_size(input_.shape)} pixels; training had {_size(training.shape)}. They were resized."
        )
    if input_.shape[0] != training.shape[0]:
        words = {1: "grey", 3: "in colour"}
        found["colour"] = (
            f"The images are {words[input_.shape[0]]}; training had images {words[training.shape[0]]}."
        )
    if _is_inverted(input_, training):
        found["inverted"] = (
            f"The images look inverted: their background is {input_.border:.0f} of 255, that of training"
            f" {training.border:.0f}. Invert them if dark and bright were exchanged."
        )
        return found
    for what, here, there, least in (
        ("mean grey level", input_.grey, training.grey, LEAST_DIFFERENCE),
        ("average darkest pixel", input_.darkest, training.darkest, LEAST_OF_EXTREMES),
        ("average brightest pixel", input_.brightest, training.brightest, LEAST_OF_EXTREMES),
    ):
        # Any single image may lack the darkest or the brightest there is.
        is_judged = least < LEAST_OF_EXTREMES or input_.num_images >= FEWEST_IMAGES
        if is_judged and not there.is_usual(here.mean, input_.num_images, least):
            found["grey level"] = (
                f"The {what} is {here.mean:.0f} of 255; that of training was {there.mean:.0f}."
            )
            break
    return found


def _is_inverted(input_: Likeness, training: Likeness) -> bool:
    """Return whether the background and the whole are nearer to training's once dark and bright are exchanged."""
    border = abs(input_.border - training.border), abs(255 - input_.border - training.border)
    there = training.grey.mean
    mean = abs(input_.grey.mean - there), abs(255 - input_.grey.mean - there)
    return border[0] > border[1] + 64 and mean[0] > mean[1]


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[2]}x{shape[1]}"
