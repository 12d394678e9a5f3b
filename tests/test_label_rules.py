from dataclasses import replace
from itertools import product

import numpy as np
import orjson
import pytest

from core.datasets.digits import Digits
from core.datasets.shapes import TYPE_NAMES, label_space
from core.exceptions import InvalidParameter
from core.labels import (
    HORIZONTAL_FLIP,
    NUM_SYMMETRIES,
    VERTICAL_FLIP,
    LabelRules,
    LabelSpace,
    Moves,
    inverse,
    swapped,
)

ARROWS = LabelSpace(
    ("left", "right", "dot"),
    rules=LabelRules(
        Moves(horizontal_flip=swapped(3, (0, 1))), unsafe={"quarter_turn": "no arrow points up"}
    ),
)


def moved_image(image, symmetry):
    """Apply a symmetry to the last two axes with NumPy alone."""
    flipped = np.flip(image, -1) if symmetry >= 4 else image
    return np.rot90(flipped, -(symmetry % 4), (-2, -1))


def moved_name(name, symmetry):
    """Follow a class name of shapes by hand: "4 up + 6 left" clockwise is "6 up + 4 right"."""
    counts = dict.fromkeys(TYPE_NAMES, 0)
    mirror = {"left": "right", "right": "left"}
    clockwise = {"up": "right", "right": "down", "down": "left", "left": "up"}
    for part in name.split(" + "):
        number, kind = part.split()
        kind = {"square": "squares", "circle": "circles"}.get(kind, kind)
        if symmetry >= 4:
            kind = mirror.get(kind, kind)
        for _ in range(symmetry % 4):
            kind = clockwise.get(kind, kind)
        counts[kind] = int(number)
    parts = [
        f"{number} {kind.removesuffix('s') if number == 1 else kind}"
        for kind, number in counts.items()
        if number
    ]
    return " + ".join(parts)


def test_a_clockwise_quarter_turn_of_4_up_and_6_left_gives_6_up_and_4_right():
    space = label_space()
    turned = space.rules.classes.table(space.num_classes)[1]
    label = space.class_names.index("4 up + 6 left")
    assert space.class_names[turned[label]] == "6 up + 4 right"


@pytest.mark.parametrize("symmetry", range(NUM_SYMMETRIES))
def test_every_class_of_shapes_becomes_the_one_that_its_name_says(symmetry):
    space = label_space()
    table = space.rules.classes.table(space.num_classes)[symmetry]
    becomes = [space.class_names[number] for number in table]
    assert becomes == [moved_name(name, symmetry) for name in space.class_names]


@pytest.mark.parametrize("space", [label_space(), ARROWS])
def test_the_half_turn_is_both_flips_in_either_order(space):
    table = np.array(space.rules.classes.table(space.num_classes))
    for first, second in ((HORIZONTAL_FLIP, VERTICAL_FLIP), (VERTICAL_FLIP, HORIZONTAL_FLIP)):
        np.testing.assert_array_equal(table[2], table[second][table[first]])


def test_classes_and_counts_of_shapes_compose_as_the_symmetries_of_an_image_do():
    space = label_space()
    classes = np.array(space.rules.classes.table(space.num_classes))
    counts = np.array(space.rules.counts.table(space.num_counts))
    image = np.arange(25).reshape(5, 5)
    alone = {moved_image(image, one).tobytes(): one for one in range(NUM_SYMMETRIES)}
    assert len(alone) == NUM_SYMMETRIES
    for first, second in product(range(NUM_SYMMETRIES), repeat=2):
        both = alone[moved_image(moved_image(image, first), second).tobytes()]
        np.testing.assert_array_equal(classes[both], classes[second][classes[first]])
        np.testing.assert_array_equal(counts[both], counts[second][counts[first]])


def test_the_counts_that_a_moved_class_implies_are_the_moved_counts():
    space = label_space()
    of_class = np.array(space.class_counts)
    for classes, counts in zip(
        space.rules.classes.table(space.num_classes),
        space.rules.counts.table(space.num_counts),
        strict=True,
    ):
        np.testing.assert_array_equal(of_class[list(classes)], of_class[:, inverse(counts)])


