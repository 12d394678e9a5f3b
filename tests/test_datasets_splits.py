"""Splits: the rows of scikit-learn's two calls, what the source fixes, and refusals with numbers."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from core.datasets.splits import completed_rows, drawn_rows
from core.exceptions import InvalidInput

NAMES = ("ant", "bee", "cat")


def labels_of(*counts: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


def two_calls(num_rows, of_all, of_rest, seed, labels=None):
    def kept(rows):
        return None if labels is None else labels[rows]

    rows = np.arange(num_rows)
    rest, test = train_test_split(rows, test_size=of_all, random_state=seed, stratify=kept(rows))
    train, validation = train_test_split(
        rest, test_size=of_rest, random_state=seed, stratify=kept(rest)
    )
    return {"train": train, "validation": validation, "test": test}


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("is_stratified", [True, False])
@pytest.mark.parametrize(
    ("validation_share", "test_share", "of_rest"),
    [(0.2, 0.2, 0.25), (0.1, 0.1, 1 / 9), (0.1, 0.4, 1 / 6), (0.15, 0.15, 3 / 17)],
)
def test_rows_are_those_of_scikit_learns_two_calls_in_ascending_order(
    seed, is_stratified, validation_share, test_share, of_rest
):
    labels = labels_of(400, 350, 150) if is_stratified else None
    rows = drawn_rows(900, validation_share, test_share, seed, labels, NAMES)
    expected = two_calls(900, test_share, of_rest, seed, labels)
    assert list(rows) == ["train", "validation", "test"]
    for name, chosen in rows.items():
        np.testing.assert_array_equal(chosen, np.sort(expected[name]))


def test_each_row_is_in_one_split_and_each_class_in_every_split():
    labels = labels_of(50, 40, 5)
    rows = drawn_rows(95, 0.2, 0.2, 1, labels, NAMES)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(95))
    for chosen in rows.values():
        assert set(labels[chosen]) == {0, 1, 2}


def test_a_class_of_one_image_is_refused_with_its_number():
    with pytest.raises(
        InvalidInput,
        match=r"^Each class must have an image in train, validation and test, but there are too few of"
        r" 'cat' \(1 image\)\. Add images, leave the class out, make the shares larger, or draw without regard"
        r" to classes \(stratified=false\)\.$",
    ):
        drawn_rows(101, 0.2, 0.2, 0, labels_of(50, 50, 1), NAMES)


@pytest.mark.parametrize("number", [2, 3])
def test_a_class_that_would_miss_a_split_is_refused_with_its_number(number):
    with pytest.raises(InvalidInput, match=rf"too few of 'cat' \({number} images\)"):
        drawn_rows(200 + number, 0.1, 0.1, 0, labels_of(100, 100, number), NAMES)


def test_only_the_five_smallest_classes_are_named():
    counts = [100, *[1] * 7]
    names = tuple("abcdefgh")
    with pytest.raises(InvalidInput, match=r"'f' \(1 image\) and 2 more\. Add images"):
        drawn_rows(107, 0.2, 0.2, 0, labels_of(*counts), names)


def test_more_classes_than_test_images_are_refused():
    with pytest.raises(
        InvalidInput,
        match=r"^6 images cannot be divided so that each of 3 classes is in every split",
    ):
        drawn_rows(6, 0.2, 0.2, 0, labels_of(2, 2, 2), NAMES)


def test_two_images_are_too_few_for_three_splits():
    with pytest.raises(InvalidInput, match=r"^1 image cannot be divided into two splits\."):
        drawn_rows(2, 0.4, 0.4, 0)


def test_a_class_that_never_occurs_is_no_reason_to_refuse():
    rows = drawn_rows(100, 0.2, 0.2, 0, labels_of(50, 0, 50), NAMES)
    assert {name: len(chosen) for name, chosen in rows.items()} == {
        "train": 60,
        "validation": 20,
        "test": 20,
    }


def test_fixed_parts_are_kept_and_the_missing_one_is_drawn_out_of_train():
    labels = labels_of(50, 50, 50)
    fixed = {
        "train": np.arange(120),
        "validation": np.empty(0, np.int64),
        "test": np.arange(120, 150),
    }
    rows = completed_rows(fixed, 0.2, 0.2, 42, labels, NAMES)
    np.testing.assert_array_equal(rows["test"], np.arange(120, 150))
    assert len(rows["validation"]) == 30  # of all 150
    train, validation = train_test_split(
        np.arange(120), test_size=30, random_state=42, stratify=labels[:120]
    )
    np.testing.assert_array_equal(rows["train"], np.sort(train))
    np.testing.assert_array_equal(rows["validation"], np.sort(validation))


def test_a_source_that_fixes_all_parts_is_left_alone():
    fixed = {"train": np.arange(5), "validation": np.arange(5, 7), "test": np.arange(7, 9)}
    rows = completed_rows(fixed, 0.2, 0.2, 42, np.zeros(9, np.int64), ("a",))
    assert {name: list(chosen) for name, chosen in rows.items()} == {
        "train": [0, 1, 2, 3, 4],
        "validation": [5, 6],
        "test": [7, 8],
    }


def test_fixed_parts_without_train_are_refused():
    with pytest.raises(InvalidInput, match=r"but none for train\.$"):
        completed_rows({"test": np.arange(5)}, 0.2, 0.2, 42)


def test_a_share_larger_than_the_fixed_train_is_refused_with_numbers():
    fixed = {"train": np.arange(10), "test": np.arange(10, 100)}
    with pytest.raises(
        InvalidInput,
        match=r"^validation is to be 0\.2 of 100 images, 20, but train has only 10 to draw it from\."
        r" Make validation_share smaller\.$",
    ):
        completed_rows(fixed, 0.2, 0.2, 42)


def test_a_fixed_train_without_enough_of_a_class_is_refused():
    labels = np.array([0] * 20 + [1] * 20 + [2] + [0, 1, 2] * 3)
    fixed = {"train": np.arange(41), "test": np.arange(41, 50)}
    with pytest.raises(InvalidInput, match=r"too few of 'cat' \(1 image\)"):
        completed_rows(fixed, 0.2, 0.2, 42, labels, NAMES)
