import numpy as np
import pytest

from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION, Predictions

SPACE = LabelSpace(("a", "b"), count_names=("x",))


def drawn(**changes):
    values = {
        "space": SPACE,
        "sample_ids": np.arange(2),
        "labels": np.array([0, 1]),
        "logits": np.array([[np.log(3), 0], [0, 0]], np.float32),
    }
    return Predictions(**values | changes)


def test_the_largest_logit_is_predicted_and_the_first_of_equals():
    predictions = drawn()
    assert predictions.predicted.tolist() == [0, 0]
    assert predictions.is_right.tolist() == [True, False]
    assert predictions.probabilities.tolist()[0] == pytest.approx([0.75, 0.25])
    assert predictions.confidence.tolist() == pytest.approx([0.75, 0.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 1])
def test_a_logit_that_is_not_finite_leaves_the_sample_without_a_prediction(value, position):
    logits = np.zeros((2, 2), np.float32)
    logits[position, position] = value
    predictions = drawn(logits=logits)
    assert predictions.predicted[position] == NO_PREDICTION
    assert not predictions.is_right[position]
    assert np.isnan(predictions.log_probabilities[position]).all()
    assert np.isnan(predictions.confidence[position])
    assert np.isfinite(predictions.confidence[1 - position])
    assert np.isfinite(logits).sum() == 3  # the caller's array is left alone


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array([0, 2])}, r"labels must lie in \[0, 2\); got 0 to 2\."),
        ({"labels": np.array([-1, 0])}, r"labels must lie in \[0, 2\); got -1 to 0\."),
        ({"sample_ids": np.arange(3)}, r"sample_ids must have 2 entries; got 3\."),
        ({"logits": np.zeros((2, 3))}, r"logits must have shape \(2, 2\); got \(2, 3\)\."),
        ({"counts": np.zeros((2, 2))}, r"counts must have shape \(2, 1\); got \(2, 2\)\."),
        ({"count_labels": np.zeros((1, 1))}, r"count_labels must have shape \(2, 1\); got"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InvalidParameter, match=message):
        drawn(**changes)
