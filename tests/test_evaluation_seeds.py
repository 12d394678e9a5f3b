import numpy as np
import pytest
from scipy.stats import sem, t

from core.evaluation.seeds import seed_band, seed_summary
from core.exceptions import InvalidParameter, UnknownName


def test_seeds_are_summed_up_as_scipy_does():
    values = [0.91, 0.89, 0.93, 0.90]
    row = seed_summary({"deep": values}).iloc[0]
    assert (row["variant"], row["runs"], row["min"], row["max"]) == ("deep", 4, 0.89, 0.93)
    assert row["mean"] == pytest.approx(0.9075)
    assert row["median"] == pytest.approx(0.905)
    assert row["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    assert row["standard_error"] == pytest.approx(sem(values))
    expected = t.interval(0.95, 3, np.mean(values), sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected)


def test_one_seed_has_no_spread_and_none_has_nothing():
    table = seed_summary({"one": [0.5, np.nan], "none": [np.nan], "empty": []}).set_index("variant")
    assert table["runs"].to_list() == [1, 0, 0]
    assert table.loc["one", ["mean", "median", "min", "max"]].to_list() == [0.5] * 4
    assert table.loc["one", ["standard_deviation", "standard_error", "low", "high"]].isna().all()
    assert table.loc[["none", "empty"]].drop(columns="runs").isna().all(axis=None)


def test_bands_reach_as_far_as_they_say():
    values = np.array([[1.0, 5.0], [3.0, np.nan], [8.0, np.nan]])
    deviation = np.std([1, 3, 8], ddof=1)
    for kind, half in (
        ("standard_deviation", deviation),
        ("standard_error", deviation / np.sqrt(3)),
        ("interval", deviation / np.sqrt(3) * t.ppf(0.975, 2)),
    ):
        mean, low, high = seed_band(values, kind)
        assert mean.tolist() == [4, 5]
        assert (low[0], high[0]) == pytest.approx((4 - half, 4 + half))
        assert np.isnan([low[1], high[1]]).all()
    assert [one.tolist() for one in seed_band(values, "range")] == [[4, 5], [1, 5], [8, 5]]


def test_unknown_bands_and_levels_are_refused():
    with pytest.raises(UnknownName, match="No band is called 'std'"):
        seed_band(np.zeros((2, 2)), "std")
    with pytest.raises(InvalidParameter, match=r"level must lie in \(0, 1\); got 95"):
        seed_summary({"deep": [1, 2]}, level=95)
