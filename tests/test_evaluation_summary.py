import json

import numpy as np
import pytest
import sklearn.metrics

from core.evaluation.summary import evaluation
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(tuple("abc"), class_groups=("x", "x", "y"), count_names=("p", "q"))
KEYS = [
    "samples",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "loss",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "heads",
    "per_pair",
    "per_class",
    "confusion",
    "class_names",
    "calibration_error",
    "counts",
    "averages",
    "confused_pairs",
]


def drawn(num_samples=90, space=SPACE, has_counts=True):
    rng = np.random.default_rng(1)
    shape = (num_samples, space.num_counts)
    return Predictions(
        space,
        np.arange(num_samples),
        rng.integers(0, 3, num_samples),
        rng.normal(size=(num_samples, 3)).astype(np.float32),
        rng.integers(0, 9, shape).astype(np.float32) if has_counts else None,
        rng.normal(size=shape).astype(np.float32) if has_counts else None,
    )


def test_the_document_has_the_keys_of_the_command_line():
    result = evaluation(drawn())
    assert list(result) == KEYS
    assert list(result["heads"]) == ["class_loss", "count_loss"]
    promised = ["class", "precision", "recall", "f1", "support", "auc"]
    assert list(result["per_class"][0])[:6] == promised
    assert list(result["per_pair"][0])[:2] == ["pair", "accuracy"]
    assert [row["pair"] for row in result["per_pair"]] == ["x", "y"]
    assert [row["type"] for row in result["counts"]["per_type"]] == ["p", "q"]
    assert set(result["counts"]) == {"rmse", "mae", "per_type"}


def test_the_numbers_agree_with_scikit_learn_and_each_other():
    predictions = drawn()
    result = evaluation(predictions)
    pair = (predictions.labels, predictions.predicted)
    assert result["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(*pair))
    assert result["macro_f1"] == pytest.approx(sklearn.metrics.f1_score(*pair, average="macro"))
    assert result["confusion"] == sklearn.metrics.confusion_matrix(*pair).tolist()
    assert result["loss"] == result["heads"]["class_loss"]
    assert result["loss"] == pytest.approx(
        sklearn.metrics.log_loss(predictions.labels, predictions.probabilities)
    )


def test_without_groups_and_counts_their_keys_are_null():
    result = evaluation(drawn(space=LabelSpace(tuple("abc")), has_counts=False))
    assert result["per_pair"] is None
    assert result["counts"] is None
    assert result["heads"]["count_loss"] is None


def broken():
    predictions = drawn()
    return Predictions(
        SPACE,
        predictions.sample_ids,
        predictions.labels,
        np.full_like(predictions.logits, np.nan),
        predictions.count_labels,
        np.full_like(predictions.counts, np.inf),
    )


@pytest.mark.parametrize("predictions", [drawn(), drawn(0), broken()])
def test_the_document_is_strict_json(predictions):
    result = evaluation(predictions)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_network_that_broke_down_is_always_wrong():
    result = evaluation(broken())
    assert result["accuracy"] == 0
    assert result["macro_f1"] == 0
    assert result["loss"] is None
    assert result["calibration_error"] is None
    assert result["counts"]["rmse"] is None
    assert np.sum(result["confusion"]) == 0


def test_every_end_of_an_interval_lies_on_its_side():
    result = evaluation(drawn())
    for row in result["per_class"]:
        for metric in ("precision", "recall", "f1", "auc"):
            assert row[f"{metric}_low"] <= row[metric] <= row[f"{metric}_high"]
    averages = result["averages"]
    assert averages["macro_f1_low"] < result["macro_f1"] < averages["macro_f1_high"]
    assert averages["macro_auc_low"] < averages["macro_auc"] < averages["macro_auc_high"]
    assert averages["weighted_recall"] == pytest.approx(result["accuracy"])


def test_the_most_confused_pair_is_the_largest_cell_beside_the_diagonal():
    result = evaluation(drawn())
    first = result["confused_pairs"][0]
    counts = np.array(result["confusion"])
    np.fill_diagonal(counts, -1)
    assert first["count"] == counts.max() == counts[first["true"], first["predicted"]]
    assert first["low"] < first["share_of_true"] < first["high"]
