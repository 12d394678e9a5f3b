"""The page Evaluate: empty, with a finished run, and every cell that its link may name."""

import json
import re
import shutil

import pytest

from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.samples import samples


def tiles(app):
    data = json.loads(app.get("bidi_component")[0].proto.json)
    return [tile["id"] for tile in data["tiles"]], data


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    assert "No runs yet" in words(open_app(tmp_path, "evaluate"))


def test_accuracy_comes_with_its_interval_and_the_mistakes_stand_below(open_app, finished):
    store, run = finished
    app = open_app(store.root, "evaluate")
    assert re.fullmatch(r"\d+\.\d % \[\d+\.\d, \d+\.\d\]", app.metric[0].value)
    assert app.metric[1].value.endswith("nats")
    wrong = samples(run.predictions("test")).query("not is_right")
    assert tiles(app)[0] == wrong["sample_id"].tolist()[:60]
    assert app.query_params["run"] == run.id


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_cell_in_the_link_opens_exactly_the_images_that_it_counts(open_app, finished, split):
    store, run = finished
    predictions = run.predictions(split)
    matrix = confusion_matrix(predictions)
    for cell in matrix[matrix["count"] > 0].sort_values("count").iloc[[0, -1]].to_dict("records"):
        true, predicted = cell["true"], cell["predicted"]
        link = {"run": run.id, "split": split, "cell": f"{true}-{predicted}"}
        ids, data = tiles(open_app(store.root, "evaluate", **link))
        assert len(ids) == cell["count"]
        assert ids == samples(predictions, true, predicted)["sample_id"].tolist()
        assert f"/{run.id}/{split}?ids={','.join(map(str, ids))}&" in data["sheet"]["url"]


def test_a_class_in_the_link_opens_all_its_images(open_app, finished):
    store, run = finished
    ids, _ = tiles(open_app(store.root, "evaluate", cell="4-any"))
    assert ids == samples(run.predictions("test"), true=4)["sample_id"].tolist()


def test_each_tile_has_all_its_numbers(open_app, finished):
    store, _ = finished
    _, data = tiles(open_app(store.root, "evaluate", cell="0-0"))
    tile = data["tiles"][0]
    assert (tile["true"], tile["predicted"], tile["right"]) == ("0", "0", True)
    assert tile["top"][0] == ["0", tile["confidence"]] and len(tile["top"]) == 3
    assert tile["loss"].endswith(" nats")


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


def test_an_unknown_run_in_the_link_is_said_kindly_and_another_shown(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "evaluate", run="20200101-000000-abcdef")
    assert "of which there is nothing to evaluate here" in words(app)
    assert app.selectbox[0].value == run.id


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
