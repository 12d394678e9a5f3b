"""Thinning: the few points of a curve that draw it with the area that it has.

Separate because the ROC and the precision-recall curve both need it: a browser takes a thousand points a curve, and a
million samples make a million. It leaves out where the points come from.
"""

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 1000


def thinned(
    x: NDArray[np.float64], y: NDArray[np.float64], most_points: int = MOST_POINTS
) -> NDArray[np.int64]:
    """Return the positions of at most `most_points` points whose trapezoids have the area of all.

    Points in the middle of an upright or level piece go first. Then the curve is cut into pieces of equal length, and of each
    piece stays the point with which the area so far is nearest to the true one: the steps of a staircase would
    otherwise be cut off all on the same side.

    Args:
        x: (P,) in the order in which the curve is drawn.
        y: (P,).
        most_points: at least 2; both ends always stay.

    Returns:
        Positions in [0, P), ascending.
    """
    kept = _corners(x, y)
    if len(kept) <= most_points:
        return kept
    x, y = x[kept], y[kept]
    area = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    cuts = np.linspace(0, length[-1], most_points)[1:-1]
    last = len(x) - 1
    # Each piece ends at a cut, and the last point stands apart.
    ends = np.minimum(np.searchsorted(length, cuts, side="right"), last)
    chosen, reached = [0], 0.0
    start = 1
    for end in ends:
        if end <= start:
            continue
        before = chosen[-1]
        chord = (x[start:end] - x[before]) * (y[start:end] + y[before]) / 2
        best = start + int(np.abs(reached + chord - area[start:end]).argmin())
        reached += float(chord[best - start])
        chosen.append(best)
        start = max(end, best + 1)
    return kept[np.array([*chosen, last])]


def _corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return all points but those in the middle of an upright or a level piece."""
    if len(x) <= 2:
        return np.arange(len(x))
    across, up = np.diff(x), np.diff(y)
    # Upright and level pieces alone: many short ones turn a curve round, each by less than any tolerance.
    is_upright, is_level = across == 0, up == 0
    turns = ~((is_upright[:-1] & is_upright[1:]) | (is_level[:-1] & is_level[1:]))
    return np.flatnonzero(np.concatenate([[True], turns, [True]]))
