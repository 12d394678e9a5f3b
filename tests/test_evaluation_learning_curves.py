import numpy as np
import pytest

from core.evaluation.learning_curves import best_epoch, kept_points, learning_curves
from core.exceptions import InvalidParameter


def rows_of(accuracies, **columns):
    rows = []
    for position, value in enumerate(accuracies):
        row = {"epoch": position + 1, "validation_accuracy": value}
        rows.append(row | {name: values[position] for name, values in columns.items()})
    return rows


def test_each_run_and_split_that_has_the_metric_gives_a_line():
    histories = {
        "first": rows_of([0.5, 0.6], train_accuracy=[0.4, 0.7], train_loss=[2, 1]),
        "second": rows_of([0.3]),
    }
    table = learning_curves(histories, "accuracy", labels={"first": "the first"})
    assert table[["run", "split", "epoch", "value"]].to_numpy().tolist() == [
        ["first", "train", 1, 0.4],
        ["first", "train", 2, 0.7],
        ["first", "validation", 1, 0.5],
        ["first", "validation", 2, 0.6],
        ["second", "validation", 1, 0.3],
    ]
    assert table["label"].unique().tolist() == ["the first", "second"]
    assert learning_curves(histories, "loss")["split"].unique().tolist() == ["train"]


def test_a_null_value_and_a_missing_epoch_show_as_gaps():
    rows = [row for row in rows_of([0.1, None, 0.3, 0.4, 0.5, 0.6]) if row["epoch"] not in (4, 5)]
    table = learning_curves({"run": rows}, "accuracy")
    assert table["epoch"].to_list() == [1, 2, 3, 4, 6]
    assert table["value"].isna().to_list() == [False, True, False, True, False]


def test_the_first_of_the_best_epochs_is_marked_on_the_validation_line_only():
    rows = rows_of([0.1, None, 0.8, 0.8], train_accuracy=[0.9, 0.9, 0.9, 0.9])
    table = learning_curves({"run": rows}, "accuracy")
    marked = table[table["is_best"]]
    assert marked[["split", "epoch"]].to_numpy().tolist() == [["validation", 3]]


def test_without_validation_accuracy_there_is_no_best_epoch():
    assert best_epoch([{"epoch": 1}]) is None


@pytest.mark.parametrize("histories", [{}, {"run": []}, {"run": rows_of([0.1])}])
def test_without_any_value_the_table_is_empty(histories):
    table = learning_curves(histories, "loss")
    assert table.empty
    assert list(table.columns) == [
        "run",
        "label",
        "variant",
        "split",
        "epoch",
        "value",
        "is_best",
    ]


def test_a_long_line_keeps_its_best_epoch_and_its_limit():
    accuracies = np.sin(np.arange(5000) / 7).tolist()
    table = learning_curves({"run": rows_of(accuracies)}, "accuracy")
    assert len(table) <= 250
    assert table["is_best"].sum() == 1


@pytest.mark.parametrize("length", [251, 1000, 9999])
@pytest.mark.parametrize("share_of_gaps", [0, 0.1, 1])
def test_thinning_keeps_ends_extremes_gaps_and_the_limit(length, share_of_gaps):
    rng = np.random.default_rng(length)
    values = rng.normal(size=length)
    values[rng.random(length) < share_of_gaps] = np.nan
    kept = kept_points(values, 250)
    assert len(kept) <= 250
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, length - 1)
    assert np.isnan(values[kept]).any() == np.isnan(values).any()
    if share_of_gaps < 1:
        assert np.nanmin(values[kept]) == np.nanmin(values)
        assert np.nanmax(values[kept]) == np.nanmax(values)


def test_each_bucket_keeps_its_lowest_and_highest_point():
    values = np.tile([0.0, 5.0, -5.0, 1.0, 2.0], 2)
    assert kept_points(values, 6).tolist() == [0, 1, 2, 6, 7, 9]


def test_a_short_line_is_kept_whole():
    assert kept_points(np.arange(250.0), 250).tolist() == list(range(250))


def test_too_few_points_are_refused():
    with pytest.raises(InvalidParameter, match=r"num_points must be at least 5; got 4\."):
        kept_points(np.arange(9.0), 4)
    with pytest.raises(InvalidParameter, match=r"num_points must be at least 6; got 5\."):
        learning_curves({}, "loss", num_points=5)
