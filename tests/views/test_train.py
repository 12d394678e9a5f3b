"""The page Train: what it offers, what it says before a start, what a start, a grid and a clone do."""

import shutil

import numpy as np
import orjson
import pytest

from core.augmentations.presets import PRESETS
from core.config import TrainingConfig
from core.datasets.importing import import_dataset, remove_dataset
from core.datasets.raw import ImportOptions
from core.jobs import analyst
from core.jobs.retries import MOST_RETRIES
from core.pipelines import save_pipeline
from core.runs.store import Store
from dashboard.widgets.run_form import FIRST, GROUPS

DENSE = {"dataset": "digits", "variants": "dense-base"}


def input_called(app, label):
    kinds = (app.number_input, app.selectbox, app.text_input, app.multiselect, app.toggle)
    return next(one for kind in kinds for one in kind if one.label == label)


def input_called_like(app, start):
    return next(one for one in [*app.number_input, *app.text_input] if one.label.startswith(start))


def button(app, label):
    return next(one for one in app.button if one.label == label)


def labels(app):
    return [one.label for one in app.button]


def plain(text):
    return text.replace("\\", "")


def param(app, key):
    value = app.query_params[key]
    return value[0] if isinstance(value, list) else value


@pytest.fixture
def open_train(open_app, tmp_path):
    """Return a function that opens the page on a runs folder of the test's own, by a link."""
    return lambda **query: open_app(tmp_path, "train", **{**DENSE, **query})


def test_the_form_has_the_variants_values_ranges_and_help(open_train, tmp_path):
    app = open_train()
    rate = input_called(app, "Learning rate")
    assert rate.value == 0.001 and rate.step == 0.001 and "Step size" in rate.help
    epochs = input_called(app, "Max epochs")
    assert epochs.value == 30 and epochs.help.endswith("From 1 to 1,000.")
    assert input_called(app, "Hidden layers (features)").value == "512, 128, 128, 128"
    assert input_called(app, "Optimizer").options == ["adam", "adamw", "sgd"]
    assert Store(tmp_path).runs() == []


def test_every_training_setting_has_its_place_in_the_form(open_train):
    placed = [*FIRST, *(name for names in GROUPS.values() for name in names)]
    assert sorted(placed) == sorted(TrainingConfig.model_fields)
    assert "Other" not in [one.value for one in open_train().caption]


def test_a_data_set_is_chosen_and_only_variants_that_fit_it_are_offered(open_app, tmp_path, words):
    app = open_app(tmp_path, "train")
    input_called(app, "Data set").select("digits").run()
    variants = input_called(app, "Variants")
    assert variants.value == ["conv-base-padded"]
    assert "shapes-net" not in variants.options and "conv-base" not in variants.options
    assert "conv\\-base" in variants.help and "3x3 are left of the 8x8" in plain(variants.help)
    app = open_app(tmp_path, "train", dataset="digits", variants="conv-base,gone,dense-base")
    assert "conv-base is left out: Convolution 2 of 2" in plain(app.warning[0].value)
    assert "gone is left out: No variant is called that." in plain(app.warning[1].value)
    input_called(app, "Variants").set_value([]).run()
    assert "Choose what to train" in words(app) and "Start" not in labels(app)


def test_what_differs_from_the_variant_is_said_and_stands_in_the_link(open_train, words):
    app = open_train()
    assert "All settings are those of dense\\-base." in words(app)
    input_called(app, "Learning rate").set_value(0.01).run()
    assert "Learning rate: 0\\.001 → **0\\.01**" in words(app)
    link = param(app, "changes")
    assert orjson.loads(link) == {"training.learning_rate": 0.01}
    app = open_train(changes=link)
    assert input_called(app, "Learning rate").value == 0.01
    input_called(app, "Learning rate").set_value(0.001).run()
    assert "changes" not in app.query_params


def test_the_page_is_found_as_it_was_left(open_train):
    app = open_train(seeds="0-2")
    input_called(app, "Learning rate").set_value(0.01).run()
    app.switch_page("views/runs.py").run()
    app.query_params.clear()
    app.switch_page("views/train.py").run()
    assert input_called(app, "Learning rate").value == 0.01
    assert input_called(app, "Seeds").value == "0-2"
    assert input_called(app, "Variants").value == ["dense-base"]


