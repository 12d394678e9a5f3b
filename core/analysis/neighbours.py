"""Neighbours: the training images whose features are most like those of an image.

Needs features (`features.py`) and no network, so that a page asks it itself.
"""

import numpy as np
from numpy.typing import NDArray

from core.exceptions import InvalidParameter

NUM_NEIGHBOURS = 12
_BLOCK = 4096


def normalised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (N, D) of length 1; a row of zeros, and one that is not finite, has no direction and is zero."""
    lengths = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    has_direction = np.isfinite(lengths) & (lengths > 0)
    return np.where(has_direction, values / np.where(has_direction, lengths, 1), 0).astype(
        np.float32
    )


def nearest(
    directions: NDArray[np.float32], wanted: NDArray[np.float32], num: int = NUM_NEIGHBOURS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows whose direction is nearest to one, nearest first.

    Args:
        directions: (N, D) rows of length 1, as `normalised` gives them, perhaps mapped.
        wanted: (D,) features, of any length.
        num: how many, at least 1; all N if there are no more.

    Returns:
        Positions (min(num, N),) and cosine distances in [0, 2]: 0 for the same direction, 1 where nothing is shared. Of
        equally near ones the lower position comes first. A direction of zeros is at distance 1 from all.

    Raises:
        InvalidParameter: the widths disagree, or num is below 1.
    """
    if directions.ndim != 2 or wanted.shape != directions.shape[1:]:
        raise InvalidParameter(
            f"wanted must have the {directions.shape[-1]} features of the others; got {wanted.shape}."
        )
    if num < 1:
        raise InvalidParameter(f"num must be at least 1; got {num}.")
    direction = normalised(wanted[None])[0]
    # Block by block: a mapped array is read once and never copied whole.
    parts = [
        directions[start : start + _BLOCK] @ direction
        for start in range(0, max(len(directions), 1), _BLOCK)
    ]
    distances = np.clip(1 - np.concatenate(parts).astype(np.float64), 0, 2)
    order = np.argsort(distances, kind="stable")[:num]
    return order, distances[order]
