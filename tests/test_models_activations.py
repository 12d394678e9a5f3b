import math

import numpy as np
import pytest
import torch
from torch import nn

from core.datasets.shapes import label_space
from core.labels import LabelSpace
from core.models.activations import DeadNeurons, dead_shares
from core.models.base import Outputs
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.fashion_net import FashionNet
from core.models.forward import build_network, predict
from core.models.layers import layer_table
from core.models.shapes_net import ShapesNet

CPU = torch.device("cpu")
SPACE = LabelSpace(("cat", "dog"))
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 1, 28, 28), dtype=np.uint8)


class OneReluForAll(nn.Module):
    """A network as someone may write it: one ReLU module, in place, for two layers of unlike width."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(784, 4), nn.Linear(4, 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images):
        hidden = self.relu(self.first(images.flatten(1)))
        hidden += 1  # what comes after in place must not be taken for the activation
        return Outputs(self.relu(self.second(hidden)))


def set_biases(layer, biases):
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor(biases))


def test_a_dense_layer_s_dead_features_are_those_that_are_zero_on_every_image():
    network = build_network(Dense(hidden_layers=(4, 3)), (1, 28, 28), SPACE, seed=0)
    set_biases(network.body[1], [-1.0, 0.0, 0.5, 2.0])
    set_biases(network.body[3], [1.0, 1.0, 1.0])
    assert dead_shares(network, IMAGES, 4, CPU) == {"body.2": 0.5, "body.4": 0.0}


def test_a_feature_map_s_units_are_its_channels():
    architecture = Convolutional(channels=(4, 2), dense_layers=())
    network = build_network(architecture, (1, 28, 28), SPACE, seed=0)
    set_biases(network.body[0], [-1.0, -1.0, -1.0, 1.0])
    set_biases(network.body[3], [1.0, 1.0])
    assert dead_shares(network, IMAGES, 4, CPU) == {"body.2": 0.75, "body.5": 0.0}


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_one_image_in_any_batch_brings_a_unit_to_life(batch_size):
    network = build_network(Dense(hidden_layers=(2,)), (1, 28, 28), SPACE, seed=0)
    set_biases(network.body[1], [-0.5, -0.5])
    with torch.no_grad():
        network.body[1].weight[1, 0] = (
            1.0  # the second unit is alive where the first pixel is bright
        )
    images = np.zeros_like(IMAGES)
    assert dead_shares(network, images, batch_size, CPU) == {"body.2": 1.0}
    images[4, 0, 0, 0] = 255
    assert dead_shares(network, images, batch_size, CPU) == {"body.2": 0.5}


def test_a_relu_used_twice_is_two_layers():
    torch.manual_seed(0)
    network = OneReluForAll()
    set_biases(network.first, [-1.0, -1.0, -1.0, 1.0])
    set_biases(network.second, [-1.0, 1.0])
    assert dead_shares(network, IMAGES, 3, CPU) == {"relu": 0.75, "relu:2": 0.5}


def test_a_standardised_network_has_the_layers_of_the_network():
    plain, wrapped = (
        build_network(ShapesNet(), (1, 28, 28), label_space(), 0, is_standardised=is_standardised)
        for is_standardised in (False, True)
    )
    shares = dead_shares(wrapped, IMAGES, 4, CPU)
    assert shares == dead_shares(plain, IMAGES, 4, CPU)
    names = [row.layer for row in layer_table(plain, (1, 28, 28)) if row.kind == "ReLU"]
    assert list(shares) == names
    assert len(names) == 9


def test_a_network_without_relu_has_nothing_to_watch():
    network = build_network(FashionNet(), (1, 28, 28), SPACE, seed=0)
    assert dead_shares(network, IMAGES, 4, CPU) == {}


def test_watching_changes_neither_outputs_nor_network():
    network = build_network(ShapesNet(), (1, 28, 28), label_space(), seed=0)
    expected, _ = predict(network, IMAGES, 4, CPU)
    with DeadNeurons(network) as dead:
        logits, _ = predict(network, IMAGES, 4, CPU)
    assert np.array_equal(logits, expected)
    assert network.training
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in network.modules()
    )
    assert all(0 <= share <= 1 for share in dead.shares().values())


def test_hooks_go_when_the_pass_fails():
    network = build_network(Dense(), (1, 28, 28), SPACE, seed=0)
    with pytest.raises(RuntimeError), DeadNeurons(network):
        predict(network, IMAGES[:, :, :3], 4, CPU)
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in network.modules()
    )


def test_without_images_no_share_is_known():
    network = build_network(Dense(hidden_layers=(4,)), (1, 28, 28), SPACE, seed=0)
    assert math.isnan(dead_shares(network, IMAGES[:0], 4, CPU)["body.2"])


def test_a_unit_that_is_not_a_number_is_not_dead():
    network = build_network(Dense(hidden_layers=(2,)), (1, 28, 28), SPACE, seed=0)
    set_biases(network.body[1], [float("nan"), -1.0])
    assert dead_shares(network, IMAGES, 4, CPU) == {"body.2": 0.5}
