"""The page Runs: empty, with runs, with damaged ones, and what its links and buttons do."""

import json
import os
import shutil
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from core.datasets.importing import import_dataset, remove_dataset
from core.datasets.raw import ImportOptions
from core.exceptions import InvalidInput
from core.export.onnx_file import has_onnx
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs import edits, trash
from core.runs.store import Store
from core.variants import run_config
from dashboard.widgets import curves, runs_transfer
from dashboard.widgets.run_table import worth_watching


@pytest.fixture
def four(finished, tmp_path):
    """Copies of the finished run, oldest first: tagged, noted, stopped, of another owner."""
    source, run = finished
    changes = ({}, {}, {}, {"owner": "ben"})
    for number, change in enumerate(changes):
        folder = tmp_path / "four" / f"2020010{number + 1}-000000-abcdef"
        shutil.copytree(source.root / run.id, folder)
        spec = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(spec | change | {"id": folder.name}))
    store = Store(tmp_path / "four")
    runs = store.runs()[::-1]
    edits.tag(runs[0], ["lecture"], "ada")
    edits.tag(runs[3], ["lecture"], "ada")
    edits.rename(runs[1], "my second", "ada")
    edits.annotate(runs[1], "On the slides", "ada")
    path = runs[2].layout.state_json
    state = json.loads(path.read_text()) | {"state": "stopped", "message": "Stopped on request."}
    path.write_text(json.dumps(state))
    return store, store.runs()[::-1]


@pytest.fixture
def ids():
    """Return a function that gives the ids of the rows shown."""
    return lambda app: app.dataframe[0].value["id"].tolist()


def button(app, label, place=0):
    return [one for one in app.button if one.label == label][place]


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    app = open_app(tmp_path / "none")
    assert "No runs yet" in words(app)
    assert "Start the demo" in [button.label for button in app.button]
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
    app = open_app(store.root)
    assert button(app, "Stop").disabled
    assert button(app, "Stop").help == "Choose a run in the table first."
    app = open_app(store.root, runs=run.id)
    for label, done in (("Stop", "stopped"), ("Pause", "paused"), ("Resume", "resumed")):
        assert button(app, label).disabled
        assert button(app, label).help == f"The chosen run cannot be {done}: 1 finished."
    assert not button(app, "Delete").disabled


def test_a_lost_run_says_what_to_do_and_can_be_resumed_or_deleted(open_app, four, words):
    store, runs = four
    path = runs[0].layout.state_json
    state = json.loads(path.read_text()) | {"state": "running", "host": "old-name"}
    path.write_text(json.dumps(state))
    for sign in (path, runs[0].layout.beat):
        if sign.exists():
            os.utime(sign, (0, 0))
    app = open_app(store.root, runs=runs[0].id)
    said = (
        "No sign of life from old-name for more than 120 s. If that machine is gone, or this one had that name "
        "before, resume goes on here from the last checkpoint."
    )
    assert said in words(app).replace("\\", "")
    row = app.dataframe[0].value.set_index("id").loc[runs[0].id]
    assert (list(row["state"]), row["reason"]) == (["lost"], said)
    assert {label for label in ("Stop", "Retry") if button(app, label).disabled} == {
        "Stop",
        "Retry",
    }
    assert not button(app, "Resume").disabled and not button(app, "Delete").disabled


def test_runs_in_the_link_are_chosen_and_unknown_ones_are_said(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, runs=f"{run.id},20200101-000000-abcdef")
    assert "1 of the runs in this link are not in this runs folder." in words(app)
    assert "Settings and log of" in str([expander.label for expander in app.expander])


def test_the_settings_of_a_chosen_run_are_folded_until_asked_for(open_app, finished):
    store, run = finished
    app = open_app(store.root, runs=run.id)
    details = next(one for one in app.expander if one.label.startswith("Settings and log"))
    assert not details.proto.expanded and not details.children


def test_with_several_runs_the_export_says_what_is_made_of_one_alone(
    open_app, finished, tmp_path, words
):
    store, run = finished
    said = "A script and weights are made of one run"
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    assert said not in words(open_app(tmp_path, runs=run.id))
    other = tmp_path / "20200101-000000-abcdef"
    shutil.copytree(store.root / run.id, other)
    spec = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(spec | {"id": other.name}))
    assert said in words(open_app(tmp_path, runs=f"{run.id},{other.name}"))


def test_a_failed_run_says_why_and_resume_is_on(open_app, finished, tmp_path):
    store, run = finished
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    path = tmp_path / run.id / "state.json"
    failed = {"state": "failed", "reason": "nan_loss", "message": "Epoch 2: the loss is *NaN*."}
    path.write_text(json.dumps(json.loads(path.read_text()) | failed))
    app = open_app(tmp_path, runs=run.id)
    assert app.error[0].value.endswith("Epoch 2\\: the loss is \\*NaN\\*\\.")
    assert button(app, "Stop").disabled
    assert not button(app, "Resume").disabled and not button(app, "Retry").disabled


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


