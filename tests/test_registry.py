import pytest

from core.exceptions import UnknownName
from core.registry import Registry

COLOURS = Registry("colour", {"red": 1, "green": 2, "blue": 3})


def test_names_come_in_the_order_in_which_they_were_given():
    assert list(COLOURS) == ["red", "green", "blue"]
    assert len(COLOURS) == 3
    assert dict(COLOURS) == {"red": 1, "green": 2, "blue": 3}


def test_an_entry_is_found_by_its_name():
    assert COLOURS["green"] == 2
    assert "green" in COLOURS
    assert "grey" not in COLOURS


def test_an_unknown_name_says_what_kind_of_name_it_should_have_been():
    with pytest.raises(UnknownName) as raised:
        COLOURS["gren"]
    assert str(raised.value) == "No colour is called 'gren'. Did you mean 'green'?"


def test_a_registry_keeps_what_it_was_made_from():
    entries = {"red": 1}
    registry = Registry("colour", entries)
    entries["green"] = 2
    assert list(registry) == ["red"]
