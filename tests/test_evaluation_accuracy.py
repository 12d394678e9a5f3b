import math

import numpy as np
import pytest
from scipy.stats import binomtest

from core.evaluation.accuracy import accuracy, wilson_interval
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


def predictions_of(labels, logits):
    logits = np.asarray(logits, dtype=np.float32)
    space = LabelSpace(tuple("abc"[: logits.shape[1]]))
    return Predictions(space, np.arange(len(labels)), np.asarray(labels, dtype=np.int64), logits)


def test_the_share_of_right_samples_is_counted_by_hand():
    row = accuracy(predictions_of([0, 1, 1, 0], [[2, 1], [0, 3], [5, 1], [1, 0]])).iloc[0]
    assert (row["samples"], row["correct"], row["accuracy"]) == (4, 3, 0.75)


@pytest.mark.parametrize("nan", [math.nan, math.inf, -math.inf])
def test_a_sample_with_a_logit_that_is_not_finite_counts_as_wrong(nan):
    row = accuracy(predictions_of([0, 0], [[2, 1], [nan, 1]])).iloc[0]
    assert (row["samples"], row["correct"]) == (2, 1)


@pytest.mark.parametrize("correct", [0, 1, 437, 999, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_scipys_wilson_interval(correct, level):
    expected = binomtest(correct, 1000).proportion_ci(level, method="wilson")
    low, high = wilson_interval(correct, 1000, level)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= correct / 1000 <= high <= 1


def test_without_samples_nothing_is_claimed():
    row = accuracy(predictions_of([], np.empty((0, 3)))).iloc[0]
    assert row["samples"] == 0
    assert row[["accuracy", "low", "high"]].isna().all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_outside_its_bounds_is_refused(level):
    with pytest.raises(InvalidParameter, match=r"level must lie in \(0, 1\); got"):
        wilson_interval(1, 2, level)
