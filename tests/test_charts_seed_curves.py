import numpy as np
import pandas as pd
import pytest

from core.charts import style
from core.charts.seed_curves import seed_curves
from core.evaluation import seed_curves as tables
from core.exceptions import UnknownName


def rows_of(num_epochs, offset=0.0):
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "stage": int(epoch > 3),
            "epoch_seconds": 2.0,
            "train_accuracy": 0.9 - 0.5 / epoch,
            "validation_accuracy": 0.8 - 0.3 / epoch + offset,
        }
        for epoch in range(1, num_epochs + 1)
    ]


HISTORIES = {"a0": rows_of(5), "a1": rows_of(4, 0.02), "b0": rows_of(5, -0.1)}
VARIANTS = {"a0": "conv-base", "a1": "conv-base", "b0": "<b>mine</b>"}


def drawn(**options):
    smoothing = options.pop("smoothing", 1)
    table = tables.seed_curves(HISTORIES, VARIANTS, "accuracy", smoothing=smoothing)
    return seed_curves(table, **options), table


def named(fig, name):
    return [trace for trace in fig.data if trace.legendgroup == name]


def test_a_variant_has_one_colour_and_a_dash_a_split():
    fig, _ = drawn()
    lines = [trace for trace in named(fig, "conv-base") if trace.mode == "lines"]
    assert [trace.line.dash for trace in lines] == ["solid", "dash"]
    assert {trace.line.color for trace in lines} == {style.variant_colour("conv-base")}
    fig, _ = drawn(colours={"conv-base": "#123456"})
    assert {t.line.color for t in named(fig, "conv-base") if t.mode == "lines"} == {"#123456"}


def test_lines_hold_the_means_and_clicks_tell_variant_and_epoch():
    fig, table = drawn()
    line = next(trace for trace in named(fig, "<b>mine</b>") if trace.mode == "lines")
    expected = table[(table["variant"] == "<b>mine</b>") & (table["split"] == "validation")]
    np.testing.assert_allclose(line.y, expected["mean"], rtol=1e-6)
    assert line.name == "&lt;b&gt;mine&lt;/b&gt;"
    assert np.asarray(line.customdata).tolist() == [[1, epoch, 1] for epoch in range(1, 6)]


def test_each_variant_stands_once_in_the_legend_and_the_dashes_are_explained():
    fig, _ = drawn()
    shown = [trace.name for trace in fig.data if trace.showlegend is not False]
    assert shown == ["conv-base", "&lt;b&gt;mine&lt;/b&gt;", "validation", "train"]


def test_the_band_follows_validation_where_two_seeds_make_one():
    fig, table = drawn()
    bands = [trace for trace in fig.data if trace.fill == "toself"]
    # From epoch 5 on one seed is left, and of the other variant there never was a second.
    assert [trace.legendgroup for trace in bands] == ["conv-base"]
    rows = table[(table["variant"] == "conv-base") & (table["split"] == "validation")].iloc[:4]
    assert list(bands[0].x) == [1, 2, 3, 4, 4, 3, 2, 1]
    np.testing.assert_allclose(bands[0].y, [*rows["high"], *rows["low"][::-1]], rtol=1e-6)


def test_smoothed_lines_have_the_raw_ones_faint_behind():
    fig, table = drawn(smoothing=3)
    raw, smooth = [
        trace for trace in named(fig, "<b>mine</b>") if trace.line.dash == "solid" and trace.y.size
    ]
    rows = table[(table["variant"] == "<b>mine</b>") & (table["split"] == "validation")]
    np.testing.assert_allclose(raw.y, rows["mean"], rtol=1e-6)
    np.testing.assert_allclose(smooth.y, rows["smoothed"], rtol=1e-6)
    assert raw.opacity == 0.3 and raw.showlegend is False


def test_single_seeds_lie_faint_behind_with_best_and_last_epoch_marked():
    singles = tables.single_curves(HISTORIES, VARIANTS, "accuracy")
    fig, _ = drawn(singles=singles)
    faint = [t for t in named(fig, "conv-base") if t.mode == "lines" and t.opacity == 0.3]
    assert np.isnan(faint[0].x[5]) or np.isnan(faint[1].x[5])
    marks = {t.marker.symbol: t for t in named(fig, "conv-base") if t.mode == "markers"}
    assert [list(one) for one in marks["circle-open"].customdata] == [[0, 5, "a0"], [0, 4, "a1"]]
    assert list(marks["x-thin"].x) == [5, 4]
    assert [t.name for t in fig.data][-2:] == ["best epoch", "last epoch"]


def test_stages_meet_at_dotted_lines():
    fig, _ = drawn(boundaries=tables.stage_boundaries(HISTORIES, VARIANTS))
    (line,) = fig.layout.shapes
    assert (line.x0, line.line.dash) == (3, "dot")
    assert fig.layout.annotations[0].text == "stage 2"


def test_axes_say_what_they_show():
    fig, _ = drawn(axis="seconds")
    assert fig.layout.xaxis.title.text == "Seconds of training and evaluation"
    assert fig.layout.yaxis.title.text == "Accuracy (%)"
    fig, _ = drawn(is_log=True)
    assert fig.layout.yaxis.type == "log"


def test_clipping_leaves_out_the_outermost_and_says_so():
    rows = [{"epoch": 1, "validation_loss": 1000.0}]
    rows += [{"epoch": epoch, "validation_loss": 1 + epoch / 100} for epoch in range(2, 101)]
    table = tables.seed_curves({"a": rows}, {}, "loss")
    fig = seed_curves(table, "loss", is_clipped=True)
    assert fig.layout.yaxis.range[1] < 3
    assert fig.layout.yaxis.title.text == "Loss (as trained), outliers cut off"


def test_an_empty_table_gives_a_note_and_an_unknown_split_is_refused():
    fig = seed_curves(pd.DataFrame(columns=list(tables.COLUMNS)))
    assert fig.layout.annotations[0].text == "No epoch has ended yet."
    _, table = drawn()
    with pytest.raises(UnknownName, match="No split is called 'tset'"):
        seed_curves(table.assign(split="tset"))
