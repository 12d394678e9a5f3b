from core.differences import (
    Difference,
    differences,
    differences_from_variant,
    pipeline_words,
    setting_words,
    value_words,
)
from core.variants import run_config

DIGITS = {"name": "digits"}


def changed(base, **overrides):
    return base.changed({path.replace("__", "."): value for path, value in overrides.items()})


def between(before, after):
    return differences(before.to_json(), after.to_json())


def test_equal_configs_do_not_differ():
    base = run_config(DIGITS, "dense-base")
    assert between(base, base) == []
    assert differences_from_variant(base.to_json()) == []


def test_each_changed_setting_is_named_with_both_values_in_words():
    base = run_config(DIGITS, "dense-base")
    other = changed(
        base,
        training__learning_rate=0.01,
        training__is_input_standardised=True,
        model__hidden_layers=[64, 32],
    )
    assert between(base, other) == [
        Difference("model.hidden_layers", "hidden layers", "512, 128, 128, 128", "64, 32"),
        Difference("training.learning_rate", "learning rate", "0.001", "0.01"),
        Difference("training.is_input_standardised", "input standardised", "no", "yes"),
    ]


def test_of_another_network_or_data_set_only_that_is_said():
    dense, shapes = run_config(DIGITS, "dense-base"), run_config({"name": "shapes"}, "shapes-net")
    found = between(dense, shapes)
    assert found[:2] == [
        Difference("dataset.name", "data set", "digits", "shapes"),
        Difference("model.name", "network", "dense", "shapes-net"),
    ]
    assert not [one for one in found if one.path.startswith(("dataset.images", "model.channels"))]


def test_stages_are_told_apart_one_by_one_when_there_are_as_many():
    base = run_config({"name": "fashion"}, "fashion-final")
    stages = base.to_json()["stages"]
    stages[1] = {"starts_from": "last", "changes": {"optimizer": "sgd", "learning_rate": 0.1}}
    assert between(base, changed(base, stages=stages)) == [
        Difference("stages.1.starts_from", "stage 2, starts from", "best", "last"),
        Difference("stages.1.changes.learning_rate", "stage 2, learning rate", "as the run", "0.1"),
    ]
    (found,) = between(changed(base, stages=[]), base)
    assert (found.before, found.after) == (
        "one",
        "3 (as the run; optimizer sgd; optimizer sgd, weight decay 0)",
    )


def test_augmentation_is_told_apart_by_step_when_the_steps_are_the_same():
    base = run_config(DIGITS, "fashion-net")
    pipeline = base.to_json()["augmentation"]
    pipeline["steps"][1]["probability"] = 0.25
    (found,) = between(base, changed(base, augmentation=pipeline))
    assert found.path == "augmentation.steps.1.probability"
    assert found.what == "augmentation step 2 (horizontal flip), probability"
    (found,) = between(base, changed(base, augmentation={}))
    assert found == Difference(
        "augmentation", "augmentation", "random crop, horizontal flip (50 %), cutout", "none"
    )


def test_what_an_earlier_version_did_not_know_of_is_no_difference():
    config = run_config(DIGITS, "dense-base").to_json()
    del config["stages"], config["augmentation"], config["training"]["momentum"]
    assert differences_from_variant(config) == []


def test_a_config_of_another_version_gives_none():
    config = run_config(DIGITS, "dense-base").to_json()
    assert differences_from_variant({**config, "variant": "gone"}) is None
    assert differences_from_variant({"dataset": DIGITS}) is None


def test_words_of_names_values_and_pipelines():
    names = ("num_blocks", "has_batch_norm", "is_nesterov", "step_epochs")
    words = ["number of blocks", "batch norm", "nesterov", "step epochs"]
    assert [setting_words(name) for name in names] == words
    assert [value_words(one) for one in (None, True, 1e-3, (0.5, 2), [], "sgd")] == [
        "none",
        "yes",
        "0.001",
        "0.5, 2",
        "none",
        "sgd",
    ]
    steps = [{"name": "zoom", "probability": 0}, {"name": "blur", "probability": 1}]
    assert pipeline_words({"expansion": {"copies": [1, 2]}, "steps": steps}) == (
        "2 fixed copies, blur"
    )
