"""What a training run reads: splits as tensors, and the fixed order in which samples are visited.

Order and slices are functions of seeds, not state, so a resumed run sees what an uninterrupted one would have seen.
Where data sets come from is core.datasets.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.base import Dataset, Split
from core.labels import LabelSpace

FIXED_SLICE_SIZE = 2000
"""Most samples of the training split whose outputs are kept for every epoch."""

_FIXED_SLICE_SEED = 2000


@dataclass(frozen=True)
class TensorSplit:
    """One split as tensors.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) int64 in [0, K).
        counts: (N, T) float32, or None without counts.
    """

    images: Tensor
    labels: Tensor
    counts: Tensor | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    def to(self, device: torch.device) -> Self:
        """Return the split on a device; images stay uint8."""
        return type(self)(
            self.images.to(device),
            self.labels.to(device),
            None if self.counts is None else self.counts.to(device),
        )

    def subset(self, sample_ids: Tensor) -> Self:
        """Return some samples, in the order of their ids."""
        return type(self)(
            self.images[sample_ids],
            self.labels[sample_ids],
            None if self.counts is None else self.counts[sample_ids],
        )

    @classmethod
    def from_split(cls, split: Split) -> Self:
        """Copy a data set's split."""
        return cls(
            torch.tensor(split.images),
            torch.tensor(split.labels, dtype=torch.int64),
            None if split.counts is None else torch.tensor(split.counts, dtype=torch.float32),
        )


@dataclass(frozen=True)
class TrainingData:
    """What training fits and what it is watched on.

    Attributes:
        train: samples that the weights are fitted to.
        validation: samples that decide when to stop and which weights are best.
        train_slice_ids: (S,) int64, ids of the training samples whose outputs are kept for every epoch, rising.
        space: classes and counts, with what a flip or a turn does to them.
    """

    train: TensorSplit
    validation: TensorSplit
    train_slice_ids: Tensor
    space: LabelSpace

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> Self:
        """Take the train and validation splits of a data set."""
        train = dataset.split("train")
        return cls(
            TensorSplit.from_split(train),
            TensorSplit.from_split(dataset.split("validation")),
            torch.from_numpy(fixed_slice(train.labels, FIXED_SLICE_SIZE)),
            dataset.space,
        )


def fixed_slice(labels: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the ids of a stratified slice of a split, the same for every run on these labels.

    Each class gets its share of the slice, rounded down; what is left goes to the classes that lost most by rounding,
    the lower label first.

    Args:
        labels: (N,), class of each sample.
        size: samples wanted; all N if there are no more.

    Returns:
        (min(size, N),) sample ids, rising.
    """
    if size >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    counts = np.bincount(labels)
    shares = counts * size / len(labels)
    quotas = np.floor(shares).astype(np.int64)
    by_remainder = np.argsort(quotas - shares, kind="stable")
    quotas[by_remainder[: size - quotas.sum()]] += 1
    generator = np.random.default_rng(_FIXED_SLICE_SEED)
    chosen = [
        generator.permutation(np.flatnonzero(labels == label))[:quota]
        for label, quota in enumerate(quotas)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def epoch_order(seed: int, epoch: int, num_rows: int) -> NDArray[np.int64]:
    """Return the order in which an epoch visits the training samples, or their fixed copies.

    Args:
        seed: of the run.
        epoch: 1 or more.
        num_rows: of the epoch's pictures (core.augmentations.pictures); N without copies.

    Returns:
        (num_rows,) a permutation of the rows.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    return generator.permutation(num_rows).astype(np.int64)


def batch_bounds(num_rows: int, batch_size: int) -> list[tuple[int, int]]:
    """Cut an epoch into batches; the last may be smaller.

    A last batch of a single row joins the one before it, because batch norm cannot normalise one sample.

    Returns:
        start and stop of each batch, covering [0, num_rows) in order.
    """
    starts = list(range(0, num_rows, batch_size))
    if len(starts) > 1 and batch_size > 1 and num_rows - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], num_rows], strict=True))
