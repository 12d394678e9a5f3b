import math

import pytest
import torch
from torch.nn import functional

from core.models.base import Outputs
from core.training.tally import BatchTally, Loss, balanced_class_weights

CPU = torch.device("cpu")


def tally_of(**loss):
    return BatchTally(Loss(**loss), num_batches=4, device=CPU)


def added(tally, logits, labels, counts=None, wanted=None):
    return tally.add(
        Outputs(torch.as_tensor(logits), None if counts is None else torch.tensor(counts)),
        torch.as_tensor(labels),
        None if wanted is None else torch.tensor(wanted),
    )


def test_batches_count_by_their_samples():
    tally = tally_of()
    added(tally, [[1.0, 1.0]] * 3, [0, 0, 0])
    added(tally, [[0.0, 50.0]], [0])
    assert tally.metrics() == pytest.approx(
        {"train_loss": (3 * math.log(2) + 50) / 4, "train_accuracy": 0.75}
    )


def test_counts_are_in_the_loss_and_have_their_own_metrics():
    tally = tally_of(count_weight=6.0)
    loss = added(tally, torch.zeros(2, 2), [0, 1], [[3.0], [0.5]], [[0.0], [0.0]])
    expected = math.log(2) + 6 * (2.5 + 0.125) / 2
    assert loss.item() == pytest.approx(expected)
    assert tally.metrics() == pytest.approx(
        {
            "train_loss": expected,
            "train_accuracy": 0.5,
            "train_class_loss": math.log(2),
            "train_count_loss": 2.625 / 2,
            "train_count_rmse": math.sqrt(9.25 / 2),
            "train_count_mae": 3.5 / 2,
            "count_loss_share": 6 * 2.625 / 2 / expected,
        }
    )


def test_a_weight_of_zero_leaves_the_counts_out():
    tally = tally_of()
    loss = added(tally, torch.zeros(1, 2), [0], [[3.0]], [[0.0]])
    assert loss.item() == pytest.approx(math.log(2))
    assert tally.metrics().keys() == {"train_loss", "train_accuracy"}


def test_a_weight_of_zero_leaves_the_classes_out():
    tally = tally_of(class_weight=0.0, count_weight=2.0)
    loss = added(tally, [[math.inf, 0.0]], [1], [[3.0]], [[0.0]])
    assert loss.item() == 2 * 2.5
    assert tally.metrics()["count_loss_share"] == 1


def test_shares_of_classes_are_labels_and_the_largest_counts():
    tally = tally_of()
    logits, shares = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.7, 0.3], [0.4, 0.6]])
    loss = added(tally, logits, shares)
    expected = -(shares * logits.log_softmax(1)).sum(1).mean()
    assert loss.item() == pytest.approx(expected.item())
    assert tally.metrics()["train_accuracy"] == 0.5


def test_label_smoothing_spreads_the_label_over_all_classes():
    logits = torch.tensor([[2.0, 0.0, -1.0]])
    loss = added(tally_of(label_smoothing=0.3), logits, [0])
    shares = torch.tensor([[0.8, 0.1, 0.1]])
    assert loss.item() == pytest.approx(-(shares * logits.log_softmax(1)).sum().item())


def test_balanced_weights_give_each_class_the_same_sum():
    weights = balanced_class_weights(torch.tensor([0, 0, 0, 1, 3, 3]), 4)
    assert weights.tolist() == pytest.approx([6 / 9, 2, 1, 1])
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 0, 1, 3, 3])
    loss = added(tally_of(class_weights=weights), logits, labels)
    each = functional.cross_entropy(logits, labels, reduction="none")
    by_class = [each[labels == label].mean() for label in (0, 1, 3)]
    assert loss.item() == pytest.approx(float(sum(by_class) / 3), rel=1e-6)


def test_the_first_batch_without_a_finite_loss_is_named():
    tally = tally_of()
    for value in (0.0, math.nan, 0.0, math.nan):
        added(tally, [[value, 0.0]], [0])
    assert tally.first_bad_batch() == 2


def test_finite_losses_name_no_batch():
    tally = tally_of()
    added(tally, torch.zeros(1, 2), [0])
    assert tally.first_bad_batch() is None


def test_the_gradient_norm_is_the_mean_of_those_noted():
    tally = tally_of()
    added(tally, torch.zeros(1, 2), [0])
    tally.add_gradient_norm(torch.tensor(1.0))
    added(tally, torch.zeros(1, 2), [0])
    added(tally, torch.zeros(1, 2), [0])
    tally.add_gradient_norm(torch.tensor(2.0))
    assert tally.metrics()["gradient_norm"] == 1.5
