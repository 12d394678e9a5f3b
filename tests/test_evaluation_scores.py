import numpy as np
import pytest

from core.evaluation.paired import mcnemar
from core.evaluation.scores import METRICS, accuracy_scores, metric_of, scores, values_of
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions


def run_of(seed, num_samples=300, classes=3):
    rng = np.random.default_rng(seed)
    labels = np.arange(num_samples) % classes
    logits = rng.normal(size=(num_samples, classes))
    logits[np.arange(num_samples), labels] += 2
    space = LabelSpace(tuple("abcdef"[:classes]), count_names=("figures",))
    counts = rng.normal(size=(num_samples, 1)).astype(np.float32)
    ids = np.arange(num_samples)
    return Predictions(space, ids, labels, logits.astype(np.float32), np.zeros_like(counts), counts)


def test_accuracies_vary_together_as_the_rows_do():
    runs = [run_of(seed) for seed in range(3)]
    found = scores(METRICS["accuracy"], runs)
    right = np.array([run.is_right for run in runs], dtype=float)
    assert found.values == pytest.approx(right.mean(axis=1))
    assert found.values == pytest.approx(values_of(METRICS["accuracy"], runs))
    by_hand = np.mean((right[0] - right[0].mean()) * (right[1] - right[1].mean())) / 299
    assert found.covariance[0, 1] == pytest.approx(by_hand)
    assert found.exact_p(0, 1) == mcnemar(runs[0].is_right, runs[1].is_right)


@pytest.mark.parametrize("metric", ["macro_f1", "auc", "rmse"])
def test_the_other_metrics_vary_as_their_resamples_do(metric):
    runs = [run_of(seed) for seed in range(2)]
    found = scores(METRICS[metric], runs, seed=1)
    assert found.values == pytest.approx(values_of(METRICS[metric], runs))
    assert found.covariance == pytest.approx(np.cov(found.replicates, rowvar=False))
    assert found.exact_p(0, 1) is None
    difference = found.image_replicates([0], [1])
    variance = found.covariance[0, 0] + found.covariance[1, 1] - 2 * found.covariance[0, 1]
    assert difference.var(ddof=1) == pytest.approx(variance)


def test_one_run_has_a_variance_too():
    assert scores(METRICS["accuracy"], [run_of(0)]).covariance.shape == (1, 1)
    assert scores(METRICS["rmse"], [run_of(0)]).covariance.shape == (1, 1)


def test_a_pair_gives_the_same_draws_whoever_stands_beside_it():
    right = np.random.default_rng(0).random((3, 200)) < 0.8
    alone, among = accuracy_scores(right[1:], seed=4), accuracy_scores(right, seed=4)
    assert alone.image_replicates([0], [1]).tolist() == among.image_replicates([1], [2]).tolist()


def test_resamples_without_an_auc_are_left_out_and_too_few_give_no_variance():
    one_class = run_of(0, 30, 2)
    labels = np.zeros(30, dtype=np.int64)
    labels[0] = 1  # a third of the resamples miss this only image of its class
    run = Predictions(one_class.space, one_class.sample_ids, labels, one_class.logits)
    found = scores(METRICS["auc"], [run])
    assert 550 < len(found.replicates) < 700
    assert np.isfinite(found.covariance).all()
    never = Predictions(run.space, run.sample_ids, labels * 0, run.logits)
    assert np.isnan(scores(METRICS["auc"], [never]).covariance).all()


def test_an_unknown_metric_is_named():
    with pytest.raises(
        UnknownName, match=r"No metric is called 'acuracy'\. Did you mean 'accuracy'\?"
    ):
        metric_of("acuracy")


def test_no_runs_are_refused():
    with pytest.raises(InvalidParameter, match="scores needs at least one run"):
        scores(METRICS["accuracy"], [])
