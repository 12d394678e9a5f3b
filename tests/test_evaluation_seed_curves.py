import numpy as np
import pytest

from core.evaluation.seed_curves import (
    AXES,
    COLUMNS,
    SINGLE_COLUMNS,
    seed_curves,
    single_curves,
    stage_boundaries,
)
from core.exceptions import InvalidParameter, UnknownName


def rows_of(losses, seconds=1.0, steps=10, first=1):
    return [
        {
            "epoch": epoch,
            "step": steps * epoch,
            "epoch_seconds": seconds,
            "validation_loss": loss,
        }
        for epoch, loss in enumerate(losses, start=first)
    ]


HISTORIES = {"a0": rows_of([3, 2, 1]), "b0": rows_of([9]), "a1": rows_of([5, 6], seconds=3)}
VARIANTS = {"a0": "a", "a1": "a"}


def test_seeds_of_a_variant_become_one_line_and_others_their_own():
    table = seed_curves(HISTORIES, VARIANTS, "loss", band="range")
    assert list(table.columns) == list(COLUMNS)
    shown = table[["variant", "epoch", "mean", "median", "low", "high", "num_seeds", "num_values"]]
    assert shown.to_numpy().tolist() == [
        ["a", 1, 4, 4, 3, 5, 2, 2],
        ["a", 2, 4, 4, 2, 6, 2, 2],
        ["a", 3, 1, 1, 1, 1, 1, 1],
        ["b0", 1, 9, 9, 9, 9, 1, 1],
    ]
    assert table["split"].unique().tolist() == ["validation"]


def test_a_stopped_seed_can_carry_its_last_value_and_the_table_says_who_still_trains():
    table = seed_curves(HISTORIES, VARIANTS, "loss", band="range", ending="carry")
    last = table[table["variant"] == "a"].iloc[-1]
    assert last[["mean", "low", "high", "num_seeds", "num_values"]].to_list() == [3.5, 1, 6, 1, 2]


@pytest.mark.parametrize(
    ("axis", "x"),
    [
        ("epoch", [1, 2, 3]),
        ("step", [10, 20, 30]),
        # While both train an epoch takes 2 s on average, and the third is the quick seed's own.
        ("seconds", [2, 4, 5]),
        ("samples", [150, 300, 400]),
    ],
)
def test_x_is_averaged_over_the_seeds_still_training_and_never_runs_backwards(axis, x):
    samples = {"a0": 100, "a1": 200, "b0": 100}
    table = seed_curves(HISTORIES, VARIANTS, "loss", axis=axis, epoch_samples=samples)
    assert table[table["variant"] == "a"]["x"].to_list() == x


def test_a_null_value_and_a_missing_epoch_count_for_nobody():
    histories = {"a0": rows_of([1, None, 3, 4]), "a1": rows_of([5, 6, 7, 8])}
    del histories["a1"][2]
    table = seed_curves(histories, dict.fromkeys(histories, "a"), "loss", axis="step")
    assert table["mean"].to_list() == [3, 6, 3, 6]
    assert table["num_values"].to_list() == [2, 1, 1, 2]
    assert table["num_seeds"].to_list() == [2, 2, 2, 2]
    assert table["x"].to_list() == [10, 20, 30, 40]


def test_an_epoch_that_nobody_has_shows_as_a_gap():
    histories = {"a0": rows_of([1, 2, 3])[::2]}
    for axis in ("epoch", "step", "seconds"):
        table = seed_curves(histories, {}, "loss", axis=axis)
        assert table["mean"].isna().to_list() == [False, True, False]
        assert table["x"].is_monotonic_increasing


def test_a_carried_value_is_the_last_that_was_known():
    histories = {"a0": rows_of([1, None]), "a1": rows_of([3, 3, 3]), "a2": rows_of([None])}
    table = seed_curves(histories, dict.fromkeys(histories, "a"), "loss", ending="carry")
    assert table["mean"].to_list() == [2, 3, 2]


def test_long_lines_are_thinned():
    losses = np.sin(np.arange(2000)).tolist()
    table = seed_curves({"a0": rows_of(losses)}, {}, "loss", num_points=100)
    assert len(table) <= 100
    assert table["mean"].max() == max(losses)


