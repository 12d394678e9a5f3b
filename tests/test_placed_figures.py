"""Placed figures: what is placed by hand is drawn as the data set draws it, and what is true of it is known."""

import numpy as np
import pytest

from core.datasets.placed_figures import MOST_FIGURES, PlacedFigures, offsets
from core.datasets.shapes import TYPE_NAMES, Shapes, label_space


def test_without_figures_the_image_is_black():
    empty = PlacedFigures.parsed("")
    assert empty.image.shape == (1, 28, 28) and not empty.image.any()
    assert empty.counts == (0,) * 6 and empty.label is None and empty.text == ""


def test_a_link_gives_the_same_figures_back():
    placed = PlacedFigures().with_figure(0, 3, 4).with_figure(2, 20, 11)
    assert placed.text == "s3-4_u20-11"
    assert PlacedFigures.parsed(placed.text) == placed
    assert placed.without_last().text == "s3-4"


@pytest.mark.parametrize("text", ["x3-4", "s28-0", "s0-28", "s3", "<script>", "s-1-4", "s3-4-5"])
def test_what_is_no_figure_in_a_link_is_left_out(text):
    assert PlacedFigures.parsed(f"{text}_c1-1").places == ((1, 1, 1),)


def test_no_more_figures_than_the_most_are_taken():
    many = PlacedFigures.parsed("_".join(["s3-4"] * 100))
    assert len(many.places) == MOST_FIGURES
    assert many.with_figure(0, 0, 0) is many


def test_overlapping_figures_are_black_again():
    twice = PlacedFigures().with_figure(1, 10, 10).with_figure(1, 10, 10)
    assert not twice.image.any() and twice.counts == (0, 2, 0, 0, 0, 0)


@pytest.mark.parametrize("figure_type", range(len(TYPE_NAMES)))
def test_the_offsets_are_the_pixels_that_a_figure_turns_around(figure_type):
    image = PlacedFigures().with_figure(figure_type, 14, 13).image[0]
    expected = np.zeros_like(image)
    for down, across in offsets(figure_type):
        expected[14 + down, 13 + across] = 255
    np.testing.assert_array_equal(image, expected)


def test_drawn_figures_are_those_of_the_data_sets_first_image(tmp_path):
    dataset = Shapes(images=100, seed=5).load(tmp_path)
    placed = PlacedFigures.drawn(5)
    rows = [
        (split, row)
        for split in ("train", "validation", "test")
        for row, image in enumerate(dataset.split(split).images)
        if np.array_equal(image, placed.image)
    ]
    assert len(rows) == 1
    split, row = rows[0]
    assert placed.label == dataset.split(split).labels[row]
    assert sum(placed.counts) == 10
    assert label_space().class_counts[placed.label] == placed.counts
