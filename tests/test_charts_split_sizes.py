import pandas as pd
import pytest

from core.charts.split_sizes import split_sizes


def table_of(*counts):
    names = ["train", "validation", "<b>test</b>"][: len(counts)]
    total = max(sum(counts), 1)
    shares = [count / total for count in counts]
    return pd.DataFrame({"split": names, "count": counts, "share": shares})


def test_there_is_a_bar_per_split_that_says_its_size_and_share():
    fig = split_sizes(table_of(31_500, 10_500, 10_500))
    (bars,) = fig.data
    assert list(bars.x) == [31_500, 10_500, 10_500]
    assert bars.text[0] == "31,500 (60.0 %)"
    assert list(bars.customdata[0]) == ["train"]
    assert fig.layout.yaxis.ticktext[2] == "&lt;b&gt;test&lt;/b&gt;"
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("Images", "Split")
    assert fig.layout.xaxis.range[0] == 0


@pytest.mark.parametrize("counts", [(), (0, 0)])
def test_without_images_there_is_a_note(counts):
    fig = split_sizes(table_of(*counts))
    assert fig.layout.annotations[0].text == "No images to split yet."
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