def test_what_is_typed_with_the_url_of_a_late_browser_undoes_nothing_of_before(open_train):
    app = open_train()
    late = dict(app.query_params)
    for label, value in [
        ("Learning rate", 0.01),
        ("Patience", 0),
        ("Seeds", "4"),
        ("Max epochs", 7),
    ]:
        field = input_called_like(app, label)
        # A browser that has not drawn yet sends what was typed with the URL from before all of it.
        app.query_params.clear()
        for name, text in late.items():
            app.query_params[name] = text
        field.set_value(value).run()
    changed = {"training.learning_rate": 0.01, "training.patience": 0, "training.max_epochs": 7}
    assert orjson.loads(param(app, "changes")) == changed
    assert param(app, "seeds") == "4" and input_called(app, "Seeds").value == "4"
    assert input_called_like(app, "Patience").value == 0


def test_a_link_that_says_something_else_goes_before_what_was_just_typed(open_train):
    app = open_train()
    input_called(app, "Learning rate").set_value(0.01).run()
    app.query_params["variants"] = "dense-sgd"
    del app.query_params["changes"]
    app.run()
    assert input_called(app, "Variants").value == ["dense-sgd"]
    assert "changes" not in app.query_params


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"changes": "{"}, "They are no JSON object."),
        ({"changes": '{"model.padding": 1}'}, "No setting is called 'model.padding'"),
        ({"changes": '{"training.batch_size": 0}'}, "batch_size must lie in"),
        ({"clone": "20260101-000000-abcdef"}, "No run is called"),
        ({"suite": "gone"}, "no suite is called that"),
        ({"suite": "shapes-regimes"}, "shapes-counts does not fit"),
        ({"augmentation": "gone"}, "No pipeline is called 'gone'"),
    ],
)
def test_a_link_that_cannot_be_used_is_named_and_the_rest_of_it_is(open_train, query, said):
    app = open_train(**query)
    assert said in plain(app.warning[0].value)
    assert "Start" in labels(app)


def test_a_grid_in_a_link_that_is_none_is_named(open_train):
    for grid, said in (("[1]", "grid must be a JSON object"), ('{"x": 1}', "list of values")):
        app = open_train(grid=grid)
        assert said in plain(app.error[0].value)
        assert "Start" not in labels(app)


def test_bad_settings_are_said_before_anything_is_queued(open_train, tmp_path):
    app = open_train()
    for label, value, said in (
        ("Learning rate", 99.0, "must lie in (0, 10]; got 99"),
        ("Learning rate", 0.0, "learning_rate must lie in"),
        ("Hidden layers (features)", "128, many", "whole numbers with commas between them"),
        ("Batch size (samples)", 5000, "at most the 1077 training samples"),
        ("Seeds", "four", "seeds must look like 3, 0"),
        ("Seeds", "99999999999", "seeds must look like"),
        ("Seeds", "9999999999", "seed must lie in"),
    ):
        widget = input_called(app, label)
        before = widget.value
        widget.set_value(value).run()
        assert said in plain(app.error[0].value)
        assert "Start" not in labels(app)
        input_called(app, label).set_value(before).run()
    assert not app.error and "Start" in labels(app)
    assert Store(tmp_path).runs() == []


def test_batch_norm_with_batches_of_one_is_named_with_the_layer(open_train):
    app = open_train(variants="dense-batch-norm")
    input_called(app, "Batch size (samples)").set_value(1).run()
    assert "training.batch_size must be at least 2" in plain(app.error[0].value)


@pytest.fixture
def few(data_dir, tmp_path):
    """An imported data set of 24 training images."""
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "few.npz", images=images, labels=np.arange(40) % 2)
    import_dataset(tmp_path / "few.npz", "few", None, ImportOptions(), data_dir, lambda *_: None)
    yield "few"
    remove_dataset("few", data_dir)


def test_an_imported_set_is_offered_with_all_variants_however_small_it_is(
    open_app, few, tmp_path, words
):
    app = open_app(tmp_path / "none", "train", dataset=few, variants="conv-base")
    assert {"conv-base", "dense-base"} <= set(input_called(app, "Variants").options)
    assert input_called(app, "Batch size (samples)").value == 4
    assert not app.error and "Start" in labels(app)
    assert "Batch size 4 instead of 256: there are only 24 training images" in plain(words(app))
    assert "Batch size: 256 → **4**" in words(app) and "changes" not in app.query_params
    input_called(app, "Batch size (samples)").set_value(256).run()
    assert "at most the 24 training samples" in plain(app.error[0].value)
    assert "Take 4: on the page Train under 'Batch size'" in plain(app.error[0].value)


