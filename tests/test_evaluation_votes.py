import sys

import numpy as np
import pytest

from core.evaluation.votes import cleanlab_suspects, disagreement, opinions, suspects
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION, Predictions

SPACE = LabelSpace(("a", "b", "c"))


def saying(probabilities, labels, first_id=0):
    with np.errstate(divide="ignore"):
        logits = np.log(np.asarray(probabilities, np.float32))
    return Predictions(SPACE, np.arange(len(labels)) + first_id, np.asarray(labels), logits)


def test_votes_are_counted_sample_by_sample():
    predicted = np.array([[0, 0, 0, 0], [2, 2, 1, 0], [1, 1, 2, 2], [NO_PREDICTION] * 4])
    table = disagreement(predicted, 3)
    assert table["majority"].tolist() == [0, 2, 1, NO_PREDICTION]
    assert table["num_majority"].tolist() == [4, 2, 2, 4]
    assert table["disagreement"].tolist() == [0, 0.5, 0.5, 0]
    shares = np.array([0.5, 0.25, 0.25])
    assert table["vote_entropy"].tolist() == pytest.approx(
        [0, -(shares * np.log(shares)).sum(), np.log(2), 0]
    )


def test_votes_do_not_depend_on_how_many_are_counted_at_once(monkeypatch):
    predicted = np.random.default_rng(0).integers(-1, 3, (101, 7))
    whole = disagreement(predicted, 3)
    monkeypatch.setattr("core.evaluation.votes._CELLS_AT_ONCE", 40)
    assert disagreement(predicted, 3).equals(whole)


def test_the_seeds_of_a_variant_are_averaged_and_its_right_ones_counted():
    one = saying([[0.7, 0.2, 0.1]], [1])
    two = saying([[0.1, 0.8, 0.1]], [1])
    table = opinions({"both": [one, two], "one": [one]}, 0, top=2)
    assert table["label"].tolist() == ["both", "both", "one", "one"]
    assert table["class_name"].tolist() == ["b", "a", "a", "b"]
    assert table["probability"].tolist() == pytest.approx([0.5, 0.4, 0.7, 0.2])
    assert table["is_right"].tolist() == [True, False, False, True]
    assert table[["num_runs", "num_right"]].iloc[0].tolist() == [2, 1]


def test_a_run_without_the_sample_or_without_a_prediction_is_told():
    broken = saying([[np.nan, 0.5, 0.5]], [1])
    table = opinions({"other": [saying([[1, 0, 0]], [0], first_id=9)], "broken": [broken]}, 0)
    assert table["label"].tolist() == ["broken"]
    assert table["class"].tolist() == [NO_PREDICTION]
    assert table["class_name"].tolist() == ["no prediction"]
    assert opinions({}, 0).empty


def test_a_label_is_suspect_where_all_runs_agree_against_it_the_surest_first():
    labels = [0, 0, 0, 1]
    one = saying([[0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]], labels)
    two = saying([[0.3, 0.6, 0.1], [0.05, 0.05, 0.9], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]], labels)
    table = suspects([one, two])
    assert table["sample_id"].tolist() == [1, 0]
    assert table["suggested_name"].tolist() == ["c", "b"]
    assert table["confidence"].tolist() == pytest.approx([0.8, 0.6])


def test_no_prediction_suggests_nothing():
    broken = saying([[np.nan, 0.5, 0.5]], [0])
    assert suspects([broken, broken]).empty
    with pytest.raises(InvalidParameter, match="at least one run"):
        suspects([])


def test_cleanlab_doubts_a_label_that_was_exchanged():
    pytest.importorskip("cleanlab", reason="the optional package cleanlab is not installed")
    labels = np.arange(60) % 3
    logits = 6 * np.eye(3, dtype=np.float32)[labels]
    labels = labels.copy()
    labels[0] = 1
    found = cleanlab_suspects([Predictions(SPACE, np.arange(60), labels, logits)])
    assert found["sample_id"].tolist() == [0]


def test_without_cleanlab_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(InvalidParameter, match=r"pip install 'petridish\[labels\]'"):
        cleanlab_suspects([saying([[0.2, 0.7, 0.1]], [0])])
