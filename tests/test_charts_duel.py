import pandas as pd

from core.charts import style
from core.charts.duel_classes import MOST_CLASSES, duel_classes
from core.charts.duel_piles import duel_piles

PILES = pd.DataFrame(
    {
        "pile": ["both", "only_a", "only_b", "neither"],
        "images": [9000, 800, 150, 50],
        "share": [0.9, 0.08, 0.015, 0.005],
    }
)
CLASSES = pd.DataFrame(
    {
        "class": [4, 2],
        "class_name": ["<coat>", "shirt"],
        "images": [100, 90],
        "only_a": [9, 0],
        "only_b": [1, 5],
        "moved": [8, -5],
    }
)


def test_each_pile_is_a_bar_with_its_count_and_the_variants_have_their_colours():
    fig = duel_piles(PILES, "conv-base", "dense-base")
    (bars,) = fig.data
    assert list(bars.x) == [9000, 800, 150, 50]
    assert bars.text[1] == "800 (8.0 %)"
    assert list(bars.marker.color) == [
        style.NEUTRAL,
        style.variant_colour("conv-base"),
        style.variant_colour("dense-base"),
        style.NEUTRAL,
    ]
    assert [list(one) for one in bars.customdata][3] == ["neither"]
    assert fig.layout.yaxis.ticktext == (
        "both right",
        "only conv-base",
        "only dense-base",
        "both wrong",
    )


def test_classes_lean_to_the_variant_that_alone_gets_their_images():
    fig = duel_classes(CLASSES, "conv-base", "dense-base", colours={"dense-base": "#111111"})
    left, right = fig.data
    assert (list(left.x), list(right.x)) == ([-1, -5], [9, 0])
    assert (left.name, right.name) == ("only dense-base", "only conv-base")
    assert left.marker.color == "#111111"
    assert list(right.customdata[0]) == [4, "only_a"]
    assert list(left.text) == ["1", "5"]
    assert fig.layout.yaxis.ticktext == ("&lt;coat&gt;", "shirt")


def test_of_many_classes_those_that_moved_most_are_drawn():
    many = pd.concat([CLASSES] * 15, ignore_index=True)
    fig = duel_classes(many, "a", "b")
    assert len(fig.data[0].x) == MOST_CLASSES
    assert fig.layout.title.text == "The 20 of 30 classes that moved most"


def test_empty_tables_give_notes():
    for fig in (
        duel_piles(PILES.iloc[:0], "a", "b"),
        duel_classes(CLASSES.iloc[:0], "a", "b"),
    ):
        assert fig.layout.annotations[0].text == "No images to compare on."
