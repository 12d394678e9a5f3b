"""Duplicates: equal and nearly equal images."""

import numpy as np
import pytest

from core.datasets.base import Dataset, Split
from core.datasets.duplicates import exact_duplicates, near_duplicates
from core.exceptions import InvalidParameter
from core.labels import LabelSpace


def dataset_of(num_classes=3, **splits):
    """Make a data set of name=(images, labels)."""
    return Dataset(
        "tiny",
        LabelSpace(tuple(f"class {label}" for label in range(num_classes))),
        {
            name: Split(np.asarray(images, np.uint8), np.asarray(labels, dtype=np.int64))
            for name, (images, labels) in splits.items()
        },
    )


def noise(count, channels=1, side=12, seed=0):
    return np.random.default_rng(seed).integers(
        30, 200, (count, channels, side, side), dtype=np.uint8
    )


def rows(found):
    columns = ["group", "split", "sample_id", "has_other_labels", "is_across_splits"]
    return [tuple(row) for row in found.table[columns].to_numpy().tolist()]


def test_equal_images_are_grouped_and_leaks_come_first():
    images = noise(5)
    train = images[[0, 1, 1, 2, 3]]
    dataset = dataset_of(train=(train, [0, 1, 2, 2, 0]), test=(images[[3, 4]], [0, 1]))
    found = exact_duplicates(dataset)
    assert rows(found) == [
        (0, "train", 4, False, True),
        (0, "test", 0, False, True),
        (1, "train", 1, True, False),
        (1, "train", 2, True, False),
    ]
    assert found.table["class_name"].tolist() == ["class 0", "class 0", "class 1", "class 2"]
    assert (found.table["correlation"] == 1).all()
    assert found.verdict == (
        "4 images are equal to another, in 2 groups. 1 group lies across splits, a leak that makes results look better than "
        "they are. 1 group carries more than one label."
    )


def test_each_group_has_its_row():
    images = noise(3)[[0, 0, 1, 2]]
    found = exact_duplicates(dataset_of(train=(images, [1, 0, 1, 1]), test=(images[2:3], [2])))
    assert found.groups.drop(columns="correlation").to_dict("records") == [
        {
            "group": 0,
            "count": 2,
            "splits": "train, test",
            "class_names": "class 1, class 2",
            "has_other_labels": True,
            "is_across_splits": True,
        },
        {
            "group": 1,
            "count": 2,
            "splits": "train",
            "class_names": "class 1, class 0",
            "has_other_labels": True,
            "is_across_splits": False,
        },
    ]


@pytest.mark.parametrize("search", [exact_duplicates, near_duplicates])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_where_nothing_is_doubled_the_table_is_empty_and_the_verdict_says_so(search, count):
    found = search(dataset_of(train=(noise(count), [0] * count), test=(noise(0), [])))
    assert found.table.empty and found.groups.empty
    assert found.verdict.startswith("No two")


def test_constant_images_are_equal_but_never_nearly_equal():
    images = np.zeros((4, 1, 5, 5), np.uint8)
    images[2:] = 3
    dataset = dataset_of(train=(images, [0] * 4))
    assert len(exact_duplicates(dataset).groups) == 2
    assert near_duplicates(dataset).table.empty


def test_images_of_one_pixel_have_no_pattern():
    assert near_duplicates(dataset_of(train=(noise(9, side=1), [0] * 9))).table.empty


@pytest.mark.parametrize("channels", [1, 3])
def test_a_copy_in_other_brightness_and_contrast_is_found_across_splits(channels):
    images = noise(300, channels)
    copy = np.rint(images[[7]] * 0.8 + 20).astype(np.uint8)
    found = near_duplicates(dataset_of(train=(images, [0] * 300), test=(copy, [1])))
    assert rows(found) == [(0, "train", 7, True, True), (0, "test", 0, True, True)]
    expected = np.corrcoef(images[7].reshape(-1), copy.reshape(-1))[0, 1]
    np.testing.assert_allclose(found.table["correlation"], expected, atol=1e-5)


@pytest.mark.parametrize("side", [5, 8, 13])
@pytest.mark.parametrize("bound", [0.9, 0.95, 0.99])
def test_every_pair_that_reaches_the_bound_is_found(side, bound):
    random = np.random.default_rng(side)
    base = noise(40, side=side)
    strength = random.integers(0, 60, (40, 1, 1, 1))
    moved = base + random.normal(size=base.shape) * strength
    images = np.concatenate([base, np.clip(moved, 0, 255).astype(np.uint8)])
    correlations = np.corrcoef(images.reshape(80, -1))
    np.fill_diagonal(correlations, 0)
    is_copy = (images[:, None] == images[None]).all(axis=(2, 3, 4))
    found = near_duplicates(dataset_of(train=(images, [0] * 80)), bound)
    expected = np.flatnonzero(((correlations >= bound) & ~is_copy).any(axis=1))
    assert sorted(found.table["sample_id"]) == expected.tolist()
    assert 0 < len(expected) < 80


def test_copies_of_a_nearly_equal_image_are_listed_with_it():
    images = noise(3)
    near = images[[0]].copy()
    near[0, 0, 0, 0] ^= 1
    dataset = dataset_of(train=(images, [0] * 3), test=(np.concatenate([near, near]), [0, 0]))
    assert rows(near_duplicates(dataset)) == [
        (0, "train", 0, False, True),
        (0, "test", 0, False, True),
        (0, "test", 1, False, True),
    ]
    assert near_duplicates(dataset).table["correlation"].tolist() == [
        pytest.approx(1, abs=1e-3),
        1,
        1,
    ]


def test_equal_images_alone_are_not_nearly_equal():
    assert near_duplicates(dataset_of(train=(noise(3)[[0, 0, 1]], [0] * 3))).table.empty


def test_too_many_alike_images_are_compared_in_part_and_the_verdict_says_so(monkeypatch):
    monkeypatch.setattr("core.datasets.duplicates._MOST_PAIRS", 10)
    base = noise(1)
    images = base + np.random.default_rng(1).integers(0, 3, (60, 1, 12, 12), dtype=np.uint8)
    found = near_duplicates(dataset_of(train=(images, [0] * 60)))
    assert len(found.table) == 60
    assert "Too many images are alike to compare all pairs" in found.verdict


def test_pixels_compared_in_full_are_bounded(monkeypatch):
    monkeypatch.setattr("core.datasets.duplicates._MOST_VALUES", 5 * 144)
    images = noise(1) + np.random.default_rng(1).integers(0, 3, (60, 1, 12, 12), dtype=np.uint8)
    found = near_duplicates(dataset_of(train=(images, [0] * 60)))
    assert 2 <= len(found.table) <= 10
    assert "Too many images are alike to compare all pairs" in found.verdict


def test_names_of_a_wide_group_are_cut_short():
    images = noise(1)[[0] * 7]
    found = exact_duplicates(dataset_of(7, train=(images, range(7))))
    assert found.groups["class_names"].iloc[0] == (
        "class 0, class 1, class 2, class 3, class 4 and 2 more"
    )


@pytest.mark.parametrize("bound", [0.89, 1.0])
def test_a_bound_out_of_range_is_refused(bound):
    with pytest.raises(InvalidParameter, match=r"least_correlation must lie in \[0\.9, 1\.0\)"):
        near_duplicates(dataset_of(train=(noise(2), [0, 0])), bound)
