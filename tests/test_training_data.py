from itertools import pairwise

import numpy as np
import pytest
import torch

from core.datasets.base import Split
from core.datasets.shapes import Shapes
from core.training.data import (
    FIXED_SLICE_SIZE,
    TensorSplit,
    TrainingData,
    batch_bounds,
    epoch_order,
    fixed_slice,
)


def test_a_data_set_s_splits_become_tensors(tmp_path):
    dataset = Shapes(images=100).load(tmp_path)
    data = TrainingData.from_dataset(dataset)
    assert torch.equal(data.train.images, torch.tensor(dataset.split("train").images))
    assert data.train.images.dtype == torch.uint8
    assert torch.equal(data.validation.labels, torch.tensor(dataset.split("validation").labels))
    assert data.validation.counts.sum(dim=1).tolist() == [10.0] * len(data.validation)
    assert data.train_slice_ids.tolist() == list(range(len(data.train)))
    assert FIXED_SLICE_SIZE == 2000


def test_read_only_images_are_copied():
    images = np.zeros((2, 1, 4, 4), dtype=np.uint8)
    images.flags.writeable = False
    split = TensorSplit.from_split(Split(images, np.array([0, 1])))
    split.images[0] = 9
    assert images.max() == 0
    assert split.counts is None


def test_a_subset_keeps_images_labels_and_counts_together():
    split = TensorSplit(
        torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1),
        torch.arange(4) * 10,
        torch.arange(4.0)[:, None],
    )
    subset = split.subset(torch.tensor([3, 1]))
    assert subset.images.flatten().tolist() == [3, 1]
    assert subset.labels.tolist() == [30, 10]
    assert subset.counts.flatten().tolist() == [3.0, 1.0]


def test_the_fixed_slice_holds_each_class_in_its_share():
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    np.random.default_rng(0).shuffle(labels)
    ids = fixed_slice(labels, 100)
    assert np.bincount(labels[ids]).tolist() == [50, 30, 20]
    assert (np.diff(ids) > 0).all()


def test_the_fixed_slice_has_the_wanted_size_where_shares_are_broken():
    labels = np.repeat(np.arange(7), [13, 14, 15, 16, 17, 18, 19])
    for size in range(1, len(labels)):
        ids = fixed_slice(labels, size)
        assert len(set(ids.tolist())) == size
        quotas = np.bincount(labels[ids], minlength=7)
        assert (np.abs(quotas - np.bincount(labels) * size / len(labels)) < 1).all()


def test_the_fixed_slice_is_the_same_every_time():
    labels = np.arange(1000) % 10
    assert np.array_equal(fixed_slice(labels, 50), fixed_slice(labels, 50))


def test_a_small_split_is_its_own_slice():
    assert fixed_slice(np.array([2, 0, 2]), 2000).tolist() == [0, 1, 2]


def test_each_epoch_and_each_seed_has_its_own_repeatable_order():
    orders = [epoch_order(seed, epoch, 50).tolist() for seed in (0, 1) for epoch in (1, 2)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_order(1, 2, 50).tolist() == orders[3]


@pytest.mark.parametrize(
    ("num_samples", "batch_size", "sizes"),
    [
        (10, 5, [5, 5]),
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 5]),
        (3, 8, [3]),
        (1, 8, [1]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_batches_cover_all_samples_and_a_last_single_one_joins_the_batch_before(
    num_samples, batch_size, sizes
):
    bounds = batch_bounds(num_samples, batch_size)
    assert [stop - start for start, stop in bounds] == sizes
    assert bounds[0][0] == 0 and bounds[-1][1] == num_samples
    assert all(stop == start for (_, stop), (start, _) in pairwise(bounds))
