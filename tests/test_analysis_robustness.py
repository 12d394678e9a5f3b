"""Robustness: of a real run, and by hand of what is right before and wrong after."""

import numpy as np
import pytest

from core.analysis.robustness import (
    CORRUPTIONS,
    TABLE_COLUMNS,
    Robustness,
    allowed,
    changed_images,
    robustness,
    samples_to_try,
)
from core.exceptions import DamagedRun, InvalidParameter
from core.inference import Predictor
from core.labels import LabelRules, LabelSpace

SPACE = LabelSpace(("a", "b"))


@pytest.fixture(scope="module")
def dataset(finished_run, data_dir):
    from core.analysis.subject import dataset_of

    return dataset_of(finished_run, data_dir)


@pytest.fixture(scope="module")
def found(finished_run, dataset):
    split = dataset.split("test")
    return robustness(
        Predictor.load(finished_run),
        split,
        dataset.space,
        finished_run.predictions("test"),
        samples_to_try(dataset, "test", 100_000),
        "none",
    )


def test_at_strength_zero_stands_the_stored_accuracy_exactly(found, finished_run):
    stored = finished_run.predictions("test")
    table = found.table()
    assert list(table.columns) == list(TABLE_COLUMNS)
    zero = table[table["strength"] == 0]
    assert list(zero["corruption"]) == list(CORRUPTIONS)
    assert (zero["correct"] == stored.is_right.sum()).all()
    assert (zero["accuracy"] == stored.is_right.mean()).all()
    assert (zero["lost"] == 0).all()


def test_stronger_changes_cost_accuracy_and_the_lost_images_account_for_it(found):
    table = found.table().set_index(["corruption", "strength"])
    for name in ("shift", "noise", "erasing"):
        strongest = found.strengths[name][-1]
        assert table.loc[(name, strongest), "accuracy"] < table.loc[(name, 0.0), "accuracy"] - 0.1
        lost = found.lost(name, strongest)
        answers = found.answers(name, strongest)
        assert len(lost) == table.loc[(name, strongest), "lost"]
        won = ((found.predicted != found.labels) & (answers == found.labels)).sum()
        assert (
            table.loc[(name, 0.0), "correct"] - len(lost) + won == (answers == found.labels).sum()
        )
    assert ((table["low"] <= table["accuracy"]) & (table["accuracy"] <= table["high"])).all()


def test_the_answers_are_those_on_the_pictures_that_are_shown(found, finished_run, dataset):
    ids = found.lost("rotation", 30)[:7]
    pictures = changed_images("rotation", 30, dataset.split("test"), dataset.space, ids)
    again = changed_images("rotation", 30, dataset.split("test"), dataset.space, ids)
    np.testing.assert_array_equal(pictures, again)
    assert (pictures != dataset.split("test").images[ids]).any(axis=(1, 2, 3)).all()
    logits, _ = Predictor.load(finished_run).predict(pictures)
    places = np.searchsorted(found.sample_ids, ids)
    np.testing.assert_array_equal(logits.argmax(axis=1), found.answers("rotation", 30)[places])


def test_an_images_change_does_not_depend_on_which_others_are_tried(found, finished_run, dataset):
    ids = samples_to_try(dataset, "test", 40)
    assert len(ids) == 40 and (np.diff(ids) > 0).all()
    told = []
    few = robustness(
        Predictor.load(finished_run),
        dataset.split("test"),
        dataset.space,
        finished_run.predictions("test"),
        ids,
        "none",
        told.append,
    )
    places = np.searchsorted(found.sample_ids, ids)
    for name in ("shift", "brightness"):
        np.testing.assert_array_equal(few.changed[name], found.changed[name][:, places])
    assert told == sorted(told) and told[-1] == 1


def test_it_is_kept_and_read_again(found):
    again = Robustness.from_kept(*found.to_kept())
    assert again.table().equals(found.table())
    facts, arrays = found.to_kept()
    with pytest.raises(DamagedRun, match="cannot be understood"):
        Robustness.from_kept(facts, {**arrays, "shift": arrays["shift"][:, 1:]})
    with pytest.raises(DamagedRun, match="cannot be understood"):
        Robustness.from_kept({}, arrays)


def by_hand():
    return Robustness(
        sample_ids=np.array([4, 7, 9]),
        labels=np.array([0, 1, 1]),
        predicted=np.array([0, 1, 0]),
        changed={"shift": np.array([[0, 0, 1], [-1, 0, 1]])},
        strengths={"shift": (1, 2)},
        left_out={},
    )


def test_lost_are_those_right_before_and_wrong_after():
    found = by_hand()
    assert found.lost("shift", 0).tolist() == []
    assert found.lost("shift", 1).tolist() == [7]
    assert found.lost("shift", 2).tolist() == [4, 7]
    assert found.table()["correct"].tolist() == [2, 2, 1]


def test_a_strength_that_was_not_tried_is_refused():
    with pytest.raises(InvalidParameter, match=r"one that was tried of 'shift': \(1, 2\); got 3"):
        by_hand().lost("shift", 3)
    with pytest.raises(InvalidParameter, match="one that was tried of 'noise'"):
        by_hand().answers("noise", 0)


def test_changes_after_which_labels_would_be_untrue_are_left_out_with_the_reason():
    rules = LabelRules(unsafe={"displacement": "figures may leave the image"})
    strengths, left_out = allowed(LabelSpace(("a",), rules=rules), (1, 8, 8))
    assert list(strengths) == ["noise", "brightness", "erasing"]
    assert left_out["shift"] == (
        "Shift is left out, because labels would no longer be true: figures may leave the image."
    )


def test_strengths_that_do_not_fit_small_images_are_left_out():
    strengths, left_out = allowed(SPACE, (1, 4, 4))
    assert strengths["shift"] == (1, 2, 3) and left_out == {}
    _, left_out = allowed(SPACE, (1, 1, 1))
    assert left_out == {"shift": "Shift is left out: the images are too small for it."}


def test_images_without_a_stored_output_are_said_so(finished_run, dataset):
    predictions = finished_run.predictions("train")
    with pytest.raises(DamagedRun, match="has not stored its outputs on all these images"):
        robustness(
            Predictor.load(finished_run),
            dataset.split("train"),
            dataset.space,
            predictions,
            np.array([len(dataset.split("train"))]),
            "none",
        )
