import numpy as np
import pytest
from scipy.stats import bootstrap
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from core.evaluation.paired import bootstrap_accuracy, holm, mcnemar
from core.exceptions import InvalidParameter


def outcomes(both, only_a, only_b, neither):
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


@pytest.mark.parametrize("table", [(90, 6, 2, 2), (900, 31, 52, 17), (1, 0, 5, 1), (10, 4, 4, 0)])
def test_the_p_value_is_that_of_statsmodels_exact_mcnemar(table):
    both, only_a, only_b, neither = table
    expected = statsmodels_mcnemar([[both, only_a], [only_b, neither]], exact=True).pvalue
    assert mcnemar(*outcomes(*table)) == pytest.approx(expected, rel=1e-12)


def test_the_p_value_is_counted_by_hand():
    # Five discordant images, all for b: 2 * (1 / 2) ** 5.
    assert mcnemar(*outcomes(3, 0, 5, 1)) == pytest.approx(1 / 16)


def test_without_a_discordant_image_nothing_speaks_against_equality():
    assert mcnemar(*outcomes(5, 0, 0, 5)) == 1


def test_holm_is_that_of_statsmodels():
    p_values = np.random.default_rng(0).random(40) ** 4
    p_values[7] = p_values[11]
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected, rel=1e-12)


def test_holm_is_worked_out_by_hand_and_a_nan_is_no_test():
    assert holm([0.03, np.nan, 0.01, 0.04]) == pytest.approx(
        [0.06, np.nan, 0.03, 0.06], nan_ok=True
    )
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("num_seeds", [(1, 1), (2, 1), (2, 2)])
def test_the_multinomial_draws_spread_as_resampled_rows_do(num_seeds):
    rng = np.random.default_rng(3)
    difficulty = rng.normal(size=1500)
    right_a, right_b = (
        difficulty + 0.7 * rng.normal(size=(number, 1500)) > -1.6 + 0.1 * number
        for number in num_seeds
    )
    draws = bootstrap_accuracy(right_a, right_b, 20_000, rng)
    per_image = right_a.mean(axis=0) - right_b.mean(axis=0)
    rows = bootstrap((per_image,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx(rows.confidence_interval, abs=4e-4)
    assert draws.std() == pytest.approx(rows.standard_error, rel=0.03)


def test_one_set_gives_its_own_accuracy():
    right = np.random.default_rng(0).random((1, 2000)) < 0.9
    draws = bootstrap_accuracy(right, None, 20_000, np.random.default_rng(1))
    share = right.mean()
    assert draws.mean() == pytest.approx(share, abs=1e-3)
    assert draws.std() == pytest.approx(np.sqrt(share * (1 - share) / 2000), rel=0.03)


def test_networks_that_are_right_on_the_same_images_still_get_an_interval():
    right = np.array([[True] * 95 + [False] * 5])
    low, high = np.quantile(
        bootstrap_accuracy(right, right, 5000, np.random.default_rng(0)), [0.025, 0.975]
    )
    assert -0.05 < low < 0 < high < 0.05


def test_equal_generators_give_equal_draws():
    right = np.random.default_rng(0).random((2, 100)) < 0.5
    one, other = (
        bootstrap_accuracy(right[:1], right[1:], 10, np.random.default_rng(5)) for _ in "ab"
    )
    assert one.tolist() == other.tolist()


def test_no_resamples_are_refused():
    right = np.ones((1, 3), bool)
    with pytest.raises(InvalidParameter, match="num_resamples must be at least 1; got 0"):
        bootstrap_accuracy(right, right, 0, np.random.default_rng(0))
