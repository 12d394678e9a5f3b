"""The page Evaluate: empty, with finished runs, and every cell, class, epoch and run that its link may name."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.folding import clusters
from core.evaluation.samples import samples
from core.runs.state import write_state
from core.runs.store import Store

SECTIONS = {
    "confusion": "Top confused pairs",
    "classes": "Click a row or a bar to see the images of that class",
    "roc": "at this threshold.",
    "precision-recall": "at this threshold.",
    "calibration": "fitted on validation, shown on test",
    "neurons": "Strongest images of the units",
}


def tiles(app):
    data = json.loads(app.get("bidi_component")[0].proto.json)
    return [tile["id"] for tile in data["tiles"]], data


@pytest.fixture(scope="module")
def two(finished, tmp_path_factory):
    """A runs folder with the finished run and a copy of it under another id, whose first answers are others."""
    from core.runs.layout import RunLayout

    store, run = finished
    root = tmp_path_factory.mktemp("two")
    other = "20200101-000000-abcdef"
    for name in (run.id, other):
        shutil.copytree(store.root / run.id, root / name)
    spec = json.loads((root / other / "run.json").read_text())
    (root / other / "run.json").write_text(json.dumps(spec | {"id": other, "seed": 8}))
    path = RunLayout(root / other).test_outputs("class")
    logits = np.load(path)
    logits[:40] = np.roll(logits[:40], 1, axis=1)
    np.save(path, logits)
    runs = {one.id: one for one in Store(root).runs()}
    assert not any(one.damaged for one in runs.values()), runs
    return root, runs[run.id], runs[other]


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    assert "No runs yet" in words(open_app(tmp_path, "evaluate"))


def test_accuracy_comes_with_its_interval_and_the_mistakes_stand_beside_the_matrix(
    open_app, finished
):
    store, run = finished
    app = open_app(store.root, "evaluate")
    assert re.fullmatch(r"\d+\.\d % \[\d+\.\d, \d+\.\d\]", app.metric[0].value)
    assert app.metric[1].value.endswith("nats")
    wrong = samples(run.predictions("test")).query("not is_right")
    assert tiles(app)[0] == wrong["sample_id"].tolist()[:60]
    assert app.query_params["runs"] == run.id


def test_a_stopped_run_answers_on_test_too_and_one_without_answers_says_so(
    open_app, trained, store, words
):
    is_right = np.arange(100) % 4 > 0
    run = trained("dense-base", 0, is_right)
    write_state(run.layout, replace(run.state, state="stopped"))
    app = open_app(store.root, "evaluate", runs=run.id, split="test")
    assert app.segmented_control(key="evaluating-split").value == "test"
    assert app.metric[0].value.startswith("75.0 %")
    bare = trained("dense-wide", 0, is_right, state="stopped")
    app = open_app(store.root, "evaluate", runs=bare.id, split="test")
    assert app.segmented_control(key="evaluating-split").value == "validation"
    assert re.search(r"No answers on test: .*wide.* is stopped\.", words(app))


@pytest.mark.parametrize("section", SECTIONS)
def test_each_view_answers_for_one_run_and_for_two(open_app, two, words, section):
    root, run, other = two
    alone = open_app(root, "evaluate", runs=run.id, section=section)
    assert SECTIONS[section] in words(alone)
    both = open_app(root, "evaluate", runs=f"{run.id},{other.id}", section=section)
    assert not both.metric
    scores = both.dataframe[0].value
    assert scores["accuracy"].tolist() == [
        100 * one.predictions("test").is_right.mean() for one in (run, other)
    ]
    looks = json.loads(both.dataframe[0].proto.columns)
    for name in ("accuracy", "low", "high", "calibration_error"):
        assert looks[name]["type_config"]["format"] == "%.1f %%"


def test_counts_are_not_offered_where_the_classes_count_nothing(open_app, finished):
    store, run = finished
    app = open_app(store.root, "evaluate", runs=run.id, section="counts")
    shown = next(one for one in app.button_group if one.key == "case-switch-section")
    assert "Counts" not in shown.options and "Neurons" in shown.options
    assert shown.value == "confusion"


def test_the_doors_to_errors_say_what_they_open(open_app, two):
    root, run, other = two

    def doors(**query):
        return [one.proto.label for one in open_app(root, "evaluate", **query).get("page_link")]

    all_mistakes = "All mistakes in Errors"
    assert [one for one in doors(runs=run.id) if "in Errors" in one] == [all_mistakes]
    for cell, words in (("3-5", "cell"), ("3-any", "row"), ("any-5", "column")):
        found = doors(runs=run.id, cell=cell)
        assert f"This {words} in Errors" in found and all_mistakes in found
    assert all_mistakes in doors(runs=f"{run.id},{other.id}")


def test_the_gallery_says_which_page_of_how_many_is_shown(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "errors", runs=run.id, split="test")
    assert "Page 1 of 6" in words(app)
    app.session_state["page"] = 2
    assert "Page 2 of 6" in words(app.run())


def test_what_is_shown_is_exported_here_too(open_app, two, words):
    root, run, other = two
    of_one_alone = "A script and weights are made of one run"
    for runs, many in (([run], "1 run"), ([run, other], "2 runs")):
        app = open_app(root, "evaluate", runs=",".join(one.id for one in runs))
        assert "Export" in [one.proto.popover.label for one in app.get("popover")]
        labels = [one.proto.label for one in app.get("download_button")]
        assert {f"Report on {many} (HTML)", f"Archive of {many} (zip)"} <= set(labels)
        weights = app.button(key="export-safetensors")
        assert weights.disabled == (len(runs) > 1) == (of_one_alone in words(app))


def test_an_older_link_with_one_run_is_understood(open_app, finished):
    store, run = finished
    app = open_app(store.root, "evaluate", run=run.id)
    assert app.query_params["runs"] == run.id
    assert "run" not in app.query_params


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_cell_in_the_link_opens_exactly_the_images_that_it_counts(open_app, finished, split):
    store, run = finished
    predictions = run.predictions(split)
    matrix = confusion_matrix(predictions)
    cell = matrix[matrix["count"] > 0].sort_values("count").iloc[-1]
    true, predicted = int(cell["true"]), int(cell["predicted"])
    link = {"runs": run.id, "split": split, "cell": f"{true}-{predicted}"}
    ids, data = tiles(open_app(store.root, "evaluate", **link))
    assert len(ids) == cell["count"]
    assert ids == samples(predictions, true, predicted)["sample_id"].tolist()
    assert f"/{run.id}/{split}?ids={','.join(map(str, ids))}&" in data["sheet"]["url"]


def test_a_cell_of_a_fold_opens_the_images_of_all_its_classes(open_app, finished):
    store, run = finished
    predictions = run.predictions("test")
    fold = clusters(predictions, 2)
    app = open_app(store.root, "evaluate", fold="clusters-2", cell="1-0")
    wanted = np.isin(predictions.labels, fold.members[1])
    wanted &= np.isin(predictions.predicted, fold.members[0])
    ids, _ = tiles(app)
    assert sorted(ids) == predictions.sample_ids[wanted].tolist()[:60] != []


def test_the_epoch_in_the_link_moves_every_number(open_app, finished):
    store, run = finished
    values = set()
    for epoch in (1, 2, 3):
        app = open_app(store.root, "evaluate", split="validation", epoch=str(epoch))
        expected = run.predictions("validation", epoch).is_right.mean()
        assert app.metric[0].value.startswith(f"{100 * expected:.1f} %")
        values.add(app.metric[0].value)
    assert len(values) > 1


def test_an_epoch_that_does_not_exist_is_said_kindly(open_app, finished, words):
    store, _ = finished
    app = open_app(store.root, "evaluate", split="validation", epoch="99")
    assert "The link names the epoch 99; there are outputs of the epochs 1 to 3." in words(app)


def test_a_class_in_the_link_that_does_not_exist_is_said_kindly(open_app, finished, words):
    store, _ = finished
    app = open_app(store.root, "evaluate", **{"section": "roc", "class": "17", "threshold": "x"})
    assert "The link names the class 17, which these 10 classes do not have." in words(app)


def test_a_threshold_in_the_link_is_counted(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "evaluate", **{"section": "roc", "class": "4", "threshold": "0.2"})
    predictions = run.predictions("test")
    found = (predictions.probabilities[:, 4] >= 0.2) & (predictions.labels == 4)
    assert f"Recall {100 * found.sum() / (predictions.labels == 4).sum():.1f} %" in words(app)
    (button,) = [one for one in app.button if one.key == "threshold-true_positive"]
    assert button.label.startswith(f"**{found.sum()}**")


def test_a_click_on_the_cell_of_a_threshold_leads_to_its_images(open_app, finished):
    store, _ = finished
    app = open_app(store.root, "evaluate", **{"section": "roc", "class": "4", "threshold": "0.2"})
    (button,) = [one for one in app.button if one.key == "threshold-false_negative"]
    assert not button.disabled
    button.click().run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Errors"]
    assert (app.query_params["true"], app.query_params["probability"]) == ("4", "4:..0.2")


def test_the_difference_of_two_runs_stands_where_the_matrix_was(open_app, two, words):
    root, run, other = two
    app = open_app(root, "evaluate", runs=f"{run.id},{other.id}", of="difference")
    assert "minus" in words(app)


@pytest.mark.parametrize("cell", ["3-99", "x", "-1-2", "3", "any-10"])
def test_a_cell_that_does_not_exist_is_said_kindly(open_app, finished, words, cell):
    store, _ = finished
    app = open_app(store.root, "evaluate", cell=cell)
    assert "which this confusion matrix of 10 classes does not have" in words(app)


def test_a_cell_without_images_says_so(open_app, finished, words):
    store, run = finished
    matrix = confusion_matrix(run.predictions("test"))
    cell = matrix[matrix["count"] == 0].iloc[0]
    app = open_app(store.root, "evaluate", cell=f"{cell['true']}-{cell['predicted']}")
    assert "No image of this split is in this cell." in words(app)


def test_a_run_without_mistakes_is_not_said_to_have_an_empty_cell(open_app, trained, store, words):
    run = trained("dense-base", 0, np.ones(100, bool))
    app = open_app(store.root, "evaluate", runs=run.id)
    assert "There are no mistakes on this split" in words(app)
    assert "in this cell" not in words(app)


def test_an_unknown_run_in_the_link_is_said_kindly_and_another_shown(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "evaluate", runs="20200101-000000-abcdef")
    assert "of which there is nothing to evaluate here" in words(app)
    assert app.multiselect[0].value == [run.id]


def test_a_run_on_other_images_is_left_out_with_the_reason(open_app, two, words, tmp_path):
    root, run, other = two
    shutil.copytree(root, tmp_path / "runs")
    path = tmp_path / "runs" / other.id / "results" / "test.json"
    stored = json.loads(path.read_text())
    stored["labels"][0] = (stored["labels"][0] + 1) % 10
    path.write_text(json.dumps(stored))
    app = open_app(tmp_path / "runs", "evaluate", runs=f"{run.id},{other.id}")
    assert "Left out:" in words(app)
    assert "it answered 360 other images of test" in words(app)
    assert len(app.metric) > 1


def test_without_the_data_set_the_numbers_are_still_shown(open_app, finished, tmp_path, words):
    store, run = finished
    folder = tmp_path / run.id
    shutil.copytree(store.root / run.id, folder)
    spec = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(spec | {"data_fingerprint": "0" * 64}))
    app = open_app(tmp_path, "evaluate", cell="0-0")
    ids, data = tiles(app)
    assert data["sheet"] is None and ids
    assert "The images cannot be shown: The data set" in words(app)


def test_a_run_without_weights_shows_what_was_stored(open_app, finished, tmp_path):
    store, run = finished
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    shutil.rmtree(tmp_path / run.id / "checkpoints")
    app = open_app(tmp_path, "evaluate", section="neurons")
    assert app.metric[0].value.endswith("]")
