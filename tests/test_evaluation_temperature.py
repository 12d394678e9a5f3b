import numpy as np
import pytest

from core.evaluation.calibration import expected_calibration_error
from core.evaluation.losses import losses
from core.evaluation.temperature import temperature, tempered
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(factor, num_samples=20_000, seed=0):
    """Draw labels from softmax(logits), and return the logits times a factor: too sure where it is above 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(num_samples, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((num_samples, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    scaled = (factor * logits).astype(np.float32)
    return Predictions(LabelSpace(tuple("abc")), np.arange(num_samples), labels, scaled)


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_the_factor_by_which_logits_are_too_large_is_found(factor):
    assert temperature(drawn(factor)) == pytest.approx(factor, rel=0.04)


def test_found_on_one_half_it_mends_the_other():
    fitted, judged = drawn(3, seed=1), drawn(3, seed=2)
    mended = tempered(judged, temperature(fitted))
    assert (mended.predicted == judged.predicted).all()
    assert expected_calibration_error(mended) < 0.02 < expected_calibration_error(judged)
    both = [losses(one)["class_loss"].iloc[0] for one in (mended, judged)]
    assert both[0] < both[1]


def test_a_network_that_is_never_wrong_gets_the_lowest_temperature():
    logits = np.eye(2, dtype=np.float32)
    predictions = Predictions(LabelSpace(("a", "b")), np.arange(2), np.arange(2), logits)
    assert temperature(predictions) == pytest.approx(0.05)


def test_samples_without_a_prediction_do_not_matter():
    predictions = drawn(2, 500)
    logits = np.concatenate([predictions.logits, np.full((3, 3), np.nan, np.float32)])
    labels = np.concatenate([predictions.labels, [0, 1, 2]])
    broken = Predictions(predictions.space, np.arange(503), labels, logits)
    assert temperature(broken) == temperature(predictions)


def test_without_samples_there_is_none():
    assert np.isnan(temperature(drawn(1, 0)))


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_a_temperature_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidParameter, match=r"temperature must be above 0; got"):
        tempered(drawn(1, 5), wrong)
