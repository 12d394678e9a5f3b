"""Pipelines by name, presets before saved ones."""

import pytest

from core.augmentations.pipeline import SCHEMA_VERSION, AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.zoom import Zoom
from core.exceptions import InvalidParameter, UnknownName
from core.pipelines import pipeline_named, pipeline_names, save_pipeline
from core.runs import saved

ZOOM = AugmentationPipeline(steps=(Zoom(probability=0.5, k=3),))


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_presets_name_means_the_preset(tmp_path, name):
    saved.save(tmp_path, "pipelines", name, ZOOM.to_json(), by="ada")
    assert pipeline_named(name, tmp_path) == PRESETS[name].pipeline
    assert pipeline_names(tmp_path) == tuple(PRESETS)


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_can_be_saved_under_another_name_and_comes_back(tmp_path, name):
    kept = save_pipeline(tmp_path, f" my {name}\n", PRESETS[name].pipeline, by="ada")
    assert kept == f"my {name}"
    assert pipeline_named(kept, tmp_path) == PRESETS[name].pipeline
    assert pipeline_names(tmp_path) == (*PRESETS, kept)


def test_no_pipeline_is_saved_under_a_presets_name(tmp_path):
    with pytest.raises(InvalidParameter) as raised:
        save_pipeline(tmp_path, "fashion-study ", ZOOM, by="ada")
    assert str(raised.value) == (
        "'fashion-study' is the name of a preset. Save under another name."
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "near"), [("fashion-studie", "fashion-study"), ("my zom", "my zoom")]
)
def test_an_unknown_name_suggests_the_nearest_of_both(tmp_path, name, near):
    save_pipeline(tmp_path, "my zoom", ZOOM, by="ada")
    with pytest.raises(UnknownName) as raised:
        pipeline_named(name, tmp_path)
    assert str(raised.value) == f"No pipeline is called {name!r}. Did you mean {near!r}?"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"schema_version": SCHEMA_VERSION + 1},
            "The saved pipeline 'mine': schema_version: a later version of Petridish wrote this pipeline",
        ),
        (
            {"steps": [{"name": "zoom", "k": 99}]},
            "The saved pipeline 'mine': steps: step 1 (zoom): k must lie in [1, 16]; got 99.",
        ),
    ],
)
def test_a_saved_pipeline_is_checked_when_it_is_loaded(tmp_path, changes, message):
    saved.save(tmp_path, "pipelines", "mine", {**ZOOM.to_json(), **changes}, by="ada")
    with pytest.raises(InvalidParameter) as raised:
        pipeline_named("mine", tmp_path)
    assert str(raised.value).startswith(message)
