import subprocess
import sys

import orjson
import pytest

from core.config import (
    RunConfig,
    TrainingConfig,
    Variant,
    parsed_overrides,
    parsed_seeds,
)
from core.exceptions import InvalidInput, InvalidParameter, UnknownName
from core.runs.run import config_sha256
from core.variants import run_config

CONV = run_config({"name": "shapes", "images": 500}, "conv-base")


def refusal(kind, call, *arguments):
    with pytest.raises(kind) as raised:
        call(*arguments)
    return str(raised.value)


def test_a_config_survives_json():
    values = orjson.loads(orjson.dumps(CONV.to_json()))
    assert RunConfig.checked(values) == CONV
    assert RunConfig.model_validate_json(CONV.model_dump_json()) == CONV


def test_a_config_names_every_setting():
    values = CONV.to_json()
    assert set(values) == {"dataset", "variant", "model", "training", "stages", "augmentation"}
    assert set(values["training"]) == set(TrainingConfig.model_fields)
    assert values["model"]["channels"] == [32, 64]
    assert values["dataset"] == {
        "name": "shapes",
        "images": 500,
        "seed": 0,
        "has_single_figures": False,
    }


def test_every_setting_says_what_it_means():
    for name, field in TrainingConfig.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_a_run_of_before_there_was_augmentation_has_none():
    values = CONV.to_json()
    del values["stages"], values["augmentation"]
    assert RunConfig.checked(values) == CONV


def staged(*stages):
    return CONV.changed({"stages": list(stages)})


def test_a_stage_changes_the_run_s_training_settings_and_keeps_the_others():
    config = staged({}, {"changes": {"optimizer": "sgd", "max_epochs": 5}})
    assert config.stage_configs[0] == CONV.training
    assert config.stage_configs[1] == CONV.training.model_copy(
        update={"optimizer": "sgd", "max_epochs": 5}
    )
    assert config.max_epochs == CONV.training.max_epochs + 5
    assert RunConfig.checked(config.to_json()) == config


def test_without_stages_there_is_one():
    assert CONV.stage_configs == (CONV.training,)
    assert CONV.max_epochs == CONV.training.max_epochs


def test_an_override_reaches_every_stage_that_does_not_change_it():
    config = staged({}, {"changes": {"max_epochs": 5}}).changed({"training.max_epochs": 2})
    assert [one.max_epochs for one in config.stage_configs] == [2, 5]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            {"changes": {"optimiser": "sgd"}},
            "stages.0.changes: No setting is called 'optimiser'. Did you mean 'optimizer'?",
        ),
        (
            {"changes": {"learning_rate": 99}},
            "stages.0.changes: learning_rate must lie in (0, 10]; got 99.",
        ),
        (
            {"changes": {"test_time_averaging": "symmetries"}},
            "stages.0.changes: test_time_averaging holds for the whole run; set it in training instead.",
        ),
        ({"start": "best"}, "No setting is called 'stages.0.start'. Did you mean"),
    ],
)
def test_a_bad_stage_is_named(stage, message):
    assert message in refusal(InvalidParameter, staged, stage)


def test_settings_that_exclude_each_other_over_a_stage_are_refused():
    config = CONV.changed({"training.optimizer": "sgd", "training.momentum": 0.9})
    config = config.changed({"training.is_nesterov": True})
    message = refusal(
        InvalidParameter, config.changed, {"stages": [{"changes": {"optimizer": "adam"}}]}
    )
    assert "is_nesterov needs optimizer sgd with a momentum above 0." in message


def test_training_nothing_is_refused():
    message = refusal(
        InvalidParameter,
        TrainingConfig.checked,
        {"class_loss_weight": 0, "count_loss_weight": 0},
    )
    assert "nothing would be trained" in message


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("training.learning_rate", 99, "training.learning_rate must lie in (0, 10]; got 99."),
        ("training.max_epochs", 0, "training.max_epochs must lie in [1, 1000]; got 0."),
        ("training.max_epochs", 2.5, "training.max_epochs must be a whole number; got 2.5."),
        ("training.max_epochs", "", "training.max_epochs must be a whole number; got ''."),
        ("training.batch_size", 65_537, "training.batch_size must lie in [1, 65536]; got 65537."),
        (
            "training.optimizer",
            "adm",
            "training.optimizer must be one of 'adam', 'adamw' or 'sgd'; got 'adm'.",
        ),
        (
            "model.padding",
            True,
            "model.padding must be a number, not true or false; got True.",
        ),
        (
            "training.weight_decay",
            "NaN",
            "training.weight_decay must be a finite number; got 'NaN'.",
        ),
        ("model.channels", [0], "model.channels.0 must lie in [1, 2048]; got 0."),
        ("model.channels", 5, "model.channels must be a list; got 5."),
        ("dataset.images", 99, "dataset.images must lie in [100, 1e+06]; got 99."),
        ("dataset.seed", -1, "dataset.seed must lie in [0, 4294967295]; got -1."),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(path, value, message):
    assert refusal(InvalidParameter, CONV.changed, {path: value}) == message


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("training.learning_rat", "training.learning_rate"),
        ("trainng.learning_rate", "training.learning_rate"),
        ("learning_rate", "training.learning_rate"),
        ("model.chanels", "model.channels"),
        ("training.learning_rate.more", "training.learning_rate"),
    ],
)
def test_an_unknown_setting_gets_a_suggestion(path, nearest):
    message = f"No setting is called {path!r}. Did you mean {nearest!r}?"
    assert refusal(UnknownName, CONV.changed, {path: 1}) == message


@pytest.mark.parametrize("path", ["", ".", "variant", "training", "model.channels.0"])
def test_what_is_no_setting_cannot_be_changed(path):
    assert refusal(UnknownName, CONV.changed, {path: 1}).startswith(
        f"No setting is called {path!r}."
    )


