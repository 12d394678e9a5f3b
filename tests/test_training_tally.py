import math

import pytest
import torch

from core.models.base import Outputs
from core.training.data import TensorSplit
from core.training.tally import BatchTally


def batch(labels, counts=None):
    return TensorSplit(
        torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8),
        torch.tensor(labels),
        None if counts is None else torch.tensor(counts),
    )


def test_batches_count_by_their_samples():
    tally = BatchTally(0.0)
    tally.add(Outputs(torch.tensor([[1.0, 1.0]] * 3)), batch([0, 0, 0]))
    tally.add(Outputs(torch.tensor([[0.0, 50.0]])), batch([0]))
    assert tally.metrics() == pytest.approx(
        {"train_loss": (3 * math.log(2) + 50) / 4, "train_accuracy": 0.75}
    )


def test_counts_are_in_the_loss_and_have_their_own_metrics():
    tally = BatchTally(6.0)
    outputs = Outputs(torch.zeros(2, 2), torch.tensor([[3.0], [0.5]]))
    loss = tally.add(outputs, batch([0, 1], [[0.0], [0.0]]))
    assert loss.item() == pytest.approx(math.log(2) + 6 * (2.5 + 0.125) / 2)
    assert tally.metrics() == pytest.approx(
        {
            "train_loss": loss.item(),
            "train_accuracy": 0.5,
            "train_class_loss": math.log(2),
            "train_count_loss": 2.625 / 2,
            "train_count_rmse": math.sqrt(9.25 / 2),
            "train_count_mae": 3.5 / 2,
        }
    )


def test_a_weight_of_zero_leaves_the_counts_out():
    tally = BatchTally(0.0)
    loss = tally.add(Outputs(torch.zeros(1, 2), torch.tensor([[3.0]])), batch([0], [[0.0]]))
    assert loss.item() == pytest.approx(math.log(2))
    assert tally.metrics().keys() == {"train_loss", "train_accuracy"}


def test_the_first_batch_without_a_finite_loss_is_named():
    tally = BatchTally(0.0)
    for value in (0.0, math.nan, 0.0, math.nan):
        tally.add(Outputs(torch.tensor([[value, 0.0]])), batch([0]))
    assert tally.first_bad_batch() == 2


def test_finite_losses_name_no_batch():
    tally = BatchTally(0.0)
    tally.add(Outputs(torch.zeros(1, 2)), batch([0]))
    assert tally.first_bad_batch() is None
