import math

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp, ttest_ind

from core.evaluation.accuracy import wilson_interval
from core.evaluation.intervals import (
    difference_estimate,
    mean_estimate,
    variance_and_freedom,
)
from core.evaluation.paired import mcnemar
from core.evaluation.scores import METRICS, Scores, accuracy_scores


def networks(num_a, num_b, num_images=400, seed=0, spread=0.05):
    """Draw right answers of seeds that share the images' difficulty: (num_a + num_b, N)."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(size=num_images)
    effect = spread * rng.normal(size=(num_a + num_b, 1))
    own = [rng.normal(size=num_images) * 0.3 for _ in "ab"]
    own = np.repeat(own, [num_a, num_b], axis=0)
    noise = 0.5 * rng.normal(size=(num_a + num_b, num_images))
    return 1.2 + difficulty + own + effect + noise > 0


def test_with_three_seeds_both_variances_count_once():
    right = networks(3, 4)
    found = difference_estimate(accuracy_scores(right), [0, 1, 2], [3, 4, 5, 6])
    a, b = right[:3].astype(float), right[3:].astype(float)

    # A two-way analysis of variance by hand: what is left when seed and image are taken out.
    def rest(x):
        left = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + x.mean()
        return (left**2).sum() / ((len(x) - 1) * (x.shape[1] - 1))

    per_image = a.mean(axis=0) - b.mean(axis=0)
    images = (per_image.var(ddof=1) - rest(a) / 3 - rest(b) / 4) / 400
    seeds = [a.mean(axis=1).var(ddof=1) / 3, b.mean(axis=1).var(ddof=1) / 4]
    assert images > 0
    variance = images + sum(seeds)
    freedom = variance**2 / (images**2 / 399 + seeds[0] ** 2 / 2 + seeds[1] ** 2 / 3)
    half = t.ppf(0.975, freedom) * math.sqrt(variance)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.image_variance == pytest.approx(images)
    assert found.standard_error == pytest.approx(math.sqrt(variance))
    assert found.degrees_of_freedom == pytest.approx(freedom)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert found.p == pytest.approx(2 * t.sf(abs(found.value) / math.sqrt(variance), freedom))
    assert (found.covers, found.num_seeds) == ("images and seeds", (3, 4))


def test_without_a_variance_over_images_it_is_welchs_test():
    values = np.array([0.91, 0.905, 0.92, 0.88, 0.89, 0.87, 0.885])
    nothing = Scores(METRICS["rmse"], values, np.zeros((7, 7)), 1000)
    found = difference_estimate(nothing, [0, 1, 2], [3, 4, 5, 6])
    expected = ttest_ind(values[:3], values[3:], equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.degrees_of_freedom == pytest.approx(expected.df)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_what_seeds_make_of_single_images_is_not_counted_twice():
    # Two sets of networks with one and the same accuracy on every image: only chance of the seeds is left.
    right = np.random.default_rng(1).random((8, 2000)) < 0.9
    found = difference_estimate(accuracy_scores(right), range(4), range(4, 8))
    seeds = sum(found.seed_variances) / 4
    assert found.image_variance < 0.2 * seeds


def test_more_seeds_shrink_the_seeds_part_only():
    variance, freedom = variance_and_freedom([0.04, 0.04], [4, 4], 0.01, 1001)
    assert variance == pytest.approx(0.03)
    assert freedom == pytest.approx(0.03**2 / (0.01**2 / 3 * 2 + 0.01**2 / 1000))
    assert variance_and_freedom([0.04, 0.04], [400, 400], 0.01, 1001)[0] == pytest.approx(0.0102)
    assert variance_and_freedom([], [1, 1], 0.01, 11) == (0.01, pytest.approx(10))


def test_single_runs_are_judged_over_images_by_mcnemar_and_resampling():
    right = networks(1, 1, 3000)
    found = difference_estimate(accuracy_scores(right), [0], [1])
    assert (found.covers, found.seed_variances) == ("images", ())
    assert found.p == mcnemar(right[0], right[1])
    per_image = right[0].astype(float) - right[1]
    error = per_image.std(ddof=1) / np.sqrt(3000)
    assert found.standard_error == pytest.approx(error)
    expected = found.value - 1.96 * error, found.value + 1.96 * error
    assert (found.low, found.high) == pytest.approx(expected, abs=0.06 * error)


@pytest.mark.parametrize("numbers", [(2, 2), (2, 1), (2, 5)])
def test_fewer_than_three_seeds_of_either_cover_images_alone(numbers):
    right = networks(*numbers)
    runs_a, runs_b = range(numbers[0]), range(numbers[0], sum(numbers))
    found = difference_estimate(accuracy_scores(right), runs_a, runs_b)
    per_image = right[: numbers[0]].mean(axis=0) - right[numbers[0] :].mean(axis=0)
    assert found.covers == "images"
    assert found.p == pytest.approx(ttest_1samp(per_image, 0).pvalue)


def test_the_mean_of_a_single_run_has_wilsons_interval():
    right = networks(1, 0)
    found = mean_estimate(accuracy_scores(right), [0])
    assert (found.low, found.high) == wilson_interval(right.sum(), 400)
    assert math.isnan(found.p)
    assert found.covers == "images"


def test_the_mean_of_three_runs_covers_both_and_stays_within_the_metric():
    right = networks(3, 0)
    found = mean_estimate(accuracy_scores(right), [0, 1, 2])
    images = np.cov(right.astype(float)) / 400
    shared = (images.sum() - images.trace()) / 6
    expected = right.mean(axis=1).var(ddof=1) / 3 + shared
    assert found.standard_error == pytest.approx(math.sqrt(expected))
    nearly = np.ones((3, 50), bool)
    nearly[0, 0] = False
    assert mean_estimate(accuracy_scores(nearly), [0, 1, 2]).high == 1


def test_the_mean_of_two_runs_is_resampled_over_images():
    right = networks(2, 0, 2000)
    found = mean_estimate(accuracy_scores(right), [0, 1])
    error = right.mean(axis=0).std() / np.sqrt(2000)
    expected = found.value - 1.96 * error, found.value + 1.96 * error
    assert found.covers == "images"
    assert (found.low, found.high) == pytest.approx(expected, abs=0.12 * error)


@pytest.mark.parametrize("metric", ["macro_f1", "auc", "rmse"])
def test_other_metrics_take_the_percentiles_of_their_resamples(metric):
    rng = np.random.default_rng(0)
    replicates = 0.5 + 0.01 * rng.normal(size=(1000, 2))
    values = np.array([0.52, 0.5])
    covariance = np.cov(replicates, rowvar=False)
    scores = Scores(METRICS[metric], values, covariance, 100, replicates=replicates)
    found = difference_estimate(scores, [0], [1])
    difference = replicates[:, 0] - replicates[:, 1]
    assert (found.low, found.high) == pytest.approx(np.quantile(difference, [0.025, 0.975]))
    assert found.p == pytest.approx(2 * t.sf(0.02 / difference.std(ddof=1), 99))


def test_where_nothing_varies_the_sign_test_decides():
    same = np.ones((6, 10), bool)
    runs_a, runs_b = range(3), range(3, 6)
    assert difference_estimate(accuracy_scores(same), runs_a, runs_b).p == 1
    assert difference_estimate(accuracy_scores(same[:, :7] > 0), range(2), runs_a).p == 1
    opposite = np.repeat([[True], [False]], [3, 3], axis=0) & same
    found = difference_estimate(accuracy_scores(opposite), runs_a, runs_b)
    assert (found.value, found.p) == (1, 2 / 2**10)


def test_an_unknown_variance_gives_no_interval():
    unknown = Scores(
        METRICS["auc"], np.full(6, 0.5), np.full((6, 6), np.nan), 9, replicates=np.empty((0, 6))
    )
    for runs_a, runs_b in (([0], [1]), ([0, 1, 2], [3, 4, 5])):
        found = difference_estimate(unknown, runs_a, runs_b)
        assert np.isnan([found.low, found.high, found.p]).all()
