import numpy as np
import pandas as pd

from core.charts import style
from core.charts.best_bars import best_bars

TABLE = pd.DataFrame(
    {
        "variant": ["conv-base", "dense-base", "<i>new</i>"],
        "runs": [3, 3, 1],
        "mean": [0.912, 0.880, 0.85],
        "low": [0.90, 0.87, np.nan],
        "high": [0.93, 0.89, np.nan],
        "covers": ["images and seeds", "images and seeds", "images"],
    }
)


def test_bars_are_the_means_with_their_intervals_from_the_top():
    fig = best_bars(TABLE)
    (bars,) = fig.data
    np.testing.assert_allclose(bars.x, TABLE["mean"], rtol=1e-6)
    np.testing.assert_allclose(bars.error_x.array[:2], [0.018, 0.010], atol=1e-6)
    np.testing.assert_allclose(bars.error_x.arrayminus[:2], [0.012, 0.010], atol=1e-6)
    assert bars.marker.color[0] == style.variant_colour("conv-base")
    assert [list(one) for one in bars.customdata] == [["conv-base"], ["dense-base"], ["<i>new</i>"]]
    assert fig.layout.yaxis.autorange == "reversed"
    assert [one.text for one in fig.layout.annotations] == [
        "91.2 % [90.0, 93.0]",
        "88.0 % [87.0, 89.0]",
        "85.0 %",
    ]
    assert bars.hovertext[0].endswith("mean of 3 seeds, 95 % interval over images and seeds")


def test_the_axis_starts_at_zero_or_says_that_it_does_not():
    fig = best_bars(TABLE)
    assert fig.layout.xaxis.range[0] == 0
    assert fig.layout.xaxis.title.text == "Accuracy (%), from 0"
    fig = best_bars(TABLE, is_zoomed=True)
    assert 0.8 < fig.layout.xaxis.range[0] < 0.85
    assert fig.layout.xaxis.title.text == "Accuracy (%), zoomed, does not start at 0"


def test_the_baseline_is_a_dashed_line_and_named():
    fig = best_bars(TABLE, baseline="dense-base")
    (line,) = fig.layout.shapes
    assert (line.x0, line.line.dash) == (0.88, "dash")
    assert fig.layout.yaxis.ticktext == (
        "conv-base",
        "dense-base (baseline)",
        "&lt;i&gt;new&lt;/i&gt;",
    )
    assert not best_bars(TABLE, baseline="gone").layout.shapes


def test_colours_can_be_given():
    colours = {"conv-base": "#111111"}
    assert best_bars(TABLE, colours=colours).data[0].marker.color[0] == "#111111"


def test_figures_are_not_in_percent_and_an_empty_table_gives_a_note():
    fig = best_bars(TABLE, "rmse")
    assert fig.layout.annotations[0].text == "0.912 [0.900, 0.930]"
    assert fig.layout.xaxis.tickformat is None
    fig = best_bars(TABLE.iloc[:0])
    assert fig.layout.annotations[0].text == "No variant has a result yet."


def test_a_zoom_that_would_begin_below_zero_begins_there_and_says_so():
    wide = TABLE.assign(mean=[0.9, 0.5, 0.05], low=[0.8, 0.4, 0.0], high=[1.0, 0.6, 0.1])
    fig = best_bars(wide, is_zoomed=True)
    assert fig.layout.xaxis.range[0] == 0
    assert fig.layout.xaxis.title.text == "Accuracy (%), from 0"


def test_a_mark_stands_behind_the_number():
    fig = best_bars(TABLE, marks={"conv-base": "●", "dense-base": ""})
    assert [one.text[-3:] for one in fig.layout.annotations] == ["] ●", ".0]", "0 %"]
