"""The generator of shapes: drawing rules by hand-made cases, then statistics against the public data set's.

The figures of the public data set are in the design notes: 10,000 images were counted. A bound is at least four
standard errors of the difference between two samples of 10,000 images; the seed is fixed, so a test that passes
always passes.
"""

import numpy as np
import pytest

from core.datasets import shapes
from core.datasets.base import Split
from core.datasets.shapes import TYPE_NAMES, Shapes, draw, label_space, masks
from core.exceptions import InvalidParameter

SQUARE, CIRCLE, UP, RIGHT, DOWN, LEFT = range(6)


@pytest.fixture(scope="module")
def splits(tmp_path_factory) -> dict[str, Split]:
    return Shapes().load(tmp_path_factory.mktemp("data")).splits


@pytest.fixture(scope="module")
def white(splits) -> np.ndarray:
    """(10000, 28, 28) bool."""
    return np.concatenate([split.images[:, 0] for split in splits.values()]) > 0


@pytest.fixture(scope="module")
def labels(splits) -> np.ndarray:
    return np.concatenate([split.labels for split in splits.values()])


def drawn(*figures: tuple[int, int, int]) -> np.ndarray:
    """Draw one image of (type, row, column) figures: (28, 28) bool."""
    types, rows, columns = zip(*figures, strict=True)
    return draw([types], [rows], [columns])[0, 0] > 0


def visible(image: np.ndarray) -> list[str]:
    """Return the rows and columns around what is white, as text."""
    rows, columns = np.nonzero(image)
    box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return ["".join("#" if pixel else "." for pixel in row) for row in box]


# Masks


def test_masks_have_the_pixels_of_the_public_data_set():
    pixels = {name: int(mask.pixels.sum()) for name, mask in masks().items()}
    assert pixels == {"squares": 49, "circles": 49, "up": 36, "right": 36, "down": 36, "left": 36}
    assert tuple(masks()) == TYPE_NAMES


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("squares", [7] * 7),
        ("circles", [1, 5, 7, 7, 9, 7, 7, 5, 1]),
        ("up", [1, 3, 5, 7, 9, 11]),
        ("right", [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1]),
        ("down", [11, 9, 7, 5, 3, 1]),
        ("left", [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_masks_have_the_row_widths_of_the_public_data_set(name, widths):
    assert masks()[name].pixels.sum(axis=1).tolist() == widths


def test_right_has_its_base_at_the_left_and_left_has_its_apex_there():
    assert masks()["right"].pixels[:, 0].sum() == 11
    assert masks()["left"].pixels[:, 0].sum() == 1


# Drawing


def test_each_figure_lies_around_its_centre():
    places = {
        SQUARE: (slice(11, 18), slice(11, 18)),
        CIRCLE: (slice(10, 19), slice(10, 19)),
        UP: (slice(9, 15), slice(9, 20)),
        RIGHT: (slice(9, 20), slice(14, 20)),
        DOWN: (slice(14, 20), slice(9, 20)),
        LEFT: (slice(9, 20), slice(14, 20)),
    }
    for number, (rows, columns) in places.items():
        expected = np.zeros((28, 28), dtype=bool)
        expected[rows, columns] = masks()[TYPE_NAMES[number]].pixels
        np.testing.assert_array_equal(drawn((number, 14, 14)), expected, TYPE_NAMES[number])


def test_the_apex_of_left_is_at_its_centre():
    image = drawn((LEFT, 14, 14))
    assert image[:, 14].sum() == 1
    assert image[14, 14:20].all()
    assert not image[:, :14].any()


def test_a_square_in_the_corner_shows_four_by_four_pixels():
    image = drawn((SQUARE, 0, 0))
    assert image[:4, :4].all()
    assert image.sum() == 16


def test_figures_are_cut_off_at_each_border():
    assert visible(drawn((UP, 0, 14))) == ["###########"]
    assert visible(drawn((DOWN, 27, 14))) == ["###########"]
    assert visible(drawn((UP, 27, 0))) == [
        "#.....",
        "##....",
        "###...",
        "####..",
        "#####.",
        "######",
    ]
    assert visible(drawn((RIGHT, 14, 27))) == ["#"] * 11
    assert visible(drawn((LEFT, 14, 27))) == ["#"]
    assert drawn((LEFT, 14, 0)).sum() == 36


def test_two_equal_figures_vanish():
    assert not drawn((CIRCLE, 9, 20), (CIRCLE, 9, 20)).any()


def test_an_overlap_of_two_is_black_and_of_three_white():
    two = drawn((SQUARE, 10, 10), (SQUARE, 10, 14))
    assert visible(two) == ["####...####"] * 7
    three = drawn((SQUARE, 10, 10), (SQUARE, 10, 14), (SQUARE, 10, 12))
    assert visible(three) == ["##..###..##"] * 7


def test_images_are_drawn_one_by_one_from_equal_numbers_of_figures():
    images = draw([[SQUARE, UP], [DOWN, LEFT]], [[3, 20], [8, 9]], [[3, 20], [8, 20]])
    assert images.shape == (2, 1, 28, 28)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[1, 0] > 0, drawn((DOWN, 8, 8), (LEFT, 9, 20)))


def test_no_figures_give_a_black_image():
    assert not draw(np.zeros((1, 0), int), np.zeros((1, 0), int), np.zeros((1, 0), int)).any()


def test_figures_outside_are_refused():
    with pytest.raises(InvalidParameter, match=r"^types must lie in \[0, 6\); got 6\.$"):
        draw([[6]], [[0]], [[0]])
    with pytest.raises(InvalidParameter, match=r"^rows must lie in \[0, 28\); got -1\.$"):
        draw([[0]], [[-1]], [[0]])
    with pytest.raises(InvalidParameter, match=r"^columns must lie in \[0, 28\); got 28\.$"):
        draw([[0]], [[0]], [[28]])
    with pytest.raises(InvalidParameter, match=r"^rows must be whole numbers; got float64\.$"):
        draw([[0]], [[1.5]], [[0]])
    with pytest.raises(InvalidParameter, match=r"one shape \(N, F\); got types \(1, 2\), rows"):
        draw([[0, 1]], [[0]], [[0]])


# Classes


def test_class_names_are_readable_and_agree_with_their_counts():
    space = label_space()
    assert space.num_classes == 135
    assert space.class_names[0] == "1 square + 9 circles"
    assert space.class_names[2] == "3 squares + 7 circles"
    assert space.class_names[8] == "9 squares + 1 circle"
    assert space.class_names[9 * 11 + 3] == "4 up + 6 left"
    assert space.class_names[-1] == "9 down + 1 left"
    assert len(set(space.class_names)) == 135
    for name, group, counts in zip(
        space.class_names, space.class_groups, space.class_counts, strict=True
    ):
        shown = [(number, kind) for number, kind in zip(counts, TYPE_NAMES, strict=True) if number]
        assert group == " + ".join(kind for _, kind in shown)
        singular = [f"{n} {kind.removesuffix('s') if n == 1 else kind}" for n, kind in shown]
        assert name == " + ".join(singular)


def test_the_class_number_is_that_of_the_assignment():
    """Pairs (0, 1), (0, 2), ..., (4, 5) times nine, plus the count of the first type minus one."""
    number = 0
    for first in range(6):
        for second in range(first + 1, 6):
            for num_first in range(1, 10):
                counts = [0] * 6
                counts[first], counts[second] = num_first, 10 - num_first
                assert label_space().class_counts[number] == tuple(counts)
                number += 1


# The data set


def test_the_last_tenth_is_test_and_another_tenth_validation(splits):
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 8000,
        "validation": 1000,
        "test": 1000,
    }


