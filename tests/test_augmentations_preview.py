"""The preview shows what training sees, and says it in words."""

import numpy as np
import pandas as pd
import pytest
import torch

from core.augmentations import AUGMENTATIONS
from core.augmentations.expansion import FixedExpansion
from core.augmentations.intensity import Brightness, GaussianNoise, Invert
from core.augmentations.mixing import CutMix, Mixup
from core.augmentations.occlusion import RandomErasing
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.preview import expansion_view, grey_change, hits, preview
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, VerticalFlip
from core.augmentations.zoom import Zoom
from core.datasets.shapes import Shapes, label_space
from core.exceptions import InvalidParameter
from core.labels import LabelRules, LabelSpace, Moves

torch.set_num_threads(1)

SPACE = LabelSpace(("coat", "bag", "boot", "shirt"))
NUM = 60


@pytest.fixture(scope="module")
def shapes(data_dir):
    return Shapes(images=400, seed=3).load(data_dir).split("train")


def split(channels=1, side=16):
    generator = np.random.default_rng(7)
    images = generator.integers(0, 256, (NUM, channels, side, side), dtype=np.uint8)
    return images, generator.integers(0, 4, NUM)


def shown(pipeline, rows, seed=0, epoch=1, **options):
    return preview(pipeline, *split(**options), None, SPACE, seed, epoch, rows)


def steps(*those, expansion=None):
    return AugmentationPipeline(steps=those, expansion=expansion)


def everything():
    each = (kind(probability=1 / 3) for kind in AUGMENTATIONS.values())
    return steps(*each, expansion=FixedExpansion())


