"""The sections that need a network, each mounted alone: with results, without weights, without the data set."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.features import BODY
from core.analysis.subject import subject_of
from core.jobs.analysis_tasks import arguments_of
from core.jobs.analyst_tasks import TASKS
from core.runs.store import Store

PAGE = """
import streamlit as st
from dashboard import data
from dashboard.widgets.{name}_section import {name}_section
run = data.store().run("{run}")
st.session_state["returned"] = str({name}_section({arguments}, "part"))
"""
ARGUMENTS = {
    "saliency": "run, 'test', 5",
    "neighbours": "run, 'test', 5",
    "embedding": "run, 'test'",
    "robustness": "[run], 'test'",
    "units": "run",
}
SETTINGS = {
    "neighbours": ("features", {"layer": BODY}),
    "embedding": ("embedding", {"layer": BODY, "way": "pca", "split": "test"}),
    "robustness": ("robustness", {"split": "test", "num_samples": 1000}),
    "units": ("units", {"layer": "body.2", "split": "validation"}),
}


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished[0].root, tmp_path / "runs")
    return Store(tmp_path / "runs")


@pytest.fixture
def mounted(store, data_dir, monkeypatch):
    """Mounts a section of the store's only run: `mounted("units")`."""

    def make(name, arguments=None):
        monkeypatch.setenv("PETRIDISH_RUNS", str(store.root))
        monkeypatch.setenv("PETRIDISH_DATA", str(data_dir))
        (run,) = store.runs()
        text = PAGE.format(name=name, run=run.id, arguments=arguments or ARGUMENTS[name])
        app = AppTest.from_string(text, default_timeout=120).run()
        assert not app.exception, app.exception
        return app

    return make


def work_out(store, data_dir, name):
    task, settings = SETTINGS[name]
    (run,) = store.runs()
    arguments = arguments_of(subject_of(run)) | {"settings": settings}
    if task == "robustness":
        arguments = {"runs": [arguments_of(subject_of(run))], "settings": settings}
    TASKS[task].work(arguments, data_dir, lambda _share, _what: None)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_not_worked_out_is_offered_and_nothing_starts_by_itself(name, mounted, data_dir):
    # Other tests of this session may have asked for something.
    before = sorted((data_dir / "tasks").glob("*"))
    app = mounted(name)
    assert app.button(key="part-start").label == "Work it out"
    assert sorted((data_dir / "tasks").glob("*")) == before


@pytest.mark.parametrize("name", ["embedding", "robustness", "units"])
def test_what_is_kept_is_shown_without_a_network(name, mounted, store, data_dir, words):
    work_out(store, data_dir, name)
    app = mounted(name)
    assert not [one for one in app.button if one.key == "part-start"]
    assert app.session_state["returned"] == "None"
    assert not app.info
    if name == "units":
        assert "units are dead" in words(app) or "never above zero" in words(app)


def test_only_fewer_images_than_there_are_can_be_chosen_for_the_robustness(mounted, store):
    assert len(store.runs()[0].predictions("test")) <= 1000
    assert not mounted("robustness").segmented_control


def test_a_point_of_the_robustness_opens_the_images_that_it_costs(mounted, store, data_dir, words):
    work_out(store, data_dir, "robustness")
    app = mounted("robustness")
    (run,) = store.runs()
    app.session_state["part-point"] = [run.id, "shift", 3.0]
    app.run()
    assert not app.exception
    assert "shift 3\\*\\*" not in words(app) and "right as they are and wrong here" in words(app)
    assert app.session_state["returned"].startswith("[")
    app.session_state["part-point"] = [run.id, "shift", 77.0]
    assert not app.run().exception and app.session_state["returned"] == "None"


def test_what_was_chosen_on_a_map_is_returned_for_that_map_only(mounted, store, data_dir, words):
    work_out(store, data_dir, "embedding")
    app = mounted("embedding")
    (run,) = store.runs()
    name = f"{run.id} {SETTINGS['embedding'][1]}"
    app.session_state["part-chosen"] = [name, 3, 5]
    app.run()
    assert app.session_state["returned"] == "[3, 5]" and "2 samples" in words(app)
    app.button(key="part-forget").click().run()
    assert app.session_state["returned"] == "None"
    app.session_state["part-chosen"] = ["another map", 3, 5]
    assert app.run().session_state["returned"] == "None"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_run_without_weights_is_a_sentence(name, mounted, store, words):
    (run,) = store.runs()
    run.layout.best_json.unlink()
    app = mounted(name)
    assert "has no weights" in "\n".join(one.value for one in app.info)


@pytest.mark.parametrize("name", ["saliency", "neighbours", "embedding", "robustness", "units"])
def test_a_data_set_that_has_changed_is_a_sentence(name, mounted, store):
    from core.runs import files

    (run,) = store.runs()
    files.write_json(run.layout.run_json, run.spec | {"data_fingerprint": "0" * 64})
    app = mounted(name)
    assert "has changed since this run was trained" in "\n".join(one.value for one in app.info)


@pytest.mark.parametrize("number", ["10**6", "-7"])
def test_an_image_that_does_not_exist_is_a_sentence(number, mounted, store, data_dir):
    work_out(store, data_dir, "neighbours")
    for name in ("saliency", "neighbours"):
        app = mounted(name, f"run, 'test', {number}")
        assert len(app.info) == 1 and "image" in app.info[0].value