def test_search_filters_and_order_stand_in_the_link(open_app, four, ids):
    store, runs = four
    app = open_app(store.root, search="SLIDES second")
    assert ids(app) == [runs[1].id]
    app = open_app(store.root, state="stopped")
    assert ids(app) == [runs[2].id]
    app = open_app(store.root, tag="lecture", owner="ben")
    assert ids(app) == [runs[3].id]
    app = open_app(store.root, sort="oldest")
    assert ids(app) == [run.id for run in runs]


def test_a_filter_that_nothing_passes_can_be_taken_away(open_app, four, ids, words):
    store, runs = four
    app = open_app(store.root, tag="no such tag", runs=runs[0].id)
    assert "No run matches search and filters." in words(app)
    button(app, "Show all runs", 1).click().run()
    assert len(ids(app)) == 4
    assert "tag" not in app.query_params


def test_chosen_runs_that_are_filtered_out_are_said_and_not_acted_on(open_app, four, words):
    store, runs = four
    app = open_app(store.root, state="stopped", runs=f"{runs[0].id},{runs[2].id}")
    assert "1 of the chosen runs are not among those shown." in words(app)
    assert button(app, "Resume").label == "Resume"
    assert "Delete" in [one.label for one in app.button]


def test_columns_say_reason_owner_and_tags_where_they_tell_something(open_app, finished, four):
    store, _ = four
    shown = list(open_app(store.root).dataframe[0].proto.column_order)
    assert {"reason", "owner", "tags"} <= set(shown)
    assert "left" not in shown  # nothing is under way
    shown = list(open_app(finished[0].root).dataframe[0].proto.column_order)
    assert not {"reason", "owner", "tags", "left"} & set(shown)
    # A run stopped elsewhere is no reason to show an empty column here.
    shown = open_app(store.root, state="finished").dataframe[0].proto.column_order
    assert "reason" not in shown


def test_the_names_of_a_grid_are_told_apart(open_app, four):
    store, runs = four
    edits.rename(runs[0], "dense-base, learning rate 0.001, batch size 64", "ada")

    def width(app):
        return json.loads(app.dataframe[0].proto.columns)["run"]["width"]

    assert width(open_app(store.root)) > 280
    assert width(open_app(store.root, search="my second")) == 112


def test_one_chosen_run_leads_to_its_clone(open_app, four):
    store, runs = four
    wanted = {"label": "Clone with changes", "query_string": f"clone={runs[0].id}"}

    def links(app):
        found = [one.proto for one in app.get("page_link")]
        return [{key: getattr(one, key) for key in wanted} for one in found]

    assert wanted in links(open_app(store.root, runs=runs[0].id))
    assert not [one for one in links(open_app(store.root)) if one["label"] == wanted["label"]]


def test_of_many_chosen_runs_the_validation_curves_are_shown_and_it_is_said(
    open_app, four, words, monkeypatch
):
    store, runs = four
    chosen = ",".join(run.id for run in runs)
    assert "Shown:" not in words(open_app(store.root, runs=chosen))
    monkeypatch.setattr(curves, "MOST_LINES", 5)
    app = open_app(store.root, runs=chosen)
    assert "Shown: validation only, as the lines are many." in words(app)
    monkeypatch.setattr(curves, "MOST_RUNS", 3)
    app = open_app(store.root, runs=chosen)
    assert "Shown: 3 of 4 chosen runs, validation only, as the lines are many." in words(app)
    table = pd.DataFrame(
        {"run": list("aaab"), "split": ["train", "validation", "train_eval", "train"]}
    )
    assert curves.first_split(table).index.tolist() == [1, 3]


def test_deleting_is_undone_and_the_choice_comes_back(open_app, four, ids):
    store, runs = four
    app = open_app(store.root, runs=f"{runs[0].id},{runs[3].id}")
    button(app, "Delete (2)").click().run()
    assert not app.exception
    assert set(ids(app)) == {runs[1].id, runs[2].id}
    assert "runs" not in app.query_params
    assert "Trash (2)" in str([one.proto.popover.label for one in app.get("popover")])
    button(app, "Undo").click().run()
    assert len(ids(app)) == 4
    assert set(app.query_params["runs"].split(",")) == {runs[0].id, runs[3].id}
    assert "Undo" not in [one.label for one in app.button]


def test_what_is_refused_is_said_and_the_others_are_seen_to(open_app, four, ids):
    store, runs = four
    app = open_app(store.root, runs=f"{runs[0].id},{runs[1].id}")
    # Somebody else was quicker.
    trash.discard(runs[0].layout)
    button(app, "Delete (2)").click().run()
    (error,) = app.error
    assert "No run is called" in error.value
    assert set(ids(app)) == {runs[2].id, runs[3].id}


def test_name_tags_and_note_are_changed_and_the_row_says_so(open_app, four):
    store, runs = four
    app = open_app(store.root, runs=runs[3].id)
    app.session_state[f"details-{runs[3].id}"] = True  # opened
    app.run()
    text = next(one for one in app.text_input if one.label == "Name")
    text.set_value("final *one*")
    next(one for one in app.text_area if one.label == "Note").set_value("for the slides")
    button(app, "Save").click().run()
    assert not app.exception
    run = store.run(runs[3].id)
    assert (run.name, run.tags, run.note) == ("final *one*", ["lecture"], "for the slides")
    assert app.dataframe[0].value.iloc[0]["run"] == "final *one*"


