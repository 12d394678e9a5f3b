"""The page Predict: empty, a file predicted in the background, an image drawn, figures placed by hand."""

import base64
import json
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.config import RunConfig
from core.jobs import analyst
from core.jobs.analyst_tasks import upload_folder
from core.jobs.predict_task import TASK
from dashboard.widgets.pixel_canvas import decoded_drawing
from dashboard.widgets.predict_file_section import _time_taken

FOLDER = "0123456789abcdef"


def canvas(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    assert "No run can answer yet" in words(open_app(tmp_path, "predict"))


def test_the_newest_run_answers_and_a_form_asks_for_a_file(open_app, finished):
    store, run = finished
    app = open_app(store.root, "predict")
    assert app.multiselect[0].value == [run.id]
    assert [button.label for button in app.button if button.label == "Predict"] == ["Predict"]


def test_counts_are_not_offered_where_the_classes_count_nothing(open_app, finished):
    store, _ = finished
    labels = [one.label for one in open_app(store.root, "predict").checkbox]
    assert "the class's name" in labels
    assert not any("counts" in label for label in labels)


def test_a_short_time_is_no_nought():
    assert [_time_taken(seconds) for seconds in (0.02, 0.99, 1.2, 80)] == [
        "less than a second",
        "less than a second",
        "1 s",
        "1 min 20 s",
    ]


def test_a_run_in_the_link_that_has_no_weights_is_said(open_app, finished):
    store, run = finished
    app = open_app(store.root, "predict", runs="20990101-000000-abcdef")
    assert "20990101" in app.warning[0].value
    assert app.multiselect[0].value == [run.id]


def test_without_a_file_nothing_is_started(open_app, finished):
    store, _ = finished
    app = open_app(store.root, "predict")
    next(one for one in app.button if one.label == "Predict").click().run()
    assert "Choose a file to upload" in app.error[0].value
    assert "prediction" not in app.query_params


@pytest.fixture
def predicted_folder(finished, data_dir, tmp_path):
    """Predict a folder of images as the page does; returns the task's key."""
    store, run = finished
    dataset = RunConfig.checked(run.config).dataset.load(data_dir)
    source = tmp_path / "images"
    source.mkdir()
    for number, image in enumerate(dataset.split("test").images[:12]):
        Image.fromarray(image[0]).save(source / f"{number:02}.png")
    upload_folder(data_dir, FOLDER)
    arguments = {
        "runs_dir": str(store.root),
        "runs": [run.id],
        "path": str(source),
        "folder": FOLDER,
        "columns": {},
        "averaging": None,
        "is_inverted": False,
        "skip_unreadable": False,
    }
    key = analyst.start(data_dir, TASK, arguments)
    end = time.monotonic() + 120
    while analyst.status(data_dir, key).state == "running":
        assert time.monotonic() < end, "it did not end"
        time.sleep(0.1)
    return key


def test_a_prediction_shows_its_table_and_the_images_behind_it(
    open_app, finished, predicted_folder, words
):
    store, run = finished
    app = open_app(store.root, "predict", prediction=predicted_folder, kept=FOLDER)
    assert "12 images predicted" in words(app)
    stored = run.predictions("test").predicted[:12]
    cards = canvas(app)["cards"]
    names = [card["pictures"][0]["caption"] for card in cards]
    assert names == [str(label) for label in stored]
    label = int(stored[0])
    app.query_params["taken-for"] = str(label)
    app.run()
    shown = [card["pictures"][0]["caption"] for card in canvas(app)["cards"]]
    assert shown == [str(label)] * int((stored == label).sum())


def test_a_prediction_that_is_gone_is_said(open_app, finished, words):
    store, _ = finished
    app = open_app(store.root, "predict", prediction="ab" * 16, kept=FOLDER)
    assert "no longer kept" in words(app)


def test_a_canvas_waits_for_a_drawing(open_app, finished, words):
    store, _ = finished
    app = open_app(store.root, "predict", view="One image")
    assert "Draw in the square" in words(app)
    assert canvas(app)["mode"] == "draw" and (canvas(app)["width"], canvas(app)["height"]) == (8, 8)


@pytest.mark.parametrize(
    ("value", "is_drawing"),
    [
        ("0:" + base64.b64encode(bytes([0, 9, 0, 255])).decode(), True),
        ("1:" + base64.b64encode(bytes([0, 9, 0, 255])).decode(), False),
        ("0:" + base64.b64encode(bytes(4)).decode(), False),
        ("0:" + base64.b64encode(bytes([1, 2])).decode(), False),
        ("0:!!", False),
        (None, False),
        ({"a": 1}, False),
        ("0:é", False),
    ],
)
def test_only_a_drawing_of_this_canvas_is_taken(value, is_drawing):
    found = decoded_drawing(value, 0, 2, 2)
    assert (found is not None) == is_drawing
    if found is not None:
        np.testing.assert_array_equal(found, [[0, 9], [0, 255]])


def test_figures_are_for_runs_of_shapes_only(open_app, finished):
    store, _ = finished
    app = open_app(store.root, "predict")
    views = next(one for one in app.get("button_group") if one.label == "What to predict")
    assert [option.content for option in views.proto.options] == ["A file", "One image"]


def test_a_table_of_many_classes_shows_the_most_frequent():
    from dashboard.predict_data import Outcome

    facts = {"per_class": list(range(100)), "class_names": [str(one) for one in range(100)]}
    table = Outcome(facts, np.zeros((0, 1, 1, 1), np.uint8), "ab").per_class
    assert isinstance(table, pd.DataFrame) and len(table) == 30
    assert table["count"].tolist() == list(range(99, 69, -1))
