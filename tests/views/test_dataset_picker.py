"""Which data set a page opens with within a visit, and what the pages say of one whose classes nobody declared."""

import contextlib

import numpy as np
import pytest

from core.datasets.importing import import_dataset, remove_dataset
from core.datasets.raw import ImportOptions
from core.exceptions import InvalidInput

SMALL_SHAPES = {"dataset": "shapes", "settings": "images:400"}
SHIFT = '{"steps":[{"name":"shift","probability":1}]}'


@pytest.fixture
def open_augment(open_app, tmp_path):
    """Return a function that opens the page Augment on an empty runs folder with a query."""
    return lambda **query: open_app(tmp_path / "runs", "augment", **query)


def called(elements, label):
    return next(one for one in elements if one.label == label)


def in_link(app, name):
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


@pytest.fixture
def signs(data_dir, tmp_path):
    """An imported data set whose classes Petridish does not know, in the data folder that the page tests share."""
    images = np.random.default_rng(3).integers(0, 255, (60, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "signs.npz", images=images, labels=np.arange(60) % 2)
    import_dataset(
        tmp_path / "signs.npz", "signs", None, ImportOptions(), data_dir, lambda *_: None
    )
    yield "signs"
    with contextlib.suppress(InvalidInput):
        remove_dataset("signs", data_dir)  # unless the test did


def go(app, page, **query):
    """Open another page in the same visit, as its name in the sidebar does, or by a link."""
    app.query_params.clear()
    app.switch_page(f"views/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception


def test_of_unknown_classes_images_stay_as_they_are_and_a_flip_is_warned_of(
    open_augment, words, signs
):
    app = open_augment(dataset=signs)
    assert called(app.selectbox, "Start from").value == "none"
    assert "does not know these classes" not in words(app)
    called(app.selectbox, "Start from").select("fashion-recipe").run()
    warned = [one.value for one in app.caption if "does not know these classes" in one.value]
    assert len(warned) == 1 and "as a left arrow does" in warned[0]
    go(app, "train", dataset=signs, variants="dense-base", augmentation="fashion-recipe")
    assert words(app).count("does not know these classes") == 1
    go(app, "augment", dataset="digits", pipeline="fashion-recipe")
    assert "does not know these classes" not in words(app)


def test_within_a_visit_every_page_opens_with_the_data_set_chosen_last(open_augment, signs):
    app = open_augment(label="7", seed="4", pipeline=SHIFT, dataset="digits")
    go(app, "data")
    assert called(app.selectbox, "Data set").value == "digits"
    called(app.selectbox, "Data set").select(signs).run()
    go(app, "augment")
    # What was said of the digits is gone, the pipeline and its seed are not.
    assert in_link(app, "dataset") == signs and in_link(app, "label") is None
    assert in_link(app, "pipeline") == SHIFT and in_link(app, "seed") == "4"
    go(app, "train")
    assert in_link(app, "dataset") == signs
    go(app, "data")
    assert in_link(app, "dataset") == signs


def test_a_link_goes_before_the_data_set_chosen_last_and_brings_its_settings_along(open_augment):
    app = open_augment(dataset="digits")
    go(app, "data", **SMALL_SHAPES)
    go(app, "augment")
    assert {name: in_link(app, name) for name in SMALL_SHAPES} == SMALL_SHAPES
    go(app, "data", dataset="digits")
    assert in_link(app, "dataset") == "digits"
    go(app, "train")
    assert in_link(app, "dataset") == "digits" and in_link(app, "settings") is None


def test_a_data_set_that_was_removed_since_is_not_asked_for(open_augment, signs, data_dir):
    app = open_augment(dataset=signs)
    go(app, "data")
    assert in_link(app, "dataset") == signs
    called(app.selectbox, "Data set").select("digits").run()
    go(app, "augment", dataset=signs)
    remove_dataset(signs, data_dir)
    go(app, "data", section="Classes", settings="images:400")
    assert in_link(app, "dataset") == "shapes" and not app.warning
