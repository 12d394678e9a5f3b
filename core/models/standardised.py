"""Standardised: a network behind the subtraction of the training pixels' mean and the division by their spread.

The two are part of the weights, so that whoever loads a network feeds it as it was trained. The other modules name a
network's layers as if it were not wrapped.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.exceptions import InvalidParameter
from core.models.base import Outputs

SMALLEST_STD = 1 / 255
"""One grey level: below it a channel is constant, and dividing by its spread would blow up what little differs later."""

_BLOCK = 4096
_LEVELS = 256


class Standardised(nn.Module):
    """A network whose inputs have mean 0 and standard deviation 1 per channel over the training split.

    Args:
        network: maps (B, C, H, W) to `Outputs`.
        num_channels: C.

    Attributes:
        network: the same.
        mean: (C, 1, 1), in [0, 1]; 0 until `fit`.
        std: (C, 1, 1), in [SMALLEST_STD, 1]; 1 until `fit`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, num_channels: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(num_channels, 1, 1))
        self.register_buffer("std", torch.ones(num_channels, 1, 1))

    def fit(self, images: Tensor | NDArray[np.uint8]) -> None:
        """Set mean and standard deviation from training images; the result is exact but for its rounding to float32.

        Args:
            images: (N, C, H, W) uint8, on any device.

        Raises:
            InvalidParameter: there is no image.
        """
        if len(images) == 0:
            raise InvalidParameter("Standardising the input needs at least one training image.")
        num_channels = len(self.mean)
        # Counts of the 256 grey levels say all there is to know, without a float copy of the images.
        counts = torch.zeros(num_channels, _LEVELS, dtype=torch.int64)
        for start in range(0, len(images), _BLOCK):
            block = images[start : start + _BLOCK]
            if not isinstance(block, Tensor):
                block = torch.tensor(block)  # a copy: memory-mapped arrays are read-only
            for channel in range(num_channels):
                pixels = block[:, channel].reshape(-1)
                counts[channel] += torch.bincount(pixels, minlength=_LEVELS).cpu()
        levels = torch.arange(_LEVELS, dtype=torch.float64) / (_LEVELS - 1)
        shares = counts.double() / counts.sum(dim=1, keepdim=True)  # (C, 256)
        mean = shares @ levels  # (C,)
        variance = (shares * (levels - mean[:, None]).square()).sum(dim=1)
        self.mean.copy_(mean.view_as(self.mean))
        self.std.copy_(variance.sqrt().clamp(min=SMALLEST_STD).view_as(self.std))

    def forward(self, images: Tensor) -> Outputs:
        """Map (B, C, H, W) images in [0, 1] to what the network says of them."""
        return self.network((images - self.mean) / self.std)


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network behind a `Standardised`, or the network itself."""
    return network.network if isinstance(network, Standardised) else network
