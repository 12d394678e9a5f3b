import torch
from torch import nn

from core.datasets.shapes import label_space
from core.labels import LabelSpace
from core.models.dense import Dense
from core.models.layers import LayerRow, dense_stack, layer_table, num_parameters
from core.models.shapes_net import ShapesNet

SPACE = LabelSpace(("cat", "dog"))


def test_the_table_lists_layers_in_order_with_shapes_and_parameters():
    network = Dense(hidden_layers=(5,)).build((1, 2, 3), SPACE)
    assert layer_table(network, (1, 2, 3)) == [
        LayerRow("body.0", "Flatten", (6,), 0),
        LayerRow("body.1", "Linear", (5,), 35),
        LayerRow("body.2", "ReLU", (5,), 0),
        LayerRow("class_head", "Linear", (2,), 12),
    ]


def test_the_table_s_parameters_sum_to_the_network_s():
    network = ShapesNet().build((1, 28, 28), label_space())
    rows = layer_table(network, (1, 28, 28))
    assert sum(row.num_parameters for row in rows) == num_parameters(network)


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
