"""Contract of every architecture in MODELS."""

import pytest
import torch

from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models import MODELS
from core.models.forward import build_network
from core.models.layers import layer_table, num_parameters

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
@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 32, 32), (3, 29, 23)])
def test_an_architecture_maps_images_of_any_shape_to_logits(name, image_shape):
    network = build_network(MODELS[name](), image_shape, SPACE, seed=0)
    outputs = network(torch.rand(5, *image_shape))
    assert outputs.logits.shape == (5, 3)
    assert torch.isfinite(outputs.logits).all()
    assert outputs.counts is None or outputs.counts.shape == (5, 2)


@every_architecture
@pytest.mark.parametrize("image_shape", [(1, 8, 8), (1, 1, 1), (3, 20, 2)])
def test_a_small_image_is_taken_or_the_layer_that_it_is_too_small_for_is_named(name, image_shape):
    refusal = None
    try:
        network = build_network(MODELS[name](), image_shape, SPACE, seed=0).eval()
    except IncompatibleModel as error:
        refusal = str(error)
    if refusal is None:
        assert network(torch.rand(2, *image_shape)).logits.shape == (2, 3)
    else:
        height, width = image_shape[1:]
        assert refusal.startswith("Convolution ")
        assert f" are left of the {height}x{width} image. " in refusal


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
def test_standardising_the_input_draws_the_same_weights(name):
    plain = build_network(MODELS[name](), (3, 28, 28), SPACE, seed=3)
    wrapped = build_network(MODELS[name](), (3, 28, 28), SPACE, seed=3, is_standardised=True)
    weights = wrapped.network.state_dict()
    assert list(weights) == list(plain.state_dict())
    assert all(torch.equal(weights[key], value) for key, value in plain.state_dict().items())


@every_architecture
def test_every_parameter_gets_a_gradient(name):
    network = build_network(MODELS[name](), (1, 28, 28), SPACE, seed=0)
    outputs = network(torch.rand(8, 1, 28, 28))
    loss = outputs.logits.square().sum()
    if outputs.counts is not None:
        loss = loss + outputs.counts.square().sum()
    loss.backward()
    assert [key for key, value in network.named_parameters() if value.grad is None] == []


@every_architecture
def test_the_layers_parameters_sum_to_the_network_s(name):
    network = build_network(MODELS[name](), (1, 28, 28), SPACE, seed=0)
    rows = layer_table(network, (1, 28, 28))
    assert sum(row.num_parameters for row in rows) == num_parameters(network)


@every_architecture
def test_layers_can_be_listed_without_weights(name):
    with torch.device("meta"):
        hollow = MODELS[name]().build((1, 28, 28), SPACE)
    network = build_network(MODELS[name](), (1, 28, 28), SPACE, seed=0)
    assert layer_table(hollow, (1, 28, 28)) == layer_table(network, (1, 28, 28))


@every_architecture
def test_every_setting_says_what_it_means_in_one_sentence(name):
    for setting in MODELS[name].model_fields.values():
        assert setting.description and setting.description.endswith(".")
