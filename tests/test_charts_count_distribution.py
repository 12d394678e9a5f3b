import pandas as pd
import pytest

from core.charts.count_distribution import count_distribution
from core.datasets.shapes import Shapes
from core.datasets.statistics import count_distribution as distribution_table


def table_of(rows):
    table = pd.DataFrame(rows, columns=["type", "figures", "count"])
    return table.assign(share=table["count"] / 10)


def test_each_type_has_its_bars_and_says_how_many_images_have_none():
    fig = count_distribution(
        table_of([("<b>x</b>", 0, 7), ("<b>x</b>", 1, 3), ("up", 0, 4), ("up", 1, 6)])
    )
    assert [list(trace.x) for trace in fig.data] == [[1], [1]]
    assert [list(trace.y) for trace in fig.data] == [[3], [6]]
    assert list(fig.data[0].customdata[0]) == ["<b>x</b>", 1]
    texts = [note.text for note in fig.layout.annotations]
    assert texts == [
        "<b>&lt;b&gt;x&lt;/b&gt;</b>, none in 7 images",
        "<b>up</b>, none in 4 images",
        "Figures in the image",
        "Images",
    ]
    assert fig.layout.yaxis.range[1] == pytest.approx(6 * 1.08)
    assert fig.data[0].hovertext[0] == "1 &lt;b&gt;x&lt;/b&gt;<br><b>3 images</b>, 30.0 %"


def test_the_six_types_of_shapes_are_drawn_to_one_scale(data_dir):
    fig = count_distribution(distribution_table(Shapes().load(data_dir)))
    assert len(fig.data) == 6
    axes = [fig.layout[name] for name in fig.layout if name.startswith("yaxis")]
    assert len({axis.range for axis in axes}) == 1


def test_images_without_any_figure_are_drawn():
    assert len(count_distribution(table_of([("up", 0, 10)])).data) == 1


def test_without_counts_there_is_a_note():
    fig = count_distribution(table_of([]))
    assert fig.layout.annotations[0].text == "Nothing is counted in these images."
    assert fig.layout.xaxis.title.text == "Figures in the image"
    assert fig.layout.yaxis.title.text == "Images"