def test_splits_hold_every_generated_image_once_and_in_order():
    labels, figures = shapes._drawn_figures(1000, seed=3)
    everything = shapes._images(figures)
    made = Shapes(images=1000, seed=3)._splits()
    np.testing.assert_array_equal(made["test"].images, everything[900:])
    np.testing.assert_array_equal(made["test"].labels, labels[900:])
    position = {image.tobytes(): row for row, image in enumerate(everything)}
    assert len(position) == 1000
    rows = {name: [position[image.tobytes()] for image in made[name].images] for name in made}
    assert all(order == sorted(order) for order in rows.values())
    assert sorted(rows["train"] + rows["validation"]) == list(range(900))
    for name, order in rows.items():
        np.testing.assert_array_equal(made[name].labels, labels[order])


def test_counts_are_ten_figures_of_two_types_and_agree_with_the_class(splits):
    class_counts = np.array(label_space().class_counts)
    for split in splits.values():
        assert split.counts.dtype == np.uint8
        assert (split.counts.sum(axis=1) == 10).all()
        assert ((split.counts > 0).sum(axis=1) == 2).all()
        np.testing.assert_array_equal(split.counts, class_counts[split.labels])


def test_the_figures_drawn_are_those_that_the_counts_say():
    labels, figures = shapes._drawn_figures(5000, seed=1)
    types = figures // (28 * 28)
    counts = np.stack([(types == number).sum(axis=1) for number in range(6)], axis=1)
    np.testing.assert_array_equal(counts, np.array(label_space().class_counts)[labels])


def test_equal_settings_give_equal_pixels_with_every_release_of_numpy(tmp_path):
    """The value is of NumPy 2.4; whoever changes it must raise VERSION in the same commit."""
    assert Shapes(images=500, seed=7).load(tmp_path).fingerprint == (
        "f601f275b9d46c613b1e6f9434d5a52066fa1ef9a4281feeb264dfeb73edd77b"
    )


