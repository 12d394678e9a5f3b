import numpy as np
import pytest
import sklearn.metrics

from core.evaluation.one_vs_rest import one_vs_rest
from core.evaluation.precision_recall import precision_recall
from core.evaluation.roc import MICRO
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(num_samples, num_classes, classes=None):
    rng = np.random.default_rng(1)
    labels = rng.choice(np.arange(num_classes) if classes is None else classes, num_samples)
    logits = rng.normal(size=(num_samples, num_classes))
    logits[np.arange(num_samples), labels] += 1
    names = tuple(f"class {label}" for label in range(num_classes))
    return Predictions(LabelSpace(names), np.arange(num_samples), labels, logits.astype(np.float32))


def test_the_curve_is_scikit_learns():
    predictions = drawn(200, 3)
    table = precision_recall(
        one_vs_rest(predictions), predictions.space.class_names, [2], most_points=10_000
    )
    precision, recall, _ = sklearn.metrics.precision_recall_curve(
        predictions.labels == 2, predictions.probabilities[:, 2]
    )
    # Theirs falls and has the points in the middle of straight pieces too.
    known = set(zip(recall.round(9), precision.round(9), strict=True))
    found = list(zip(table["recall"].round(9), table["precision"].round(9), strict=True))
    assert set(found[1:]) <= known
    assert found[0] == (0, found[1][1])
    assert len(found) > 50


def test_a_thinned_curve_keeps_its_area():
    predictions = drawn(8000, 2)
    rankings = one_vs_rest(predictions)
    full, thin = (
        precision_recall(rankings, predictions.space.class_names, [1], most_points=most)
        for most in (100_000, 1000)
    )
    assert len(thin) <= 1000 < len(full)
    areas = [np.trapezoid(one["precision"], one["recall"]) for one in (full, thin)]
    assert areas[0] == pytest.approx(areas[1], abs=1e-4)
    assert thin["average_precision"].iloc[0] == full["average_precision"].iloc[0]


def test_the_share_of_the_class_is_what_guessing_reaches():
    predictions = drawn(500, 4)
    table = precision_recall(one_vs_rest(predictions), predictions.space.class_names)
    assert table["class"].unique().tolist() == [MICRO, 0, 1, 2, 3]
    last = table.groupby("class").last()
    assert last["precision"].to_list() == pytest.approx(last["share"].to_list())
    assert last["share"][MICRO] == pytest.approx(1 / 4)


def test_a_class_without_samples_has_no_curve():
    predictions = drawn(50, 3, classes=[0, 2])
    table = precision_recall(one_vs_rest(predictions), predictions.space.class_names)
    assert set(table["class"]) == {MICRO, 0, 2}
    assert precision_recall(one_vs_rest(drawn(0, 3)), list("abc")).empty
