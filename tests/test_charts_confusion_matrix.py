import json

import numpy as np
import pytest

from core.charts.confusion_matrix import confusion_matrix
from core.evaluation import confusion_matrix as tables
from core.exceptions import UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions


def table_of(num_classes=4, num_samples=60, names=None, groups=None):
    rng = np.random.default_rng(2)
    names = names or tuple(f"class {label}" for label in range(num_classes))
    return tables.confusion_matrix(
        Predictions(
            LabelSpace(names, class_groups=groups),
            np.arange(num_samples),
            rng.integers(0, num_classes, num_samples),
            rng.normal(size=(num_samples, num_classes)).astype(np.float32),
        )
    )


def test_rows_are_true_classes_from_the_top_and_columns_predicted_ones():
    table = table_of()
    fig = confusion_matrix(table)
    assert (fig.data[0].z == table["count"].to_numpy().reshape(4, 4)).all()
    assert fig.layout.xaxis.title.text == "Predicted class"
    assert fig.layout.yaxis.title.text == "True class"
    assert fig.layout.yaxis.range == (3.5, -0.5)


def test_the_order_of_the_rows_does_not_matter():
    table = table_of()
    shuffled = table.sample(frac=1, random_state=0)
    assert (confusion_matrix(shuffled).data[0].z == confusion_matrix(table).data[0].z).all()


def test_every_cell_of_a_small_matrix_has_a_clickable_marker():
    table = table_of(num_samples=20)
    overlay = confusion_matrix(table).data[1]
    assert (table["count"] == 0).any()
    expected = table[["true", "predicted", "count"]].to_numpy().tolist()
    assert [list(cell) for cell in overlay.customdata] == expected
    assert list(zip(overlay.y, overlay.x, strict=True)) == [(t, p) for t, p, _ in expected]
    assert overlay.marker.opacity == 0
    assert overlay.marker.symbol == "square"


def test_a_large_matrix_has_markers_only_on_cells_with_samples():
    table = table_of(num_samples=20, num_classes=40)
    overlay = confusion_matrix(table).data[1]
    filled = table[table["count"] > 0]
    assert 0 < len(filled) < len(table)
    expected = filled[["true", "predicted", "count"]].to_numpy().tolist()
    assert [list(cell) for cell in overlay.customdata] == expected


def test_what_a_click_hands_over_reaches_the_browser_as_plain_lists():
    overlay = json.loads(confusion_matrix(table_of()).to_json())["data"][1]
    assert all(isinstance(number, int) for number in overlay["customdata"][0])


def test_the_layout_lets_the_marker_catch_its_whole_cell_and_nothing_zoom():
    fig = confusion_matrix(table_of())
    assert fig.data[0].hoverinfo == "skip"
    assert fig.layout.dragmode is False
    assert (fig.layout.hovermode, fig.layout.hoverdistance) == ("closest", -1)
    assert fig.layout.xaxis.fixedrange
    assert fig.layout.yaxis.fixedrange


@pytest.mark.parametrize("show", ["share_of_true", "share_of_predicted", "share_of_all"])
def test_shares_are_shown_in_percent(show):
    table = table_of()
    heatmap = confusion_matrix(table, show=show).data[0]
    np.testing.assert_allclose(heatmap.z.ravel(), table[show], rtol=1e-6)
    assert heatmap.texttemplate == "%{z:.1%}"


def test_the_hover_says_names_count_and_shares():
    hover = confusion_matrix(table_of(num_samples=4000)).data[1].hovertext[0]
    assert "true class 0, predicted class 0" in hover
    for words in ("samples", "of the true class", "of the predicted class", "of all"):
        assert words in hover


def test_names_from_users_are_not_rendered():
    fig = confusion_matrix(table_of(2, names=("<b>bold</b>", "a & b")))
    assert list(fig.layout.xaxis.ticktext) == ["&lt;b&gt;bold&lt;/b&gt;", "a &amp; b"]
    assert "<b>bold" not in "".join(fig.data[1].hovertext)


def test_classes_of_the_same_name_stay_apart():
    fig = confusion_matrix(table_of(2, names=("same", "same")))
    assert list(fig.layout.xaxis.tickvals) == [0, 1]


@pytest.mark.parametrize(("num_classes", "has_text"), [(20, True), (21, False)])
def test_only_a_small_matrix_has_text_in_its_cells(num_classes, has_text):
    heatmap = confusion_matrix(table_of(num_classes)).data[0]
    assert (heatmap.texttemplate is not None) == has_text


def test_many_classes_are_ticked_by_their_groups():
    groups = tuple(f"pair {label // 9}" for label in range(135))
    fig = confusion_matrix(table_of(135, 1000, groups=groups))
    assert list(fig.layout.yaxis.ticktext) == [f"pair {number}" for number in range(15)]
    assert list(fig.layout.yaxis.tickvals) == [9 * number + 4 for number in range(15)]


def test_many_classes_without_groups_show_every_nth_name():
    fig = confusion_matrix(table_of(135, 1000))
    assert len(fig.layout.xaxis.ticktext) <= 30
    assert list(fig.layout.xaxis.ticktext)[:2] == ["class 0", "class 5"]


def test_the_selected_cell_is_outlined():
    (shape,) = confusion_matrix(table_of(), selected=(2, 1)).layout.shapes
    assert (shape.x0, shape.x1, shape.y0, shape.y1) == (0.5, 1.5, 1.5, 2.5)
    assert not confusion_matrix(table_of(), selected=(9, 1)).layout.shapes


def test_an_unknown_way_to_show_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'count'"):
        confusion_matrix(table_of(), show="counts")


def test_an_evaluation_without_samples_draws():
    fig = confusion_matrix(table_of(num_samples=0), show="share_of_all")
    assert np.isnan(fig.data[0].z).all()
