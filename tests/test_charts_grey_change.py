import numpy as np
import pandas as pd
import pytest

from core.charts.grey_change import grey_change


def table_of(before, after):
    lows = np.arange(len(before)) * 8
    return pd.DataFrame({"grey_low": lows, "grey_high": lows + 7, "before": before, "after": after})


def test_each_bin_has_a_bar_before_and_one_after():
    fig = grey_change(table_of([0.75, 0.25, 0.0], [0.5, 0.498, 0.002]))
    before, after = fig.data
    assert (before.name, after.name) == ("before", "after")
    assert list(before.x) == list(after.x) == [3.5, 11.5, 19.5]
    assert list(before.y) == [0.75, 0.25, 0] and list(after.y) == [0.5, 0.498, 0.002]
    assert after.hovertext[2] == "grey levels 16 to 23<br><b>0.2 % after</b>"
    assert fig.layout.yaxis.type == "log" and tuple(fig.layout.yaxis.range) == (-3, 0)
    assert list(fig.layout.yaxis.ticktext) == ["0.1 %", "1 %", "10 %", "100 %"]
    assert fig.layout.xaxis.title.text == "Grey level (0 black to 255 white)"
    assert fig.layout.yaxis.title.text == "Share of pixels"


def test_images_of_one_grey_level_leave_an_axis_with_height():
    fig = grey_change(table_of([1.0, 0.0], [1.0, 0.0]))
    assert tuple(fig.layout.yaxis.range) == (-1, 0)


@pytest.mark.parametrize("shares", [[], [np.nan, np.nan]])
def test_without_images_there_is_a_note(shares):
    fig = grey_change(table_of(shares, shares))
    assert fig.layout.annotations[0].text == "No images to compare yet."
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
