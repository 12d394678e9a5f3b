import orjson
import pytest

from core.exceptions import InvalidParameter
from core.labels import LabelSpace

PLAIN = LabelSpace(("a", "b"))
FULL = LabelSpace(("3x", "4x"), ("odd", "even"), ("x", "y"), ((3, 7), (4, 6)))


@pytest.mark.parametrize("space", [PLAIN, FULL])
def test_a_label_space_survives_json(space):
    assert LabelSpace.from_json(orjson.loads(orjson.dumps(space.to_json()))) == space


def test_sizes_are_those_of_the_names():
    assert (PLAIN.num_classes, PLAIN.num_counts) == (2, 0)
    assert (FULL.num_classes, FULL.num_counts) == (2, 2)


def test_groups_must_be_one_a_class():
    with pytest.raises(InvalidParameter) as raised:
        LabelSpace(("a", "b"), class_groups=("g",))
    assert str(raised.value) == "class_groups must have 2 entries, one a class; got 1."


@pytest.mark.parametrize(
    ("counts", "got"),
    [
        (((1, 2),), "1 of [2]"),
        (((1, 2), (1,)), "2 of [1, 2]"),
        ((), "0 of []"),
    ],
)
def test_counts_must_be_a_row_a_class_and_a_number_a_name(counts, got):
    with pytest.raises(InvalidParameter) as raised:
        LabelSpace(("a", "b"), count_names=("x", "y"), class_counts=counts)
    assert str(raised.value) == f"class_counts must have 2 rows of 2; got {got}."
