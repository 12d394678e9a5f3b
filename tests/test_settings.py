from typing import Annotated, Literal

import pydantic
import pytest
from pydantic import Field

from core.exceptions import InvalidParameter
from core.settings import Settings, field_bounds


class Disc(Settings):
    name: Literal["disc"] = "disc"
    radius: float = Field(1.0, gt=0, le=2.5)


class Square(Settings):
    name: Literal["square"] = "square"
    sides: tuple[Annotated[int, Field(ge=1, le=9)], ...] = Field((4,), min_length=1, max_length=3)


class Drawing(Settings):
    title: str = Field("", max_length=5)
    code: str = Field("a-1", pattern=r"^[a-z0-9-]{1,40}$")
    copies: int = Field(1, ge=1, le=2**32 - 1)
    scale: float = Field(1.0, ge=0.5, lt=8)
    depth: float = Field(1.0, gt=0)
    is_framed: bool = False
    ink: Literal["black", "blue"] = "black"
    figure: Annotated[Disc | Square, Field(discriminator="name", title="kind of figure")] = Disc()
    frame: Disc = Disc()


class Strict(Settings):
    needed: int


def refusal(values, kind=Drawing):
    with pytest.raises(InvalidParameter) as raised:
        kind.checked(values)
    return str(raised.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"copies": 0}, "copies must lie in [1, 4294967295]; got 0."),
        ({"copies": "0"}, "copies must lie in [1, 4294967295]; got '0'."),
        ({"scale": 8}, "scale must lie in [0.5, 8); got 8."),
        ({"depth": 0}, "depth must lie in (0, inf); got 0."),
        ({"figure": {"name": "disc", "radius": 3}}, "figure.radius must lie in (0, 2.5]; got 3."),
        ({"frame": {"radius": 0}}, "frame.radius must lie in (0, 2.5]; got 0."),
        (
            {"figure": {"name": "square", "sides": [4, 10]}},
            "figure.sides.1 must lie in [1, 9]; got 10.",
        ),
    ],
)
def test_a_number_out_of_bounds_names_the_bounds(values, message):
    assert refusal(values) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"copis": 3}, "No setting is called 'copis'. Did you mean 'copies'?"),
        (
            {"figure": {"name": "disc", "radis": 1}},
            "No setting is called 'figure.radis'. Did you mean 'figure.radius'?",
        ),
        (
            {"frame": {"qqq": 1}},
            "No setting is called 'frame.qqq'. Known: name, radius.",
        ),
        (
            {"figure": {"name": "squre"}},
            "No kind of figure is called 'squre'. Did you mean 'square'?",
        ),
        ({"figure": {}}, "figure.name is missing."),
        ({"ink": "red"}, "ink must be one of 'black' or 'blue'; got 'red'."),
    ],
)
def test_an_unknown_name_is_answered_with_known_ones(values, message):
    assert refusal(values) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"copies": "many"}, "copies must be a whole number; got 'many'."),
        ({"copies": 1.5}, "copies must be a whole number; got 1.5."),
        ({"copies": None}, "copies must be a whole number; got None."),
        ({"copies": [1]}, "copies must be a whole number; got [1]."),
        ({"scale": "wide"}, "scale must be a number; got 'wide'."),
        ({"scale": {}}, "scale must be a number; got {}."),
        ({"scale": float("nan")}, "scale must be a finite number; got nan."),
        ({"depth": float("inf")}, "depth must be a finite number; got inf."),
        ({"depth": "NaN"}, "depth must be a finite number; got 'NaN'."),
        ({"title": 5}, "title must be text; got 5."),
        ({"title": "longer"}, "title must have at most 5 characters; got 'longer'."),
        ({"code": "A b"}, "code must match ^[a-z0-9-]{1,40}$; got 'A b'."),
        ({"is_framed": "perhaps"}, "is_framed must be true or false; got 'perhaps'."),
        ({"figure": 7}, "figure must be an object of settings; got 7."),
        ({"frame": [1]}, "frame must be an object of settings; got [1]."),
        (
            {"figure": {"name": "square", "sides": 4}},
            "figure.sides must be a list; got 4.",
        ),
        (
            {"figure": {"name": "square", "sides": []}},
            "figure.sides must have at least 1 entries; got [].",
        ),
        (
            {"figure": {"name": "square", "sides": [1, 2, 3, 4]}},
            "figure.sides must have at most 3 entries; got [1, 2, 3, 4].",
        ),
        (
            {"figure": {"name": "square", "sides": [4, "five"]}},
            "figure.sides.1 must be a whole number; got 'five'.",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_says_which_kind_is_wanted(values, message):
    assert refusal(values) == message


@pytest.mark.parametrize(
    ("values", "name", "got"),
    [
        ({"copies": True}, "copies", "True"),
        ({"scale": False}, "scale", "False"),
        ({"figure": {"name": "disc", "radius": True}}, "figure.radius", "True"),
        ({"figure": {"name": "square", "sides": [True, 4]}}, "figure.sides", "[True, 4]"),
        ({"frame": {"radius": True}}, "frame.radius", "True"),
    ],
)
def test_true_is_no_number(values, name, got):
    assert refusal(values) == f"{name} must be a number, not true or false; got {got}."


def test_true_is_still_true_where_it_is_wanted():
    assert Drawing.checked({"is_framed": True}).is_framed is True


def test_a_missing_value_is_named():
    assert refusal({}, Strict) == "needed is missing."


def test_something_else_than_settings_is_called_by_the_settings_name():
    assert refusal([], Strict) == "Strict must be an object of settings; got []."


def test_a_long_value_is_cut_in_the_message():
    text = refusal({"copies": "9" * 5000})
    assert text.startswith("copies must be a whole number of fewer digits; got '999")
    assert len(text) < 200


def test_only_the_first_of_many_failures_is_told():
    assert refusal({"copies": 0, "scale": 0}) == "copies must lie in [1, 4294967295]; got 0."


def test_settings_are_frozen():
    drawing = Drawing()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        drawing.copies = 2


def test_settings_survive_json():
    drawing = Drawing.checked({"figure": {"name": "square", "sides": [3, 4]}, "scale": 2})
    assert Drawing.model_validate_json(drawing.model_dump_json()) == drawing
    assert drawing.figure.sides == (3, 4)


def test_bounds_are_those_declared():
    bounds = {name: field_bounds(field) for name, field in Drawing.model_fields.items()}
    assert bounds["copies"] == {"ge": 1, "le": 2**32 - 1}
    assert bounds["scale"] == {"ge": 0.5, "lt": 8}
    assert bounds["depth"] == {"gt": 0}
    assert bounds["title"] == {}
