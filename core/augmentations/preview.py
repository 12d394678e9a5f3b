"""Preview: what training will see of some rows of an epoch, before and after, with what was drawn for them, in words.

Apart from pictures.py because training needs none of it: a preview asks the same EpochPictures for its pictures, so the
two cannot differ. What one step alone does at growing strength is in strength.py; drawing is core.charts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from core.augmentations.base import Augmentation, Draws, ImageShape
from core.augmentations.expansion import FixedExpansion
from core.augmentations.pictures import EpochPictures, step_draws
from core.augmentations.pipeline import AugmentationPipeline
from core.exceptions import InvalidParameter
from core.labels import LabelSpace

NUM_GREY_BINS = 32

_LEAST_SHARE = 0.005
"""A class with a smaller share of a mixed label is left out of its text: it would read as 0 %."""


@dataclass(frozen=True, eq=False)
class Preview:
    """Some pictures of an epoch beside the images that they come from.

    Attributes:
        rows: (B,) int64; row r is copy r % M of sample r // M, where M is the number of copies of the pipeline.
        sample_ids: (B,) int64 in the training split.
        copies: (B,) int64 in [0, M).
        before: (B, C, H, W) uint8.
        after: (B, C, H, W) uint8, what training sees.
        labels: (B,) int64, before.
        new_labels: (B,) int64, after; for a mixing pipeline the class with the largest share.
        shares: (B, K) float32, the label after mixing, or None for a pipeline that does not mix.
        counts: (B, T) before, or None for a data set without counts.
        new_counts: (B, T) after, or None likewise.
        decisions: what was drawn, one entry for the expansion, if there is one, and one for each step.
        pipeline: what was applied.
    """

    rows: NDArray[np.int64]
    sample_ids: NDArray[np.int64]
    copies: NDArray[np.int64]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    labels: NDArray[np.int64]
    new_labels: NDArray[np.int64]
    shares: NDArray[np.float32] | None
    counts: NDArray[Any] | None
    new_counts: NDArray[Any] | None
    decisions: tuple[Draws, ...]
    pipeline: AugmentationPipeline

    @property
    def is_changed(self) -> NDArray[np.bool_]:
        """(B,) whether the label, its shares or the counts became others."""
        changed = self.new_labels != self.labels
        if self.shares is not None:
            own = self.shares[np.arange(len(self.rows)), self.labels]
            changed |= own < 1 - _LEAST_SHARE
        if self.counts is not None and self.new_counts is not None:
            changed |= (self.counts != self.new_counts).any(axis=1)
        return changed

    def texts(self, position: int) -> list[str]:
        """Return one plain text for each step that hit a picture, in order: "random erasing: 7x9 pixels at row 3, ..."."""
        return [
            _text(part, numbers)
            for part, decision in zip(_parts(self.pipeline), self.decisions, strict=True)
            if (numbers := decision.numbers(position)) is not None
        ]

    def label_text(
        self, position: int, space: LabelSpace, which: Literal["before", "after"]
    ) -> str:
        """Return a picture's class by name, or, where two were mixed, each with its share: "70 % coat + 30 % bag"."""
        labels = self.labels if which == "before" else self.new_labels
        name = space.class_names[labels[position]]
        if which == "before" or self.shares is None:
            return name
        shares = self.shares[position]
        order = [one for one in np.argsort(-shares, kind="stable") if shares[one] >= _LEAST_SHARE]
        if len(order) == 1:
            return name
        return " + ".join(f"{100 * shares[one]:.0f} % {space.class_names[one]}" for one in order)