@pytest.mark.parametrize("epoch", [1, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_preview_is_what_training_sees_bit_for_bit(channels, epoch):
    images, labels = (torch.from_numpy(one) for one in split(channels))
    training = EpochPictures(everything(), images, labels, None, SPACE, 5, epoch)
    order = torch.from_numpy(np.random.default_rng(0).permutation(training.num_rows))
    seen = {}
    for rows in order.split(32):
        batch = training.batch(rows)
        for place, row in enumerate(rows.tolist()):
            seen[row] = (batch.images[place].numpy(), batch.labels[place].numpy())
    rows = [0, 3, 239, 17, 100]
    view = shown(everything(), rows, seed=5, epoch=epoch, channels=channels)
    assert len(seen) == 4 * NUM
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(view.after[place], seen[row][0])
        np.testing.assert_array_equal(view.shares[place], seen[row][1])
    np.testing.assert_array_equal(view.sample_ids, [0, 0, 59, 4, 25])
    np.testing.assert_array_equal(view.copies, [0, 3, 3, 1, 0])
    np.testing.assert_array_equal(view.before, images.numpy()[view.sample_ids])
    np.testing.assert_array_equal(view.labels, labels.numpy()[view.sample_ids])


def test_labels_and_counts_of_shapes_are_those_of_training(shapes):
    pipeline = PRESETS["shapes-study"].pipeline
    rows = np.arange(0, len(shapes), 3)
    view = preview(pipeline, shapes.images, shapes.labels, shapes.counts, label_space(), 2, 3, rows)
    tensors = (torch.from_numpy(np.array(one)) for one in (shapes.images, shapes.labels))
    counts = torch.from_numpy(np.array(shapes.counts))
    batch = EpochPictures(pipeline, *tensors, counts, label_space(), 2, 3).batch(
        torch.from_numpy(rows)
    )
    np.testing.assert_array_equal(view.after, batch.images.numpy())
    np.testing.assert_array_equal(view.new_labels, batch.labels.numpy())
    np.testing.assert_array_equal(view.new_counts, batch.counts.numpy())
    assert view.shares is None
    is_moved = (view.counts != view.new_counts).any(axis=1)
    np.testing.assert_array_equal(view.is_changed, is_moved)
    assert is_moved.any() and not is_moved.all()


def test_a_quarter_turn_of_shapes_says_old_and_new_label(shapes):
    space = label_space()
    label = space.class_names.index("4 up + 6 left")
    labels = np.full(len(shapes), label)
    counts = np.tile(np.array(space.class_counts[label], dtype=np.uint8), (len(shapes), 1))
    pipeline = steps(QuarterTurn(probability=1))
    view = preview(pipeline, shapes.images, labels, counts, space, 0, 1, range(20))
    clockwise = [place for place in range(20) if view.texts(place) == ["quarter turn: clockwise"]]
    assert 0 < len(clockwise) < 20
    for place in clockwise:
        np.testing.assert_array_equal(
            view.after[place, 0], np.rot90(shapes.images[place, 0], axes=(1, 0))
        )
        assert view.label_text(place, space, "before") == "4 up + 6 left"
        assert view.label_text(place, space, "after") == "6 up + 4 right"
    assert view.is_changed.all()


def test_the_texts_name_each_step_that_hit_with_what_was_drawn():
    pipeline = steps(
        HorizontalFlip(probability=0.5),
        GaussianNoise(probability=0.5, variance=0.2),
        Brightness(probability=0.5),
        Zoom(probability=0.5, k=1),
        RandomErasing(probability=0.5),
        expansion=FixedExpansion(),
    )
    view = shown(pipeline, range(4 * NUM))
    lengths = set()
    for place in range(4 * NUM):
        expected = []
        for decision in view.decisions:
            if not decision.hit[place]:
                continue
            drawn = {name: value[place].item() for name, value in decision.values.items()}
            expected.append(
                {
                    "expansion": lambda one: (
                        f"copy: {['original', 'flip', 'zoom', 'flip of zoom'][one['copy']]}"
                    ),
                    "horizontal-flip": lambda one: "horizontal flip",
                    "gaussian-noise": lambda one: "gaussian noise: variance 0.2",
                    "brightness": lambda one: f"brightness: factor {one['factor']:.3g}",
                    "zoom": lambda one: "zoom: 1 pixel cropped on each side",
                    "random-erasing": lambda one: (
                        f"random erasing: {one['height']}x{one['width']} pixels at row {one['top']}, "
                        f"column {one['left']}"
                    ),
                }[decision.step](drawn)
            )
        assert view.texts(place) == expected
        lengths.add(len(expected))
    assert lengths == set(range(7))


@pytest.mark.parametrize(
    ("name", "settings", "numbers", "words"),
    [
        ("vertical-flip", {}, {}, ""),
        ("invert", {}, {}, ""),
        ("quarter-turn", {}, {"quarter_turns": 3}, "counter-clockwise"),
        ("symmetry", {}, {"is_flipped": 0, "quarter_turns": 0}, "the image as it is"),
        ("symmetry", {}, {"is_flipped": 1, "quarter_turns": 0}, "left and right swapped"),
        (
            "symmetry",
            {},
            {"is_flipped": 1, "quarter_turns": 1},
            "left and right swapped, then a quarter turn clockwise",
        ),
        ("rotation", {}, {"degrees": -7.25}, "7.25 degrees counter-clockwise"),
        ("shift", {}, {"down": 1, "right": -3}, "moved 1 pixel down, 3 pixels left"),
        ("shift", {}, {"down": 0, "right": 0}, "not moved"),
        ("random-crop", {}, {"top": 2, "left": 0}, "moved 2 pixels up"),
        ("zoom-range", {}, {"k": 3}, "3 pixels cropped on each side"),
        (
            "affine",
            {},
            {"degrees": 1, "size": 0.9, "shear_degrees": 0, "down": 0.5, "right": 0},
            "1 degree clockwise, 0.90 times the size, moved 0.5 pixels down",
        ),
        (
            "affine",
            {"shear_degrees": 20},
            {"degrees": 2, "size": 1, "shear_degrees": -12.5, "down": 0, "right": 0},
            "2 degrees clockwise, 1.00 times the size, columns leaning by -12.5 degrees, not moved",
        ),
        ("elastic", {"pixels": 1}, {}, "4x4 nodes moved by about 1 pixel"),
        ("contrast", {}, {"factor": 1.2345}, "factor 1.23"),
        ("gamma", {}, {"gamma": 0.5}, "power 0.5"),
        ("blur", {"sigma": 1.5}, {}, "sigma 1.5 pixels"),
        (
            "cutout",
            {},
            {"top": 0, "left": 5, "height": 6, "width": 8},
            "6x8 pixels at row 0, column 5",
        ),
        (
            "grid-mask",
            {},
            {"down": 0, "right": 4},
            "cells of 8 pixels, moved 4 pixels right",
        ),
        ("mixup", {}, {"partner": 12, "own_share": 0.25}, "75 % of row 12"),
        (
            "cutmix",
            {},
            {"partner": 12, "own_share": 0.5, "top": 1, "left": 2, "height": 3, "width": 4},
            "3x4 pixels at row 1, column 2 from row 12",
        ),
    ],
)
def test_each_step_says_in_words_what_it_did(name, settings, numbers, words):
    assert AUGMENTATIONS[name](**settings).words(numbers) == words


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_every_step_finds_words_for_what_it_draws(name):
    view = shown(steps(AUGMENTATIONS[name](probability=1)), range(20))
    for place in range(20):
        (text,) = view.texts(place)
        assert text.startswith(name.replace("-", " "))
        assert "_" not in text and "{" not in text and len(text) < 120


def test_a_mixed_label_is_said_in_shares_and_marked_where_it_changed():
    images, _ = split()
    labels = np.arange(NUM) % 4
    pipeline = steps(Mixup(probability=0.5, alpha=5))
    view = preview(pipeline, images, labels, None, SPACE, 0, 1, range(NUM))
    (decision,) = view.decisions
    seen = set()
    for row in range(NUM):
        own, partner = decision.values["own_share"][row].item(), decision.values["partner"][row]
        old, other = SPACE.class_names[row % 4], SPACE.class_names[partner % 4]
        is_mixed = bool(decision.hit[row]) and other != old
        text = old
        if is_mixed:
            shares = sorted([(own, old), (1 - own, other)], reverse=True)
            text = " + ".join(f"{100 * share:.0f} % {name}" for share, name in shares)
        assert view.label_text(row, SPACE, "after") == text
        assert view.label_text(row, SPACE, "before") == old
        assert view.is_changed[row] == is_mixed
        assert view.new_labels[row] == (view.shares[row].argmax() if is_mixed else row % 4)
        seen.add((bool(decision.hit[row]), other != old))
    assert len(seen) == 4


def test_no_label_changes_where_the_rules_say_nothing():
    view = shown(steps(HorizontalFlip(probability=1), Invert(probability=1)), range(NUM))
    assert not view.is_changed.any()
    np.testing.assert_array_equal(view.after, 255 - view.before[..., ::-1])


@pytest.mark.parametrize("row", [-1, NUM])
def test_a_row_outside_the_epoch_is_refused(row):
    with pytest.raises(InvalidParameter) as raised:
        shown(AugmentationPipeline(), [0, row])
    assert str(raised.value) == f"rows must lie in [0, 60), the rows of an epoch; got {row}."


def test_no_rows_give_an_empty_preview():
    view = shown(everything(), [])
    assert view.after.shape == (0, 1, 16, 16) and not len(view.is_changed)
    assert grey_change(view)["after"].isna().all()


def test_only_the_images_asked_for_are_read(tmp_path):
    images, labels = split()
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    from_file = preview(everything(), mapped, labels, None, SPACE, 0, 1, [3, 9])
    np.testing.assert_array_equal(from_file.after, shown(everything(), [3, 9]).after)
    np.testing.assert_array_equal(from_file.before, images[[0, 2]])
    assert not isinstance(from_file.before, np.memmap)


@pytest.mark.parametrize("expansion", [None, FixedExpansion()])
def test_hits_are_those_of_the_epochs_first_rows(expansion):
    flips = (HorizontalFlip(probability=0.3), VerticalFlip(probability=0.6))
    pipeline = steps(*flips, HorizontalFlip(probability=0), expansion=expansion)
    decisions = shown(pipeline, range(50), seed=4, epoch=2).decisions
    each = [{row for row in range(50) if one.hit[row]} for one in decisions]
    times = [sum(row in one for one in each) for row in range(50)]
    expected = pd.DataFrame(
        {
            "step": [
                *(["expansion"] if expansion else []),
                "1 horizontal-flip",
                "2 vertical-flip",
                "3 horizontal-flip",
                "none",
                "several",
            ],
            "hit": [*map(len, each), times.count(0), sum(one > 1 for one in times)],
            "num_samples": 50,
        }
    )
    table = hits(pipeline, (1, 16, 16), num_samples=50, seed=4, epoch=2)
    pd.testing.assert_frame_equal(table, expected)
    assert all(0 < number < 50 for number in table["hit"].iloc[[-1, -2]])


def test_an_empty_pipeline_hits_none():
    table = hits(AugmentationPipeline(), (1, 8, 8))
    assert table.to_dict("list") == {
        "step": ["none", "several"],
        "hit": [100, 0],
        "num_samples": [100, 100],
    }


def test_hits_of_a_step_that_mixes_are_counted_too():
    table = hits(steps(CutMix(probability=1)), (1, 8, 8))
    assert list(table["hit"]) == [100, 0, 0]


def test_grey_levels_are_counted_before_and_after():
    images = np.zeros((2, 1, 2, 2), dtype=np.uint8)
    images[0, 0, 0] = [7, 8]
    view = preview(
        steps(Invert(probability=1)), images, np.zeros(2, int), None, SPACE, 0, 1, [0, 1]
    )
    table = grey_change(view)
    assert list(table.columns) == ["grey_low", "grey_high", "before", "after"]
    assert list(table["grey_low"]) == list(range(0, 256, 8))
    assert list(table["grey_high"]) == list(range(7, 256, 8))
    assert list(table["before"]) == [7 / 8, 1 / 8] + [0] * 30
    assert list(table["after"]) == [0] * 30 + [1 / 8, 7 / 8]


def test_the_expansion_is_shown_by_image_and_copy_with_a_k_to_try():
    images, labels = split()
    pipeline = steps(expansion=FixedExpansion(copies=("flip", "zoom", "original"), k=2))
    view = expansion_view(pipeline, images, labels, SPACE, [5, 2])
    assert view.columns == ("flip", "zoom", "original")
    assert view.note == "Shown with k = 2. Training uses k = 2."
    rows = [5 * 3, 5 * 3 + 1, 5 * 3 + 2, 2 * 3, 2 * 3 + 1, 2 * 3 + 2]
    training = preview(pipeline, images, labels, None, SPACE, 0, 1, rows)
    np.testing.assert_array_equal(view.images, training.after.reshape(2, 3, 1, 16, 16))
    np.testing.assert_array_equal(view.labels, training.new_labels.reshape(2, 3))
    tried = expansion_view(pipeline, images, labels, SPACE, [5, 2], k=4)
    assert tried.note == "Shown with k = 4. Training uses k = 2."
    np.testing.assert_array_equal(tried.images[:, 0], view.images[:, 0])
    assert (tried.images[:, 1] != view.images[:, 1]).any()


def test_without_an_expansion_the_studys_copies_are_shown_and_the_note_says_so():
    view = expansion_view(AugmentationPipeline(), *split(channels=3), SPACE, [0])
    assert view.images.shape == (1, 4, 3, 16, 16)
    assert view.columns == ("original", "flip", "zoom", "flip of zoom")
    assert view.note == (
        "Shown with k = 2. Training makes no fixed copies: the pipeline has no expansion."
    )


def test_a_flipped_copy_has_the_label_that_is_true_of_it_and_a_refusal_is_told():
    rules = LabelRules(
        classes=Moves(horizontal_flip=(1, 0)),
        unsafe={"displacement": "it is cut", "quarter_turn": "no"},
    )
    space = LabelSpace(("left", "right"), rules=rules)
    images, labels = split()
    view = expansion_view(steps(expansion=FixedExpansion()), images, labels % 2, space, [0])
    own = int(labels[0]) % 2
    assert view.labels.tolist() == [[own, 1 - own, own, 1 - own]]
    assert (
        view.note == "Shown with k = 2. The pipeline has k = 2; training refuses fixed copies here."
    )


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "k must lie in [1, 16]; got 0."),
        (8, "expansion: k must be at most 7 for images of 16x16 pixels; got 8."),
    ],
)
def test_a_k_that_does_not_fit_is_refused(k, message):
    with pytest.raises(InvalidParameter) as raised:
        expansion_view(AugmentationPipeline(), *split(), SPACE, [0], k=k)
    assert str(raised.value) == message
