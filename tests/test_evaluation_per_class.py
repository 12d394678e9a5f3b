import numpy as np
import pytest
import sklearn.metrics

from core.evaluation.per_class import per_class, summary
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION, Predictions


def drawn(num_samples, num_classes, seed=0, quality=1.0, classes=None, decimals=2):
    """Draw predictions; `classes` limits the true ones, rounding makes tied probabilities."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.arange(num_classes) if classes is None else classes, num_samples)
    logits = rng.normal(size=(num_samples, num_classes))
    logits[np.arange(num_samples), labels] += quality
    return Predictions(
        LabelSpace(tuple(f"class {label}" for label in range(num_classes))),
        np.arange(num_samples),
        labels.astype(np.int64),
        logits.round(decimals).astype(np.float32),
    )


def test_the_report_is_counted_by_hand():
    logits = np.array([[3, 0], [2, 0], [0, 1], [1, 0]], np.float32)
    labels = np.array([0, 0, 1, 1])
    table = per_class(Predictions(LabelSpace(("cat", "dog")), np.arange(4), labels, logits))
    assert table["class_name"].to_list() == ["cat", "dog"]
    assert table["precision"].to_list() == pytest.approx([2 / 3, 1])
    assert table["recall"].to_list() == pytest.approx([1, 1 / 2])
    assert table["f1"].to_list() == pytest.approx([4 / 5, 2 / 3])
    assert table["support"].to_list() == [2, 2]
    assert table["auc"].to_list() == [1, 1]


@pytest.mark.parametrize("num_classes", [2, 10, 135])
@pytest.mark.parametrize("seed", [0, 1])
def test_each_class_agrees_with_scikit_learn(num_classes, seed):
    predictions = drawn(3000, num_classes, seed)
    table = per_class(predictions)
    labels = np.arange(num_classes)
    expected = sklearn.metrics.precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=labels, zero_division=np.nan
    )
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(table[name], values, err_msg=name)
    for label in labels:
        area = sklearn.metrics.roc_auc_score(
            predictions.labels == label, predictions.probabilities[:, label]
        )
        assert table["auc"][label] == pytest.approx(area)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("classes", [None, range(0, 40, 3), [7]])
def test_averages_agree_with_scikit_learn_over_the_classes_that_occur(average, classes):
    predictions = drawn(200, 40, quality=4.0, classes=classes)
    row = summary(predictions).set_index("average").loc[average]
    arguments = {"average": average, "zero_division": 0}
    pair = (predictions.labels, predictions.predicted)
    assert row["f1"] == pytest.approx(sklearn.metrics.f1_score(*pair, **arguments))
    assert row["precision"] == pytest.approx(sklearn.metrics.precision_score(*pair, **arguments))
    assert row["recall"] == pytest.approx(sklearn.metrics.recall_score(*pair, **arguments))


def test_the_averages_of_the_auc_agree_with_scikit_learn():
    predictions = drawn(500, 5)
    rows = summary(predictions).set_index("average")
    for average in ("macro", "weighted"):
        expected = sklearn.metrics.roc_auc_score(
            predictions.labels, predictions.probabilities, multi_class="ovr", average=average
        )
        assert rows["auc"][average] == pytest.approx(expected)


def test_the_accuracy_row_holds_the_accuracy():
    predictions = drawn(300, 4)
    row = summary(predictions).iloc[0]
    assert row["average"] == "accuracy"
    assert row["f1"] == predictions.is_right.mean()
    assert row["support"] == 300


def test_what_is_undefined_is_nan_and_a_missed_class_has_an_f1_of_zero():
    logits = np.array([[1, 0, 0, 0], [0, 0, 1, 0]], np.float32)
    predictions = Predictions(LabelSpace(tuple("abcd")), np.arange(2), np.array([0, 1]), logits)
    table = per_class(predictions).set_index("class_name")
    assert np.isnan(table["precision"]["b"])  # never predicted
    assert table["f1"]["b"] == 0
    assert np.isnan(table["recall"]["c"])  # never true
    assert table["f1"]["c"] == 0
    assert table.loc["d", ["precision", "recall", "f1", "auc"]].isna().all()


def test_with_one_class_only_the_auc_is_undefined():
    table = per_class(drawn(20, 1))
    assert np.isnan(table["auc"][0])
    assert table["f1"][0] == 1


def test_without_samples_every_number_is_undefined():
    predictions = drawn(0, 3)
    numbers = ["precision", "recall", "f1", "auc"]
    assert per_class(predictions)[numbers].isna().all(axis=None)
    assert summary(predictions)[numbers].isna().all(axis=None)


def test_samples_without_a_prediction_lower_the_recall_and_stay_out_of_the_auc():
    predictions = drawn(300, 4)
    logits = predictions.logits.copy()
    logits[::5, 1] = np.nan
    broken = Predictions(predictions.space, predictions.sample_ids, predictions.labels, logits)
    assert (broken.predicted[::5] == NO_PREDICTION).all()
    table = per_class(broken)
    expected = sklearn.metrics.recall_score(
        broken.labels, broken.predicted, labels=range(4), average=None
    )
    assert table["recall"].to_list() == pytest.approx(expected)
    kept = np.flatnonzero(np.arange(300) % 5)
    area = sklearn.metrics.roc_auc_score(
        broken.labels[kept] == 2, predictions.probabilities[kept, 2]
    )
    assert table["auc"][2] == pytest.approx(area)
    macro = summary(broken).set_index("average")["f1"]["macro"]
    assert macro == pytest.approx(
        sklearn.metrics.f1_score(broken.labels, broken.predicted, labels=range(4), average="macro")
    )
