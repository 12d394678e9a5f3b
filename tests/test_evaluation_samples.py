import numpy as np
import pytest

from core.evaluation.accuracy import accuracy
from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.samples import samples
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION, Predictions


def drawn(num_samples=400, num_classes=4, broken=30):
    """Draw predictions of which some have a logit that is not finite, also at the true class."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, num_classes, num_samples)
    logits = rng.normal(size=(num_samples, num_classes)).astype(np.float32)
    rows = np.arange(broken)
    logits[rows[::3], labels[rows[::3]]] = np.nan
    logits[rows[1::3], 0] = np.inf
    logits[rows[2::3], 1] = -np.inf
    ids = rng.permutation(num_samples) + 1000
    return Predictions(LabelSpace(tuple("abcd")[:num_classes]), ids, labels, logits)


def test_every_cell_lists_as_many_samples_as_the_confusion_matrix_counts():
    predictions = drawn()
    for row in confusion_matrix(predictions).to_dict("records"):
        assert len(samples(predictions, row["true"], row["predicted"])) == row["count"]


def test_every_sample_is_in_exactly_one_cell_or_without_a_prediction():
    predictions = drawn()
    cells = confusion_matrix(predictions)
    assert cells["count"].sum() == 370
    assert len(samples(predictions, predicted=NO_PREDICTION)) == 30
    assert len(samples(predictions)) == 400


def test_the_diagonal_holds_the_samples_that_the_accuracy_calls_right():
    predictions = drawn()
    cells = confusion_matrix(predictions)
    right = cells.loc[cells["true"] == cells["predicted"], "count"].sum()
    assert right == accuracy(predictions)["correct"][0] == samples(predictions)["is_right"].sum()


def test_a_row_says_what_is_known_of_the_sample():
    logits = np.array([[0, 0], [np.log(3), 0]], np.float32)
    space = LabelSpace(("cat", "dog"))
    table = samples(Predictions(space, np.array([8, 9]), np.array([0, 1]), logits))
    first = table.iloc[0]
    assert first.drop(["confidence", "loss"]).to_dict() == {
        "sample_id": 9,
        "true": 1,
        "true_name": "dog",
        "predicted": 0,
        "predicted_name": "cat",
        "is_right": False,
    }
    assert (first["confidence"], first["loss"]) == pytest.approx((0.75, np.log(4)))


def test_the_surest_come_first_equals_by_id_and_those_without_a_prediction_last():
    logits = np.array([[0, 1], [np.nan, 1], [0, 3], [1, 0]], np.float32)
    space = LabelSpace(("a", "b"))
    table = samples(Predictions(space, np.array([7, 1, 4, 2]), np.zeros(4, np.int64), logits))
    assert table["sample_id"].to_list() == [4, 2, 7, 1]
    assert table["predicted_name"].to_list()[-1] == "no prediction"


def test_an_empty_cell_lists_nothing():
    logits = np.array([[1, 0]], np.float32)
    predictions = Predictions(LabelSpace(("a", "b")), np.arange(1), np.array([0]), logits)
    table = samples(predictions, true=1, predicted=0)
    assert table.empty
    assert "confidence" in table


@pytest.mark.parametrize("arguments", [{"true": 4}, {"true": -1}, {"predicted": 4}])
def test_a_class_that_does_not_exist_is_refused(arguments):
    (name, value), *_ = arguments.items()
    with pytest.raises(InvalidParameter, match=rf"{name} must lie in \[0, 4\); got {value}\."):
        samples(drawn(), **arguments)