def test_several_runs_are_tagged_at_once(open_app, four):
    store, runs = four
    app = open_app(store.root, runs=f"{runs[0].id},{runs[1].id}")
    next(one for one in app.multiselect if one.label == "Add").set_value(["lecture"])
    button(app, "Change 2 runs").click().run()
    assert [store.run(run.id).tags for run in runs] == [["lecture"], ["lecture"], [], ["lecture"]]


def test_an_exported_archive_is_imported_elsewhere(finished, tmp_path, monkeypatch):
    _, run = finished
    content = runs_transfer.exported("zip", [run], has_weights=True, by=run.spec["owner"])
    monkeypatch.setenv("PETRIDISH_RUNS", str(tmp_path / "elsewhere"))
    found = runs_transfer.imported("lecture runs.zip", content)
    assert runs_transfer.in_words(found) == "1 run was imported."
    assert Store(tmp_path / "elsewhere").run(run.id).history() == run.history()
    again = runs_transfer.imported("lecture runs.zip", content)
    assert runs_transfer.in_words(again) == "All 1 were here already."
    with pytest.raises(InvalidInput, match=r"'holiday\.zip' is no zip"):
        runs_transfer.imported("../holiday.zip", b"no zip")
    table = runs_transfer.exported("csv", [run], has_weights=False, by=run.spec["owner"])
    assert len(table.splitlines()) == 1 + len(run.history())


def test_weights_are_made_beside_the_server_and_downloaded_when_they_are_ready(
    open_app, finished, data_dir
):
    store, run = finished
    app = open_app(store.root, runs=run.id)
    label = "Best weights with a card (safetensors)"
    button(app, label).click().run()
    assert not app.error and not app.exception
    end = time.monotonic() + 120
    while not any(one.label.startswith("Download petridish") for one in app.download_button):
        assert time.monotonic() < end, "it was not made"
        assert label not in [one.label for one in app.button]
        time.sleep(0.3)
        assert not app.run().exception
    labels = [one.label for one in app.download_button]
    assert f"Download petridish-{run.id}-safetensors.zip" in labels
    (made,) = data_dir.glob("uploads/*/export.zip")
    assert {"model.safetensors", "README.md"} <= set(zipfile.ZipFile(made).namelist())


def test_a_script_of_imported_images_is_handed_out_with_the_folder_that_it_needs(
    open_app, data_dir, tmp_path, words
):
    labels = np.arange(40) % 2
    images = (90 * labels[:, None, None] + np.zeros((40, 8, 8))).astype(np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    import_dataset(tmp_path / "own.npz", "own-images", None, ImportOptions(), data_dir)
    store = Store(tmp_path / "runs")
    settings = {"training.max_epochs": 1, "training.batch_size": 4}
    config = run_config({"name": "own-images"}, "dense-base", settings)
    executor = InlineExecutor(store, data_dir)
    run = submit(store, executor, config.dataset.load(data_dir), config, 0, device="cpu")
    app = open_app(store.root, runs=run.id)
    button(app, "Plain PyTorch script").click().run()
    end = time.monotonic() + 120
    while not any(one.label.startswith("Download petridish") for one in app.download_button):
        assert time.monotonic() < end, "it was not made"
        time.sleep(0.3)
        assert not app.run().exception
    remove_dataset("own-images", data_dir)
    said = words(app).replace("\\", "")
    assert "Start the script with --data FOLDER, the folder imported/own-images below" in said
    assert str(data_dir) not in said


def test_an_onnx_file_is_offered_only_where_its_packages_are(open_app, finished):
    store, run = finished
    app = open_app(store.root, runs=run.id)
    offered = button(app, "Best weights with a card (ONNX)")
    assert offered.disabled == (not has_onnx())
    assert has_onnx() or "pip install 'petridish[onnx]'" in offered.help


def test_a_thousand_runs_are_shown_a_hundred_at_a_time_from_the_chosen_one_on(
    open_app, finished, tmp_path, ids, words
):
    _, run = finished
    many = Store(tmp_path)
    for number in range(250):
        folder = tmp_path / f"20200101-000000-{number:06x}"
        folder.mkdir()
        spec = run.spec | {"id": folder.name}
        (folder / "run.json").write_text(json.dumps(spec))
        (folder / "state.json").write_text(json.dumps({"state": "finished"}))
    app = open_app(tmp_path)
    assert ids(app) == [one.id for one in many.runs()[:100]]
    oldest = many.runs()[-1].id
    app = open_app(tmp_path, runs=oldest)
    assert ids(app)[-1] == oldest and len(ids(app)) == 50
    assert "201 to 250 of 250 runs" in words(app)
    app.query_params["page"] = "2"
    assert ids(app.run()) == [one.id for one in many.runs()[100:200]]
