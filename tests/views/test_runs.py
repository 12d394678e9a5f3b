"""The page Runs: empty, with runs, with damaged ones, and what its links and buttons do."""

import json
import shutil

from core.runs.store import Store
from dashboard.widgets.run_table import worth_watching


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    app = open_app(tmp_path / "none")
    assert "No runs yet" in words(app)
    assert [button.label for button in app.button] == ["Start the demo"]
    assert not (tmp_path / "none").exists()


def test_the_table_tells_state_settings_and_progress(open_app, finished):
    store, run = finished
    row = open_app(store.root).dataframe[0].value.iloc[0]
    assert list(row["state"]) == ["finished"]
    assert (row["run"], row["dataset"], row["seed"]) == ("dense-base", "digits", 3)
    assert row["epoch"] == f"{run.state.epoch} of 3" and row["progress"] == 100
    assert row["best"] == 100 * run.state.best_validation_accuracy
    assert len(row["curve"]) == 3


def test_buttons_that_are_off_say_why(open_app, finished):
    store, run = finished
    stop, resume = open_app(store.root).button
    assert stop.disabled and stop.help == "Choose a run in the table first."
    stop, resume = open_app(store.root, runs=run.id).button
    assert stop.disabled and stop.help == "None of the chosen runs is waiting or running."
    assert resume.disabled and resume.help == "None of the chosen runs was stopped or broke off."


def test_runs_in_the_link_are_chosen_and_unknown_ones_are_said(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, runs=f"{run.id},20200101-000000-abcdef")
    assert "1 of the runs in this link are not in this runs folder." in words(app)
    assert "Settings and log of" in str([expander.label for expander in app.expander])


def test_a_failed_run_says_why_and_resume_is_on(open_app, finished, tmp_path):
    store, run = finished
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    path = tmp_path / run.id / "state.json"
    failed = {"state": "failed", "reason": "nan_loss", "message": "Epoch 2: the loss is *NaN*."}
    path.write_text(json.dumps(json.loads(path.read_text()) | failed))
    app = open_app(tmp_path, runs=run.id)
    assert app.error[0].value.endswith("Epoch 2\\: the loss is \\*NaN\\*\\.")
    assert [one.disabled for one in app.button] == [True, False]


def test_a_damaged_run_is_listed_with_the_reason_and_the_others_load(
    open_app, finished, tmp_path, words
):
    store, run = finished
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    broken = tmp_path / "20200101-000000-abcdef"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    app = open_app(tmp_path)
    assert [list(states) for states in app.dataframe[0].value["state"]] == [
        ["finished"],
        ["damaged"],
    ]
    assert "1 damaged run" in [expander.label for expander in app.expander]
    assert f"`{broken.name}`: run" in words(app)


def test_a_curve_stays_when_its_run_ends_before_the_others(finished, tmp_path):
    store, run = finished
    template = json.loads((store.root / run.id / "run.json").read_text())
    for number in range(5):
        folder = tmp_path / f"2020010{number + 1}-000000-abcdef"
        shutil.copytree(store.root / run.id, folder)
        (folder / "run.json").write_text(json.dumps(template | {"id": folder.name}))
    oldest = tmp_path / "20200101-000000-abcdef"
    (oldest / "state.json").write_text(json.dumps({"state": "queued"}))
    newest_first = Store(tmp_path).runs()
    assert [one.id[:8] for one in worth_watching(newest_first)] == [
        "20200105",
        "20200104",
        "20200101",
    ]
