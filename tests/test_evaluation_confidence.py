import numpy as np
import pytest

from core.evaluation.calibration import calibration
from core.evaluation.confidence import confidence_histogram, coverage
from core.labels import LabelSpace
from core.predictions import Predictions


def sure_by(confidences, is_right):
    """Predict class 0 of two with these confidences."""
    confidences = np.asarray(confidences, dtype=np.float64)
    logits = np.stack([np.log(confidences), np.log1p(-confidences)], axis=1).astype(np.float32)
    labels = np.where(is_right, 0, 1).astype(np.int64)
    return Predictions(LabelSpace(("a", "b")), np.arange(len(labels)), labels, logits)


def test_right_and_wrong_stand_in_the_bins_of_the_reliability_diagram():
    rng = np.random.default_rng(0)
    predictions = sure_by(rng.uniform(0.5, 1, 300), rng.random(300) < 0.7)
    table, bins = confidence_histogram(predictions, 15), calibration(predictions, 15)
    assert (table["right"] + table["wrong"]).to_list() == bins["count"].to_list()
    assert table["right"].sum() == predictions.is_right.sum()
    filled = bins["count"] > 0
    shares = table["right"][filled] / bins["count"][filled]
    assert shares.to_list() == pytest.approx(bins["accuracy"][filled].to_list())


def test_the_surest_are_answered_first_and_equally_sure_ones_together():
    predictions = sure_by([0.9, 0.8, 0.8, 0.6], [True, False, True, False])
    table = coverage(predictions)
    assert table["coverage"].to_list() == [0.25, 0.75, 1.0]
    assert table["samples"].to_list() == [1, 3, 4]
    assert table["accuracy"].to_list() == pytest.approx([1, 2 / 3, 1 / 2])
    assert table["threshold"].to_list() == pytest.approx([0.9, 0.8, 0.6])
    assert ((table["low"] < table["accuracy"]) & (table["accuracy"] <= table["high"])).all()


def test_the_right_end_is_the_accuracy_and_points_are_few():
    rng = np.random.default_rng(0)
    predictions = sure_by(rng.uniform(0.5, 1, 5000), rng.random(5000) < 0.7)
    table = coverage(predictions)
    assert len(table) <= 250
    assert table["accuracy"].iloc[-1] == predictions.is_right.mean()
    assert table["coverage"].iloc[-1] == 1


def test_samples_without_a_prediction_are_never_answered():
    logits = np.array([[1, 0], [np.nan, 0]], np.float32)
    predictions = Predictions(LabelSpace(("a", "b")), np.arange(2), np.array([0, 0]), logits)
    assert coverage(predictions)["coverage"].to_list() == [0.5]
    assert confidence_histogram(predictions)[["right", "wrong"]].to_numpy().sum() == 1


def test_without_samples_both_are_drawn_empty():
    assert coverage(sure_by([], [])).empty
    assert confidence_histogram(sure_by([], []))["right"].sum() == 0
