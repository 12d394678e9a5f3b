"""Contract of every architecture in MODELS."""

import pytest
import torch

from core.labels import LabelSpace
from core.models import MODELS
from core.models.forward import build_network

SPACE = LabelSpace(
    class_names=("one cat", "two cats", "one dog"),
    count_names=("cats", "dogs"),
    class_counts=((1, 0), (2, 0), (0, 1)),
)

every_architecture = pytest.mark.parametrize("name", list(MODELS))


@every_architecture
def test_an_architecture_goes_by_its_registered_name(name):
    assert MODELS[name]().name == name


@every_architecture
@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 20, 17)])
def test_an_architecture_maps_images_of_any_shape_to_logits(name, image_shape):
    network = build_network(MODELS[name](), image_shape, SPACE, seed=0)
    outputs = network(torch.rand(5, *image_shape))
    assert outputs.logits.shape == (5, 3)
    assert torch.isfinite(outputs.logits).all()
    assert outputs.counts is None or outputs.counts.shape == (5, 2)


@every_architecture
def test_an_architecture_survives_json(name):
    architecture = MODELS[name]()
    assert MODELS[name].model_validate_json(architecture.model_dump_json()) == architecture


@every_architecture
def test_equal_seeds_give_equal_weights_and_others_do_not(name):
    first, same, other = (
        build_network(MODELS[name](), (1, 28, 28), SPACE, seed).state_dict() for seed in (7, 7, 8)
    )
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_architecture
def test_every_parameter_gets_a_gradient(name):
    network = build_network(MODELS[name](), (1, 28, 28), SPACE, seed=0)
    outputs = network(torch.rand(8, 1, 28, 28))
    outputs.logits.square().sum().backward()
    assert [key for key, value in network.named_parameters() if value.grad is None] == []


@every_architecture
def test_every_setting_says_what_it_means_in_one_sentence(name):
    for setting in MODELS[name].model_fields.values():
        assert setting.description and setting.description.endswith(".")
