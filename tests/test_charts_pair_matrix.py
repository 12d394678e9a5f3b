import numpy as np
import pandas as pd

from core.charts.pair_matrix import MOST_NUMBERS, pair_matrix


def cells(*pairs):
    rows = []
    for row, column, difference, p, real, networks in pairs:
        shared = {"p_adjusted": p, "real": real, "networks_differ": networks}
        for one, other, sign in ((row, column, 1), (column, row, -1)):
            low, high = sorted((sign * (difference - 0.01), sign * (difference + 0.01)))
            numbers = {"difference": sign * difference, "low": low, "high": high}
            rows.append({"row": one, "column": other, **numbers, **shared})
    return pd.DataFrame(rows)


TABLE = cells(
    ("a", "b", 0.031, 0.0001, True, False),
    ("a", "<c>", 0.02, 0.03, False, True),
    ("b", "<c>", -0.001, 0.6, False, False),
)


def test_cells_are_row_minus_column_in_points_and_real_ones_are_marked():
    map_, cells_ = pair_matrix(TABLE).data
    np.testing.assert_allclose(
        map_.z, [[np.nan, 3.1, 2.0], [-3.1, np.nan, -0.1], [-2.0, 0.1, np.nan]], atol=1e-6
    )
    assert [list(row) for row in map_.text] == [
        ["", "<b>+3.1 ●</b>", "+2.0 ○"],
        ["<b>-3.1 ●</b>", "", "-0.1"],
        ["-2.0 ○", "+0.1", ""],
    ]
    # A click lands on the marker over a cell, whose row is y and whose column is x.
    clicked = dict(zip(zip(cells_.y, cells_.x, strict=True), cells_.customdata, strict=True))
    assert clicked[0, 1] == ["a", "b"] and clicked[1, 0] == ["b", "a"] and len(clicked) == 6
    hovers = dict(zip(zip(cells_.y, cells_.x, strict=True), cells_.hovertext, strict=True))
    assert hovers[0, 1].endswith("95 % interval +2.1 to +4.1<br>● real: adjusted p below 0.001")
    assert "minus &lt;c&gt;" in hovers[0, 2]
    assert hovers[1, 2].endswith("cannot be told apart: adjusted p 0.6")


def test_the_scale_is_centred_on_zero():
    axis = pair_matrix(TABLE).layout.coloraxis
    assert axis.cmin == -axis.cmax
    np.testing.assert_allclose(axis.cmax, 3.1)
    alike = pair_matrix(cells(("a", "b", 0.0, 1.0, False, False))).layout.coloraxis
    assert (alike.cmin, alike.cmax) == (-1, 1)


def test_figures_of_rmse_are_not_points():
    fig = pair_matrix(TABLE, "rmse")
    assert fig.data[0].text[0][1] == "<b>+0.03 ●</b>"
    assert "figures" in fig.layout.coloraxis.colorbar.title.text


def test_numbers_give_way_where_they_would_overlap():
    names = [f"v{number}" for number in range(MOST_NUMBERS + 1)]
    pairs = [(one, names[0], 0.01, 0.5, False, False) for one in names[1:]]
    assert pair_matrix(cells(*pairs)).data[0].texttemplate is None
    assert pair_matrix(TABLE).data[0].texttemplate == "%{text}"


def test_the_bar_of_few_variants_tells_its_ends_and_its_middle_alone():
    bar = pair_matrix(TABLE).layout.coloraxis.colorbar
    assert bar.ticktext == ("-3.1", "0", "+3.1") and bar.len < pair_matrix(TABLE).layout.height
    names = [f"v{number}" for number in range(8)]
    pairs = [(one, names[0], 0.01, 0.5, False, False) for one in names[1:]]
    assert pair_matrix(cells(*pairs)).layout.coloraxis.colorbar.ticktext is None


def test_long_names_are_broken_into_lines_and_make_the_cells_higher():
    name = "conv-base, max epochs 1000, patience <900>"
    fig = pair_matrix(cells((name, "b", 0.031, 0.0001, True, False)))
    assert fig.layout.yaxis.ticktext == (
        "conv-base, max<br>epochs 1000,<br>patience &lt;900&gt;",
        "b",
    )
    others = [(f"{name} {number}", name, 0.01, 0.5, False, False) for number in range(3)]
    short = [(f"v{number}", "v", 0.01, 0.5, False, False) for number in range(3)]
    long, low = pair_matrix(cells(*others)), pair_matrix(cells(*short))
    assert long.layout.height > low.layout.height >= 290
    # Slanted lines of many columns would lie upon each other.
    assert not any("<br>" in label for label in long.layout.xaxis.ticktext)


def test_one_variant_gives_a_note_and_an_undefined_pair_is_blank():
    fig = pair_matrix(TABLE.iloc[:0])
    assert fig.layout.annotations[0].text == "It takes two variants to compare."
    undefined = cells(("a", "b", np.nan, np.nan, False, False))
    map_, cells_ = pair_matrix(undefined).data
    assert map_.text[0][1] == ""
    assert cells_.hovertext[0].endswith("cannot be compared")
