"""Building blocks that more than one family uses, and what there is to say of any network's layers.

Blocks get plain values, never settings. What only one family uses stays in that family's file.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.models.base import Outputs


class Classifier(nn.Module):
    """A body that ends in D features and one linear head over K classes.

    Args:
        body: maps (B, C, H, W) to (B, D).
        num_features: D.
        num_classes: K.
    """

    def __init__(self, body: nn.Module, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.body = body
        self.class_head = nn.Linear(num_features, num_classes)

    def forward(self, images: Tensor) -> Outputs:
        """Map (B, C, H, W) images in [0, 1] to logits (B, K), without counts."""
        features = self.body(images)  # (B, D)
        return Outputs(self.class_head(features))


def dense_stack(num_inputs: int, widths: tuple[int, ...]) -> tuple[list[nn.Module], int]:
    """Return linear layers, each followed by ReLU, and the number of features that leave the last.

    Args:
        num_inputs: features that enter the first layer.
        widths: features that leave each layer; empty gives no layers.
    """
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(num_inputs, width), nn.ReLU()]
        num_inputs = width
    return layers, num_inputs


def num_parameters(network: nn.Module) -> int:
    """Return how many numbers training fits."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


class LayerRow(NamedTuple):
    """One layer of a network.

    Attributes:
        layer: its name within the network, such as "body.1".
        kind: its class, such as "Linear".
        output_shape: shape of what it returns for one image, without the batch dimension.
        num_parameters: numbers that training fits in it.
    """

    layer: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int


def layer_table(network: nn.Module, image_shape: tuple[int, int, int]) -> list[LayerRow]:
    """Return the layers in the order in which an image passes them.

    Only modules without submodules count as layers, so the parameters sum to those of the network as long as every
    parameter belongs to such a module.

    Args:
        network: any network that `Architecture.build` returned, on the CPU.
        image_shape: C, H, W.
    """
    rows: list[LayerRow] = []

    def record(name: str, layer: nn.Module, output: Tensor) -> None:
        shape = tuple(output.shape[1:])
        rows.append(LayerRow(name, type(layer).__name__, shape, num_parameters(layer)))

    handles = [
        layer.register_forward_hook(
            lambda module, _inputs, output, name=name: record(name, module, output)
        )
        for name, layer in network.named_modules()
        if not any(True for _ in layer.children())
    ]
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, *image_shape))  # (1, C, H, W)
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return rows
