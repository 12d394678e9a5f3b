import pytest
import torch

from core.augmentations.presets import PRESETS
from core.config import RunConfig, Variant
from core.datasets import DATASETS
from core.datasets.fashion import CLASS_NAMES
from core.exceptions import IncompatibleModel, InvalidInput, InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.models.forward import build_network
from core.models.layers import num_parameters
from core.variants import SUITES, VARIANTS, run_config, run_configs

every_variant = pytest.mark.parametrize("name", list(VARIANTS))
every_suite = pytest.mark.parametrize("name", list(SUITES))


@every_variant
def test_a_variant_survives_json(name):
    assert Variant.model_validate_json(VARIANTS[name].model_dump_json()) == VARIANTS[name]


@every_variant
def test_a_variant_goes_by_its_registered_name_and_says_what_it_is(name):
    assert VARIANTS[name].name == name
    assert VARIANTS[name].description.endswith(".")


@every_variant
def test_a_variant_trains_on_some_built_in_data_set(name, tmp_path):
    small = {"digits": {"name": "digits"}, "shapes": {"name": "shapes", "images": 100}}
    built = 0
    for settings in small.values():
        dataset = DATASETS[settings["name"]].checked(settings).load(tmp_path)
        try:
            network = build_network(
                VARIANTS[name].model, dataset.image_shape, dataset.space, seed=0
            )
        except IncompatibleModel:
            continue
        built += num_parameters(network) > 0
    assert built


@every_suite
def test_a_suite_goes_by_its_registered_name_and_says_what_it_is(name):
    assert SUITES[name].name == name
    assert SUITES[name].description.endswith(".")


FASHION_SHAPE, FASHION_SPACE = (1, 32, 32), LabelSpace(CLASS_NAMES)


@every_suite
def test_a_suite_s_configs_resolve_survive_json_and_fit_their_data(name, tmp_path):
    configs = run_configs(SUITES[name])
    assert len(configs) == len(SUITES[name].entries) > 0
    for config in configs:
        assert RunConfig.checked(config.to_json()) == config
        shape, space = FASHION_SHAPE, FASHION_SPACE
        if config.dataset.name != "fashion":  # which must be fetched
            dataset = config.dataset.load(tmp_path)
            shape, space = dataset.image_shape, dataset.space
        config.augmentation.check(shape, space)
        with torch.device("meta"):
            config.model.build(shape, space)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dense-base", 624_778),
        ("dense-wide", 1_184_010),
        ("dense-deep", 690_826),
        ("dense-sgd", 624_778),
        ("dense-l2", 624_778),
        ("dense-batch-norm", 626_570),
        ("dense-dropout", 624_778),
        ("conv-base", 166_986),
        ("conv-wide", 315_146),
        ("conv-deep", 376_042),
        ("conv-sgd", 166_986),
        ("conv-l2", 166_986),
        ("conv-batch-norm", 167_178),
        ("conv-dropout", 166_986),
        ("fashion-final", 4_798_986),
        ("fashion-net", 70_330),
    ],
)
def test_a_fashion_variant_has_the_parameters_of_the_study(name, parameters):
    with torch.device("meta"):
        network = VARIANTS[name].model.build(FASHION_SHAPE, FASHION_SPACE)
    assert num_parameters(network) == parameters


def test_the_shapes_body_has_the_parameters_of_the_study(tmp_path):
    shapes = run_config({"name": "shapes", "images": 100}, "shapes-combined")
    dataset = shapes.dataset.load(tmp_path)
    with torch.device("meta"):
        network = shapes.model.build(dataset.image_shape, dataset.space)
    assert num_parameters(network) == 12_905_933


def test_the_final_model_has_the_study_s_three_stages():
    stages = run_config({"name": "fashion"}, "fashion-final").stage_configs
    assert [(one.optimizer, one.weight_decay) for one in stages] == [
        ("adam", 1e-3),
        ("sgd", 1e-3),
        ("sgd", 0),
    ]
    assert {(one.patience, one.max_epochs) for one in stages} == {(4, 200)}


def test_a_config_is_the_variant_on_the_data_set():
    config = run_config({"name": "digits"}, "conv-base-padded")
    assert config.variant == "conv-base-padded"
    assert config.model == VARIANTS["conv-base-padded"].model
    assert config.training == VARIANTS["conv-base-padded"].training
    assert config.dataset.name == "digits"


def test_a_suite_on_fashion_shows_each_image_as_four_copies():
    for config in run_configs(SUITES["fashion-all"]):
        assert config.augmentation == PRESETS["fashion-study"].pipeline


def test_an_augmentation_replaces_the_variant_s_own_as_a_whole():
    config = run_config({"name": "shapes"}, "shapes-net", {"augmentation": {}})
    assert config.augmentation.is_identity
    assert not run_config({"name": "shapes"}, "shapes-net").augmentation.is_identity


def test_overrides_reach_all_three_groups():
    config = run_config(
        {"name": "shapes"},
        "shapes-net",
        {"dataset.images": 500, "model.dropout": 0.5, "training.learning_rate": "0.01"},
    )
    assert config.dataset.images == 500
    assert config.model.dropout == 0.5
    assert config.training.learning_rate == 0.01
    assert config.training.batch_size == VARIANTS["shapes-net"].training.batch_size


def test_the_shapes_net_has_the_settings_of_its_recipe():
    training = VARIANTS["shapes-net"].training
    assert (training.optimizer, training.learning_rate, training.weight_decay) == (
        "adamw",
        4e-3,
        1e-2,
    )
    assert (training.schedule, training.warmup_share) == ("linear", 0.1)
    assert (training.batch_size, training.max_epochs, training.patience) == (64, 39, 0)


def test_an_unknown_variant_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"No variant is called 'conv-bas'\. Did you mean"):
        run_config({"name": "digits"}, "conv-bas")


def test_any_other_data_set_is_taken_for_an_imported_one_and_refused_when_it_is_loaded(tmp_path):
    config = run_config({"name": "digts"}, "dense-base")
    with pytest.raises(InvalidInput, match=r"'digts' is not here .* Did you mean 'digits'\?"):
        config.dataset.load(tmp_path)


def test_a_data_set_without_a_name_is_refused():
    with pytest.raises(InvalidParameter, match=r"dataset\.name is missing"):
        run_config({}, "dense-base")


def test_a_value_out_of_bounds_names_the_bounds():
    with pytest.raises(
        InvalidParameter, match=r"training\.learning_rate must lie in \(0, 10\]; got 99"
    ):
        run_config({"name": "digits"}, "dense-base", {"training.learning_rate": 99})
