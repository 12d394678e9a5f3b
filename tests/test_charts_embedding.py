import numpy as np
import pandas as pd
import pytest

from core.charts import style
from core.charts.embedding import COLOURED_BY, embedding
from core.exceptions import UnknownName


def table_of(true, is_right=None):
    true = np.asarray(true)
    right = np.ones(len(true), bool) if is_right is None else np.asarray(is_right)
    names = [f"<{'zyx'[label % 3]}{label}>" for label in true]
    return pd.DataFrame(
        {
            "sample_id": 10 + np.arange(len(true)),
            "true": true,
            "true_name": names,
            "predicted_name": names,
            "is_right": right,
            "confidence": np.linspace(0, 1, len(true)),
            "x": np.arange(len(true), dtype=float),
            "y": 0.0,
        }
    )


def test_classes_have_the_colours_of_their_labels_and_points_hand_over_their_sample():
    fig = embedding(table_of([2, 0, 1, 0]), (0.5, 0.25))
    assert [trace.name for trace in fig.data] == ["&lt;z0&gt;", "&lt;y1&gt;", "&lt;x2&gt;"]
    assert [trace.marker.color for trace in fig.data] == list(style.PALETTE[:3])
    assert [list(one) for one in fig.data[0].customdata] == [[11], [13]]
    assert fig.layout.xaxis.title.text == "First principal component (50.0 % of the variance)"
    assert fig.layout.dragmode == "lasso"


def test_errors_stand_above_what_is_right():
    fig = embedding(table_of([0, 1, 2], [True, False, True]), None, "error")
    assert [(trace.name, len(trace.x)) for trace in fig.data] == [("right", 2), ("wrong", 1)]
    assert fig.layout.xaxis.title.text == "t-SNE, first direction (no unit)"


def test_confidence_is_a_scale_from_nothing_to_sure():
    (trace,) = embedding(table_of([0, 1, 2]), None, "confidence").data
    assert (trace.marker.cmin, trace.marker.cmax) == (0, 1)
    assert list(trace.marker.color) == [0, 0.5, 1]


def test_of_more_classes_than_colours_all_are_grey_and_one_point_is_ringed():
    fig = embedding(table_of(range(20)), None, "class", selected=12)
    assert fig.data[0].marker.color == style.NEUTRAL and fig.data[0].name == "20 classes"
    assert list(fig.data[1].x) == [2.0]


def test_an_empty_map_says_so_and_an_unknown_colouring_is_refused():
    for way in COLOURED_BY:
        assert "No images" in embedding(table_of([]), None, way).layout.annotations[0].text
    with pytest.raises(UnknownName, match="No colouring of the map is called 'loss'"):
        embedding(table_of([0]), None, "loss")
