"""The page Train: the form made from the declared settings, what it says before a start, and what a start does."""

import numpy as np

from core.datasets.importing import import_dataset
from core.datasets.raw import ImportOptions
from core.runs.store import Store


def input_called(app, label):
    kinds = (app.number_input, app.selectbox, app.text_input)
    return next(one for kind in kinds for one in kind if one.label == label)


def button(app, label):
    return next(one for one in app.button if one.label == label)


def choose_digits(app, variant="dense-base"):
    input_called(app, "Data set").select("digits").run()
    return input_called(app, "Variant").select(variant).run()


def test_the_form_has_the_variants_values_ranges_and_help(open_app, tmp_path):
    app = choose_digits(open_app(tmp_path / "none", "train"))
    rate = input_called(app, "Learning rate")
    assert rate.value == 0.001 and rate.step == 0.001 and "Step size" in rate.help
    epochs = input_called(app, "Max epochs")
    assert epochs.value == 30 and epochs.help.endswith("From 1 to 1,000.")
    assert input_called(app, "Hidden layers (features)").value == "512, 128, 128, 128"
    assert input_called(app, "Optimizer").options == ["adam", "adamw", "sgd"]
    assert not (tmp_path / "none").exists()


def test_only_variants_that_fit_the_data_are_offered_and_the_help_says_why(open_app, tmp_path):
    app = choose_digits(open_app(tmp_path, "train"))
    variants = input_called(app, "Variant")
    assert variants.options == ["conv-base-padded", "dense-base"]
    assert "shapes\\-net" in variants.help and "conv\\-base" in variants.help


def test_what_differs_from_the_variant_is_said(open_app, tmp_path, words):
    app = choose_digits(open_app(tmp_path, "train"))
    assert "All settings are those of dense\\-base." in words(app)
    input_called(app, "Learning rate").set_value(0.01).run()
    assert "Learning rate: 0\\.001 → **0\\.01**" in words(app)


def test_bad_settings_are_said_and_nothing_is_queued(open_app, tmp_path, words):
    app = choose_digits(open_app(tmp_path, "train"))
    input_called(app, "Learning rate").set_value(0.0).run()
    assert "learning\\_rate must lie in" in app.error[0].value
    assert "Start" not in [one.label for one in app.button]
    input_called(app, "Learning rate").set_value(99.0).run()
    assert "must lie in (0, 10]; got 99" in app.error[0].value.replace("\\", "")
    assert "Start" not in [one.label for one in app.button]
    input_called(app, "Learning rate").set_value(0.001)
    input_called(app, "Hidden layers (features)").set_value("128, many").run()
    assert "whole numbers with commas between them" in app.error[0].value
    input_called(app, "Hidden layers (features)").set_value("16")
    input_called(app, "Batch size (samples)").set_value(5000).run()
    button(app, "Start").click().run()
    assert "at most the 1077 training samples" in app.error[0].value
    input_called(app, "Batch size (samples)").set_value(64)
    input_called(app, "Seeds").set_value("four").run()
    assert "seeds must look like 3, 0" in app.error[0].value.replace("\\", "")
    assert Store(tmp_path).runs() == []


def test_start_queues_a_run_per_seed_and_an_equal_finished_run_is_offered(
    open_app, tmp_path, wait_until, words
):
    app = choose_digits(open_app(tmp_path, "train"))
    input_called(app, "Max epochs").set_value(1)
    input_called(app, "Hidden layers (features)").set_value("16")
    input_called(app, "Seeds").set_value("0,1").run()
    button(app, "Start 2 runs").click().run()
    assert not app.exception and not app.error
    store = Store(tmp_path)
    assert sorted(run.seed for run in store.runs()) == [0, 1]
    assert app.query_params["runs"]
    wait_until(lambda: all(run.state.state == "finished" for run in store.runs()))

    app = choose_digits(open_app(tmp_path, "train"))
    input_called(app, "Max epochs").set_value(1)
    input_called(app, "Hidden layers (features)").set_value("16").run()
    assert "This run was done before with equal settings, seed and data." in words(app)
    assert {"Open what is there", "Run again"} <= {one.label for one in app.button}
    button(app, "Open what is there").click().run()
    assert len(store.runs()) == 2


def test_an_imported_set_is_offered_with_all_variants_however_small_it_is(
    open_app, data_dir, tmp_path
):
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "few.npz", images=images, labels=np.arange(40) % 2)
    import_dataset(tmp_path / "few.npz", "few", None, ImportOptions(), data_dir, lambda *_: None)
    app = open_app(tmp_path / "none", "train")
    input_called(app, "Data set").select("few").run()
    assert {"conv-base", "dense-base"} <= set(input_called(app, "Variant").options)
    button(app, "Start").click().run()
    assert "batch\\_size must be at most the 24" in app.error[0].value
