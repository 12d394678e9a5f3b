import pytest
import torch
from torch import nn

from core.datasets.shapes import label_space
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.fashion_net import FashionNet
from core.models.forward import build_network
from core.models.layers import (
    LayerRow,
    check_batch_size,
    dense_stack,
    layer_table,
    multiply_adds,
    num_parameters,
    squared_distances,
)
from core.models.shapes_net import ShapesNet

SPACE = LabelSpace(("cat", "dog"))


def test_the_table_lists_layers_in_order_with_shapes_and_parameters():
    network = Dense(hidden_layers=(5,)).build((1, 2, 3), SPACE)
    assert layer_table(network, (1, 2, 3)) == [
        LayerRow("body.0", "Flatten", (6,), 0, 0),
        LayerRow("body.1", "Linear", (5,), 35, 30),
        LayerRow("body.2", "ReLU", (5,), 0, 0),
        LayerRow("class_head", "Linear", (2,), 12, 10),
    ]
    assert multiply_adds(network, (1, 2, 3)) == 40


def test_a_convolution_multiplies_its_kernel_at_every_place():
    network = Convolutional(channels=(4, 5), padding=1, dense_layers=()).build((3, 8, 10), SPACE)
    convolutions = [row for row in layer_table(network, (3, 8, 10)) if row.kind == "Conv2d"]
    assert [row.multiply_adds for row in convolutions] == [
        (8 * 10) * 4 * (3 * 9),
        (4 * 5) * 5 * (4 * 9),
    ]


def test_the_table_of_a_standardised_network_is_that_of_the_network():
    plain, wrapped = (
        build_network(Dense(), (1, 8, 8), SPACE, seed=0, is_standardised=is_standardised)
        for is_standardised in (False, True)
    )
    assert layer_table(wrapped, (1, 8, 8)) == layer_table(plain, (1, 8, 8))


def test_distances_are_sums_of_squared_differences():
    distances = squared_distances(
        torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    )
    assert distances.tolist() == [[4.0, 1.0]]


def test_batch_norm_over_a_single_value_is_refused_with_its_layer():
    network = Dense(hidden_layers=(5,), has_batch_norm=True).build((1, 2, 3), SPACE)
    with pytest.raises(InvalidParameter) as error:
        check_batch_size(network, (1, 2, 3), 1)
    assert str(error.value) == (
        "Batch norm body.2 has a single value per unit in a batch of one, and cannot normalise it; "
        "training.batch_size must be at least 2."
    )
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        network(torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize(
    ("architecture", "batch_size"),
    [
        (Dense(has_batch_norm=True), 2),
        (Dense(), 1),
        (Convolutional(has_batch_norm=True), 1),
        (FashionNet(), 1),
    ],
)
def test_batches_that_can_be_normalised_pass(architecture, batch_size):
    network = architecture.build((1, 28, 28), SPACE)
    check_batch_size(network, (1, 28, 28), batch_size)
    assert torch.isfinite(network(torch.rand(batch_size, 1, 28, 28)).logits).all()


def test_a_feature_map_of_one_pixel_is_a_single_value_too():
    network = FashionNet().build((1, 4, 4), SPACE)
    with pytest.raises(InvalidParameter, match=r"Batch norm body\.3\.layers\.2 has a single value"):
        check_batch_size(network, (1, 4, 4), 1)


def test_the_table_leaves_the_network_as_it_was():
    network = ShapesNet().build((1, 28, 28), label_space())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer_table(network, (1, 28, 28))
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_frozen_numbers_are_no_parameters():
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    assert num_parameters(layer) == 6


def test_an_empty_stack_passes_its_inputs_on():
    assert dense_stack(7, ()) == ([], 7)
