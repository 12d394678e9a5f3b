import numpy as np
import pandas as pd

from core.charts.cost import cost

TABLE = pd.DataFrame(
    {
        "variant": ["conv-base", "dense-base", "dense-deep", "<b>"],
        "cost": [90.0, 10.0, 40.0, np.nan],
        "mean": [0.91, 0.88, 0.87, 0.9],
        "low": [0.90, 0.87, 0.86, 0.8],
        "high": [0.92, 0.89, 0.88, 1.0],
        "is_on_front": [True, True, False, False],
    }
)


def test_points_stand_at_cost_and_result_filled_on_the_front():
    fig = cost(TABLE, "parameters")
    line, *points = fig.data
    assert (list(line.x), list(line.y)) == ([10, 90], [0.88, 0.91])
    assert [(point.x[0], point.y[0], point.marker.symbol) for point in points] == [
        (90, 0.91, "circle"),
        (10, 0.88, "circle"),
        (40, 0.87, "circle-open"),
    ]
    assert [list(point.customdata[0]) for point in points] == [
        ["conv-base"],
        ["dense-base"],
        ["dense-deep"],
    ]
    np.testing.assert_allclose(points[0].error_y.array, [0.01])
    assert fig.layout.xaxis.title.text == "Parameters"
    assert fig.layout.xaxis.range[0] == 0


def test_costs_may_stand_on_a_logarithmic_axis():
    assert cost(TABLE, is_log=True).layout.xaxis.type == "log"


def test_a_logarithmic_axis_says_each_number_whole():
    seconds = TABLE.assign(cost=[25.4, 2.0, 5.3, np.nan])
    axis = cost(seconds, is_log=True).layout.xaxis
    assert axis.ticktext == ("2", "3", "5", "10", "20", "30")
    assert axis.range[0] < np.log10(2) and axis.range[1] > np.log10(25.4)
    large = TABLE.assign(cost=[985_000.0, 85_000.0, 2e6, np.nan])
    assert cost(large, is_log=True).layout.xaxis.ticktext[-2:] == ("1M", "2M")
    assert cost(large, is_log=True).layout.xaxis.ticktext[0] == "100k"
    # One variant alone, and one that took no time.
    assert len(cost(TABLE.iloc[:1], is_log=True).layout.xaxis.ticktext) >= 1
    free = TABLE.iloc[:1].assign(cost=0.0)
    assert cost(free, is_log=True).layout.xaxis.range == (0, 1)


def test_names_at_the_right_end_stand_to_the_left_of_their_points():
    for is_log in (False, True):
        sides = [point.textposition for point in cost(TABLE, is_log=is_log).data[1:]]
        assert sides[:2] == ["top left", "bottom right"]
    long = TABLE.assign(variant=["conv-base, max epochs 1000, patience 900", "b", "c", "d"])
    assert cost(long).data[1].text[0] == "conv-base, max epochs<br>1000, patience 900"


def test_without_any_cost_there_is_a_note():
    fig = cost(TABLE.iloc[3:], "multiply_adds")
    assert fig.layout.annotations[0].text == "No variant's cost is known yet."
    assert fig.layout.xaxis.title.text == "Multiply-adds of one image"


def test_many_variants_stand_in_a_legend_and_only_the_front_is_named():
    few = cost(TABLE).data[1:]
    assert [point.mode for point in few] == ["markers+text"] * 3
    assert not any(point.showlegend for point in few)
    many = pd.concat([TABLE.assign(variant=TABLE["variant"] + str(place)) for place in range(3)])
    points = cost(many).data[1:]
    assert all(point.showlegend for point in points) and len(points) == 9
    is_named = {point.name: point.mode == "markers+text" for point in points}
    assert [is_named[f"{name}0"] for name in TABLE["variant"][:3]] == [True, True, False]
