import pandas as pd

from core.charts import style
from core.charts.robustness import robustness

PANELS = {
    "shift": ("Shift", "pixels"),
    "noise": ("Noise", "variance"),
    "erasing": ("Erasing", "share"),
}


def table_of(runs, corruptions=("shift", "noise")):
    rows = []
    for run_id, label in runs.items():
        for name in corruptions:
            for strength in (2.0, 0.0):
                share = 0.9 - strength / 10
                rows.append(
                    (run_id, label, name, strength, share, share - 0.1, share + 0.05, 9, 10, 1)
                )
    columns = ["run_id", "label", "corruption", "strength"]
    columns += ["accuracy", "low", "high", "correct", "count", "lost"]
    return pd.DataFrame(rows, columns=columns)


def test_a_panel_a_change_and_a_line_a_run_in_its_variants_colour():
    table = table_of({"r1": "one", "r2": "two"})
    fig = robustness(table, PANELS, variants={"one": "dense-base", "two": "conv-base"})
    lines = [trace for trace in fig.data if trace.mode == "lines+markers"]
    assert len(lines) == 4 and [line.showlegend for line in lines] == [True, True, False, False]
    assert [line.line.color for line in lines[:2]] == [
        style.variant_colour("dense-base"),
        style.variant_colour("conv-base"),
    ]
    # By strength, whatever the order of the rows.
    assert list(lines[0].x) == [0, 2] and list(lines[0].y) == [0.9, 0.7]
    assert [list(one) for one in lines[0].customdata] == [
        ["r1", "shift", 0.0],
        ["r1", "shift", 2.0],
    ]
    band = next(trace for trace in fig.data if trace.fill == "toself")
    assert list(band.y) == [0.9 + 0.05, 0.7 + 0.05, 0.7 - 0.1, 0.9 - 0.1]
    assert [one.text for one in fig.layout.annotations] == ["Shift", "Noise"]


def test_the_clicked_point_is_ringed_in_its_panel():
    fig = robustness(table_of({"r1": "one"}), PANELS, selected=("r1", "noise", 2.0))
    (ring,) = [trace for trace in fig.data if trace.marker.symbol == "circle-open"]
    assert (list(ring.x), list(ring.y), ring.xaxis) == ([2.0], [0.7], "x2")


def test_an_empty_table_and_unknown_changes_draw_a_note():
    empty = table_of({"r1": "one"}).iloc[:0]
    assert "No change could be tried" in robustness(empty, PANELS).layout.annotations[0].text
    assert (
        "No change" in robustness(table_of({"r": "r"}, ("fog",)), PANELS).layout.annotations[0].text
    )