def test_several_variants_and_a_suite_are_fitted_to_few_images(open_app, few, tmp_path, words):
    app = open_app(tmp_path / "none", "train", dataset=few, variants="conv-base,dense-base")
    assert not app.error and "Start 2 runs" in labels(app)
    assert "Batch size 4 instead of 256" in words(app)
    app = open_app(tmp_path / "none", "train", dataset=few, suite="fashion-dense")
    assert not app.error and "Start 7 runs" in labels(app)
    button(app, "Start 7 runs").click().run()
    runs = Store(tmp_path / "none").runs()
    assert {run.config["training"]["batch_size"] for run in runs} == {4} and len(runs) == 7


def test_what_is_worth_knowing_of_data_and_augmentation_is_said_before_a_start(
    open_app, tmp_path, words
):
    app = open_app(tmp_path / "none", "train", dataset="shapes", settings="images:300")
    assert "Step 1 \\(symmetry\\) changes labels" in words(app)
    assert "classes that the training split lacks" in words(app)
    assert len(app.image) == 1 and "Start" in labels(app)


def test_a_refused_augmentation_is_said_and_a_saved_one_is_applied(open_train, tmp_path, words):
    app = open_train(augmentation="fashion-recipe")
    assert "a mirrored 2 looks like a 5" in app.error[0].value
    assert "Start" not in labels(app)
    wanted = PRESETS["fashion-recipe"].pipeline
    kept = wanted.model_copy(update={"steps": wanted.steps[:1]})
    save_pipeline(tmp_path, "only crops", kept, "ada")
    app = open_train(augmentation="only crops")
    assert "Augmentation: none → **random crop**" in words(app)
    assert len(app.image) == 1
    input_called(app, "Augmentation").select("").run()
    assert "All settings are those of" in words(app) and "augmentation" not in app.query_params


def test_stages_are_added_moved_and_removed(open_train, words):
    app = open_train()
    button(app, "Train in stages").click().run()
    button(app, "Add a stage").click().run()
    second = [one for one in app.multiselect if one.label.startswith("Settings that this")][1]
    second.set_value(["optimizer"]).run()
    [one for one in app.selectbox if one.label == "Optimizer"][1].select("sgd").run()
    assert "Stages: one → **2 \\(as the run; optimizer sgd\\)**" in words(app)
    next(one for one in app.button if one.help == "Move stage 2 to be earlier").click().run()
    assert "2 \\(optimizer sgd; as the run\\)" in words(app)
    next(one for one in app.button if one.help == "Remove stage 2").click().run()
    assert "1 \\(optimizer sgd\\)" in words(app)
    next(one for one in app.button if one.help == "Remove stage 1").click().run()
    assert "All settings are those of" in words(app)


def test_a_change_for_all_runs_leaves_the_augmentation_alone(open_train, words):
    app = open_train(variants="dense-base,dense-sgd", augmentation="fashion-recipe")
    input_called(app, "Settings").set_value(["training.batch_size"]).run()
    input_called(app, "Batch size (samples): values").set_value("64, 128").run()
    assert orjson.loads(param(app, "grid")) == {"training.batch_size": [64, 128]}
    assert "Left out" not in words(app) and param(app, "augmentation") == "fashion-recipe"


def test_several_values_and_seeds_make_a_grid_whose_size_is_said_and_limited(
    open_train, tmp_path, words
):
    app = open_train(seeds="0-1")
    input_called(app, "Settings").set_value(["training.learning_rate"]).run()
    values = input_called(app, "Learning rate: values")
    assert values.value == "0.001"
    values.set_value("0.001, 0.003").run()
    assert "**4 runs**: 1 variant × 2 values of learning rate × 2 seeds" in words(app)
    assert "Start 4 runs" in labels(app)
    input_called(app, "Seeds").set_value("0-499").run()
    assert "At most 500 runs can be started together; these would be 1,000" in app.error[0].value
    assert Store(tmp_path).runs() == []


def test_start_queues_a_grid_by_name_and_equal_finished_runs_are_reused(
    open_train, tmp_path, wait_until, words
):
    query = {
        "changes": '{"training.max_epochs": 1, "model.hidden_layers": [16]}',
        "grid": '{"training.learning_rate": [0.001, 0.003]}',
    }
    app = open_train(**query)
    button(app, "Start 2 runs").click().run()
    assert not app.exception and not app.error
    store = Store(tmp_path)
    assert {run.name for run in store.runs()} == {
        "dense-base, learning rate 0.001",
        "dense-base, learning rate 0.003",
    }
    assert param(app, "runs")
    wait_until(lambda: all(run.state.state == "finished" for run in store.runs()))

    app = open_train(**query, seeds="0-1")
    assert "2 of 4 runs were done before with equal settings, seed and data." in words(app)
    assert {"Start 2, reuse 2", "Run again"} <= set(labels(app))
    assert "From 2 finished runs on this machine" in words(app)
    app = open_train(**query)
    button(app, "Open what is there").click().run()
    assert len(store.runs()) == 2


