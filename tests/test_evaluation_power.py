import math

import numpy as np
import pytest
from scipy.stats import nct, norm, t
from statsmodels.stats.power import TTestIndPower

from core.evaluation.intervals import Estimate, variance_and_freedom
from core.evaluation.power import detectable_difference, further_seeds


def estimate(num_seeds=(3, 3), seed_std=0.005, image_variance=0.0, num_images=10_000):
    variances = tuple(seed_std**2 for _ in num_seeds)
    return Estimate(
        0.0, -1.0, 1.0, 0.5, "images and seeds", 1.0, 1.0, num_seeds, variances, image_variance, num_images
    )  # fmt: skip


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_it_agrees_with_statsmodels(seeds):
    effect = TTestIndPower().solve_power(nobs1=seeds, alpha=0.05, power=0.8)
    found = detectable_difference(estimate((seeds, seeds)))
    assert found == pytest.approx(effect * 0.005, rel=1e-5)


@pytest.mark.parametrize("num_pairs", [1, 21, 1225])
@pytest.mark.parametrize("num_seeds", [(3, 3), (5, 10)])
def test_scipys_noncentral_t_gives_it_the_power_that_was_asked_for(num_seeds, num_pairs):
    one = estimate(num_seeds, 0.004, 0.001**2)
    difference = detectable_difference(one, num_pairs=num_pairs, power=0.7)
    variance, freedom = variance_and_freedom(one.seed_variances, num_seeds, 0.001**2, 10_000)
    critical = t.ppf(1 - 0.05 / num_pairs / 2, freedom)
    power = nct.sf(critical, freedom, difference / math.sqrt(variance))
    assert power == pytest.approx(0.7, abs=1e-6)


def test_it_is_worked_out_by_hand_for_images_alone():
    images = Estimate(
        0.0, -1.0, 1.0, 0.5, "images", 0.003, 10_000, (1, 1), (), 0.003**2, 10_001
    )  # fmt: skip
    expected = (norm.ppf(0.975) + norm.ppf(0.8)) * 0.003
    assert detectable_difference(images) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("num_pairs", [1, 21])
@pytest.mark.parametrize("image_variance", [0.0, 0.0015**2])
def test_the_further_seeds_are_the_fewest_that_settle_it(image_variance, num_pairs):
    one = estimate((3, 5), 0.006, image_variance)
    number = further_seeds(one, 0.01, num_pairs=num_pairs)
    assert number >= 1

    def detectable(seeds):
        return detectable_difference(one, further_seeds=seeds, num_pairs=num_pairs)

    assert detectable(int(number)) <= 0.01 < detectable(int(number) - 1)


def test_no_further_seeds_are_needed_for_a_large_difference():
    assert further_seeds(estimate(), 0.1) == 0


def test_no_number_of_seeds_makes_up_for_too_few_images():
    assert further_seeds(estimate(image_variance=0.01**2), 0.01) == math.inf
    assert further_seeds(estimate(image_variance=0.01**2), 0.03) < 100


def test_without_a_variance_between_seeds_nobody_knows():
    images = Estimate(0.0, -1.0, 1.0, 0.5, "images", 0.003, 9.0, (1, 2), (), 1e-5, 10)
    assert math.isnan(further_seeds(images, 0.01))
    unknown = estimate(image_variance=np.nan)
    assert math.isnan(further_seeds(unknown, 0.01))
    assert math.isnan(detectable_difference(unknown))
