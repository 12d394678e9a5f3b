import numpy as np
import pandas as pd
import pytest

from core.charts.grey_histogram import grey_histogram
from core.datasets.base import Dataset, Split
from core.datasets.pixels import grey_histogram as histogram_table
from core.datasets.pixels import grey_levels
from core.labels import LabelSpace


def levels_of(images):
    split = Split(np.asarray(images, np.uint8), np.zeros(len(images), np.int64))
    return grey_levels(Dataset("tiny", LabelSpace(("a",)), {"train": split}))


def test_bars_are_as_wide_as_their_bins_and_say_which_they_are():
    table = pd.DataFrame(
        {
            "bin_low": [11, 23],
            "bin_high": [22, 35],
            "num_levels": [12, 13],
            "count": [120, 1300],
            "count_per_level": [10.0, 100.0],
            "share": [0.0845, 0.9155],
        }
    )
    fig = grey_histogram(table)
    (bars,) = fig.data
    assert list(bars.y) == [10, 100]
    assert list(bars.x) == [16.5, 29]
    np.testing.assert_allclose(bars.width, [0.94 * 12, 0.94 * 13])
    assert [list(entry) for entry in bars.customdata] == [[11, 22], [23, 35]]
    assert bars.hovertext[1] == "grey levels 23 to 35<br><b>1,300 pixels</b>, 91.5 % of those shown"
    assert fig.layout.xaxis.title.text == "Grey level (0 black to 255 white)"
    assert fig.layout.yaxis.title.text == "Pixels per grey level"


@pytest.mark.parametrize(
    ("threshold", "num_bins", "bars"), [(10, 20, 20), (-1, 256, 256), (254, 20, 1)]
)
def test_it_draws_the_table_of_real_images(threshold, num_bins, bars):
    images = np.arange(256).reshape(1, 1, 16, 16)
    fig = grey_histogram(histogram_table(levels_of(images), threshold, num_bins))
    assert len(fig.data[0].y) == bars


@pytest.mark.parametrize("threshold", [10, 255])
def test_without_brighter_pixels_there_is_a_note(threshold):
    fig = grey_histogram(histogram_table(levels_of(np.zeros((2, 1, 3, 3))), threshold))
    assert fig.layout.annotations[0].text == "No pixels above the threshold."
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
