"""Features: what a layer of a network makes of the images of a split; the layers that can be asked.

Apart from what is done with them: `neighbours.py`, `embedding.py`, `units.py`. A feature map counts by the mean of each
channel over the image.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from core.datasets.base import Dataset
from core.datasets.samples import stratified
from core.inference import Predictor
from core.models.forward import EVALUATION_BATCH_SIZE, features
from core.models.layers import layer_table

BODY = "body"
"""What every architecture calls the part before its classifier; its output are the features that the classifier sees."""

MOST_SAMPLES = 20_000
"""Training images that are kept as features; of more a part is drawn, of each class in proportion."""
MOST_BYTES = 64 * 2**20
"""Of one kept array of features: of a very wide layer fewer images are kept."""
SEED = 0

Report = Callable[[float], None]
"""Told the share that is done, in [0, 1]."""

_ACTIVATIONS = ("ReLU", "GELU")


class LayerChoice(NamedTuple):
    """A layer whose features can be asked for.

    Attributes:
        name: within the network.
        words: what it is, for a reader.
        num_units: D, its features or channels.
        is_map: whether it still knows places: it gives a map (D, H, W) with more than one pixel.
        is_rectified: whether a unit of it can be dead: it gives no value below zero.
    """

    name: str
    words: str
    num_units: int
    is_map: bool
    is_rectified: bool


def layer_choices(network: nn.Module, image_shape: tuple[int, int, int]) -> list[LayerChoice]:
    """Return the part before the classifier, then the activations in the order in which an image passes them.

    Args:
        network: as for `layer_table`; on the device "meta" nothing is computed.
        image_shape: C, H, W.
    """
    rows = layer_table(network, image_shape)
    in_body = [row for row in rows if row.layer.startswith(f"{BODY}.")]
    last = in_body[-1].output_shape
    found = [
        LayerChoice(
            BODY, f"before the classifier ({last[0]} features)", last[0], len(last) > 1, False
        )
    ]
    for row in rows:
        if row.kind in _ACTIVATIONS:
            shape = row.output_shape
            is_map = len(shape) == 3 and shape[1] * shape[2] > 1
            size = (
                f"{shape[0]} channels of {shape[1]}x{shape[2]}"
                if is_map
                else f"{shape[0]} features"
            )
            found.append(
                LayerChoice(
                    row.layer,
                    f"{row.layer}, {row.kind} ({size})",
                    shape[0],
                    is_map,
                    row.kind == "ReLU",
                )
            )
    return found


def split_features(
    predictor: Predictor,
    images: NDArray[np.uint8],
    layer: str = BODY,
    sample_ids: NDArray[np.int64] | None = None,
    report: Report = lambda _share: None,
) -> NDArray[np.float32]:
    """Return what a layer makes of images.

    Args:
        predictor: of the run.
        images: (N, C, H, W) uint8, perhaps mapped.
        layer: of the network.
        sample_ids: (n,) positions of the images that are wanted, in their order; all by default.
        report: told how far it is.

    Returns:
        (n, D).

    Raises:
        UnknownName: the network has no such layer.
        IncompatibleModel: the images have another shape than those that it was trained on.
        InvalidParameter: they are no images.
    """
    predictor.require_fitting(images)
    ids = np.arange(len(images)) if sample_ids is None else sample_ids
    parts: list[NDArray[np.float32]] = []
    for start in range(0, len(ids), EVALUATION_BATCH_SIZE):
        block = images[ids[start : start + EVALUATION_BATCH_SIZE]]
        parts += features(predictor.network, layer, block, EVALUATION_BATCH_SIZE, predictor.device)
        report(min(1.0, (start + len(block)) / len(ids)))
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def training_samples(dataset: Dataset, num_units: int) -> NDArray[np.int64]:
    """Return the rising ids of the training images whose features are kept; see `MOST_SAMPLES` and `MOST_BYTES`."""
    most = max(1, min(MOST_SAMPLES, MOST_BYTES // (4 * max(num_units, 1))))
    num_samples = len(dataset.split("train"))
    if num_samples <= most:
        return np.arange(num_samples)
    return stratified(dataset, "train", most, SEED)["sample_id"].to_numpy()