def test_runs_go_on_by_themselves_after_a_restart_as_often_as_asked(open_train, tmp_path):
    app = open_train(changes='{"training.max_epochs": 1, "model.hidden_layers": [16]}', seeds="0-1")
    retries = input_called(app, "Retries after a restart")
    assert (retries.value, retries.min, retries.max) == (0, 0, MOST_RETRIES)
    assert "goes on by itself, from its last checkpoint" in retries.help
    retries.set_value(2).run()
    button(app, "Start 2 runs").click().run()
    assert not app.exception and not app.error
    assert [run.spec["retries"] for run in Store(tmp_path).runs()] == [2, 2]


def test_a_clone_has_all_settings_of_the_run_and_becomes_its_child(
    open_app, finished, tmp_path, words
):
    store, run = finished
    shutil.copytree(store.root, tmp_path / "runs")
    app = open_app(tmp_path / "runs", "train", clone=run.id)
    assert param(app, "dataset") == "digits"
    assert input_called(app, "Seeds").value == "3"
    assert input_called(app, "Max epochs").value == 3
    assert input_called(app, "Hidden layers (features)").value == "32"
    assert f"All settings are those of {run.title}" in plain(words(app))
    assert "Open what is there" in labels(app)
    input_called(app, "Batch size (samples)").set_value(64).run()
    assert "Batch size: 256 → **64**" in words(app)
    assert "Max epochs" not in words(app)
    button(app, "Start").click().run()
    (child,) = [one for one in Store(tmp_path / "runs").runs() if one.id != run.id]
    assert child.spec["parent"] == run.id and child.seed == 3
    assert child.config["training"]["batch_size"] == 64
    assert child.config["model"] == run.config["model"]


def test_the_mark_of_a_clone_leads_back_to_the_variants(open_app, finished):
    store, run = finished
    app = open_app(store.root, "train", clone=run.id)
    next(one for one in app.button if one.label.startswith("Clone of")).click().run()
    assert input_called(app, "Variants").value == ["dense-base"]
    assert input_called(app, "Max epochs").value == 30
    assert "clone" not in app.query_params


def test_a_suite_is_queued_with_its_own_settings(open_train, words):
    app = open_train(suite="demo", seeds="0-2")
    assert input_called(app, "Variants").value == ["conv-base-padded", "dense-base"]
    assert "**6 runs**: 2 variants × 3 seeds" in words(app)
    table = app.dataframe[0].value
    assert "batch size: 32" in table["Here"][0]
    input_called(app, "or a suite").set_value(None).run()
    assert "suite" not in app.query_params


def test_time_and_memory_are_tried_where_no_finished_run_tells(
    open_train, data_dir, wait_until, words
):
    app = open_train(changes='{"model.hidden_layers": [17]}')
    button(app, "Estimate time and memory").click().run()
    asked = (data_dir / "tasks").glob("*/request.json")
    (key,) = [one.parent.name for one in asked if b'"probe"' in one.read_bytes()]
    wait_until(lambda: analyst.status(data_dir, key).state != "running")
    app.run()
    assert "From 2 seconds of training on this machine." in words(app)
    assert "MiB of memory" in words(app)


def test_the_layers_of_the_network_are_shown_with_what_they_cost(open_train):
    app = open_train(variants="conv-base-padded")
    (table,) = [one.value for one in app.dataframe if "multiply_adds" in one.value]
    assert table["parameters"].sum() == 35_914
    assert any("35,914 parameters, 330,368 multiply-adds" in one.value for one in app.caption)


def test_changed_settings_go_along_when_a_second_variant_is_chosen(open_train):
    changes = '{"training.max_epochs":6,"model.has_batch_norm":true}'
    app = open_train(variants="dense-base", changes=changes)
    app.multiselect(key="train-variants").set_value(["dense-base", "conv-base-padded"]).run()
    assert orjson.loads(param(app, "grid")) == {"training.max_epochs": [6]}
    assert "changes" not in app.query_params
    assert "belong to one variant" in app.toast[0].value
