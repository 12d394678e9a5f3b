import os

import pytest


@pytest.mark.parametrize("split", ["test", "validation"])
def test_an_evaluation_has_the_promised_keys(facts, finished_store, finished_run, split):
    (found,) = facts("evaluate", finished_run.id, "--split", split, "--runs", finished_store.root)
    assert set(found) >= {
        "id",
        "split",
        "samples",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "loss",
        "macro_f1",
        "macro_precision",
        "macro_recall",
        "heads",
        "per_pair",
        "per_class",
        "confusion",
        "class_names",
        "calibration_error",
        "counts",
    }
    assert (found["id"], found["split"], found["samples"]) == (finished_run.id, split, 360)
    predictions = finished_run.predictions(split)
    assert found["accuracy"] == float(predictions.is_right.mean())
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert set(found["heads"]) == {"class_loss", "count_loss"}
    assert set(found["per_class"][0]) >= {"class", "precision", "recall", "f1", "support", "auc"}
    assert [row["class"] for row in found["per_class"]] == list(range(10))
    assert sum(map(sum, found["confusion"])) == 360
    assert sum(found["confusion"][k][k] for k in range(10)) == predictions.is_right.sum()
    assert found["class_names"] == list("0123456789")
    assert found["counts"] is found["per_pair"] is None


def test_an_evaluation_in_words_has_a_row_a_run_and_a_row_a_class(
    petridish, finished_store, finished_run
):
    status, out, err = petridish(
        "evaluate", finished_run.id, finished_run.id, "--runs", finished_store.root
    )
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["id", "split", "samples"]
    assert lines[1].split()[:3] == lines[2].split()[:3] == [finished_run.id, "test", "360"]
    assert lines.count(f"{finished_run.id}, test, class by class:") == 2
    assert sum(line.startswith("name") for line in lines) == 2


def test_a_run_without_results_says_so(petridish, finished_copy):
    (run,) = finished_copy.runs()
    run.layout.test_json.unlink()
    run.layout.history.unlink()
    assert petridish("evaluate", run.id, "--runs", finished_copy.root) == (
        2,
        "",
        f"petridish: Run {run.id} has no outputs on the test split; they are stored when training ends.\n",
    )
    assert petridish("evaluate", run.id, "--split", "validation", "--runs", finished_copy.root) == (
        2,
        "",
        f"petridish: Run {run.id} has finished no epoch yet, so no outputs on validation are stored.\n",
    )


def test_damaged_results_are_a_failure_and_no_bad_input(petridish, finished_copy):
    (run,) = finished_copy.runs()
    os.truncate(run.layout.test_outputs("class"), 200)
    status, out, err = petridish("evaluate", run.id, "--runs", finished_copy.root)
    assert (status, out) == (1, "")
    assert err.startswith(f"petridish: Run {run.id}: results/test cannot be read: ")
    assert err.count("\n") == 1
