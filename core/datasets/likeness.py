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
"""Below it the mean grey level says nothing: single images differ by more."""

LEAST_DIFFERENCE = 10.0
"""Grey levels by which two means must differ to be spoken of."""

FARTHEST = 4.0
"""Standard deviations of an image's mean that a single image may lie away."""


@dataclass(frozen=True)
class Likeness:
    """What a set of images looks like.

    Attributes:
        shape: C, H, W.
        mean: grey level of all pixels, in [0, 255].
        spread: standard deviation of the images' mean grey levels.
        border: median grey level of the outermost pixels: the background of most data sets.
        num_images: looked at.
    """

    shape: tuple[int, int, int]
    mean: float
    spread: float
    border: float
    num_images: int

    @classmethod
    def of(cls, images: NDArray[np.uint8], shape: tuple[int, int, int] | None = None) -> Self:
        """Look at images, at most `MOST_IMAGES` of them, evenly spaced.

        Args:
            images: (N, C, H, W), at least one.
            shape: C, H, W before they were brought to this one, if they were.
        """
        step = max(1, len(images) // MOST_IMAGES)
        some = np.asarray(images[::step][:MOST_IMAGES])
        means = some.mean(axis=(1, 2, 3))
        border = np.concatenate(
            [
                side.ravel()
                for side in (some[..., 0, :], some[..., -1, :], some[..., 0], some[..., -1])
            ]
        )
        return cls(
            shape=shape or tuple(some.shape[1:]),
            mean=float(means.mean()),
            spread=float(means.std()),
            border=float(np.median(border)),
            num_images=len(some),
        )


def differences(input_: Likeness, training: Likeness) -> list[str]:
    """Return in which ways input differs from training images so that answers may mean nothing, a sentence each.

    Args:
        input_: images to be predicted.
        training: images that the network was trained on.
    """
    found = []
    if input_.shape[1:] != training.shape[1:]:
        found.append(
            f"The images are {_size(input_.shape)} pixels; training had {_size(training.shape)}. They were resized."
        )
    if input_.shape[0] != training.shape[0]:
        words = {1: "grey", 3: "in colour"}
        found.append(
            f"The images are {words[input_.shape[0]]}; training had images {words[training.shape[0]]}."
        )
    if _is_inverted(input_, training):
        found.append(
            f"The images look inverted: their background is {input_.border:.0f} of 255, that of training"
            f" {training.border:.0f}. Invert them if dark and bright were exchanged."
        )
    elif _is_other_grey(input_, training):
        found.append(
            f"The mean grey level is {input_.mean:.0f} of 255; that of training was {training.mean:.0f}."
        )
    return found


def _is_inverted(input_: Likeness, training: Likeness) -> bool:
    """Return whether the background and the whole are nearer to training's once dark and bright are exchanged."""
    border = abs(input_.border - training.border), abs(255 - input_.border - training.border)
    mean = abs(input_.mean - training.mean), abs(255 - input_.mean - training.mean)
    return border[0] > border[1] + 64 and mean[0] > mean[1]


def _is_other_grey(input_: Likeness, training: Likeness) -> bool:
    difference = abs(input_.mean - training.mean)
    if input_.num_images < FEWEST_IMAGES:
        return difference > max(LEAST_DIFFERENCE, FARTHEST * training.spread)
    # Classes may be mixed otherwise than in training: less than half a deviation is no news.
    return difference > max(LEAST_DIFFERENCE, 0.5 * training.spread)


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[2]}x{shape[1]}"
