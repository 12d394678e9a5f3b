import math
import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional

from core.training.data import TensorSplit
from core.training.metrics import cross_entropy, smooth_l1, split_metrics
from core.training.tally import Loss


def truth(labels, counts=None):
    return TensorSplit(
        torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8),
        torch.tensor(labels, dtype=torch.int64),
        None if counts is None else torch.tensor(counts, dtype=torch.float32),
    )


def test_a_hand_made_case_has_the_loss_and_accuracy_worked_out_by_hand():
    # Odds of 3 to 1: probability 3/4 for the true class of the first sample, 1/4 for that of the second.
    log3 = np.float16(math.log(3))
    outputs = {"class": np.array([[log3, 0], [log3, 0]], dtype=np.float16)}
    metrics = split_metrics("validation", outputs, truth([0, 1]), Loss())
    assert metrics.keys() == {"validation_loss", "validation_accuracy"}
    assert metrics["validation_accuracy"] == 0.5
    assert metrics["validation_loss"] == pytest.approx(
        (math.log(4 / 3) + math.log(4)) / 2, rel=1e-3
    )


def test_counts_add_their_weighted_loss_and_their_errors():
    outputs = {
        "class": np.zeros((2, 2), dtype=np.float16),
        "count": np.array([[1.5, 0], [0, 3]], dtype=np.float16),
    }
    metrics = split_metrics(
        "train_eval", outputs, truth([0, 1], [[1, 0], [0, 0]]), Loss(count_weight=6.0)
    )
    # Errors 0.5, 0, 0, 3: smooth L1 0.125, 0, 0, 2.5.
    assert metrics["train_eval_class_loss"] == pytest.approx(math.log(2))
    assert metrics["train_eval_count_loss"] == pytest.approx(2.625 / 4)
    assert metrics["train_eval_loss"] == pytest.approx(math.log(2) + 6 * 2.625 / 4)
    assert metrics["train_eval_count_rmse"] == pytest.approx(math.sqrt(9.25 / 4))
    assert metrics["train_eval_count_mae"] == pytest.approx(3.5 / 4)


def test_both_losses_agree_with_torch():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(50, 7)) * 10
    labels = generator.integers(0, 7, 50)
    errors = generator.normal(size=(50, 3)) * 2
    assert cross_entropy(logits, labels).mean() == pytest.approx(
        functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item()
    )
    assert smooth_l1(errors).mean() == pytest.approx(
        functional.smooth_l1_loss(torch.tensor(errors), torch.zeros(50, 3)).item()
    )


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_value_that_is_not_finite_makes_the_loss_undefined_without_a_warning(bad):
    outputs = {
        "class": np.array([[bad, 0], [1, 0]], dtype=np.float16),
        "count": np.array([[bad], [1]], dtype=np.float16),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = split_metrics("validation", outputs, truth([0, 0], [[1], [1]]), Loss())
    assert math.isnan(metrics["validation_loss"])
    assert math.isnan(metrics["validation_count_rmse"])
    assert 0 <= metrics["validation_accuracy"] <= 1


def test_a_sample_whose_logits_are_not_finite_is_not_right_even_where_their_argmax_is_its_label():
    outputs = {"class": np.array([[np.nan, 0], [1, 0]], dtype=np.float16)}
    assert outputs["class"].argmax(axis=1).tolist() == [0, 0]
    assert split_metrics("validation", outputs, truth([0, 0]), Loss())["validation_accuracy"] == 0.5


def test_an_empty_split_has_undefined_metrics():
    metrics = split_metrics(
        "validation", {"class": np.zeros((0, 3), dtype=np.float16)}, truth([]), Loss()
    )
    assert all(math.isnan(value) for value in metrics.values())
