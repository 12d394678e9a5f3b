import pytest

from core.evaluation.verdict import epochs, joined, percent, points, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4, "0.400"),
        (1.23456, "1.23"),
        (12.345, "12.3"),
        (123.0, "123"),
        (98765.4, "98800"),
        (0.000123456, "0.000123"),
        (0.0, "0.00"),
        (-2.5, "-2.50"),
    ],
)
def test_a_number_has_three_significant_digits_and_no_exponent(value, text):
    assert significant(value) == text


def test_shares_are_percent_and_their_differences_points():
    assert percent(0.8724) == "87.2 %"
    assert points(-0.0541) == "5.4 points"
    assert points(0.0004) == "less than 0.1 points"


def test_counts_and_lists_read_as_text():
    assert [epochs(1), epochs(3)] == ["1 epoch", "3 epochs"]
    assert [joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]
