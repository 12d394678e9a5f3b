import pandas as pd

from core.charts.dark_share import dark_share

TABLE = pd.DataFrame(
    [
        ("train", "dark", 60, 0.6),
        ("train", "bright", 40, 0.4),
        ("<i>x</i>", "dark", 99, 0.99),
        ("<i>x</i>", "bright", 1, 0.01),
    ],
    columns=["split", "kind", "count", "share"],
)


def test_each_split_is_a_bar_of_a_dark_and_a_bright_part():
    fig = dark_share(TABLE)
    dark, bright = fig.data
    assert (dark.name, bright.name) == ("dark", "bright")
    assert list(dark.x) == [0.6, 0.99]
    assert list(bright.text) == ["40.0 %", ""]
    assert list(bright.customdata[0]) == ["train", "bright"]
    assert fig.layout.barmode == "stack"
    assert fig.layout.yaxis.ticktext == ("train", "&lt;i&gt;x&lt;/i&gt;")
    assert "<i>" not in dark.hovertext[1]
    assert fig.layout.xaxis.title.text == "Share of the pixels (%)"
    assert fig.layout.yaxis.title.text == "Split"


def test_an_empty_split_beside_others_has_no_bar():
    empty = TABLE.assign(count=[0, 0, 99, 1], share=[float("nan"), float("nan"), 0.99, 0.01])
    assert dark_share(empty).data[0].text == ("", "99.0 %")


def test_without_pixels_there_is_a_note():
    for table in (TABLE.head(0), TABLE.assign(count=0)):
        fig = dark_share(table)
        assert fig.layout.annotations[0].text == "No pixels to count yet."
        assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
