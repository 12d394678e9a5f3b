"""Ensemble: one run alone answers as it does, several by the mean, and runs that do not fit are refused."""

import shutil

import numpy as np
import pytest

from core.config import RunConfig
from core.ensemble import Answers, Ensemble
from core.exceptions import IncompatibleModel, InvalidParameter
from core.inference import Predictor
from core.predictions import NO_PREDICTION


@pytest.fixture(scope="module")
def images(finished_run, data_dir):
    return RunConfig.checked(finished_run.config).dataset.load(data_dir).split("test").images[:50]


def softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def test_one_run_answers_as_it_does_alone(finished_run, images):
    answers = Ensemble.load([finished_run]).answers(images)
    logits, _ = Predictor.load(finished_run).predict(images)
    np.testing.assert_allclose(answers.probabilities, softmax(logits), rtol=1e-9)
    np.testing.assert_array_equal(answers.predicted, logits.argmax(axis=1))
    assert answers.counts is None


def test_several_runs_answer_by_the_mean_of_their_probabilities(finished_run, images):
    one = Predictor.load(finished_run)
    other = Predictor.load(finished_run)
    for parameter in other.network.parameters():
        parameter.data.mul_(-1)
    answers = Ensemble((one, other)).answers(images)
    expected = (softmax(one.predict(images)[0]) + softmax(other.predict(images)[0])) / 2
    np.testing.assert_allclose(answers.probabilities, expected, rtol=1e-9)
    assert not np.allclose(expected, softmax(one.predict(images)[0]))


def test_an_image_without_a_finite_answer_has_no_class():
    answers = Answers(np.array([[0.2, 0.8], [np.nan, np.nan]]), None)
    assert answers.predicted.tolist() == [1, NO_PREDICTION]


def test_no_run_is_refused():
    with pytest.raises(InvalidParameter, match="At least one run"):
        Ensemble.load([])


def test_runs_on_other_classes_are_refused(finished_store, finished_run, tmp_path):
    copy = tmp_path / finished_run.id
    shutil.copytree(finished_run.layout.path, copy)
    index = copy / "predictions" / "index.json"
    index.write_text(index.read_text().replace('"9"', '"nine"'))
    from core.runs.store import Store

    other = Store(tmp_path).run(finished_run.id)
    with pytest.raises(IncompatibleModel, match="know different classes"):
        Ensemble.load([finished_run, other])
