import numpy as np
import pytest
import sklearn.metrics

from core.evaluation.counts import count_errors, count_residuals, counted_samples, predicted_counts
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(("a",), count_names=("squares", "circles"))


def counted(counts, count_labels):
    number = len(counts if counts is not None else count_labels)
    return Predictions(
        SPACE,
        np.arange(number),
        np.zeros(number, np.int64),
        np.zeros((number, 1), np.float32),
        None if count_labels is None else np.asarray(count_labels, dtype=np.float32),
        None if counts is None else np.asarray(counts, dtype=np.float32),
    )


def test_errors_are_computed_by_hand():
    table = count_errors(counted([[1, 2], [3, 2]], [[1, 5], [7, 2]]))
    assert table["type"].to_list() == ["squares", "circles", "overall"]
    assert table["rmse"].to_list() == pytest.approx([8**0.5, 4.5**0.5, 6.25**0.5])
    assert table["mae"].to_list() == pytest.approx([2, 1.5, 1.75])
    assert table["samples"].to_list() == [2, 2, 2]


def test_errors_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 9, (80, 2)), rng.normal(4, 2, (80, 2)).astype(np.float32)
    table = count_errors(counted(predicted, true))
    mae = sklearn.metrics.mean_absolute_error(true, predicted, multioutput="raw_values")
    mse = sklearn.metrics.mean_squared_error(true, predicted, multioutput="raw_values")
    assert table["mae"].to_list()[:2] == pytest.approx(mae)
    assert table["rmse"].to_list()[:2] == pytest.approx(mse**0.5)


@pytest.mark.parametrize("missing", ["counts", "count_labels"])
def test_without_counts_the_table_is_empty(missing):
    arguments = {"counts": [[1, 2]], "count_labels": [[1, 2]]} | {missing: None}
    table = count_errors(counted(**arguments))
    assert table.empty
    assert list(table.columns) == ["type", "rmse", "mae", "samples"]


def test_a_count_that_is_not_finite_leaves_its_type_and_the_whole_undefined():
    table = count_errors(counted([[np.nan, 2], [1, 2]], [[1, 2], [1, 2]])).set_index("type")
    assert table["rmse"].isna().to_list() == [True, False, True]


def test_without_samples_the_errors_are_undefined():
    table = count_errors(counted(np.empty((0, 2)), np.empty((0, 2))))
    assert table[["rmse", "mae"]].isna().all(axis=None)
    assert table["samples"].to_list() == [0, 0, 0]


def test_counts_are_rounded_and_shared_by_their_true_count():
    predictions = counted([[2.4, 1.0], [2.5, 0.1], [3.0, -0.2]], [[2, 1], [2, 0], [3, 0]])
    table = predicted_counts(predictions)
    squares = table[table["type"] == "squares"]
    assert squares[["true", "predicted", "samples"]].to_numpy().tolist() == [
        [2, 2, 1],
        [2, 3, 1],
        [3, 3, 1],
    ]
    assert squares["share"].to_list() == [0.5, 0.5, 1]
    assert counted_samples(predictions, "squares", true=2, predicted=3) == [1]


def test_residuals_stand_in_bins_that_hold_the_samples_they_open():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, (200, 2))
    predictions = counted(truth + rng.normal(scale=0.6, size=truth.shape), truth)
    table = count_residuals(predictions)
    assert table["samples"].sum() == 400
    for row in table.to_dict("records"):
        found = counted_samples(predictions, row["type"], residual=(row["low"], row["high"]))
        assert len(found) == row["samples"]
    assert -0.125 in table["low"].to_list()


def test_counts_that_are_not_finite_stand_nowhere():
    predictions = counted([[np.nan, 1.0]], [[2, 1]])
    assert predicted_counts(predictions)["type"].to_list() == ["circles"]
    assert counted_samples(predictions, "squares", predicted=2) == []
    assert counted_samples(predictions, "squares", residual=(-9, 9)) == []
