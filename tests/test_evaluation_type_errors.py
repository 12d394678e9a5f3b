import numpy as np
import pytest
from scipy.stats import chi2_contingency

from core.datasets.shapes import label_space
from core.evaluation.groups import per_group
from core.evaluation.type_errors import type_claim, type_errors, type_pair_errors
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = label_space()
HAS_CIRCLES = np.array(SPACE.class_counts)[:, 1] > 0
GROUPS = np.array(SPACE.class_groups)


def drawn(wrong_with, wrong_without, num_samples=3000, harder=None):
    """Draw shapes that are misclassified with these probabilities, with circles and without; one pair may be harder."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 135, num_samples)
    chance = np.where(HAS_CIRCLES[labels], wrong_with, wrong_without)
    if harder:
        chance = np.where(GROUPS[labels] == harder, 0.9, chance)
    answers = np.where(rng.random(num_samples) < chance, (labels + 1) % 135, labels)
    logits = np.eye(135, dtype=np.float32)[answers]
    return Predictions(SPACE, np.arange(num_samples), labels, logits)


def test_circles_that_are_least_confused_and_others_that_are_even_are_said_to_be_so():
    predictions = drawn(0.1, 0.3)
    found = type_claim(predictions, "circles")
    wrong = ~predictions.is_right
    has = HAS_CIRCLES[predictions.labels]
    assert found.is_least
    assert found.is_even
    assert found.difference == pytest.approx(wrong[~has].mean() - wrong[has].mean())
    assert 0 < found.low < found.difference < found.high
    first, second = found.sentences
    assert f"misclassified in {100 * wrong[has].mean():.1f} % [" in first
    assert f"{-100 * found.difference:+.1f} points [{-100 * found.high:+.1f}, " in first
    assert first.endswith("So circles are least confused, as the shapes study claims.")
    assert "Of the 10 pairs without circles" in second
    assert "nothing here speaks against the claim" in second


def test_circles_like_all_others_are_not_said_to_be_least_confused():
    found = type_claim(drawn(0.3, 0.3), "circles")
    assert not found.is_least
    assert found.low < 0 < found.high


def test_circles_that_are_confused_most_are_said_not_to_be_least():
    found = type_claim(drawn(0.5, 0.2), "circles")
    assert not found.is_least
    assert found.high < 0
    assert "So circles are not least confused here" in found.sentences[0]


def test_a_hard_pair_makes_the_others_uneven_and_is_named():
    predictions = drawn(0.1, 0.3, harder="up + down")
    found = type_claim(predictions, "circles")
    assert not found.is_even
    assert "(up + down)" in found.sentences[1]
    assert "p < 0.001" in found.sentences[1]
    table = per_group(predictions)
    table = table[~table["group"].str.contains("circles")]
    cells = [table["correct"], table["samples"] - table["correct"]]
    assert found.p == pytest.approx(chi2_contingency(cells, correction=False).pvalue)


def test_the_interval_of_the_difference_is_newcombes():
    # Newcombe 1998, table II, case (a): 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339.
    right = np.concatenate([np.arange(70) >= 56, np.arange(80) >= 48])
    labels = np.concatenate([np.full(70, 130), np.full(80, 3)])  # without circles, with circles
    answers = np.where(right, labels, 0)
    predictions = Predictions(SPACE, np.arange(150), labels, np.eye(135, dtype=np.float32)[answers])
    found = type_claim(predictions, "circles")
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_types_and_their_pairs_are_counted_alike():
    predictions = drawn(0.2, 0.4, 500)
    wrong = ~predictions.is_right
    types, pairs = type_errors(predictions), type_pair_errors(predictions)
    assert types["samples"].sum() == 2 * len(predictions)
    assert types["wrong"].to_list()[1] == wrong[HAS_CIRCLES[predictions.labels]].sum()
    assert pairs["wrong"].sum() == 2 * wrong.sum()
    assert (pairs["row"] == pairs["column"]).sum() == 6
    cell = pairs[(pairs["row"] == "up") & (pairs["column"] == "squares")].iloc[0]
    assert np.isin(predictions.labels, cell["classes"]).sum() == cell["samples"]
    assert set(GROUPS[list(cell["classes"])]) == {"squares + up"}


def test_where_nothing_can_be_said_nothing_is():
    plain = Predictions(
        LabelSpace(("a", "b")), np.arange(1), np.array([0]), np.eye(2, dtype=np.float32)[:1]
    )
    assert type_claim(plain, "circles") is None
    assert type_errors(plain).empty
    assert type_pair_errors(plain).empty
    empty = Predictions(SPACE, np.arange(0), np.arange(0), np.empty((0, 135), np.float32))
    assert type_claim(empty, "circles") is None
    assert type_claim(drawn(0.1, 0.2, 50), "stars") is None
