import pytest

from core.runs.text import clean_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  plain ", "plain"),
        ("two\nlines\x00\x1b[31m", "twolines[31m"),
        ("exe\u202egnp", "exegnp"),
        ("zero\u200bwidth", "zerowidth"),
        ("lone \ud800", "lone"),
        ("größer 図", "größer 図"),
        ("x" * 300, "x" * 200),
    ],
)
def test_control_and_direction_characters_and_what_is_too_long_go(text, shown):
    assert clean_text(text) == shown


def test_another_length_can_be_asked_for():
    assert clean_text("abcdef", most=3) == "abc"
