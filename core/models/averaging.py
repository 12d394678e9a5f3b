"""Test-time averaging: what a network says of an image seen from several sides, put together.

A flipped or turned image has the label that the data set's rules give it (core.labels), so each view's answer is
brought back to the image as it is. Which views are allowed is asked here too. Changing images in training is
core.augmentations.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.exceptions import InvalidParameter
from core.labels import HORIZONTAL_FLIP, NUM_SYMMETRIES, VERTICAL_FLIP, LabelSpace
from core.models.forward import predict

# Symmetry s is flipped where s >= _NUM_TURNS, and then turned by s % _NUM_TURNS.
_NUM_TURNS, _HALF_TURN = 4, 2


def allowed_symmetries(
    space: LabelSpace,
    which: Literal["none", "horizontal-flip", "symmetries"],
    image_shape: tuple[int, int, int],
) -> tuple[int, ...]:
    """Return the symmetries of the square after which a data set still knows the labels, as core.labels numbers them.

    Args:
        space: with the rules; what they call unsafe is left out.
        which: "none", the image as it is alone; "horizontal-flip", its mirror image too; "symmetries", all.
        image_shape: C, H, W; quarter turns need square images.

    Returns:
        Rising numbers, 0 (the image as it is) first.
    """
    has_mirror, has_upset, has_turns = (
        effect not in space.rules.unsafe
        for effect in ("horizontal_flip", "vertical_flip", "quarter_turn")
    )
    if which == "none":
        return (0,)
    if which == "horizontal-flip":
        return (0, HORIZONTAL_FLIP) if has_mirror else (0,)
    if has_turns and image_shape[1] == image_shape[2]:
        # A flip and the turns make all eight.
        return tuple(range(NUM_SYMMETRIES if has_mirror or has_upset else _NUM_TURNS))
    found = {
        _HALF_TURN: has_mirror and has_upset,
        HORIZONTAL_FLIP: has_mirror,
        VERTICAL_FLIP: has_upset,
    }
    return (0, *(number for number, is_allowed in found.items() if is_allowed))


def averaged(
    network: nn.Module,
    images: Tensor | NDArray[np.uint8],
    space: LabelSpace,
    symmetries: Sequence[int],
    batch_size: int,
    device: torch.device,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return what a network says of images on average over their symmetric views, in evaluation mode.

    Probabilities are averaged, not logits: each view has one vote, however sure it is. What is returned are the
    logarithms of the mean probabilities. They are logits as well, because their softmax is those probabilities; they are
    finite wherever the logits of all views are. Counts are averaged as they are.

    Args:
        network: a network on the device; its mode is restored.
        images: (N, C, H, W) uint8.
        space: the classes and counts, with the rules of what a view does to them.
        symmetries: numbers of core.labels, at least one; see `allowed_symmetries`.
        batch_size: images that pass at once.
        device: where the network is.

    Returns:
        log probabilities (N, K) and counts (N, T), or None without a count head.

    Raises:
        InvalidParameter: no symmetry is given, a number is none, or images that are not square are to be turned.
    """
    _check(symmetries, images.shape[2], images.shape[3])
    class_tables = space.rules.classes.table(space.num_classes)
    count_tables = space.rules.counts.table(space.num_counts)
    logits, counts = [], []
    for start in range(0, max(len(images), 1), batch_size):
        block = images[start : start + batch_size]
        block = block if isinstance(block, Tensor) else torch.tensor(block)
        views = [predict(network, _view(block, one), batch_size, device) for one in symmetries]
        # What is number i in the image is number table[i] in the view.
        log_probabilities = torch.stack(
            [
                torch.from_numpy(view[:, class_tables[one]]).double().log_softmax(dim=1)
                for one, (view, _) in zip(symmetries, views, strict=True)
            ]
        )  # (S, B, K)
        mean = log_probabilities.logsumexp(dim=0) - math.log(len(symmetries))
        logits.append(mean.float().numpy())  # (B, K)
        seen = [
            view[:, count_tables[one]]
            for one, (_, view) in zip(symmetries, views, strict=True)
            if view is not None
        ]
        if seen:
            counts.append(np.mean(seen, axis=0, dtype=np.float64).astype(np.float32))  # (B, T)
    return np.concatenate(logits), np.concatenate(counts) if counts else None


def _view(images: Tensor, symmetry: int) -> Tensor:
    """Return (B, C, H, W) images flipped and turned, all by the same symmetry."""
    if symmetry >= _NUM_TURNS:
        images = images.flip(3)
    # A positive number of turns is counter-clockwise to torch.
    return images.rot90(-(symmetry % _NUM_TURNS), (2, 3))


def _check(symmetries: Sequence[int], height: int, width: int) -> None:
    if not symmetries or not all(0 <= one < NUM_SYMMETRIES for one in symmetries):
        raise InvalidParameter(
            f"symmetries must be numbers in [0, {NUM_SYMMETRIES - 1}], at least one; got {tuple(symmetries)}."
        )
    if height != width and any(one % 2 == 1 for one in symmetries):
        raise InvalidParameter(
            f"quarter turns need square images; these have {height} rows and {width} columns."
        )
