import math

import numpy as np
import pytest

from core.evaluation.calibration import calibration, expected_calibration_error
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


def sure_by(confidences, is_right):
    """Predict class 0 of two with these confidences."""
    confidences = np.asarray(confidences, dtype=np.float64)
    logits = np.stack([np.log(confidences), np.log1p(-confidences)], axis=1).astype(np.float32)
    labels = np.where(is_right, 0, 1).astype(np.int64)
    return Predictions(LabelSpace(("a", "b")), np.arange(len(labels)), labels, logits)


def test_bins_and_error_are_computed_by_hand():
    predictions = sure_by([0.6, 0.7, 0.9, 0.9], [True, False, True, True])
    table = calibration(predictions, num_bins=4)
    assert table["bin_low"].to_list() == [0, 0.25, 0.5, 0.75]
    assert table["bin_high"].to_list() == [0.25, 0.5, 0.75, 1]
    assert table["count"].to_list() == [0, 0, 2, 2]
    assert table["confidence"].to_list()[2:] == pytest.approx([0.65, 0.9])
    assert table["accuracy"].to_list()[2:] == [0.5, 1.0]
    assert table[["confidence", "accuracy"]].iloc[:2].isna().all(axis=None)
    expected = (2 * abs(0.5 - 0.65) + 2 * abs(1 - 0.9)) / 4
    assert expected_calibration_error(predictions, num_bins=4) == pytest.approx(expected)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    predictions = Predictions(
        LabelSpace(("a", "b")), np.arange(1), np.array([0]), np.zeros((1, 2), np.float32)
    )
    assert calibration(predictions, num_bins=2)["count"].to_list() == [1, 0]


def test_full_confidence_has_a_bin():
    logits = np.array([[1000, 0]], np.float32)
    predictions = Predictions(LabelSpace(("a", "b")), np.arange(1), np.array([0]), logits)
    assert calibration(predictions)["count"].to_list() == [0] * 14 + [1]
    assert expected_calibration_error(predictions) == 0


def test_a_sample_without_a_prediction_stands_in_no_bin():
    logits = np.array([[np.nan, 0], [1, 0]], np.float32)
    predictions = Predictions(LabelSpace(("a", "b")), np.arange(2), np.array([0, 0]), logits)
    assert calibration(predictions)["count"].sum() == 1


def test_without_samples_the_error_is_undefined():
    predictions = sure_by([], [])
    assert len(calibration(predictions)) == 15
    assert math.isnan(expected_calibration_error(predictions))


def test_fewer_than_one_bin_is_refused():
    with pytest.raises(InvalidParameter, match=r"num_bins must be at least 1; got 0\."):
        calibration(sure_by([0.6], [True]), num_bins=0)
