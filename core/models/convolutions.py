"""What the families with plain stacks of convolutions share: one convolution with all that follows it, and what it leaves.

Apart from layers.py because only here the size of the image matters: it can be too small, and then the message names
the convolution. Networks with skips arrange their own blocks and ask only what is left of the image.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from core.exceptions import IncompatibleModel

POOL_SIZE = 2


class Convolution(NamedTuple):
    """A convolution with what follows it, in plain values.

    Attributes:
        channels: that leave it.
        kernel_size: rows and columns of its kernel.
        padding: pixels of zeros around its input.
        has_batch_norm: whether batch norm follows.
        has_pooling: whether 2x2 max pooling halves the image.
        channel_dropout: share of the channels set to zero after ReLU in training.
    """

    channels: int
    kernel_size: int
    padding: int = 0
    has_batch_norm: bool = False
    has_pooling: bool = True
    channel_dropout: float = 0.0


def convolution_stack(
    image_shape: tuple[int, int, int], convolutions: Sequence[Convolution], remedy: str
) -> tuple[list[nn.Module], tuple[int, int, int]]:
    """Return the layers of convolutions one after another, each with ReLU, and the shape that leaves the last.

    Args:
        image_shape: C, H, W.
        convolutions: at least one.
        remedy: what to do about an image that is too small, a sentence.

    Raises:
        IncompatibleModel: nothing is left of the image at some convolution.
    """
    height, width = size_left(image_shape, convolutions, remedy)
    num_channels = image_shape[0]
    layers: list[nn.Module] = []
    for one in convolutions:
        layers.append(nn.Conv2d(num_channels, one.channels, one.kernel_size, padding=one.padding))
        if one.has_batch_norm:
            layers.append(nn.BatchNorm2d(one.channels))
        # Pooling before ReLU and before the dropout of whole channels gives the same values as after them, on a quarter
        # of the pixels. Before batch norm it would not: a channel's scale may be negative, and the mean is of all pixels.
        if one.has_pooling:
            layers.append(nn.MaxPool2d(POOL_SIZE))
        layers.append(nn.ReLU())
        if one.channel_dropout > 0:
            layers.append(nn.Dropout2d(one.channel_dropout))
        num_channels = one.channels
    return layers, (num_channels, height, width)


def size_left(
    image_shape: tuple[int, int, int], convolutions: Sequence[Convolution], remedy: str
) -> tuple[int, int]:
    """Return the height and width that convolutions one after another leave of an image.

    Args:
        image_shape: C, H, W.
        convolutions: any number.
        remedy: what to do about an image that is too small, a sentence.

    Raises:
        IncompatibleModel: nothing is left of the image at some convolution; the message names it.
    """
    _, height, width = image_shape
    for number, one in enumerate(convolutions, start=1):
        shrink = one.kernel_size - 1 - 2 * one.padding
        smallest = max(shrink + (POOL_SIZE if one.has_pooling else 1), 1)
        if min(height, width) < smallest:
            pooling = " with its pooling" if one.has_pooling else ""
            raise IncompatibleModel(
                f"Convolution {number} of {len(convolutions)}{pooling} needs at least "
                f"{smallest}x{smallest} pixels; {height}x{width} are left of the "
                f"{image_shape[1]}x{image_shape[2]} image. {remedy}"
            )
        height, width = height - shrink, width - shrink
        if one.has_pooling:
            height, width = height // POOL_SIZE, width // POOL_SIZE
    return height, width
