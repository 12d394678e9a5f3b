import numpy as np
import pytest
import sklearn.metrics

from core.evaluation.accuracy import wilson_interval
from core.evaluation.confusion_matrix import (
    confused_pairs,
    confusion_counts,
    confusion_difference,
    confusion_matrix,
)
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(num_samples, num_classes, seed=0, **space):
    rng = np.random.default_rng(seed)
    names = tuple(f"class {label}" for label in range(num_classes))
    return Predictions(
        LabelSpace(names, **space),
        np.arange(num_samples),
        rng.integers(0, num_classes, num_samples),
        rng.normal(size=(num_samples, num_classes)).astype(np.float32),
    )


def test_cells_and_shares_are_counted_by_hand():
    logits = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    table = confusion_matrix(Predictions(LabelSpace(("cat", "dog")), np.arange(5), labels, logits))
    assert table["true_name"].to_list() == ["cat", "cat", "dog", "dog"]
    assert table["predicted_name"].to_list() == ["cat", "dog", "cat", "dog"]
    assert table["count"].to_list() == [2, 1, 1, 1]
    assert table["share_of_true"].to_list() == pytest.approx([2 / 3, 1 / 3, 1 / 2, 1 / 2])
    assert table["share_of_predicted"].to_list() == pytest.approx([2 / 3, 1 / 2, 1 / 3, 1 / 2])
    assert table["share_of_all"].to_list() == pytest.approx([0.4, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("num_classes", [2, 10, 135])
def test_counts_are_those_of_scikit_learn(num_classes):
    predictions = drawn(700, num_classes)
    expected = sklearn.metrics.confusion_matrix(
        predictions.labels, predictions.predicted, labels=np.arange(num_classes)
    )
    table = confusion_matrix(predictions)
    assert len(table) == num_classes**2
    assert (table["count"].to_numpy().reshape(num_classes, -1) == expected).all()


def test_with_one_class_only_everything_is_right():
    table = confusion_matrix(drawn(5, 1))
    assert table["count"].to_list() == [5]
    assert table["share_of_all"].to_list() == [1]


def test_a_class_without_samples_has_undefined_shares():
    logits = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    predictions = Predictions(LabelSpace(tuple("abc")), np.arange(2), np.array([0, 1]), logits)
    table = confusion_matrix(predictions)
    assert table.loc[table["true"] == 2, "share_of_true"].isna().all()
    assert table.loc[table["predicted"] == 2, "share_of_predicted"].isna().all()
    assert table["count"].sum() == 2


def test_a_sample_without_a_prediction_stands_in_no_cell_but_in_the_shares_of_its_class():
    logits = np.array([[1, 0], [np.nan, 0]], np.float32)
    labels = np.array([0, 0])
    table = confusion_matrix(Predictions(LabelSpace(tuple("ab")), np.arange(2), labels, logits))
    assert table["count"].to_list() == [1, 0, 0, 0]
    assert table["share_of_true"].to_list()[:2] == [0.5, 0.0]


def test_without_samples_every_count_is_zero_and_every_share_undefined():
    table = confusion_matrix(drawn(0, 3))
    assert table["count"].to_list() == [0] * 9
    assert table[["share_of_true", "share_of_predicted", "share_of_all"]].isna().all(axis=None)


def test_groups_are_named_where_classes_have_them():
    table = confusion_matrix(drawn(10, 3, class_groups=("x", "x", "y")))
    assert table.loc[table["true"] == 2, "true_group"].unique().tolist() == ["y"]
    assert "true_group" not in confusion_matrix(drawn(10, 3))


def test_a_million_predictions_are_all_counted():
    assert confusion_counts(drawn(1_000_000, 10)).sum() == 1_000_000


def answered(labels, answers, num_classes=3):
    logits = np.eye(num_classes, dtype=np.float32)[np.asarray(answers)]
    names = tuple(f"class {label}" for label in range(num_classes))
    return Predictions(LabelSpace(names), np.arange(len(labels)), np.asarray(labels), logits)


def test_the_difference_is_first_minus_second_cell_by_cell():
    first = confusion_matrix(answered([0, 0, 1, 2], [0, 1, 1, 2]))
    second = confusion_matrix(answered([0, 0, 1, 2], [0, 0, 2, 2]))
    table = confusion_difference(first, second, "share_of_true")
    found = table.set_index(["true", "predicted"])["difference"]
    assert (found[0, 0], found[0, 1], found[1, 2], found[2, 2]) == (-0.5, 0.5, -1, 0)
    assert (table["first"] - table["second"] == table["difference"]).all()


def test_matrices_of_other_classes_cannot_be_compared():
    first, second = (confusion_matrix(answered([0], [0], size)) for size in (2, 3))
    with pytest.raises(InvalidParameter, match="got 2 classes and 3 classes"):
        confusion_difference(first, second)
    with pytest.raises(UnknownName, match="way to show"):
        confusion_difference(first, first, "shares")


def test_the_pairs_confused_most_come_first_with_what_goes_the_other_way():
    table = confusion_matrix(answered([0] * 5 + [1] * 2, [0, 0, 1, 1, 2, 0, 1]))
    pairs = confused_pairs(table, 2)
    assert pairs[["true", "predicted", "count", "back"]].to_numpy().tolist() == [
        [0, 1, 2, 1],
        [0, 2, 1, 0],
    ]
    low, high = wilson_interval(2, 5)
    assert (pairs["low"][0], pairs["high"][0]) == (low, high)
    assert confused_pairs(confusion_matrix(answered([0], [0]))).empty
