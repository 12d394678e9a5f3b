"""From settings and images to outputs: networks built with a seed, and what they say in evaluation mode.

Training, evaluation and inference all turn pixels into floats and outputs here, so that they cannot disagree. Fitting
weights is core.training.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.exceptions import UnknownName
from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.standardised import Standardised, unwrapped

EVALUATION_BATCH_SIZE = 512
"""Images that pass at once in evaluation: fixed, because the last bits of the outputs can depend on it."""


def build_network(
    architecture: Architecture,
    image_shape: tuple[int, int, int],
    space: LabelSpace,
    seed: int,
    is_standardised: bool = False,
) -> nn.Module:
    """Return a network whose weights depend on the seed alone, on the CPU; the global generator is left as it was.

    Args:
        architecture: the settings.
        image_shape: C, H, W.
        space: the classes and counts to predict.
        seed: equal seeds give equal weights, bit for bit.
        is_standardised: whether to wrap it into a `Standardised`, still to be fitted; the weights are the same.

    Raises:
        IncompatibleModel: the network cannot be built for them.
    """
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(seed)
        network = architecture.build(image_shape, space)
    finally:
        torch.set_rng_state(state)
    if is_standardised:
        network = Standardised(network, image_shape[0])
    # Channels last: convolutions ran 1.26x to 1.56x faster (CPU, torch 2.13); nothing else about the network changes.
    return network.to(memory_format=torch.channels_last)  # pyrefly: ignore[no-matching-overload]


def to_input(images: Tensor) -> Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def predict(
    network: nn.Module,
    images: Tensor | NDArray[np.uint8],
    batch_size: int,
    device: torch.device,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return what a network says of images, in evaluation mode and without gradients.

    The network's mode is restored. The last bits can depend on the batch size.

    Args:
        network: a network on the device.
        images: (N, C, H, W) uint8.
        batch_size: images that pass at once.
        device: where the network is.

    Returns:
        logits (N, K) and counts (N, T), or None without a count head.
    """
    was_training = network.training
    logits, counts = [], []
    try:
        network.eval()
        with torch.inference_mode():
            for start in range(0, max(len(images), 1), batch_size):
                batch = images[start : start + batch_size]
                if not isinstance(batch, Tensor):
                    batch = torch.tensor(batch)  # a copy: memory-mapped arrays are read-only
                outputs = network(to_input(batch.to(device)))
                logits.append(outputs.logits)
                if outputs.counts is not None:
                    counts.append(outputs.counts)
    finally:
        network.train(was_training)
    return (
        torch.cat(logits).float().cpu().numpy(),
        torch.cat(counts).float().cpu().numpy() if counts else None,
    )


def features(
    network: nn.Module,
    layer: str,
    images: Tensor | NDArray[np.uint8],
    batch_size: int,
    device: torch.device,
    pooled: Literal["mean", "max"] = "mean",
) -> Iterator[NDArray[np.float32]]:
    """Yield what a layer returns for images, batch by batch, in evaluation mode and without gradients.

    The network's mode is restored at the end. A layer that a pass uses several times gives what it returned last.

    Args:
        network: a network on the device.
        layer: its name within the network, as `layer_table` has it, or that of a part that holds several layers.
        images: (N, C, H, W) uint8.
        batch_size: images that pass at once.
        device: where the network is.
        pooled: what becomes of a feature map (B, D, H, W): the mean or the largest value of each channel.

    Yields:
        (B, D), D the features of a dense layer or the channels of a feature map.

    Raises:
        UnknownName: the network has no such layer.
    """
    watched = layer_named(network, layer)
    was_training = network.training
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        wide = output.detach().flatten(2) if output.ndim > 2 else output.detach()[..., None]
        # Reduced at once: what follows may change the output in place.
        kept[:] = [wide.mean(dim=2) if pooled == "mean" else wide.amax(dim=2)]

    handle = watched.register_forward_hook(keep)
    try:
        network.eval()
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            if not isinstance(batch, Tensor):
                batch = torch.tensor(batch)  # a copy: memory-mapped arrays are read-only
            with torch.inference_mode():
                network(to_input(batch.to(device)))
            yield kept[0].float().cpu().numpy()
    finally:
        handle.remove()
        network.train(was_training)


def layer_named(network: nn.Module, layer: str) -> nn.Module:
    """Return a part of a network by its name, whether or not the network is `Standardised`.

    Raises:
        UnknownName: there is none.
    """
    layers = dict(unwrapped(network).named_modules())
    if not layer or layer not in layers:
        raise UnknownName("layer", layer, [name for name in layers if name])
    return layers[layer]