def test_another_seed_gives_other_pixels():
    assert not np.array_equal(
        Shapes(images=100, seed=0)._splits()["test"].images,
        Shapes(images=100, seed=1)._splits()["test"].images,
    )


def test_a_larger_data_set_begins_with_the_images_of_a_smaller_one():
    few, many = shapes._drawn_figures(150, seed=4), shapes._drawn_figures(6000, seed=4)
    np.testing.assert_array_equal(few[0], many[0][:150])
    np.testing.assert_array_equal(few[1], many[1][:150])


# Statistics


def test_pixels_are_black_or_white(splits):
    assert np.unique(splits["train"].images).tolist() == [0, 255]


def test_the_share_of_white_is_that_of_the_public_data_set(white):
    """29.96 % there; an image's standard deviation of 5.2 points makes 0.07 for the difference of two means.

    The standard deviation itself has a standard error of 0.04 points, is given to 0.05, and may differ by 0.2.
    """
    shares = white.mean(axis=(1, 2))
    assert shares.mean() == pytest.approx(0.2996, abs=0.003)
    assert shares.std() == pytest.approx(0.052, abs=0.002)


def test_the_borders_are_white_as_in_the_public_data_set(white):
    """A border's share has a standard deviation of 17 points an image: 0.25 for a difference, bound 1.0.

    Right and left differ by seven points: only with the apex of `left` at its centre.
    """
    assert white[:, 0].mean() == pytest.approx(0.222, abs=0.01)
    assert white[:, -1].mean() == pytest.approx(0.220, abs=0.01)
    assert white[:, :, 0].mean() == pytest.approx(0.176, abs=0.01)
    assert white[:, :, -1].mean() == pytest.approx(0.249, abs=0.01)


def test_colours_change_as_often_as_in_the_public_data_set(white):
    """2.9 points of standard deviation an image: 0.04 for a difference, bound 0.16."""
    across = (white[:, :, 1:] != white[:, :, :-1]).mean()
    down = (white[:, 1:] != white[:, :-1]).mean()
    assert across == pytest.approx(0.1489, abs=0.0016)
    assert down == pytest.approx(0.1521, abs=0.0016)


def test_105_classes_occur_about_equally_often(labels):
    """95.2 of each are expected, with a standard deviation of 9.7; five of them for 105 looks."""
    counts = np.bincount(labels, minlength=135)
    assert (counts > 0).sum() == 105
    assert counts.reshape(15, 9)[:, [0, 8]].sum() == 0
    assert counts[counts > 0].min() >= 95 - 49
    assert counts.max() <= 95 + 49


def test_the_pairs_occur_equally_often(labels):
    """666.7 expected with a standard deviation of 24.9; four and a half of them for 15 looks."""
    counts = np.bincount(labels // 9, minlength=15)
    assert np.abs(counts - 10_000 / 15).max() <= 4.5 * 24.9


def test_the_count_of_the_first_type_is_uniform_from_two_to_eight(labels):
    """1,428.6 expected with a standard deviation of 35; four and a half of them for seven looks."""
    counts = np.bincount(labels % 9 + 1, minlength=10)
    assert counts[[0, 1, 9]].sum() == 0
    assert np.abs(counts[2:9] - 10_000 / 7).max() <= 4.5 * 35


def test_figures_are_everywhere_equally_often():
    """784 places, 63.8 figures each per 5,000 images: standard deviation 8, five and a half for 784 looks."""
    _, figures = shapes._drawn_figures(5000, seed=0)
    counts = np.bincount(figures.ravel() % 784, minlength=784)
    assert np.abs(counts - 50_000 / 784).max() <= 5.5 * 8
    # No slot follows another: 64 pairs of coarse places, 781 each, standard deviation 27.7.
    rows = figures % 784 // 28 // 7
    pairs = np.bincount((rows[:, :-1] * 4 + rows[:, 1:]).ravel(), minlength=16)
    assert np.abs(pairs - 45_000 / 16).max() <= 4.5 * (45_000 / 16) ** 0.5


def test_with_single_figures_all_135_classes_occur_and_the_counts_follow(tmp_path):
    dataset = Shapes(images=6000, has_single_figures=True).load(tmp_path)
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    counts = np.concatenate([split.counts for split in dataset.splits.values()])
    assert len(np.unique(labels)) == 135
    assert (counts.sum(axis=1) == 10).all()
    assert ((counts == 1).any(axis=1) == (counts == 9).any(axis=1)).all()
    assert dataset.fingerprint != Shapes(images=6000).load(tmp_path).fingerprint
