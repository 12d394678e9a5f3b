"""Flips and turns: the pixels by NumPy, and labels by drawing the moved figures again."""

from itertools import product

import numpy as np
import pytest
import torch

from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.symmetries import (
    HorizontalFlip,
    QuarterTurn,
    Symmetry,
    VerticalFlip,
    transformed,
)
from core.datasets.shapes import SIDE, TYPE_NAMES, Shapes, draw, label_space, masks
from core.labels import NUM_SYMMETRIES, LabelSpace

torch.set_num_threads(1)

SPACE = label_space()


def moved_image(images, symmetry):
    flipped = np.flip(images, -1) if symmetry >= 4 else images
    return np.rot90(flipped, -(symmetry % 4), (-2, -1))


def moved_box(top, left, height, width, symmetry):
    """Follow the box of a mask through a symmetry; returns its new top and left."""
    if symmetry >= 4:
        left = SIDE - left - width
    for _ in range(symmetry % 4):
        top, left, height, width = left, SIDE - top - height, width, height
    return top, left


def shapes_split(data_dir):
    return Shapes(images=400, seed=3).load(data_dir).split("train")


def pictures_of(split, *steps, seed=0, epoch=1, space=SPACE):
    return EpochPictures(
        AugmentationPipeline(steps=steps),
        split.images,
        split.labels,
        split.counts,
        space,
        seed,
        epoch,
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_each_symmetry_moves_pixels_as_numpy_does(channels):
    images = np.random.default_rng(0).integers(0, 256, (16, channels, 9, 9), dtype=np.uint8)
    symmetry = np.arange(16) % NUM_SYMMETRIES
    got = transformed(torch.from_numpy(images), torch.from_numpy(symmetry))
    assert got.dtype == torch.uint8
    wanted = np.stack([moved_image(one, s) for one, s in zip(images, symmetry, strict=True)])
    np.testing.assert_array_equal(got.numpy(), wanted)


def test_two_symmetries_do_to_images_classes_and_counts_what_one_does(data_dir):
    split = shapes_split(data_dir)
    images = torch.tensor(split.images[:40])
    counts = torch.tensor(split.counts[:40].astype(np.int64))
    labels = split.labels[:40]
    classes = np.array(SPACE.rules.classes.table(SPACE.num_classes))
    becomes = torch.tensor(SPACE.rules.counts.table(SPACE.num_counts))

    def one(images, labels, counts, symmetry):
        number = torch.full((len(images),), symmetry)
        moved = torch.zeros_like(counts).index_copy_(1, becomes[symmetry], counts)
        return transformed(images, number), classes[symmetry][labels], moved

    alone = [one(images, labels, counts, symmetry) for symmetry in range(NUM_SYMMETRIES)]
    for first, second in product(range(NUM_SYMMETRIES), repeat=2):
        both = one(*alone[first], second)
        same = [s for s in range(NUM_SYMMETRIES) if torch.equal(both[0], alone[s][0])]
        assert len(same) == 1
        np.testing.assert_array_equal(both[1], alone[same[0]][1])
        assert torch.equal(both[2], alone[same[0]][2])


@pytest.mark.parametrize("step", [HorizontalFlip, VerticalFlip])
def test_a_flip_done_twice_leaves_image_class_and_counts(step, data_dir):
    split = shapes_split(data_dir)
    rows = torch.arange(len(split))
    once = pictures_of(split, step(probability=1)).batch(rows)
    twice = pictures_of(split, step(probability=1), step(probability=1)).batch(rows)
    assert not np.array_equal(once.images.numpy(), split.images)
    assert not np.array_equal(once.labels.numpy(), split.labels)
    np.testing.assert_array_equal(twice.images.numpy(), split.images)
    np.testing.assert_array_equal(twice.labels.numpy(), split.labels)
    np.testing.assert_array_equal(twice.counts.numpy(), split.counts)


def test_turns_in_a_row_add_up_and_four_of_them_leave_everything(data_dir):
    split = shapes_split(data_dir)
    steps = [QuarterTurn(probability=1)] * 4
    batch = pictures_of(split, *steps).batch(torch.arange(len(split)))
    turns = sum(one.values["quarter_turns"] for one in batch.decisions).numpy() % 4
    assert set(turns) == {0, 2}
    wanted = np.stack([moved_image(one, k) for one, k in zip(split.images, turns, strict=True)])
    np.testing.assert_array_equal(batch.images.numpy(), wanted)
    whole = turns == 0
    np.testing.assert_array_equal(batch.labels.numpy()[whole], split.labels[whole])
    np.testing.assert_array_equal(batch.counts.numpy()[whole], split.counts[whole])


@pytest.mark.parametrize("step", [HorizontalFlip, VerticalFlip, QuarterTurn, Symmetry])
def test_counts_stay_true_of_the_class_and_ten_in_all(step, data_dir):
    split = shapes_split(data_dir)
    batch = pictures_of(split, step(probability=0.7)).batch(torch.arange(len(split)))
    of_class = np.array(SPACE.class_counts)
    np.testing.assert_array_equal(batch.counts.numpy(), of_class[batch.labels.numpy()])
    assert (batch.counts.sum(dim=1) == 10).all()
    assert batch.counts.dtype == torch.uint8


@pytest.mark.parametrize("step", [HorizontalFlip, VerticalFlip, QuarterTurn, Symmetry])
def test_the_label_is_that_of_the_image_drawn_from_the_moved_figures(step):
    """Each figure's mask is moved and found again among the masks; nothing here asks the rules."""
    generator = np.random.default_rng(5)
    num = 120
    mask_of = list(masks().values())
    images, labels, decisions, drawn_again = [], [], [], []
    pair = np.array([generator.choice(len(TYPE_NAMES), 2, replace=False) for _ in range(num)])
    pair.sort(axis=1)
    first = generator.integers(1, 10, num)
    types = np.where(np.arange(10) < first[:, None], pair[:, :1], pair[:, 1:])
    # Near the border too, so that figures are cut off, but no moved centre may leave the image: `left` has its apex
    # at its centre, and the others the middle of their base.
    rows, columns = generator.integers(5, 23, (2, num, 10))
    images = draw(types, rows, columns)
    counts = np.stack([np.bincount(one, minlength=6) for one in types]).astype(np.uint8)
    of_class = {row: label for label, row in enumerate(SPACE.class_counts)}
    labels = np.array([of_class[tuple(row)] for row in counts.tolist()])

    source = EpochPictures(
        AugmentationPipeline(steps=(step(probability=0.8),)), images, labels, counts, SPACE, 7, 1
    )
    batch = source.batch(torch.arange(num))
    decisions = batch.decisions[0].symmetry.numpy()
    assert (
        len(set(decisions))
        == {HorizontalFlip: 2, VerticalFlip: 2, QuarterTurn: 3, Symmetry: 8}[step]
    )
    moved = np.empty((3, num, 10), dtype=np.int64)
    for image, figure in np.ndindex(num, 10):
        symmetry, mask = decisions[image], mask_of[types[image, figure]]
        pixels = moved_image(mask.pixels, symmetry)
        (kind,) = [k for k, one in enumerate(mask_of) if np.array_equal(one.pixels, pixels)]
        top = rows[image, figure] - mask.centre[0]
        left = columns[image, figure] - mask.centre[1]
        top, left = moved_box(top, left, *mask.pixels.shape, symmetry)
        centre = mask_of[kind].centre
        moved[:, image, figure] = kind, top + centre[0], left + centre[1]
    drawn_again = draw(*moved)
    np.testing.assert_array_equal(batch.images.numpy(), drawn_again)
    counts_again = [tuple(np.bincount(one, minlength=6).tolist()) for one in moved[0]]
    assert batch.labels.tolist() == [of_class[one] for one in counts_again]
    assert [tuple(one) for one in batch.counts.tolist()] == counts_again


def test_a_quarter_turn_goes_either_way_equally_often_and_never_by_a_half():
    source = EpochPictures(
        AugmentationPipeline(steps=(QuarterTurn(probability=1),)),
        np.zeros((10_000, 1, 2, 2), dtype=np.uint8),
        np.zeros(10_000, dtype=np.int64),
        None,
        LabelSpace(("a",)),
        0,
        1,
    )
    turns = source.batch(torch.arange(10_000)).decisions[0].values["quarter_turns"]
    assert set(turns.tolist()) == {1, 3}
    assert abs((turns == 1).float().mean() - 0.5) < 4 * 0.5 / 100


def test_a_label_without_rules_stays():
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 6, 6), dtype=np.uint8)
    labels = np.arange(50) % 3
    pipeline = AugmentationPipeline(steps=(Symmetry(probability=1),))
    batch = EpochPictures(pipeline, images, labels, None, LabelSpace(tuple("abc")), 0, 1).batch(
        torch.arange(50)
    )
    np.testing.assert_array_equal(batch.labels.numpy(), labels)
    assert batch.counts is None
