import numpy as np
import pytest

from core.datasets.shapes import label_space
from core.evaluation.count_offsets import count_offsets, offset_samples
from core.evaluation.dead_units import dead_shares
from core.evaluation.heads import count_spreads, heads, heads_sentence, heads_table
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = label_space()
COUNTS = np.array(SPACE.class_counts, dtype=np.float32)


def drawn(num_samples=400, noise=0.3, class_noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 135, num_samples)
    logits = rng.normal(scale=class_noise, size=(num_samples, 135)).astype(np.float32)
    logits[np.arange(num_samples), labels] += 2
    counts = COUNTS[labels] + rng.normal(scale=noise, size=(num_samples, 6)).astype(np.float32)
    return Predictions(SPACE, np.arange(num_samples), labels, logits, COUNTS[labels], counts)


def test_exact_counts_name_the_true_class_and_repair_the_class_head():
    predictions = drawn(noise=0.0)
    both = heads(predictions, count_spreads(predictions))
    assert (both.by_counts == predictions.labels).all()
    assert (both.joint == predictions.labels).all()
    table = heads_table(both).set_index("what")["samples"]
    assert table["counts"] == table["joint"] == 400
    assert table["repaired"] == 400 - table["class"] > 0
    assert table["broken"] == 0
    assert both.ids("repaired") == np.flatnonzero(~predictions.is_right).tolist()
    assert "joint decoding repairs more than it breaks." in heads_sentence(both)


def test_the_joint_class_is_the_likeliest_by_hand():
    space = LabelSpace(("1", "2"), count_names=("dots",), class_counts=((1,), (2,)))
    logits = np.log(np.array([[0.7, 0.3], [0.7, 0.3]], np.float32))
    predictions = Predictions(
        space,
        np.arange(2),
        np.array([1, 1]),
        logits,
        np.array([[2], [2]], np.float32),
        np.array([[1.9], [1.6]], np.float32),
    )
    both = heads(predictions, np.array([0.5]))
    # log 0.7 - 0.9² / 0.5 = -1.98 against log 0.3 - 0.1² / 0.5 = -1.22; then -1.08 against -1.52.
    assert both.joint.tolist() == [1, 0]
    assert both.by_counts.tolist() == [1, 1]
    assert both.by_class.tolist() == [0, 0]


def test_heads_that_do_not_differ_are_said_not_to():
    predictions = drawn(noise=50.0, class_noise=0.1)
    both = heads(predictions, count_spreads(predictions))
    assert "chance alone may have made that difference." in heads_sentence(both)


def test_what_is_not_finite_counts_as_missing_and_not_as_right():
    predictions = drawn(20)
    counts, logits = predictions.counts.copy(), predictions.logits.copy()
    counts[0, 0], logits[1, 0] = np.nan, np.inf
    broken = Predictions(
        SPACE, np.arange(20), predictions.labels, logits, predictions.count_labels, counts
    )
    both = heads(broken, count_spreads(broken))
    assert (both.by_counts[0], both.joint[0]) == (-1, -1)
    assert (both.by_class[1], both.joint[1]) == (-1, -1)


def test_without_counts_there_is_nothing_to_compare():
    predictions = drawn(5)
    plain = Predictions(SPACE, np.arange(5), predictions.labels, predictions.logits)
    assert count_spreads(plain) is None
    assert heads(plain, np.ones(6)) is None


def test_no_images_give_no_sentence_about_them():
    none = drawn(0)
    assert count_spreads(none) is None
    both = heads(none, np.ones(6))
    assert heads_sentence(both) == "There are no images to compare the heads on."
    assert heads_table(both)["share"].isna().all()


def test_offsets_are_those_of_the_first_type_where_the_pair_is_right():
    labels, answers = np.array([2, 2, 2, 2]), np.array([2, 3, 1, 10])  # 10 is another pair
    logits = np.eye(135, dtype=np.float32)[answers]
    predictions = Predictions(SPACE, np.array([7, 8, 9, 10]), labels, logits)
    table = count_offsets(predictions)
    assert table["offset"].to_list() == [-1, 0, 1]
    assert table["samples"].to_list() == [1, 1, 1]
    assert table["share"].to_list() == pytest.approx([1 / 3] * 3)
    assert offset_samples(predictions, 1) == [8]
    assert offset_samples(predictions, 5) == []


def test_dead_shares_are_listed_by_run_layer_and_epoch():
    rows = [
        {"epoch": 1, "dead_share": {"second": 0.25, "first": 0.0}},
        {"epoch": 2, "dead_share": {"second": 0.5, "first": None}},
        {"epoch": 3},
    ]
    table = dead_shares({"b": rows, "a": rows[:1]})
    assert table.to_numpy().tolist() == [
        ["b", "second", 1, 0.25],
        ["b", "second", 2, 0.5],
        ["b", "first", 1, 0.0],
        ["a", "second", 1, 0.25],
        ["a", "first", 1, 0.0],
    ]
    assert dead_shares({"a": []}).empty
