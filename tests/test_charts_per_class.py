import numpy as np
import pandas as pd
import pytest

from core.charts.per_class import per_class
from core.exceptions import UnknownName


def table_of(values, names=None):
    count = len(values)
    return pd.DataFrame(
        {
            "class": range(count),
            "class_name": names or [f"class {label}" for label in range(count)],
            "precision": values,
            "recall": values,
            "f1": values,
            "support": [5] * count,
            "auc": values,
        }
    )


def test_there_is_a_bar_per_class_from_the_top_in_class_order():
    fig = per_class(table_of([0.9, 0.1, 0.5]))
    np.testing.assert_allclose(fig.data[0].x, [0.9, 0.1, 0.5], rtol=1e-6)
    assert list(fig.layout.yaxis.ticktext) == ["class 0", "class 1", "class 2"]
    assert fig.layout.yaxis.range == (2.5, -0.5)
    assert [list(entry) for entry in fig.data[0].customdata] == [[0], [1], [2]]


def test_the_axis_starts_at_zero_and_has_the_metrics_name():
    fig = per_class(table_of([0.9, 0.91]), metric="recall")
    assert fig.layout.xaxis.range[0] == 0
    assert fig.layout.xaxis.title.text == "Recall (0 to 1)"


def test_of_many_classes_the_thirty_worst_are_shown_and_the_title_says_so():
    values = np.linspace(1, 0, 135)
    values[134] = np.nan
    fig = per_class(table_of(values))
    assert [entry[0] for entry in fig.data[0].customdata] == list(range(104, 134))
    assert fig.layout.title.text == "The 30 lowest of 135 classes by F1"


def test_an_undefined_metric_is_said_and_has_no_bar():
    fig = per_class(table_of([0.5, np.nan]))
    assert np.isnan(fig.data[0].x[1])
    assert [(note.y, note.text) for note in fig.layout.annotations] == [(1, "undefined")]


def test_undefined_for_every_one_of_many_classes_gives_a_note():
    fig = per_class(table_of([np.nan] * 135), metric="auc")
    assert fig.layout.annotations[0].text == "AUC is undefined for every class."


def test_names_from_users_are_not_rendered():
    fig = per_class(table_of([0.5], names=["<i>x</i>"]))
    assert fig.layout.yaxis.ticktext == ("&lt;i&gt;x&lt;/i&gt;",)
    assert "<i>" not in fig.data[0].hovertext[0]


def test_an_unknown_metric_is_refused():
    with pytest.raises(
        UnknownName, match=r"No metric per class is called 'f2'\. Did you mean 'f1'\?"
    ):
        per_class(table_of([0.5]), metric="f2")
