"""Building blocks that more than one family uses, and what there is to say of any network's layers.

Blocks get plain values, never settings. What only one family uses stays in that family's file.
"""

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.exceptions import InvalidParameter
from core.models.base import Outputs
from core.models.standardised import unwrapped


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


def dense_stack(
    num_inputs: int,
    widths: tuple[int, ...],
    has_batch_norm: bool = False,
    dropout: tuple[float, ...] = (),
) -> tuple[list[nn.Module], int]:
    """Return linear layers, each followed by ReLU, and the number of features that leave the last.

    Args:
        num_inputs: features that enter the first layer.
        widths: features that leave each layer; empty gives no layers.
        has_batch_norm: whether batch norm stands before each ReLU.
        dropout: share of the features set to zero in training after each ReLU, as many as widths; empty drops nothing.
    """
    layers: list[nn.Module] = []
    for width, share in zip(widths, dropout or (0.0,) * len(widths), strict=True):
        layers.append(nn.Linear(num_inputs, width))
        if has_batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(nn.ReLU())
        if share > 0:
            layers.append(nn.Dropout(share))
        num_inputs = width
    return layers, num_inputs


def squared_distances(counts: Tensor, class_counts: Tensor) -> Tensor:
    """Return how far counts (B, T) are from those of each class (K, T): the squares of the differences, summed, (B, K)."""
    return (counts[:, None, :] - class_counts).square().sum(dim=2)  # (B, K, T) summed over T


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
        multiply_adds: multiplications, each with an addition, that one image takes in a linear layer or a convolution;
            0 in all others, whose work is small beside these.
    """

    layer: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int
    multiply_adds: int


def layer_table(network: nn.Module, image_shape: tuple[int, int, int]) -> list[LayerRow]:
    """Return the layers in the order in which an image passes them, whether or not the network is `Standardised`.

    Only modules without submodules count as layers, so the parameters sum to those of the network as long as every
    parameter belongs to such a module.

    Args:
        network: any network that `Architecture.build` or `build_network` returned; on the device "meta" nothing is computed.
        image_shape: C, H, W.
    """
    rows: list[LayerRow] = []

    def record(name: str, layer: nn.Module, output: Tensor) -> None:
        shape = tuple(output.shape[1:])
        rows.append(
            LayerRow(
                layer=name,
                kind=type(layer).__name__,
                output_shape=shape,
                num_parameters=num_parameters(layer),
                multiply_adds=prod(shape) * _fan_in(layer),
            )
        )

    handles = [
        layer.register_forward_hook(
            lambda module, _inputs, output, name=name: record(name, module, output)
        )
        for name, layer in unwrapped(network).named_modules()
        if not any(True for _ in layer.children())
    ]
    was_training = network.training
    try:
        with torch.no_grad():
            device = next(network.parameters()).device
            network.eval()(torch.zeros(1, *image_shape, device=device))  # (1, C, H, W)
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return rows


def multiply_adds(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the multiply-adds of all linear layers and convolutions for one image; arguments as for `layer_table`."""
    return sum(row.multiply_adds for row in layer_table(network, image_shape))


def check_batch_size(
    network: nn.Module, image_shape: tuple[int, int, int], batch_size: int
) -> None:
    """Refuse batches of one where batch norm would have a single value per unit to take the mean of.

    Args:
        network: as for `layer_table`.
        image_shape: C, H, W.
        batch_size: samples in the smallest batch of training.

    Raises:
        InvalidParameter: the batch is too small; the message names the layer.
    """
    if batch_size > 1:
        return
    for row in layer_table(network, image_shape):
        if row.kind.startswith("BatchNorm") and prod(row.output_shape[1:]) == 1:
            raise InvalidParameter(
                f"Batch norm {row.layer} has a single value per unit in a batch of one, and cannot normalise it; "
                "training.batch_size must be at least 2."
            )


def _fan_in(layer: nn.Module) -> int:
    """Return how many inputs are weighted for one output of a linear layer or a convolution; 0 for others."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels // layer.groups * prod(layer.kernel_size)
    return 0
