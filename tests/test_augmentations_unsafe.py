"""The example that shows why a data set refuses a step."""

import numpy as np
import pytest
import torch

from core.augmentations import AUGMENTATIONS
from core.augmentations.mixing import Mixup
from core.augmentations.shifts import Shift
from core.augmentations.symmetries import QuarterTurn, Symmetry
from core.augmentations.unsafe import unsafe_example
from core.augmentations.zoom import Zoom
from core.datasets.digits import Digits
from core.datasets.shapes import Shapes
from core.labels import LabelRules, LabelSpace

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def shapes(data_dir):
    return Shapes(images=400, seed=3).load(data_dir)


@pytest.fixture(scope="module")
def digits(data_dir):
    return Digits().load(data_dir)


def first(dataset, place=0):
    split = dataset.split("train")
    counts = None if split.counts is None else split.counts[place]
    return split.images[place], int(split.labels[place]), counts, dataset.space


def test_a_turned_digit_keeps_its_label_and_the_sentence_says_why_it_should_not(digits):
    place = int((digits.split("train").labels == 6).argmax())
    image, label, counts, space = first(digits, place)
    found = unsafe_example(QuarterTurn(), image, label, counts, space)
    np.testing.assert_array_equal(found.before, image)
    turns = {"clockwise": -1, "counter-clockwise": 1}
    way = found.sentence.split("(")[1].split(")")[0]
    np.testing.assert_array_equal(found.after, np.rot90(image, turns[way], (1, 2)))
    assert found.sentence == (
        f"Quarter turn ({way}) keeps the label '6', although a turned 6 is a 9."
    )


def test_of_several_effects_the_one_that_is_refused_is_shown():
    space = LabelSpace(("a",), rules=LabelRules(unsafe={"quarter_turn": "it lies down"}))
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    for seed in range(5):
        found = unsafe_example(Symmetry(), image, 0, None, space, seed)
        assert "(a quarter turn" in found.sentence and found.sentence.endswith("it lies down.")


@pytest.mark.parametrize("step", [Shift(pixels=1), Zoom(k=1), Zoom(k=16)])
def test_a_step_too_weak_to_tell_is_made_stronger_and_one_too_strong_fits(shapes, step):
    image, label, counts, space = first(shapes)
    found = unsafe_example(step, image, label, counts, space)
    lost = int(image.sum()) - int(found.after.sum())
    assert (found.after != image).mean() > 0.05 and lost
    name = space.class_names[label]
    assert f"keeps the label '{name}', although it can move figures out" in found.sentence
    assert ("shown stronger than set" in found.sentence) == (step != Zoom(k=16))


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_there_is_an_example_for_each_step_that_shapes_refuses_and_for_no_other(shapes, name):
    step = AUGMENTATIONS[name]()
    found = unsafe_example(step, *first(shapes))
    assert (found is not None) == ("displacement" in step.effects)


def test_a_mixing_step_has_no_example_of_one_image():
    space = LabelSpace(("a",), rules=LabelRules(unsafe={"mixing": "it is a blend"}))
    image = np.zeros((1, 4, 4), dtype=np.uint8)
    assert unsafe_example(Mixup(), image, 0, None, space) is None
