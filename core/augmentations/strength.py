"""Strength: what one step alone does to one image, from weakest to strongest.

Apart from preview.py because nothing here is what training will see: the step hits for certain, and at strengths that
nobody asked for. Pictures and labels come from the same EpochPictures all the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.augmentations.base import Augmentation, Draws, Mixing, amount
from core.augmentations.one_image import OneImage, Partner, labels_after, strengths, with_strength
from core.augmentations.pictures import AugmentedBatch
from core.labels import LabelSpace

UNCHANGED = "the image as it is"

_NUM_OUTCOMES = 256
"""Draws that find all outcomes of a step without strength: one of eight stays unseen with a chance of 1e-14."""


@dataclass(frozen=True, eq=False)
class Strip:
    """One image as one step changes it, M times.

    Attributes:
        setting: name of the setting that grows, or None: the step has no strength, and all its outcomes are shown.
        unit: of the setting, or None.
        values: M strengths, rising; empty without a setting.
        captions: M texts, what stands below each image.
        images: (M, C, H, W) uint8.
        labels: (M,) int64, the label after; the class with the largest share where the step mixes.
        counts: (M, T) after, or None without counts.
        note: why nothing is shown, or None.
    """

    setting: str | None
    unit: str | None
    values: list[float]
    captions: list[str]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    counts: NDArray[Any] | None
    note: str | None = None


def strength_strip(
    step: Augmentation,
    image: NDArray[np.uint8],
    label: int,
    count_row: NDArray[Any] | None,
    space: LabelSpace,
    num: int = 8,
    seed: int = 0,
    partner: Partner | None = None,
) -> Strip:
    """Show one step at growing strength with the same draws, or all outcomes of a step that has no strength.

    Of some draws the one is taken that changes the image most at the greatest strength. Strengths are evenly spaced
    over those declared, as far as they fit the image; probability and rules of the data set are set aside.

    Args:
        step: its other settings are kept.
        image: (C, H, W).
        label: its class.
        count_row: (T,) its counts, or None.
        space: classes and counts, with the data set's rules.
        num: most images; fewer where the setting has fewer values.
        seed: of the draws.
        partner: what a mixing step mixes in; without, its strip is empty and says so.

    Raises:
        InvalidParameter: no strength fits the image, or a mixing step meets counts.
    """
    alone = OneImage(image, label, count_row, space, seed, partner)
    if isinstance(step, Mixing) and partner is None:
        note = f"{step.name} needs a second image, and none was given."
        none = np.empty((0, *image.shape), dtype=np.uint8)
        return Strip(step.strength, None, [], [], none, np.empty(0, dtype=np.int64), None, note)
    if step.strength is None:
        return _outcomes(step, alone)
    values = strengths(step, alone.image_shape, num)
    steps = [with_strength(step, value) for value in values]
    row = alone.telling_row(steps[-1])
    shown = [alone.pictures(one).batch(row) for one in steps]
    return Strip(
        setting=step.strength,
        unit=step.unit or None,
        values=values,
        captions=[
            _caption(one, value, batch)
            for one, value, batch in zip(steps, values, shown, strict=True)
        ],
        images=np.concatenate([one.images.numpy() for one in shown]),
        labels=np.concatenate([labels_after(one) for one in shown]),
        counts=None
        if count_row is None
        else np.concatenate([one.counts.numpy() for one in shown if one.counts is not None]),
    )


def _caption(step: Augmentation, value: float, batch: AugmentedBatch) -> str:
    setting = str(step.strength).replace("_", " ")
    caption = amount(value, step.unit) if step.unit else f"{setting} {value:.3g}"
    if not isinstance(step, Mixing):
        return caption
    own = batch.decisions[0].values["own_share"][0].item()
    return f"{caption}, {100 * (1 - own):.0f} % mixed in"


def _outcomes(step: Augmentation, alone: OneImage) -> Strip:
    source = alone.pictures(step, _NUM_OUTCOMES)
    (decision,) = source.batch(torch.arange(_NUM_OUTCOMES)).decisions
    drawn = [tuple((decision.numbers(row) or {}).values()) for row in range(_NUM_OUTCOMES)]
    first = {numbers: row for row, numbers in reversed(list(enumerate(drawn)))}
    batch = source.batch(torch.tensor([first[numbers] for numbers in sorted(first)]))
    name = step.name.replace("-", " ")
    captions = [
        step.words(batch.decisions[0].numbers(place) or {}) or name for place in range(len(first))
    ]
    images, labels = batch.images.numpy(), labels_after(batch)
    counts = None if batch.counts is None else batch.counts.numpy()
    if not _has_identity(batch.decisions[0]):
        captions.insert(0, UNCHANGED)
        images = np.concatenate([alone.image[None], images])
        labels = np.concatenate([[alone.label], labels])
        counts = (
            None if counts is None else np.concatenate([np.asarray(alone.count_row)[None], counts])
        )
    return Strip(None, None, [], captions, images, labels, counts)


def _has_identity(decision: Draws) -> bool:
    """Return whether one of the outcomes is the image as it is."""
    return decision.symmetry is not None and bool((decision.symmetry == 0).any())
