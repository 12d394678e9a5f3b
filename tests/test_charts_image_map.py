import numpy as np
import pandas as pd
import pytest

from core.charts import style
from core.charts.image_map import image_map
from core.exceptions import UnknownName


def table_of(labels):
    labels = np.asarray(labels, dtype=np.int64)
    return pd.DataFrame(
        {
            "split": ["train" if number % 2 == 0 else "test" for number in range(len(labels))],
            "sample_id": np.arange(len(labels)),
            "label": labels,
            "class_name": [f"<b>{label}</b>" for label in labels],
            "x": np.arange(len(labels), dtype=float),
            "y": np.zeros(len(labels)),
        }
    )


def test_each_class_has_its_colour_and_sign_in_label_order():
    fig = image_map(table_of([2, 0, 1, 0]), explained=(0.29, 0.18))
    assert [trace.name for trace in fig.data] == [
        "&lt;b&gt;0&lt;/b&gt;",
        "&lt;b&gt;1&lt;/b&gt;",
        "&lt;b&gt;2&lt;/b&gt;",
    ]
    assert [trace.marker.color for trace in fig.data] == list(style.PALETTE[:3])
    assert len({trace.marker.symbol for trace in fig.data}) == 3
    assert [list(entry) for entry in fig.data[0].customdata] == [["test", 1], ["test", 3]]
    assert "<b>" not in fig.data[0].hovertext[0]
    assert fig.layout.xaxis.title.text == "First principal component (29.0 % of the variance)"
    assert fig.layout.yaxis.title.text == "Second principal component (18.0 % of the variance)"


def test_a_map_by_tsne_has_no_numbers_on_its_axes():
    fig = image_map(table_of([0]))
    assert fig.layout.xaxis.title.text == "t-SNE, first direction (no unit)"
    assert fig.layout.xaxis.showticklabels is False


def test_points_may_be_coloured_by_split():
    fig = image_map(table_of([0, 1, 1]), colour_by="split")
    assert [trace.name for trace in fig.data] == ["train", "test"]
    with pytest.raises(UnknownName, match=r"No colouring of the map is called 'splt'"):
        image_map(table_of([0]), colour_by="splt")


def test_more_classes_than_colours_are_grey():
    fig = image_map(table_of(range(20)))
    assert [trace.name for trace in fig.data] == ["20 classes"]
    assert fig.data[0].marker.color == style.NEUTRAL
    assert len(fig.data[0].x) == 20


def test_a_highlighted_class_lies_above_all_others():
    fig = image_map(table_of(range(20)), highlighted=3)
    others, chosen = fig.data
    assert (len(others.x), len(chosen.x)) == (19, 1)
    assert chosen.marker.color == style.ACCENT
    assert len(image_map(table_of([0, 1]), highlighted=7).data) == 1


def test_the_opened_image_is_ringed():
    fig = image_map(table_of([0, 1]), selected=("test", 1))
    assert list(fig.data[-1].x) == [1]
    assert list(image_map(table_of([0, 1]), selected=("train", 1)).data[-1].x) == []


def test_an_undefined_share_of_the_variance_is_said():
    fig = image_map(table_of([0]), explained=(np.nan, np.nan))
    assert "undefined" in fig.layout.xaxis.title.text


def test_without_images_there_is_a_note():
    fig = image_map(table_of([]))
    assert fig.layout.annotations[0].text == "No images to lay out yet."
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
