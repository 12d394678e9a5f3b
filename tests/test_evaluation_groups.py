import numpy as np
import pytest

from core.evaluation.groups import per_group
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(tuple("abcd"), class_groups=("one", "one", "two", "empty"))


def answered(labels, answers, space=SPACE):
    logits = np.eye(4, dtype=np.float32)[np.asarray(answers, dtype=int)].reshape(len(labels), 4)
    return Predictions(space, np.arange(len(labels)), np.asarray(labels, dtype=np.int64), logits)


def test_the_class_and_not_only_its_group_must_be_right():
    table = per_group(answered([0, 0, 1, 2], [0, 1, 1, 0])).set_index("group")
    assert table.index.to_list() == ["one", "two", "empty"]
    assert table["samples"].to_list() == [3, 1, 0]
    assert table["correct"].to_list() == [2, 0, 0]
    assert table["accuracy"]["one"] == pytest.approx(2 / 3)
    assert table["low"]["one"] < 2 / 3 < table["high"]["one"]


def test_a_group_without_samples_is_undefined():
    table = per_group(answered([0], [0])).set_index("group")
    assert table.loc["empty", ["accuracy", "low", "high"]].isna().all()


def test_samples_and_correct_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    predictions = answered(rng.integers(0, 4, 200), rng.integers(0, 4, 200))
    table = per_group(predictions)
    assert table["samples"].sum() == 200
    assert table["correct"].sum() == predictions.is_right.sum()


def test_without_groups_the_table_is_empty():
    table = per_group(answered([0], [0], LabelSpace(tuple("abcd"))))
    assert table.empty
    assert list(table.columns) == ["group", "samples", "correct", "accuracy", "low", "high"]