def test_a_class_pair_may_swap_under_one_flip_and_stay_under_the_other():
    table = ARROWS.rules.classes.table(3)
    assert table[HORIZONTAL_FLIP] == (1, 0, 2)
    assert table[VERTICAL_FLIP] == (0, 1, 2)
    assert table[2] == (1, 0, 2)


def test_without_rules_nothing_changes():
    assert set(LabelSpace(("a", "b")).rules.classes.table(2)) == {(0, 1)}
    assert LabelSpace(("a", "b")).rules.unsafe == {}


@pytest.mark.parametrize("space", [label_space(), ARROWS, LabelSpace(("a", "b"))])
def test_rules_survive_json(space):
    again = LabelSpace.from_json(orjson.loads(orjson.dumps(space.to_json())))
    assert again == space
    assert again.rules == space.rules


def test_a_space_without_rules_is_written_as_before():
    assert "rules" not in LabelSpace(("a", "b")).to_json()


def test_a_space_with_rules_can_be_hashed():
    assert hash(ARROWS) == hash(LabelSpace.from_json(ARROWS.to_json()))


def test_digits_say_why_they_must_not_be_turned(data_dir):
    unsafe = Digits().load(data_dir).space.rules.unsafe
    assert set(unsafe) == {"horizontal_flip", "vertical_flip", "quarter_turn"}
    assert unsafe["quarter_turn"] == "a turned 6 is a 9"


def test_only_moves_that_could_lose_figures_are_unsafe_for_shapes():
    assert set(label_space().rules.unsafe) == {"displacement"}


@pytest.mark.parametrize("becomes", [(0, 0), (0, 2), (0,), (0, 1, 2)])
def test_what_classes_become_must_name_each_class_once(becomes):
    with pytest.raises(InvalidParameter) as raised:
        LabelSpace(("a", "b"), rules=LabelRules(Moves(vertical_flip=becomes)))
    assert str(raised.value) == (
        f"rules.classes.vertical_flip must name each of 0 to 1 once; got {becomes}."
    )


def test_a_flip_done_twice_must_leave_everything_as_it_was():
    moves = Moves(horizontal_flip=(1, 2, 0))
    with pytest.raises(InvalidParameter, match="a flip done twice must leave everything"):
        replace(ARROWS, rules=LabelRules(moves))


def test_flips_must_do_the_same_in_either_order():
    moves = Moves(horizontal_flip=(1, 0, 2), vertical_flip=(0, 2, 1))
    with pytest.raises(InvalidParameter, match="both flips must do the same in either order"):
        replace(ARROWS, rules=LabelRules(moves, unsafe={"quarter_turn": "of the test"}))


@pytest.mark.parametrize(
    "moves",
    [
        Moves(horizontal_flip=(1, 0, 2)),  # what of a turn?
        Moves(horizontal_flip=(1, 0, 2), vertical_flip=(1, 0, 2), quarter_turn=(1, 2, 0)),
    ],
)
def test_a_turn_must_fit_the_flips_unless_it_is_unsafe(moves):
    with pytest.raises(InvalidParameter, match="two quarter turns must do what both flips do"):
        replace(ARROWS, rules=LabelRules(moves))
    assert replace(ARROWS, rules=LabelRules(moves, unsafe={"quarter_turn": "of the test"}))


def test_an_unknown_effect_is_refused():
    with pytest.raises(InvalidParameter) as raised:
        LabelRules(unsafe={"flip": "of the test"})
    assert str(raised.value) == (
        "unsafe must name effects among horizontal_flip, vertical_flip, quarter_turn, displacement, intensity, "
        "occlusion, mixing; got 'flip'."
    )


def test_a_class_without_a_counterpart_is_refused():
    with pytest.raises(InvalidParameter) as raised:
        LabelRules.from_counts(((3, 7), (7, 3), (4, 6)), Moves(horizontal_flip=(1, 0)))
    assert str(raised.value) == "No class has the counts (6, 4) that a horizontal_flip gives."


def test_whether_rules_are_declared_changes_neither_their_json_nor_what_they_equal():
    unknown = LabelSpace(("a", "b"), rules=LabelRules(is_declared=False))
    assert unknown == LabelSpace(("a", "b"))
    assert unknown.to_json() == LabelSpace(("a", "b")).to_json()
