import pandas as pd

from core.charts.predicted_counts import predicted_counts


def table_of(*counts):
    names = [f"<b>{label}" for label in range(len(counts))]
    return pd.DataFrame(
        {"label": range(len(counts)), "class_name": names, "count": counts},
    )


def test_each_class_has_a_bar_that_hands_over_its_label():
    (bars,) = predicted_counts(table_of(3, 0, 1)).data
    assert list(bars.x) == [3, 0, 1] and bars.orientation == "h"
    assert [list(row) for row in bars.customdata] == [[0], [1], [2]]
    assert bars.y[0] == "&lt;b&gt;0"
    assert bars.hovertext[2] == "&lt;b&gt;2<br><b>1 images</b>, 25.0 %"


def test_without_predictions_there_is_a_note():
    for table in (table_of(), table_of(0, 0)):
        fig = predicted_counts(table)
        assert fig.layout.annotations[0].text == "Nothing was predicted."
        assert fig.layout.xaxis.title.text == "Images"