@dataclass(frozen=True, eq=False)
class ExpansionView:
    """The fixed copies of some images.

    Attributes:
        images: (B, M, C, H, W) uint8.
        labels: (B, M) int64, what is true of each copy.
        columns: M names of copies.
        note: which k these were made with, and which training uses.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    columns: tuple[str, ...]
    note: str


def preview(
    pipeline: AugmentationPipeline,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    counts: NDArray[Any] | None,
    space: LabelSpace,
    seed: int,
    epoch: int,
    rows: Sequence[int] | NDArray[np.int64],
) -> Preview:
    """Return some pictures of an epoch, byte for byte those that training sees with this seed.

    Args:
        pipeline: what to do to the images.
        images: (N, C, H, W) the whole training split, perhaps mapped; only the images asked for are read.
        labels: (N,) of the whole training split.
        counts: (N, T) likewise, or None.
        space: classes and counts, with the data set's rules.
        seed: of the run.
        epoch: 1 or more.
        rows: (B,) in [0, N * M).

    Raises:
        InvalidParameter: the pipeline cannot be applied to this data set, or a row lies outside the epoch.
    """
    source = EpochPictures(pipeline, images, labels, counts, space, seed, epoch)
    wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
    outside = wanted[(wanted < 0) | (wanted >= source.num_rows)]
    if len(outside):
        raise InvalidParameter(
            f"rows must lie in [0, {source.num_rows}), the rows of an epoch; got {outside[0]}."
        )
    batch = source.batch(torch.from_numpy(wanted))
    sample_ids = wanted // pipeline.num_copies
    is_mixed = batch.labels.ndim == 2
    return Preview(
        rows=wanted,
        sample_ids=sample_ids,
        copies=wanted % pipeline.num_copies,
        before=np.asarray(images[sample_ids]),
        after=batch.images.numpy(),
        labels=np.asarray(labels)[sample_ids],
        new_labels=(batch.labels.argmax(dim=1) if is_mixed else batch.labels).numpy(),
        shares=batch.labels.numpy() if is_mixed else None,
        counts=None if counts is None else np.asarray(counts)[sample_ids],
        new_counts=None if batch.counts is None else batch.counts.numpy(),
        decisions=batch.decisions,
        pipeline=pipeline,
    )


def hits(
    pipeline: AugmentationPipeline,
    image_shape: ImageShape,
    num_samples: int = 100,
    seed: int = 0,
    epoch: int = 1,
) -> pd.DataFrame:
    """Count how many of the first rows of an epoch each step hits.

    Args:
        pipeline: perhaps one that the data set would refuse.
        image_shape: C, H, W.
        num_samples: rows looked at.
        seed: of the run.
        epoch: 1 or more.

    Returns:
        A row for the expansion, if there is one, one for each step, then "none" and "several": step ("2 zoom", counted
        from 1), hit (rows), num_samples.
    """
    draws = step_draws(pipeline, image_shape, num_samples, seed, epoch)
    names = [f"{number} {step.name}" for number, step in enumerate(pipeline.steps, start=1)]
    if pipeline.expansion is not None:
        draws.insert(0, pipeline.expansion.draws(num_samples))
        names.insert(0, "expansion")
    each = np.array([one.hit.numpy() for one in draws], dtype=bool)
    each = each.reshape(len(draws), num_samples)
    together = each.sum(axis=0)
    counts = [*each.sum(axis=1), (together == 0).sum(), (together > 1).sum()]
    return pd.DataFrame(
        {
            "step": [*names, "none", "several"],
            "hit": np.array(counts, dtype=np.int64),
            "num_samples": num_samples,
        }
    )


def grey_change(shown: Preview) -> pd.DataFrame:
    """Compare the grey levels of images and pictures; those of colour images are counted channel by channel.

    Returns:
        32 rows of 8 grey levels each: grey_low, grey_high (both included), before, after (shares of all pixels; NaN
        without pictures).
    """
    width = 256 // NUM_GREY_BINS
    before, after = (
        np.bincount(images.reshape(-1) // width, minlength=NUM_GREY_BINS)
        for images in (shown.before, shown.after)
    )
    lows = np.arange(NUM_GREY_BINS) * width
    num_pixels = shown.before.size or np.nan
    return pd.DataFrame(
        {
            "grey_low": lows,
            "grey_high": lows + width - 1,
            "before": before / num_pixels,
            "after": after / num_pixels,
        }
    )


def expansion_view(
    pipeline: AugmentationPipeline,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    space: LabelSpace,
    ids: Sequence[int] | NDArray[np.int64],
    k: int | None = None,
) -> ExpansionView:
    """Return the fixed copies of some images, with the pipeline's k or another to try.

    Args:
        pipeline: with an expansion, or without, for which the study's four copies are shown.
        images: (N, C, H, W) of the training split, perhaps mapped.
        labels: (N,) likewise.
        space: classes, with the data set's rules; a refused expansion is shown all the same, and the note says so.
        ids: (B,) samples.
        k: pixels cropped on each side in zoomed copies; None for those that training uses.

    Raises:
        InvalidParameter: k is out of its bounds or does not fit the images.
    """
    own = pipeline.expansion
    shown = FixedExpansion() if own is None else own
    if k is not None:
        shown = FixedExpansion.checked({**shown.model_dump(), "k": k})
    _, *image_shape = images.shape
    problem = shown.problem((image_shape[0], image_shape[1], image_shape[2]))
    if problem is not None:
        raise InvalidParameter(f"expansion: {problem}.")
    wanted = np.asarray(ids, dtype=np.int64)
    chosen = torch.from_numpy(np.asarray(images[wanted]))
    copies = shown.expanded(chosen).view(len(chosen), shown.num_copies, *image_shape)
    if own is None:
        uses = "Training makes no fixed copies: the pipeline has no expansion."
    elif any(one.step is None for one in pipeline.refusals(images.shape[1:], space)):
        uses = f"The pipeline has k = {own.k}; training refuses fixed copies here."
    else:
        uses = f"Training uses k = {own.k}."
    symmetry = shown.draws(shown.num_copies).symmetry  # (M,)
    moved = np.asarray(space.rules.classes.table(space.num_classes))  # (8, K)
    new_labels = moved[np.asarray(symmetry)[None], np.asarray(labels)[wanted][:, None]]  # (B, M)
    columns = tuple(kind.replace("-", " ") for kind in shown.copies)
    return ExpansionView(copies.numpy(), new_labels, columns, f"Shown with k = {shown.k}. {uses}")


def _parts(pipeline: AugmentationPipeline) -> list[Augmentation | FixedExpansion]:
    """Return what makes the entries of an epoch's decisions, in their order."""
    return [*([] if pipeline.expansion is None else [pipeline.expansion]), *pipeline.steps]


def _text(part: Augmentation | FixedExpansion, numbers: dict[str, float | int]) -> str:
    name = "copy" if isinstance(part, FixedExpansion) else part.name.replace("-", " ")
    words = part.words(numbers)
    return f"{name}: {words}" if words else name
