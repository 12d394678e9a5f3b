"""Two heads: how often the class head and the count head say the same, and whether both together know more.

Separate because it is the one question that needs both heads. It leaves out how good each is by itself (`per_class.py`,
`counts.py`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.accuracy import wilson_interval
from core.evaluation.paired import mcnemar
from core.evaluation.verdict import percent
from core.predictions import Predictions

LEAST_SPREAD = 0.05
"""Figures; a count head that never missed on the images looked at would otherwise overrule the class head altogether."""


@dataclass(frozen=True)
class Heads:
    """What the two heads and both together say of N samples.

    Attributes:
        predictions: whose.
        by_class: (N,) class of the class head; -1 without a prediction.
        by_counts: (N,) class whose counts are nearest to the predicted ones; -1 where they are not finite.
        joint: (N,) class of both together; -1 where either is missing.
    """

    predictions: Predictions
    by_class: NDArray[np.int64]
    by_counts: NDArray[np.int64]
    joint: NDArray[np.int64]

    def ids(self, what: str) -> list[int]:
        """Return the ids of the samples of a row of `heads_table`, ascending."""
        return np.sort(self.predictions.sample_ids[self._masks()[what]]).tolist()

    def _masks(self) -> dict[str, NDArray[np.bool_]]:
        labels = self.predictions.labels
        right_class, right_counts, right_joint = (
            one == labels for one in (self.by_class, self.by_counts, self.joint)
        )
        return {
            "agree": (self.by_class == self.by_counts) & (self.by_class >= 0),
            "class": right_class,
            "counts": right_counts,
            "joint": right_joint,
            "either": right_class | right_counts,
            "repaired": ~right_class & right_joint,
            "broken": right_class & ~right_joint,
        }


ROWS = {
    "agree": "both heads name the same class",
    "class": "class head right",
    "counts": "count head right (nearest class)",
    "either": "at least one of them right",
    "joint": "both together right (joint decoding)",
    "repaired": "repaired by the counts",
    "broken": "broken by the counts",
}


def count_spreads(predictions: Predictions) -> NDArray[np.float64] | None:
    """Return how far the count head misses, type by type: (T,) root mean square errors in figures; None without counts.

    Found on validation, they say on test how much a predicted count is worth.
    """
    if predictions.counts is None or predictions.count_labels is None:
        return None
    error = predictions.counts.astype(np.float64) - predictions.count_labels
    error = error[np.isfinite(error).all(axis=1)]
    if not len(error):
        return None
    return np.maximum(np.sqrt((error**2).mean(axis=0)), LEAST_SPREAD)


def heads(predictions: Predictions, spreads: NDArray[np.float64]) -> Heads | None:
    """Decode the classes from the class head, from the counts and from both.

    Jointly, the class k with the largest log p(k) - sum over types of (count - count of k)² / (2 spread²): both heads are
    taken for independent witnesses, the counts for normally distributed about the true ones.

    Args:
        predictions: N samples over K classes with T counts.
        spreads: (T,) of `count_spreads`, of other images than these.

    Returns:
        None where there are no counts, or no classes that imply any.

    Source: Hinton 2002, "Training products of experts by minimizing contrastive divergence", for the product of opinions.
    """
    if predictions.counts is None or predictions.space.class_counts is None:
        return None
    implied = np.array(predictions.space.class_counts, dtype=np.float64)  # (K, T)
    counts = predictions.counts.astype(np.float64)  # (N, T)
    counted = np.asarray(np.isfinite(counts).all(axis=1))
    safe = np.where(counted[:, None], counts, 0.0)
    nearest = _squared_distances(safe, implied).argmin(axis=1)
    penalties = _squared_distances(safe / spreads, implied / spreads) / 2  # (N, K)
    known = counted & predictions.has_prediction
    opinions = np.where(known[:, None], predictions.log_probabilities, 0.0) - penalties
    return Heads(
        predictions,
        predictions.predicted,
        np.where(counted, nearest, -1),
        np.where(known, opinions.argmax(axis=1), -1),
    )


def heads_table(both: Heads) -> pd.DataFrame:
    """Return how often each decoding is right and what the joint one changes.

    Returns:
        One row each of ROWS: what, label, samples, share (of all), low, high (in [0, 1]; 95 % Wilson interval; NaN without
        samples).
    """
    total = len(both.predictions)
    counts = {name: int(mask.sum()) for name, mask in both._masks().items()}
    numbers = np.array([counts[name] for name in ROWS])
    low, high = wilson_interval(numbers, np.full(len(ROWS), total))
    return pd.DataFrame(
        {
            "what": list(ROWS),
            "label": list(ROWS.values()),
            "samples": numbers,
            "share": numbers / total if total else np.nan,
            "low": low,
            "high": high,
        }
    )


def heads_sentence(both: Heads) -> str:
    """Return in words how often the heads agree and whether decoding them together repairs more than it breaks."""
    table = heads_table(both).set_index("what")
    if not len(both.predictions):
        return "There are no images to compare the heads on."
    repaired, broken = int(table["samples"]["repaired"]), int(table["samples"]["broken"])
    labels = both.predictions.labels
    p = mcnemar(both.by_class == labels, both.joint == labels)
    agree, low, high = (float(table[name]["agree"]) for name in ("share", "low", "high"))
    said = (
        f"Both heads name the same class for {percent(agree)} "
        f"[{100 * low:.1f}, {100 * high:.1f}] of the images. Decoded together they repair {repaired:,} "
        f"mistakes of the class head and break {broken:,} right answers (McNemar's exact test, "
        f"{f'p = {p:.2g}' if p >= 0.001 else 'p < 0.001'}): "
    )
    if p >= 0.05:
        return said + "chance alone may have made that difference."
    return said + (
        "joint decoding repairs more than it breaks."
        if repaired > broken
        else "joint decoding breaks more than it repairs."
    )


def _squared_distances(
    points: NDArray[np.float64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared distances of N points to K centres, (N, K)."""
    return (
        (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)[None]
    )
