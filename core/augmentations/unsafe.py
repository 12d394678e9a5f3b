"""Unsafe: the example that shows why a data set refuses a step.

Apart from strength.py because it asks the data set's rules, and shows one image only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.augmentations.base import Augmentation, Mixing
from core.augmentations.one_image import OneImage, labels_after, strengths, with_strength
from core.augmentations.pipeline import SYMMETRIES
from core.labels import LabelSpace

_NUM_STRENGTHS, _TELLING = 101, 0.25
"""Where between weakest and strongest an example of an untrue label lies: plain to see, and still an image."""


@dataclass(frozen=True, eq=False)
class UnsafeExample:
    """An image whose label is no longer true after a step.

    Attributes:
        before: (C, H, W) uint8.
        after: (C, H, W) uint8.
        sentence: what was done, and whether stronger than the step says, the label that the image would keep, and why
            it is not true.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    sentence: str


def unsafe_example(
    step: Augmentation,
    image: NDArray[np.uint8],
    label: int,
    count_row: NDArray[Any] | None,
    space: LabelSpace,
    seed: int = 0,
) -> UnsafeExample | None:
    """Force a step on an image to show why a data set refuses it; None for a step that its rules allow.

    None also for a mixing step, which needs a second image.

    Args:
        step: made stronger where it is too weak to show anything.
        image: (C, H, W).
        label: its class.
        count_row: (T,) its counts, or None.
        space: with the data set's rules.
        seed: of the draws, among which the one is taken that changes the image most.

    Raises:
        InvalidParameter: the step does not fit the image.
    """
    reasons = [space.rules.unsafe[one] for one in step.effects if one in space.rules.unsafe]
    if not reasons or isinstance(step, Mixing):
        return None
    alone = OneImage(image, label, count_row, space, seed)
    is_stronger = False
    if step.strength is not None:
        possible = strengths(step, alone.image_shape, _NUM_STRENGTHS)
        telling = possible[round(_TELLING * (len(possible) - 1))]
        own = min(getattr(step, step.strength), possible[-1])
        step, is_stronger = with_strength(step, max(telling, own)), telling > own
    unsafe = [
        one
        for effect in step.effects
        if effect in space.rules.unsafe
        for one in SYMMETRIES.get(effect, ())
    ]
    row = alone.telling_row(step, unsafe)
    batch = alone.pictures(step).batch(row)
    words = step.words(batch.decisions[0].numbers(0) or {})
    done = f"{step.name.replace('-', ' ').capitalize()}{f' ({words})' if words else ''}"
    done += ", shown stronger than set," if is_stronger else ""
    after = int(labels_after(batch)[0])
    does = "keeps the label" if after == label else "makes the label"
    return UnsafeExample(
        image,
        batch.images[0].numpy(),
        f"{done} {does} '{space.class_names[after]}', although {reasons[0]}.",
    )
