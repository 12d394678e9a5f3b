"""The charts of Evaluate that draw a table as it is: what is drawn, what a click hands over, and the empty table."""

import json

import numpy as np
import pandas as pd
import pytest

from core.charts.bars_with_intervals import bars_with_intervals
from core.charts.confidence import confidence_histogram, coverage
from core.charts.confusion_difference import confusion_difference
from core.charts.counts import count_residuals, predicted_counts
from core.charts.dead_units import dead_units
from core.charts.precision_recall import precision_recall
from core.charts.roc import roc
from core.charts.type_errors import type_pair_errors
from core.evaluation import confusion_matrix as tables
from core.evaluation import roc as curves
from core.evaluation.one_vs_rest import one_vs_rest
from core.evaluation.precision_recall import precision_recall as recall_table
from core.exceptions import UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(seed=0, num_samples=200):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, num_samples)
    logits = rng.normal(size=(num_samples, 3)).astype(np.float32)
    logits[np.arange(num_samples), labels] += 1
    return Predictions(LabelSpace(("<b>a</b>", "b", "c")), np.arange(num_samples), labels, logits)


def plain(fig):
    """The figure as the browser gets it."""
    return json.loads(fig.to_json())["data"]


def test_the_axes_of_the_roc_are_the_right_way_round():
    table = curves.roc(one_vs_rest(drawn()), drawn().space.class_names)
    fig = roc(table)
    assert fig.layout.xaxis.title.text.startswith("False positive rate")
    assert fig.layout.yaxis.title.text.startswith("True positive rate")
    line = next(one for one in fig.data if one.name and one.name.startswith("b "))
    own = table[table["class"] == 1]
    np.testing.assert_allclose(line.x, own["false_positive_rate"], rtol=1e-6)
    np.testing.assert_allclose(line.y, own["true_positive_rate"], rtol=1e-6)
    assert (np.asarray(line.y) >= np.asarray(line.x)).mean() > 0.9


def test_points_of_curves_hand_over_class_and_threshold_as_plain_values():
    rankings, names = one_vs_rest(drawn()), drawn().space.class_names
    for fig in (roc(curves.roc(rankings, names)), precision_recall(recall_table(rankings, names))):
        doors = [one for one in plain(fig) if one.get("customdata")]
        assert doors
        assert all(one["mode"] == "markers" and len(one["customdata"]) <= 60 for one in doors)
        assert [1, None] in doors[-2]["customdata"]
        assert all(isinstance(label, int) for one in doors for label, _ in one["customdata"])
        assert "<b>a" not in json.dumps([one.get("name") for one in plain(fig)])


def test_runs_beside_each_other_have_their_own_colours_and_names():
    rankings = one_vs_rest(drawn())
    table = pd.concat(
        [curves.roc(rankings, list("abc"), [1]).assign(label=label) for label in ("one", "two")]
    )
    lines = [
        one for one in roc(table, {"one": "#111111", "two": "#222222"}).data if one.mode == "lines"
    ]
    assert [(line.line.color, line.name[:3]) for line in lines[:2]] == [
        ("#111111", "one"),
        ("#222222", "two"),
    ]


def test_a_difference_is_centred_on_zero_and_can_be_clicked():
    first, second = (tables.confusion_matrix(drawn(seed)) for seed in (0, 1))
    table = tables.confusion_difference(first, second, "share_of_true")
    fig = confusion_difference(table, "share_of_true", (0, 1))
    assert fig.layout.coloraxis.cmin == -fig.layout.coloraxis.cmax
    assert fig.layout.coloraxis.cmid == 0
    expected = 100 * (first["share_of_true"] - second["share_of_true"]).to_numpy().reshape(3, 3)
    np.testing.assert_allclose(fig.data[0].z, expected, rtol=1e-5)
    assert len(fig.data[1].customdata) == 9
    hidden = confusion_difference(table, "share_of_true", is_diagonal_hidden=True).data[0].z
    assert np.isnan(np.diag(hidden)).all()
    with pytest.raises(UnknownName, match="way to show"):
        confusion_difference(table, "shares")


def test_equal_runs_have_no_difference_anywhere():
    table = tables.confusion_matrix(drawn())
    fig = confusion_difference(tables.confusion_difference(table, table, "count"), "count")
    assert (np.asarray(fig.data[0].z) == 0).all()
    assert fig.layout.coloraxis.cmax > 0


def test_bars_have_whiskers_doors_and_a_word_where_there_is_nothing():
    table = pd.DataFrame(
        {
            "name": ["x", "<y>"],
            "share": [0.5, np.nan],
            "low": [0.4, np.nan],
            "high": [0.7, np.nan],
            "samples": [20, 0],
        }
    )
    fig = bars_with_intervals(table, name="name", door=("name", "samples"))
    assert fig.data[0].error_x.array[0] == pytest.approx(0.2)
    assert fig.data[0].error_x.arrayminus[0] == pytest.approx(0.1)
    assert plain(fig)[0]["customdata"] == [["x", 20], ["<y>", 0]]
    assert fig.layout.annotations[0].text == "no images"
    assert fig.layout.yaxis.ticktext[1] == "&lt;y&gt;"


def test_wrong_answers_go_down_and_every_bar_names_its_bin():
    table = pd.DataFrame(
        {"bin_low": [0.0, 0.5], "bin_high": [0.5, 1.0], "right": [1, 3], "wrong": [2, 0]}
    )
    right, wrong = confidence_histogram(table).data
    assert list(right.y) == [0.25, 0.75]
    assert list(wrong.y) == [-1, 0]
    assert [list(one) for one in wrong.customdata] == [[0.0, 0.5, False], [0.5, 1.0, False]]
    assert right.marker.pattern.shape != wrong.marker.pattern.shape


def test_cells_of_counts_and_pairs_hand_over_their_numbers():
    table = pd.DataFrame(
        {"true": [2, 2], "predicted": [2, 4], "samples": [3, 1], "share": [0.75, 0.25]}
    )
    fig = predicted_counts(table)
    assert np.asarray(fig.data[0].z).shape == (3, 1)
    assert plain(fig)[1]["customdata"] == [[2, 2], [2, 4]]
    table = pd.DataFrame({"low": [-0.125], "high": [0.125], "samples": [7]})
    assert plain(count_residuals(table))[0]["customdata"] == [[-0.125, 0.125]]
    table = pd.DataFrame({"label": ["run"], "layer": ["body.2"], "epoch": [3], "share": [0.5]})
    assert plain(dead_units(table))[0]["customdata"] == [["run", "body.2", 3]]


@pytest.mark.parametrize(
    "chart",
    [
        roc,
        precision_recall,
        confusion_difference,
        coverage,
        confidence_histogram,
        predicted_counts,
        count_residuals,
        type_pair_errors,
        dead_units,
        lambda table: bars_with_intervals(table, name="name", y_title="Name"),
    ],
)
def test_an_empty_table_is_a_quiet_note_with_named_axes(chart):
    fig = chart(pd.DataFrame())
    assert not fig.data
    assert fig.layout.annotations[0].text
    assert fig.layout.xaxis.title.text
    assert fig.layout.yaxis.title.text
