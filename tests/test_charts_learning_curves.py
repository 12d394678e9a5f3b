import numpy as np
import pandas as pd
import pytest

from core.charts import style
from core.charts.learning_curves import learning_curves
from core.evaluation import learning_curves as tables
from core.exceptions import UnknownName


def rows_of(num_epochs):
    return [
        {
            "epoch": epoch,
            "train_accuracy": 1 - 0.5 / epoch,
            "train_eval_accuracy": 1 - 0.4 / epoch,
            "validation_accuracy": 0.8 - 0.3 / epoch,
        }
        for epoch in range(1, num_epochs + 1)
    ]


HISTORIES = {"r1": rows_of(5), "r2": rows_of(4), "r3": rows_of(3)}
VARIANTS = {"r1": "dense-base", "r2": "dense-base", "r3": "conv-base"}
LABELS = {"r1": "first", "r2": "second", "r3": "<b>third</b>"}


def drawn(histories=HISTORIES, metric="accuracy"):
    table = tables.learning_curves(histories, metric, labels=LABELS, variants=VARIANTS)
    return learning_curves(table, metric)


def lines_of(fig, run):
    return [trace for trace in fig.data if trace.legendgroup == run and "lines" in trace.mode]


def test_a_run_has_its_variants_colour_and_each_split_its_dash():
    fig = drawn()
    for run, variant in VARIANTS.items():
        lines = lines_of(fig, run)
        assert {line.line.color for line in lines} == {style.variant_colour(variant)}
        assert {line.line.dash for line in lines} == {"solid", "dot", "dash"}


def test_each_line_says_whose_it_is_for_a_click():
    fig = drawn()
    for run in VARIANTS:
        assert [line.meta for line in lines_of(fig, run)] == [
            (run, split) for split in ("validation", "train_eval", "train")
        ]


def test_a_second_run_of_a_variant_is_thinner_and_fainter():
    fig = drawn()
    first, second, other = (lines_of(fig, run)[0] for run in ("r1", "r2", "r3"))
    assert second.line.width < first.line.width == other.line.width
    assert second.opacity < first.opacity == other.opacity


def test_the_legend_names_each_run_once_and_explains_the_dashes():
    fig = drawn()
    shown = [trace for trace in fig.data if trace.showlegend is not False]
    names = [trace.name for trace in shown if trace.legend != "legend2"]
    assert names == ["first", "second", "&lt;b&gt;third&lt;/b&gt;"]
    dashes = {trace.name: trace.line.dash for trace in shown if trace.legend == "legend2"}
    assert dashes == {"validation": "solid", "train in evaluation mode": "dot", "train": "dash"}


def test_values_stand_at_their_epochs():
    line = lines_of(drawn(), "r1")[0]
    assert list(line.x) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(line.y, [0.8 - 0.3 / epoch for epoch in range(1, 6)], rtol=1e-6)


def test_the_best_epoch_is_marked_where_the_table_says_so():
    best = [trace for trace in drawn().data if trace.mode == "markers"]
    assert [list(trace.x) for trace in best] == [[5], [4], [3]]
    table = tables.learning_curves(HISTORIES, "accuracy").drop(columns="is_best")
    assert not [trace for trace in learning_curves(table).data if trace.mode == "markers"]


def test_a_gap_is_not_bridged():
    rows = rows_of(5)
    rows[2]["validation_accuracy"] = None
    line = lines_of(drawn({"r1": rows}), "r1")[0]
    assert np.isnan(line.y[2])
    assert line.connectgaps is False


@pytest.mark.parametrize(("num_epochs", "mode"), [(1, "lines+markers"), (2, "lines")])
def test_a_lone_point_has_a_marker(num_epochs, mode):
    assert lines_of(drawn({"r1": rows_of(num_epochs)}), "r1")[0].mode == mode


def test_axes_are_named_and_zoom_survives_a_new_epoch():
    fig = drawn()
    assert fig.layout.xaxis.title.text == "Epoch"
    assert fig.layout.xaxis.tickformat == "d"
    assert fig.layout.yaxis.title.text == "Accuracy (%)"
    assert fig.layout.yaxis.tickformat == ".0%"
    assert fig.layout.uirevision == "keep"


def test_a_loss_is_not_in_percent():
    fig = drawn({"r1": [{"epoch": 1, "train_class_loss": 2.0}]}, "class_loss")
    assert fig.layout.yaxis.title.text == "Class loss (nats)"
    assert fig.layout.yaxis.tickformat is None


def test_an_empty_table_gives_a_note():
    fig = drawn({})
    assert fig.layout.annotations[0].text == "No epoch has ended yet."
    assert fig.layout.xaxis.title.text == "Epoch"


def test_a_line_whose_values_are_all_missing_draws():
    drawn({"r1": [{"epoch": 1, "validation_accuracy": None}]})


def test_a_split_that_has_no_dash_is_refused():
    columns = {"run": "r", "label": "r", "variant": "v", "split": "tset", "epoch": 1, "value": 0.5}
    with pytest.raises(UnknownName, match="No split is called 'tset'"):
        learning_curves(pd.DataFrame([columns]))
