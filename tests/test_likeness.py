"""Likeness: input of another kind than the training images is named, and input of the same kind is not."""

import re

import numpy as np
import pytest

from core.datasets.likeness import DifferencesFound, Likeness, differences


@pytest.fixture(scope="module")
def training():
    """300 bright blobs on black."""
    rng = np.random.default_rng(0)
    images = np.zeros((300, 1, 12, 12), np.uint8)
    images[:, :, 3:9, 3:9] = rng.integers(100, 256, (300, 1, 6, 6))
    return images


def said(images, training, shape=None):
    return differences(Likeness.of(images, shape), Likeness.of(training))


def test_images_of_the_same_kind_are_not_spoken_of(training):
    assert said(training[:100], training) == []
    assert said(training[:1], training) == []


def test_inverted_images_are_named(training):
    (sentence,) = said(255 - training[:50], training)
    assert sentence == (
        "The images look inverted: their background is 255 of 255, that of training 0. Invert them if dark and bright "
        "were exchanged."
    )


def test_another_grey_level_is_named(training):
    (sentence,) = said(training[:50] // 3, training)
    assert sentence.startswith("The mean grey level is 1") and "that of training was 4" in sentence


def test_another_size_and_colour_are_named(training):
    assert said(training[:50], training, shape=(3, 40, 30)) == [
        "The images are 30x40 pixels; training had 12x12. They were resized.",
        "The images are in colour; training had images grey.",
    ]


def test_it_looks_at_a_bounded_number_of_images():
    many = np.zeros((5000, 1, 1, 1), np.uint8)
    assert Likeness.of(many).num_images == 2000


@pytest.fixture(scope="module")
def garments():
    """Six classes of 100 images each, sorted: brighter and brighter on the whole, all with black and white in them."""
    rng = np.random.default_rng(1)
    images = np.zeros((600, 1, 12, 12), np.uint8)
    for label in range(6):
        rows = slice(100 * label, 100 * label + 100)
        images[rows, :, 1 : 4 + label, 1:11] = rng.integers(100, 256, (100, 1, 3 + label, 10))
        images[rows, :, 5, 5] = 255
    return images


def test_images_of_one_class_are_not_spoken_of(garments):
    for first in range(0, 600, 100):
        assert said(garments[first : first + 100], garments) == []
        assert said(garments[first : first + 1], garments) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda images: 255 - images, "look inverted"),
        (
            lambda images: images // 2,
            "grey level is [1-3]|average brightest pixel is 127",
        ),
        (lambda images: images // 2 + 60, "average darkest pixel is 60"),
        (lambda images: images // 255, "grey level is 0|brightest pixel .* is 1 of 255"),
    ],
)
def test_a_gross_change_of_any_class_is_named(garments, change, words):
    for first in range(0, 600, 100):
        (sentence,) = said(change(garments[first : first + 100]), garments)
        assert re.search(words, sentence)


def test_a_file_that_changes_in_its_midst_is_named_once_and_where(garments):
    found = DifferencesFound(Likeness.of(garments))
    assert found.add(garments[:100], None) == []
    assert found.add(garments[500:], None) == []
    (sentence,) = found.add(255 - garments[:100], None)
    assert sentence.startswith("From image 201 on: The images look inverted")
    assert found.add(255 - garments[:100], None) == []


def test_the_few_last_images_of_a_file_are_not_judged(garments):
    found = DifferencesFound(Likeness.of(garments))
    assert found.add(garments[:100], None) == []
    assert found.add(255 - garments[:3], None) == []
    assert found.add(255 - garments[:8], None) != []


def test_it_looks_at_all_parts_of_a_sorted_set():
    levels = np.arange(3999) // 20
    assert Likeness.of(levels.astype(np.uint8).reshape(-1, 1, 1, 1)).grey.mean == pytest.approx(
        levels.mean(), abs=0.5
    )