def test_an_unknown_model_gets_a_suggestion():
    message = "No model is called 'cnv'. Did you mean 'conv'?"
    assert refusal(UnknownName, CONV.changed, {"model.name": "cnv"}) == message
    values = CONV.to_json() | {"model": {"name": "cnv"}}
    assert refusal(InvalidParameter, RunConfig.checked, values) == message


def test_an_unknown_data_set_is_refused_when_it_is_loaded_because_any_may_have_been_imported(
    tmp_path,
):
    config = RunConfig.checked(CONV.to_json() | {"dataset": {"name": "shaeps"}})
    assert refusal(InvalidInput, config.dataset.load, tmp_path) == (
        "The data set 'shaeps' is not here (any more): import it again under this name."
        " Did you mean 'shapes'?"
    )


@pytest.mark.parametrize(
    ("path", "mine", "other"),
    [("model.name", "conv", "dense"), ("dataset.name", "shapes", "digits")],
)
def test_an_override_cannot_make_it_another_model_or_data_set(path, mine, other):
    assert refusal(InvalidParameter, CONV.changed, {path: other}) == (
        f"{path} must stay {mine!r}; got {other!r}. Choose another variant or data set instead."
    )
    assert CONV.changed({path: mine}) == CONV


def test_a_change_makes_another_config():
    changed = CONV.changed({"training.learning_rate": 0.01, "model.channels": [8]})
    assert changed.training.learning_rate == 0.01
    assert changed.model.channels == (8,)
    assert CONV.training.learning_rate == 1e-3
    assert CONV.model.channels == (32, 64)


def test_a_variant_s_name_fits_into_links_and_file_names():
    message = refusal(
        InvalidParameter, Variant.checked, {"name": "My Net", "model": {"name": "dense"}}
    )
    assert message == "name must match ^[a-z0-9-]{1,40}$; got 'My Net'."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("training.learning_rate=0.01", 0.01),
        ("training.learning_rate=1e-2", 0.01),
        (" training.learning_rate =5", 5),
        ("training.learning_rate=[1, 2]", [1, 2]),
        ("training.learning_rate=sgd", "sgd"),
        ("training.learning_rate=a=b", "a=b"),
        ("training.learning_rate=", ""),
        ("training.learning_rate=null", None),
        ("training.learning_rate=true", True),
        ("training.learning_rate=007", "007"),
        ("training.learning_rate=NaN", "NaN"),
    ],
)
def test_an_override_s_value_is_json_or_text(text, value):
    assert parsed_overrides([text]) == {"training.learning_rate": value}


def test_the_last_override_of_a_setting_counts():
    assert parsed_overrides(["a.b=1", "c.d=2", "a.b=3"]) == {"a.b": 3, "c.d": 2}
    assert parsed_overrides([]) == {}


def test_an_override_without_a_value_is_refused():
    assert refusal(InvalidParameter, parsed_overrides, ["training.learning_rate"]) == (
        "Write GROUP.NAME=VALUE; got 'training.learning_rate'."
    )


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", [3]),
        ("0-4", [0, 1, 2, 3, 4]),
        ("0,2,5", [0, 2, 5]),
        ("5, 0 - 2,1", [0, 1, 2, 5]),
        ("7-7", [7]),
        ("2147483647", [2147483647]),
        ("0-999", list(range(1000))),
        ("1-600,500-1000", list(range(1, 1001))),
    ],
)
def test_seeds_are_named_one_by_one_or_from_to(text, seeds):
    assert parsed_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "-1", "1-", "1,,2", "1.5", "0x1", "1-2-3", "1 2"])
def test_seeds_of_another_form_are_refused(text):
    assert refusal(InvalidParameter, parsed_seeds, text) == (
        f"seeds must look like 3, 0-4 or 0,2,5; got {text!r}."
    )


def test_seeds_in_the_wrong_order_are_refused():
    assert refusal(InvalidParameter, parsed_seeds, "3-1") == (
        "seeds must name the smaller seed first; got '3-1'."
    )


@pytest.mark.parametrize("text", ["0-1000", "0-9999999999", "0-999,1000"])
def test_more_seeds_than_anybody_means_are_refused(text):
    assert refusal(InvalidParameter, parsed_seeds, text) == (
        f"seeds must name at most 1,000 seeds; got {text!r}."
    )


def test_a_config_s_hash_depends_on_its_values_only():
    values = CONV.to_json()
    turned = {key: values[key] for key in reversed(values)}
    assert config_sha256(turned) == config_sha256(values)
    assert config_sha256(orjson.loads(orjson.dumps(values))) == config_sha256(values)
    assert config_sha256(CONV.changed({"training.learning_rate": 0.002}).to_json()) != (
        config_sha256(values)
    )
    # Equal numbers are equal settings, however they were written.
    assert config_sha256(CONV.changed({"training.weight_decay": 0}).to_json()) == (
        config_sha256(values)
    )


def test_a_config_s_hash_is_the_same_in_another_process():
    program = (
        "from core.runs.run import config_sha256; from core.variants import run_config; "
        "print(config_sha256(run_config({'name': 'shapes', 'images': 500}, 'conv-base').to_json()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == config_sha256(CONV.to_json())


def test_the_hash_is_that_of_the_sorted_json():
    # As `printf '{"a":[1,2.5],"b":"c"}' | sha256sum` gives it: stored runs are compared by it for ever.
    assert config_sha256({"b": "c", "a": [1, 2.5]}) == (
        "43bc8dcfe805697df180d37d91918d6a1891f5ab96f820fcde5670ea3eba40ca"
    )
