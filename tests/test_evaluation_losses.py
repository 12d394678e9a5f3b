import math

import numpy as np
import pytest
import torch

from core.evaluation.losses import losses
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(tuple("abcd"), count_names=("x", "y"))
torch.set_num_threads(1)


def drawn(num_samples=50):
    rng = np.random.default_rng(3)
    return {
        "space": SPACE,
        "sample_ids": np.arange(num_samples),
        "labels": rng.integers(0, 4, num_samples),
        "logits": rng.normal(scale=8, size=(num_samples, 4)).astype(np.float32),
        "count_labels": rng.integers(0, 9, (num_samples, 2)).astype(np.float32),
        "counts": rng.normal(4, 3, (num_samples, 2)).astype(np.float32),
    }


def test_both_losses_are_those_of_torch():
    values = drawn()
    row = losses(Predictions(**values)).iloc[0]
    tensors = {name: torch.from_numpy(values[name]) for name in values if name != "space"}
    cross_entropy = torch.nn.functional.cross_entropy(tensors["logits"], tensors["labels"])
    smooth_l1 = torch.nn.SmoothL1Loss()(tensors["counts"], tensors["count_labels"])
    assert row["class_loss"] == pytest.approx(cross_entropy.item(), rel=1e-5)
    assert row["count_loss"] == pytest.approx(smooth_l1.item(), rel=1e-5)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    values = drawn() | {"logits": np.zeros((50, 4), np.float32)}
    assert losses(Predictions(**values)).iloc[0]["class_loss"] == pytest.approx(math.log(4))


def test_large_logits_do_not_overflow():
    values = drawn(1) | {"logits": np.array([[6e4, -6e4, 0, 0]], np.float32)}
    values["labels"] = np.array([1])
    assert losses(Predictions(**values)).iloc[0]["class_loss"] == pytest.approx(1.2e5)


@pytest.mark.parametrize("missing", ["counts", "count_labels"])
def test_without_counts_there_is_no_count_loss(missing):
    row = losses(Predictions(**drawn() | {missing: None})).iloc[0]
    assert math.isnan(row["count_loss"])
    assert math.isfinite(row["class_loss"])


def test_one_output_that_is_not_finite_leaves_the_mean_undefined():
    values = drawn()
    values["logits"][7, 2] = np.inf
    values["counts"][7, 1] = np.nan
    assert losses(Predictions(**values)).iloc[0].isna().all()


def test_without_samples_there_is_no_loss():
    assert losses(Predictions(**drawn(0))).iloc[0].isna().all()
