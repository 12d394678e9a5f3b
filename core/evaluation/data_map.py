"""Data map: which images a run finds easy, which it wavers over, and which it never gets.

Separate from `forgetting`, which counts right and wrong: this asks how sure the run was. It leaves out the drawing.
"""

import numpy as np
import pandas as pd

from core.evaluation.dynamics import Dynamics

EASY, AMBIGUOUS, STUBBORN = "easy", "ambiguous", "stubborn"
REGIONS = {
    EASY: "sure of the true class, epoch after epoch",
    AMBIGUOUS: "now sure of it, now not",
    STUBBORN: "hardly ever sure of it: often a wrong label, or an odd image",
}
"""Region -> what it holds, in words."""

LEAST_VARIABILITY = 0.2
"""Standard deviation from which an image is ambiguous. A choice: it can be at most 0.5, and 0.2 is that of a probability that
swings between 0.3 and 0.7. The paper takes the third of the images with the largest instead, which calls a third of any
data ambiguous."""
LEAST_CONFIDENCE = 0.5
"""Mean probability of the true class from which an image that is not ambiguous is easy."""


def data_map(dynamics: Dynamics) -> pd.DataFrame:
    """Place each sample by how sure the run was of its true class over the epochs, and by how much that varied.

    Returns:
        N rows in the order of the samples: sample_id, true, true_name, mean_confidence (mean probability of the true class, in
        [0, 1]), variability (its standard deviation, in [0, 0.5]), share_right (of the epochs, in [0, 1]), region (one of
        `REGIONS`). Epochs without a prediction are left out; mean and variability are NaN, and the region is stubborn, where
        none has one.

    Source: Swayamdipta et al. 2020, "Dataset Cartography: Mapping and Diagnosing Datasets with Training Dynamics",
    section 2; the regions' bounds are ours.
    """
    probabilities = dynamics.probabilities.astype(np.float64)  # (E, N)
    known = np.isfinite(probabilities)
    number = known.sum(axis=0)
    filled = np.where(known, probabilities, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a sample without predictions
        mean = filled.sum(axis=0) / number
        variance = (np.where(known, probabilities - mean, 0) ** 2).sum(axis=0) / number
    variability = np.sqrt(variance)
    region = np.full(len(mean), STUBBORN, dtype=object)
    region[mean >= LEAST_CONFIDENCE] = EASY
    region[variability >= LEAST_VARIABILITY] = AMBIGUOUS
    names = np.array(dynamics.space.class_names, dtype=object)
    return pd.DataFrame(
        {
            "sample_id": dynamics.sample_ids,
            "true": dynamics.labels,
            "true_name": names[dynamics.labels],
            "mean_confidence": mean,
            "variability": variability,
            "share_right": dynamics.is_right.mean(axis=0),
            "region": region,
        }
    )


def inside(
    table: pd.DataFrame, x: list[float], y: list[float], columns: tuple[str, str]
) -> np.ndarray:
    """Return which rows lie inside a polygon drawn on a map, also those whose points were not drawn: (N,) bool.

    Args:
        table: N rows.
        x: of the polygon's corners, in order; closed by itself. Two corners are those of a rectangle.
        y: likewise.
        columns: of the table, along x and along y.

    Source: the crossing-number test, Shimrat 1962, "Algorithm 112: Position of point relative to polygon".
    """
    if len(x) == 2:
        x, y = [x[0], x[1], x[1], x[0]], [y[0], y[0], y[1], y[1]]
    across, up = (table[name].to_numpy() for name in columns)
    found = np.zeros(len(table), dtype=bool)
    for at in range(len(x)):
        # To the left of the edge from the corner before to this one, at the point's height.
        (x0, y0), (x1, y1) = (x[at - 1], y[at - 1]), (x[at], y[at])
        spans = (y0 > up) != (y1 > up)
        if y0 != y1:
            found ^= spans & (across < (x1 - x0) * (up - y0) / (y1 - y0) + x0)
    return found
