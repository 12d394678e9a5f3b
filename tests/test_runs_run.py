import time

import numpy as np
import pytest

from core.exceptions import DamagedRun, InvalidParameter, RunStateError, UnknownName
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.run import Run, config_sha256, read_edit, read_spec
from core.runs.state import RunState

ROW_KEYS = [
    "id",
    "name",
    "dataset",
    "variant",
    "seed",
    "suite",
    "state",
    "reason",
    "message",
    "epoch",
    "epochs",
    "owner",
    "created",
    "started",
    "ended",
    "best_epoch",
    "best_validation_accuracy",
    "damaged",
    "tags",
    "note",
]


def message(kind, call):
    with pytest.raises(kind) as raised:
        call()
    return str(raised.value)


def test_a_finished_run_says_what_it_did(finished_run):
    row = finished_run.row()
    assert list(row) == ROW_KEYS
    assert (row["dataset"], row["variant"], row["seed"], row["owner"]) == (
        "digits",
        "dense-base",
        0,
        "ada",
    )
    assert (row["state"], row["epoch"], row["epochs"]) == ("finished", 3, 3)
    assert row["created"] <= row["started"] <= row["ended"]
    assert row["best_epoch"] in (1, 2, 3)
    assert row["reason"] is row["message"] is row["damaged"] is row["name"] is row["suite"] is None


def test_the_history_of_a_finished_run_has_a_row_an_epoch(finished_run):
    rows = finished_run.history()
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {row["attempt"] for row in rows} == {1}
    best = rows[finished_run.state.best_epoch - 1]
    assert best["validation_accuracy"] == finished_run.state.best_validation_accuracy
    assert best["validation_accuracy"] == max(row["validation_accuracy"] for row in rows)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_stored_outputs_agree_with_the_history(finished_run, epoch):
    row = finished_run.history()[epoch - 1]
    predictions = finished_run.predictions("validation", epoch)
    assert float(predictions.is_right.mean()) == pytest.approx(row["validation_accuracy"], abs=1e-6)
    loss = -predictions.log_probabilities[np.arange(len(predictions)), predictions.labels].mean()
    assert loss == pytest.approx(row["validation_loss"], abs=1e-5)


def test_without_an_epoch_the_best_one_s_outputs_are_given(finished_run):
    best = finished_run.state.best_epoch
    given = finished_run.predictions("validation")
    assert given.logits.tolist() == finished_run.predictions("validation", best).logits.tolist()
    assert len(finished_run.predictions("train")) == 1077
    assert len(finished_run.predictions("test")) == 360


@pytest.mark.parametrize("epoch", [0, 4, -1])
def test_an_epoch_that_the_history_does_not_name_has_no_outputs(finished_run, epoch):
    text = message(InvalidParameter, lambda: finished_run.predictions("validation", epoch))
    assert text == f"epoch must lie in [1, 3] for run {finished_run.id}; got {epoch}."


def test_a_half_written_record_of_the_next_epoch_is_not_trusted(finished_copy):
    (run,) = finished_copy.runs()
    with run.layout.outputs("validation", "class").open("ab") as file:
        file.write(bytes(360 * 10 * 2))
    assert "epoch must lie in [1, 3]" in message(
        InvalidParameter, lambda: run.predictions("validation", 4)
    )


def test_an_unknown_split_gets_a_suggestion(finished_run):
    assert message(UnknownName, lambda: finished_run.predictions("validaton")) == (
        "No split with stored outputs is called 'validaton'. Did you mean 'validation'?"
    )


def test_a_run_without_an_epoch_has_no_outputs_yet(finished_copy):
    (run,) = finished_copy.runs()
    run.layout.history.unlink()
    assert message(RunStateError, lambda: run.predictions("validation")) == (
        f"Run {run.id} has finished no epoch yet, so no outputs on validation are stored."
    )
    run.layout.test_json.unlink()
    assert message(RunStateError, lambda: run.predictions("test")) == (
        f"Run {run.id} has no outputs on the test split; they are stored when training ends."
    )


def test_outputs_that_are_damaged_are_not_an_input_error(finished_copy):
    (run,) = finished_copy.runs()
    run.layout.test_json.write_bytes(b"{")
    said = message(DamagedRun, lambda: run.predictions("test"))
    assert said.startswith(f"Run {run.id}: results/test cannot be read: test.json is no JSON")


def test_a_run_is_called_by_its_name_or_variant_seed_and_time():
    spec = {"config": {"variant": "dense-base"}, "seed": 3, "created": 1769869501.0}
    run = Run(RunLayout(None), spec, RunState("queued"))
    clock = time.strftime("%H:%M", time.localtime(1769869501.0))
    assert run.title == f"dense-base, seed 3, {clock}"
    named = Run(RunLayout(None), spec, RunState("queued"), {"name": "mine"})
    assert named.title == f"mine, seed 3, {clock}"


def test_a_specification_is_read_as_it_was_submitted(finished_run):
    spec = read_spec(finished_run.layout)
    assert spec == files.read_json(finished_run.layout.run_json)
    assert spec["config_sha256"] == config_sha256(spec["config"])
    assert set(spec) >= {
        "schema",
        "id",
        "name",
        "owner",
        "created",
        "config",
        "config_sha256",
        "data_fingerprint",
        "seed",
        "resources",
        "executor",
        "parent",
        "retries",
        "env",
    }
    assert set(spec["env"]) == {"python", "torch", "core", "git", "platform"}
    assert set(spec["resources"]) == {"device", "slots", "threads"}


def test_a_moved_run_opens_elsewhere(finished_copy, finished_run):
    (run,) = finished_copy.runs()
    assert run.row() == finished_run.row()
    assert run.history() == finished_run.history()
    assert run.predictions("test").logits.tolist() == (
        finished_run.predictions("test").logits.tolist()
    )


def test_an_edit_file_that_cannot_be_read_is_no_edit(finished_copy):
    (run,) = finished_copy.runs()
    assert read_edit(run.layout) == {}
    run.layout.edit_json.mkdir()
    assert read_edit(run.layout) == {}
    assert finished_copy.runs()[0].damaged is None