@pytest.mark.parametrize("histories", [{}, {"a0": []}, {"a0": [{"epoch": 1}]}])
def test_without_values_the_table_is_empty(histories):
    for axis in AXES:
        table = seed_curves(histories, {}, "loss", axis=axis, epoch_samples={"a0": 1})
        assert table.empty
        assert list(table.columns) == list(COLUMNS)


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownName, match="No ending is called 'stop'"):
        seed_curves(HISTORIES, VARIANTS, "loss", ending="stop")
    with pytest.raises(UnknownName, match="No axis is called 'time'"):
        seed_curves(HISTORIES, VARIANTS, "loss", axis="time")
    with pytest.raises(
        InvalidParameter, match="needs the training images an epoch of each run; a1"
    ):
        seed_curves(HISTORIES, VARIANTS, "loss", axis="samples", epoch_samples={"a0": 5, "b0": 5})


def test_the_history_says_how_many_samples_an_epoch_had_before_anybody_else():
    histories = {
        "a0": [row | {"samples": 100} for row in rows_of([3, 2, 1])],
        "b0": rows_of([9, 8]),
    }
    table = seed_curves(histories, {}, "loss", axis="samples", epoch_samples={"a0": 7, "b0": 50})
    assert table["x"].to_list() == [100, 200, 300, 50, 100]


def test_smoothing_is_a_centred_moving_mean_beside_the_raw_one():
    table = seed_curves({"a": rows_of([1, 2, 6, 3, None, 4])}, {}, "loss", smoothing=3)
    np.testing.assert_allclose(table["mean"], [1, 2, 6, 3, np.nan, 4])
    np.testing.assert_allclose(table["smoothed"], [1.5, 3, 11 / 3, 4.5, np.nan, 4])
    raw = seed_curves({"a": rows_of([1, 2, 6])}, {}, "loss")
    assert raw["smoothed"].to_list() == raw["mean"].to_list()
    with pytest.raises(InvalidParameter, match="smoothing must be at least 1 epoch; got 0"):
        seed_curves(HISTORIES, VARIANTS, "loss", smoothing=0)


def test_a_zoom_gets_finer_points_and_one_neighbour_at_either_side():
    histories = {"a": rows_of(np.sin(np.arange(1000)).tolist())}
    whole = seed_curves(histories, {}, "loss", num_points=50)
    part = seed_curves(histories, {}, "loss", num_points=50, within=(101, 140))
    assert len(whole) <= 50
    assert part["epoch"].to_list() == list(range(100, 142))
    assert single_curves(histories, {}, "loss", within=(101, 140))["epoch"].min() == 100


def test_single_seeds_have_lines_of_their_own_with_best_and_last_epoch():
    histories = {
        "a0": [
            {**row, "validation_accuracy": value, "train_accuracy": 1.0}
            for row, value in zip(rows_of([1, 2, 3]), [0.5, 0.9, 0.7], strict=True)
        ],
        "a1": rows_of([1], seconds=3),
    }
    table = single_curves(histories, {"a0": "a", "a1": "a"}, "accuracy", axis="seconds")
    assert list(table.columns) == list(SINGLE_COLUMNS)
    assert set(table["run"]) == {"a0"}
    validation = table[table["split"] == "validation"]
    assert validation["x"].to_list() == [1, 2, 3]
    assert validation["is_best"].to_list() == [False, True, False]
    assert validation["is_last"].to_list() == [False, False, True]
    assert not table[table["split"] == "train"]["is_best"].any()
    assert single_curves({}, {}, "accuracy").columns.to_list() == list(SINGLE_COLUMNS)


def test_stages_meet_where_the_seeds_on_average_ended_the_one_before():
    def staged(first, second, seconds):
        return [
            {"epoch": epoch + 1, "stage": int(epoch >= first), "epoch_seconds": seconds}
            for epoch in range(first + second)
        ]

    histories = {"a0": staged(2, 2, 1.0), "a1": staged(4, 1, 1.0), "b0": rows_of([1, 2])}
    variants = {"a0": "a", "a1": "a"}
    found = stage_boundaries(histories, variants)
    assert found.to_dict("records") == [{"variant": "a", "stage": 1, "x": 3.0}]
    assert stage_boundaries(histories, variants, axis="seconds")["x"].to_list() == [3.0]
