import pandas as pd
import pytest

from core.charts import style
from core.charts.class_counts import class_counts


def table_of(counts, names=None, groups=None):
    total = sum(counts)
    return pd.DataFrame(
        {
            "label": range(len(counts)),
            "class_name": names or [f"class {label}" for label in range(len(counts))],
            "group": groups or [None] * len(counts),
            "count": counts,
            "share": [count / total if total else float("nan") for count in counts],
            "is_missing": [count == 0 for count in counts],
        }
    )


def test_few_classes_lie_under_each_other_with_their_names():
    fig = class_counts(table_of([30, 0, 10]))
    bars, marks = fig.data
    assert bars.orientation == "h"
    assert list(bars.x) == [30, 0, 10]
    assert list(bars.text) == ["30 (75.0 %)", "", "10 (25.0 %)"]
    assert [list(entry) for entry in bars.customdata] == [[0], [1], [2]]
    assert list(fig.layout.yaxis.ticktext) == ["class 0", "class 1", "class 2"]
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("Images", "Class")
    assert [list(entry) for entry in marks.customdata] == [[1]]
    assert list(marks.y) == [1]
    assert marks.text == "never occurs"


def test_the_equal_share_is_that_of_the_classes_that_occur():
    fig = class_counts(table_of([30, 0, 10]))
    assert fig.layout.shapes[0].x0 == 20
    assert fig.layout.annotations[0].text == "- - equal shares: 20"


def test_many_classes_stand_side_by_side_with_ticks_at_their_groups():
    groups = [f"group {label // 9}" for label in range(135)]
    fig = class_counts(table_of([0, *range(1, 135)], groups=groups))
    bars, marks = fig.data
    assert bars.orientation is None and len(bars.y) == 135
    assert list(fig.layout.xaxis.ticktext) == [f"group {number}" for number in range(15)]
    assert fig.layout.xaxis.tickvals[0] == 4
    assert [list(entry) for entry in marks.customdata] == [[0]]
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("Class", "Images")


def test_of_a_thousand_classes_every_bar_is_there_and_some_have_ticks():
    fig = class_counts(table_of([5] * 1000))
    assert len(fig.data[0].y) == 1000
    assert len(fig.layout.xaxis.ticktext) <= 31


@pytest.mark.parametrize("counts", [[0, 0], [0] * 50])
def test_without_images_every_class_is_marked(counts):
    fig = class_counts(table_of(counts))
    assert len(fig.data[1].customdata) == len(counts)
    assert not fig.layout.shapes


def test_names_from_users_are_not_rendered():
    fig = class_counts(table_of([5], names=["<i>x</i>"]))
    assert fig.layout.yaxis.ticktext == ("&lt;i&gt;x&lt;/i&gt;",)
    assert "<i>" not in fig.data[0].hovertext[0]


def test_an_empty_table_gives_a_note():
    fig = class_counts(table_of([]))
    assert fig.layout.annotations[0].text == "No classes to count yet."
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
    assert style.themed(fig, is_dark=True)
