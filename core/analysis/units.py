"""Units: how often each neuron of a layer answers, which never do, and the images that each answers to most.

A unit is a feature of a dense layer, or a channel of a feature map, which counts by its largest value over the image. What
share of a layer is dead in each epoch stands in the history (`core.models.activations`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.inference import Predictor
from core.models.forward import EVALUATION_BATCH_SIZE, features

NUM_STRONGEST = 12
NO_IMAGE = -1


@dataclass(frozen=True)
class Units:
    """The D units of a layer over N images.

    Attributes:
        sample_ids: (D, 12) int64, the images of each unit's largest values, the largest first; of equals the lower id.
            `NO_IMAGE` where there are fewer images, or the value is not above 0.
        values: (D, 12) float32, its values there; 0 with `NO_IMAGE`.
        share_active: (D,) float64, share of the images on which its value is above 0, in [0, 1].
    """

    sample_ids: NDArray[np.int64]
    values: NDArray[np.float32]
    share_active: NDArray[np.float64]

    @property
    def is_dead(self) -> NDArray[np.bool_]:
        """(D,) whether the unit is above 0 on no image."""
        return self.share_active == 0


def units(
    predictor: Predictor,
    images: NDArray[np.uint8],
    layer: str,
    report: Callable[[float], None] = lambda _share: None,
) -> Units:
    """Return what the units of a layer answer to.

    Args:
        predictor: of the run.
        images: (N, C, H, W) uint8, at least one, perhaps mapped.
        layer: of the network.
        report: told the share that is done, in [0, 1].

    Raises:
        UnknownName: the network has no such layer.
        IncompatibleModel: the images have another shape than those that it was trained on.
    """
    predictor.require_fitting(images)
    best_values: NDArray[np.float32] | None = None
    best_ids = np.zeros((0, 0), dtype=np.int64)
    num_active = np.zeros(0)
    for start in range(0, len(images), EVALUATION_BATCH_SIZE):
        block = images[start : start + EVALUATION_BATCH_SIZE]
        (found,) = features(
            predictor.network, layer, block, EVALUATION_BATCH_SIZE, predictor.device, "max"
        )  # (B, D)
        found = np.nan_to_num(found.T, posinf=0.0, neginf=0.0)  # (D, B)
        ids = np.broadcast_to(np.arange(start, start + len(block)), found.shape)
        if best_values is None:
            best_values, best_ids = found[:, :0], ids[:, :0]
            num_active = np.zeros(len(found))
        num_active += (found > 0).sum(axis=1)
        best_values = np.concatenate([best_values, found], axis=1)
        best_ids = np.concatenate([best_ids, ids], axis=1)
        # Only a dozen stay, so that memory does not grow with the split; stable, so that of equals the lower id leads.
        order = np.argsort(-best_values, axis=1, kind="stable")[:, :NUM_STRONGEST]
        best_values = np.take_along_axis(best_values, order, axis=1)
        best_ids = np.take_along_axis(best_ids, order, axis=1)
        report(min(1.0, (start + len(block)) / len(images)))
    if best_values is None:
        return Units(best_ids, np.zeros((0, 0), np.float32), num_active)
    is_none = best_values <= 0
    return Units(
        np.where(is_none, NO_IMAGE, best_ids),
        np.where(is_none, 0, best_values).astype(np.float32),
        num_active / len(images),
    )
