import pytest

from core.runs.text import clean_text, formula_safe


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


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_what_a_spreadsheet_takes_for_a_formula_is_made_text(text):
    assert formula_safe(text) == f"'{text}"


def test_other_texts_stay_as_they_are():
    assert [formula_safe(text) for text in ("", "3", "a=1", "'x")] == ["", "3", "a=1", "'x"]
