"""The page Predict: empty, a file predicted in the background, an image drawn or uploaded, figures placed by hand.

A test gives no click to a canvas: what the click of a browser does is `tests/browser/test_predict.py`'s.
"""

import base64
import io
import json
import os
import shutil
import signal
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.charts.style import percent
from core.config import RunConfig
from core.datasets.placed_figures import PlacedFigures
from core.datasets.shapes import FIGURES_PER_IMAGE, TYPE_NAMES, label_space
from core.inference import Predictor
from core.jobs import analyst
from core.jobs.analyst_tasks import upload_folder
from core.jobs.inline import InlineExecutor
from core.jobs.predict_task import TABLE, TASK
from core.jobs.submit import submit
from core.runs import locks
from core.runs.store import Store
from core.variants import run_config
from dashboard.widgets.pixel_canvas import decoded_drawing
from dashboard.widgets.predict_file_section import _time_taken

FOLDER = "0123456789abcdef"


def canvas(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


def button(app, label):
    (found,) = [one for one in app.button if one.label == label]
    return found


def in_link(app, name):
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def shapes(tmp_path_factory, data_dir):
    """A runs folder with a short run of each of two variants on shapes, the first with counts. Tests only read it."""
    store = Store(tmp_path_factory.mktemp("shapes"))
    executor, runs = InlineExecutor(store, data_dir), []
    for variant, rate, epochs in (("shapes-net", 0.003, 2), ("dense-base", 0.01, 8)):
        settings = {"max_epochs": epochs, "learning_rate": rate, "batch_size": 16}
        settings = {f"training.{name}": value for name, value in settings.items()}
        config = run_config({"name": "shapes", "images": 200}, variant, settings)
        run = submit(store, executor, config.dataset.load(data_dir), config, seed=1)
        runs.append(store.run(run.id))
        assert runs[-1].state.state == "finished", runs[-1].state
    return store, runs


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


def test_a_prediction_names_who_answered_once_others_are_chosen(
    open_app, finished, predicted_folder, shapes, tmp_path, words
):
    (_, run), (store, (_, dense)) = finished, shapes
    both = Store(tmp_path / "both")
    both.root.mkdir()
    for one in (run, dense):
        shutil.copytree(one.layout.path, both.root / one.id)
    link = {"prediction": predicted_folder, "kept": FOLDER}

    app = open_app(both.root, "predict", runs=run.id, **link)
    assert "12 images predicted" in words(app) and "Answered by" not in words(app)
    (trained_on,) = [one for one in app.selectbox if one.label == "Trained on"]
    trained_on.select(dense.spec["data_fingerprint"]).run()
    assert in_link(app, "runs") == dense.id
    answered = [one.value.replace("\\", "") for one in app.warning]
    title = f"{run.title} (digits)"
    assert answered == [f"Answered by {title}, not by the choice above."]

    copied = open_app(both.root, "predict", runs=dense.id, **link)
    assert [one.value.replace("\\", "") for one in copied.warning] == answered
    # Who answered may be gone since.
    alone = open_app(store.root, "predict", runs=dense.id, **link)
    assert run.id in alone.warning[0].value.replace("\\", "")
    assert "not here any more" in alone.warning[0].value


def test_a_prediction_that_is_cancelled_leaves_nothing_half_written(
    open_app, finished, data_dir, tmp_path, words, wait_until
):
    store, _ = finished
    source = tmp_path / "many.csv"
    with source.open("w") as file:
        file.write(",".join(["ID", *(f"pix{number}" for number in range(1, 65))]) + "\n")
        for number in range(100_000):
            file.write(f"{number}{',0' * 64}\n")
    app = open_app(store.root, "predict")
    (path,) = [one for one in app.text_input if "on this machine" in one.label]
    path.set_value(str(source))
    button(app, "Predict").click().run()
    key, folder = in_link(app, "prediction"), data_dir / "uploads" / in_link(app, "kept")
    wait_until(lambda: any(folder.iterdir()) or analyst.status(data_dir, key).state != "running")
    assert any(folder.iterdir()), analyst.status(data_dir, key)
    # Held still while it writes: the test must not depend on who is quicker.
    process = locks.holder(data_dir / "tasks" / key / "alive.lock")
    os.kill(process, signal.SIGSTOP)
    try:
        half = [one.name for one in folder.iterdir()]
        assert half and TABLE not in half
        app.run()
        button(app, "Cancel").click().run()
    finally:
        os.kill(process, signal.SIGCONT)
    wait_until(lambda: analyst.status(data_dir, key).state != "running")
    app.run()
    assert "Cancelled. Nothing was changed." in words(app).replace("\\", "")
    assert "images predicted" not in words(app) and not app.get("download_button")
    assert list(folder.iterdir()) == []
    button(app, "Predict another file").click().run()
    assert "prediction" not in app.query_params and button(app, "Predict")


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


def shares_and_counts(run, image):
    """Return what a run's network says of an image without the page: K probabilities, and T counts or None."""
    logits, counts = Predictor.load(run).predict(image[None])
    shares = np.exp(logits[0].astype(np.float64) - logits[0].max())
    return shares / shares.sum(), None if counts is None else counts[0]


def first_cell(run, shares):
    """Return the first class as the page writes it."""
    label = int(shares.argmax())
    return f"{CLASS_NAMES[run.dataset][label]}  {percent(shares[label])}"


CLASS_NAMES = {"digits": [str(label) for label in range(10)], "shapes": label_space().class_names}


def test_an_uploaded_image_is_shown_and_answered_as_the_network_sees_it(
    open_app, finished, data_dir, words
):
    store, run = finished
    digit = RunConfig.checked(run.config).dataset.load(data_dir).split("test").images[0]
    # Half as large and yellow, worth 0.886 of white (ITU-R BT.601): what the network sees is known by hand.
    small = digit[0, ::2, ::2]
    content = io.BytesIO()
    Image.fromarray(np.stack([small, small, 0 * small], axis=2)).save(content, "png")
    seen = np.rint(0.886 * small).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    app = open_app(store.root, "predict", view="One image", source="Upload")
    assert "Choose an image file." in words(app)
    app.file_uploader[0].set_value(("digit.png", content.getvalue(), "image/png")).run()
    said = words(app).replace("\\", "")
    assert "As the network sees it**: 8x8 pixels, grey" in said
    assert "The images are 4x4 pixels; training had 8x8. They were resized." in said
    assert "The images are in colour; training had images grey." in said
    png = base64.b64decode(canvas(app)["sheet"]["png"])
    sheet = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    np.testing.assert_array_equal(sheet[:8, :8], seen)
    assert app.dataframe[0].value["class 0"].tolist() == [
        first_cell(run, shares_and_counts(run, seen[None])[0])
    ]

    app.file_uploader[0].set_value(("digit.png", b"no image", "image/png")).run()
    assert "digit.png" in app.error[0].value.replace("\\", "")
    assert not app.dataframe


def test_placing_figures_changes_classes_and_counts_of_every_chosen_variant(
    open_app, shapes, words
):
    store, runs = shapes
    net = runs[0]
    ids = ",".join(run.id for run in runs)
    first, both = "s5-5", "s5-5_c7-7"
    app = open_app(store.root, "predict", runs=ids, view="Place figures")

    def shown(text):
        """Check the page against image and networks, and return what it says."""
        placed = PlacedFigures.parsed(text)
        drawn = base64.b64decode(canvas(app)["pixels"])
        np.testing.assert_array_equal(np.frombuffer(drawn, np.uint8), placed.image.ravel())
        classes, counts = (one.value for one in app.dataframe)
        (of_net, counted), (of_dense, uncounted) = (
            shares_and_counts(run, placed.image) for run in runs
        )
        firsts = [first_cell(net, one) for one in (of_net, of_dense, (of_net + of_dense) / 2)]
        assert classes["class 0"].tolist() == firsts
        assert classes["run"].tolist()[2:] == ["Mean of 2"]
        assert counts["run"].tolist() == ["True", classes["run"].iloc[0]]
        numbers = counts[list(TYPE_NAMES)].to_numpy()
        assert numbers[0].tolist() == list(placed.counts)
        np.testing.assert_allclose(numbers[1], counted, atol=1e-5)
        assert uncounted is None
        return classes.to_numpy().tolist(), numbers.tolist()

    nothing = shown("")
    assert button(app, "Undo").disabled and "nothing yet" in words(app)
    app.query_params["figures"] = first
    app.run()
    with_one = shown(first)
    assert "1 squares" in words(app)
    app.query_params["figures"] = both
    app.run()
    with_two = shown(both)
    # Where the two overlap, the pixels are black again, as in the data.
    alone = [PlacedFigures.parsed(text).image for text in (first, "c7-7")]
    np.testing.assert_array_equal(PlacedFigures.parsed(both).image, alone[0] ^ alone[1])
    assert (alone[0] & alone[1]).any()
    for before, after in ((nothing, with_one), (with_one, with_two)):
        assert before[1][1] != after[1][1]

    button(app, "Undo").click().run()
    assert in_link(app, "figures") == first
    assert shown(first) == with_one

    button(app, "Random image").click().run()
    text = in_link(app, "figures")
    placed = PlacedFigures.parsed(text)
    assert len(placed.places) == FIGURES_PER_IMAGE and placed.label is not None
    with_ten = shown(text)
    assert "a class of the data set" in words(app)
    assert nothing[1][1] != with_ten[1][1]

    button(app, "Clear").click().run()
    assert "figures" not in app.query_params
    assert shown("") == nothing


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
