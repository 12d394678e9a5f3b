"""Likeness: input of another kind than the training images is named, and input of the same kind is not."""

import numpy as np
import pytest

from core.datasets.likeness import Likeness, differences


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
