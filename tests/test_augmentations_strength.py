"""One step alone, from weakest to strongest, or in all its outcomes."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Mixing
from core.augmentations.mixing import Mixup
from core.augmentations.occlusion import Cutout, RandomErasing
from core.augmentations.strength import strength_strip
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, Symmetry
from core.augmentations.zoom import Zoom, ZoomRange
from core.datasets.shapes import label_space
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.settings import field_bounds

torch.set_num_threads(1)

SPACE = LabelSpace(tuple("abc"))
SHAPES = label_space()

STRENGTHS = [
    name
    for name, kind in AUGMENTATIONS.items()
    if kind.strength is not None and not issubclass(kind, Mixing)
]


def image(channels=1, side=28):
    """A bright disc on a slope, so that every step has something to change."""
    rows, columns = np.mgrid[:side, :side]
    slope = 40 + 2 * rows + columns
    disc = (rows - side / 2) ** 2 + (columns - side / 3) ** 2 < (side / 4) ** 2
    return np.repeat(np.where(disc, 230, slope).astype(np.uint8)[None], channels, axis=0)


def strip(step, **options):
    return strength_strip(step, image(), 1, None, SPACE, **options)


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_strength_of_a_strip_is_within_the_declared_range_and_rises(name, channels):
    kind = AUGMENTATIONS[name]
    found = strength_strip(kind(), image(channels), 2, None, SPACE, num=5)
    bounds = field_bounds(kind.model_fields[kind.strength])
    assert found.setting == kind.strength
    assert len(found.values) == len(found.captions) == len(found.images) == 5
    assert all(low < high for low, high in pairwise(found.values))
    for value in found.values:
        kind(**{kind.strength: value})  # within its bounds, or this raises
    if "le" in bounds and kind(**{kind.strength: bounds["le"]}).problem((1, 28, 28)) is None:
        assert found.values[-1] == bounds["le"]
    assert found.images.shape == (5, channels, 28, 28) and found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, [2] * 5)
    assert (found.images[-1] != image(channels)).any()


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    "name",
    ["gaussian-noise", "brightness", "contrast", "gamma", "blur", "random-erasing", "cutout"],
)
def test_the_stronger_a_step_the_more_it_changes(name, seed):
    found = strip(AUGMENTATIONS[name](), seed=seed)
    original = image().astype(np.int64)
    if name in ("random-erasing", "cutout"):
        changes = [(one != original).sum() for one in found.images]
    else:
        changes = [abs(one - original).sum() for one in found.images]
    assert all(low <= high for low, high in pairwise(changes))
    assert changes[-1] > 1.5 * changes[0]


def test_captions_give_the_strength_with_its_unit():
    assert strip(AUGMENTATIONS["rotation"](), num=3).captions == [
        "60 degrees",
        "120 degrees",
        "180 degrees",
    ]
    assert strip(AUGMENTATIONS["brightness"](), num=2).captions == ["change 0.5", "change 1"]
    assert strip(Zoom(), num=2).captions == ["1 pixel", "13 pixels"]


def test_whole_numbers_go_as_far_as_the_image_allows_and_come_once_each():
    assert strip(Cutout(), num=3).values == [1, 15, 28]
    few = strength_strip(Zoom(), image(side=8), 1, None, SPACE, num=8)
    assert few.values == [1, 2, 3]


def test_a_range_keeps_its_other_end():
    assert strip(ZoomRange(least_pixels=5, most_pixels=5), num=2).values == [5, 13]
    assert strip(RandomErasing(least_area=0.2), num=2).values == [0.2, 1]


@pytest.mark.parametrize(
    ("step", "side", "message"),
    [
        (Zoom(), 3, "zoom: k must be at most 0 for images of 3x3 pixels; got 1."),
        (
            AUGMENTATIONS["grid-mask"](),
            4,
            "grid-mask: cell must be at most 4 for images of 4x4 pixels; got 8.",
        ),
    ],
)
def test_a_step_that_fits_at_no_strength_is_refused(step, side, message):
    with pytest.raises(InvalidParameter) as raised:
        strength_strip(step, image(side=side), 0, None, SPACE)
    assert str(raised.value) == message


def test_a_strip_needs_two_images():
    with pytest.raises(InvalidParameter, match=r"num must be at least 2, .*; got 1"):
        strip(Cutout(), num=1)


def test_a_flip_is_shown_beside_the_image_with_the_label_that_it_gives():
    label = SHAPES.class_names.index("4 up + 6 left")
    counts = np.array(SHAPES.class_counts[label], dtype=np.uint8)
    found = strength_strip(HorizontalFlip(), image(), label, counts, SHAPES)
    assert found.setting is None and found.values == []
    assert found.captions == ["the image as it is", "horizontal flip"]
    np.testing.assert_array_equal(found.images, np.stack([image(), image()[..., ::-1]]))
    assert [SHAPES.class_names[one] for one in found.labels] == ["4 up + 6 left", "4 up + 6 right"]
    np.testing.assert_array_equal(found.counts, [SHAPES.class_counts[one] for one in found.labels])


def test_both_quarter_turns_are_shown_beside_the_image():
    label = SHAPES.class_names.index("4 up + 6 left")
    found = strength_strip(QuarterTurn(), image(), label, None, SHAPES)
    assert found.captions == ["the image as it is", "clockwise", "counter-clockwise"]
    turned = [np.rot90(image(), turns, (1, 2)) for turns in (0, -1, 1)]
    np.testing.assert_array_equal(found.images, np.stack(turned))
    assert [SHAPES.class_names[one] for one in found.labels] == [
        "4 up + 6 left",
        "6 up + 4 right",
        "6 down + 4 left",
    ]


def test_the_eight_symmetries_are_all_shown_once():
    found = strength_strip(Symmetry(), image(), 1, None, SPACE)
    assert found.captions[0] == "the image as it is" and len(set(found.captions)) == 8
    expected = [
        np.rot90(flipped, -turns, (1, 2))
        for flipped in (image(), image()[..., ::-1])
        for turns in range(4)
    ]
    np.testing.assert_array_equal(found.images, np.stack(expected))


def test_probability_and_the_data_sets_rules_are_set_aside():
    label = SHAPES.class_names.index("4 up + 6 left")
    counts = np.array(SHAPES.class_counts[label], dtype=np.uint8)
    found = strength_strip(Zoom(probability=0), image(), label, counts, SHAPES, num=3)
    assert (found.images[0] != image()).any()
    np.testing.assert_array_equal(found.labels, [label] * 3)
    np.testing.assert_array_equal(found.counts, [counts] * 3)


def test_a_mixing_step_needs_a_second_image_and_mixes_only_that_in():
    empty = strip(Mixup())
    assert not len(empty.images) and empty.captions == []
    assert empty.note == "mixup needs a second image, and none was given."
    white = np.full((1, 28, 28), 255, dtype=np.uint8)
    found = strip(Mixup(), num=4, partner=(white, 2))
    assert found.note is None and len(found.images) == 4
    for caption, picture, label in zip(found.captions, found.images, found.labels, strict=True):
        share = float(caption.split(", ")[1].removesuffix(" % mixed in")) / 100
        expected = image() * (1 - share) + 255 * share
        assert abs(picture - expected).max() < 2
        assert label == (2 if share > 0.5 else 1)


@pytest.mark.parametrize("name", ["brightness", "symmetry"])
def test_the_same_seed_gives_the_same_strip(name):
    one, other = strip(AUGMENTATIONS[name](), seed=4), strip(AUGMENTATIONS[name](), seed=4)
    np.testing.assert_array_equal(one.images, other.images)
