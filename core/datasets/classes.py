"""Classes: how often each occurs, which never do, and whether they are balanced.

Apart from `statistics.py` because a verdict needs its rule beside it. It leaves out the images of a class
(`samples.py`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from core.datasets.base import Dataset

SLIGHT_RATIO = 1.5
STRONG_RATIO = 9.0
CHANCE = 0.05
BALANCE_RULE = (
    "Compared are the classes that occur. They are balanced where the largest has at most "
    f"{SLIGHT_RATIO:g} times as many images as the smallest, or where a chi-square test finds the differences no "
    f"larger than equal shares would show by chance (p >= {CHANCE:g}). Else they are slightly unbalanced up to a ratio of "
    f"{STRONG_RATIO:g}, and strongly unbalanced above it."
)
"""The rule of `balance` in words, for whoever reads the verdict."""

_MOST_NAMES = 3


@dataclass(frozen=True)
class Balance:
    """Whether the classes of a data set are balanced.

    Attributes:
        level: "balanced", "slightly unbalanced", "strongly unbalanced", "one class" or "empty".
        ratio: images of the largest class over those of the smallest that occurs, at least 1; NaN without images.
        p_value: of the chi-square test against equal shares over the classes that occur, in [0, 1]; NaN with fewer than two.
        num_classes: K.
        num_missing: classes that never occur.
        verdict: one or two sentences, with class names as the user gave them.
    """

    level: str
    ratio: float
    p_value: float
    num_classes: int
    num_missing: int
    verdict: str


def class_counts(dataset: Dataset, split: str | None = None) -> pd.DataFrame:
    """Count the images of each class.

    Args:
        dataset: K classes.
        split: only this split; all of them by default.

    Returns:
        K rows, in class order: label, class_name, group (of the class, None without groups), count (images), share (of
        all these images, in [0, 1]; NaN without images), is_missing (whether the class does not occur here).

    Raises:
        UnknownName: there is no such split.
    """
    space = dataset.space
    counts = _counts(dataset, split)
    return pd.DataFrame(
        {
            "label": np.arange(space.num_classes),
            "class_name": list(space.class_names),
            "group": list(space.class_groups or [None] * space.num_classes),
            "count": counts,
            "share": _shares(counts),
            "is_missing": counts == 0,
        }
    )


def group_counts(dataset: Dataset, split: str | None = None) -> pd.DataFrame:
    """Count the images of each group of classes (shapes: of each pair of types).

    Returns:
        One row per group, in the order of the classes: group, num_classes, num_missing (classes that do not occur here),
        count (images), share (of all these images, in [0, 1]). Empty where classes have no groups.

    Raises:
        UnknownName: there is no such split.
    """
    columns = ["group", "num_classes", "num_missing", "count", "share"]
    if dataset.space.class_groups is None:
        return pd.DataFrame(columns=columns)
    by_group = class_counts(dataset, split).groupby("group", sort=False)
    table = by_group.agg(
        num_classes=("label", "size"), num_missing=("is_missing", "sum"), count=("count", "sum")
    ).reset_index()
    return table.assign(share=_shares(table["count"].to_numpy()))[columns]


def missing_in_splits(dataset: Dataset) -> pd.DataFrame:
    """List the classes that occur in the data set and yet not in each of its splits that hold images.

    A class without training images cannot be learnt, one without test images is not judged.

    Returns:
        One row per split and class missing there: split, label, class_name, count (images of the class in all splits).
    """
    counts = _counts(dataset, None)
    rows = [
        (name, int(label), dataset.space.class_names[label], int(counts[label]))
        for name, split in dataset.splits.items()
        if len(split)
        for label in np.flatnonzero((_counts(dataset, name) == 0) & (counts > 0))
    ]
    return pd.DataFrame(rows, columns=["split", "label", "class_name", "count"])


def balance(dataset: Dataset, split: str | None = None) -> Balance:
    """Judge whether the classes are balanced, by `BALANCE_RULE`.

    Args:
        dataset: K classes.
        split: only this split; all of them by default.

    Raises:
        UnknownName: there is no such split.

    Source: the ratios 1.5 and 9 bound the sections of the KEEL repository of unbalanced data sets (Fernández et al. 2008,
    "A study of the behaviour of linguistic fuzzy rule based classification systems in the framework of imbalanced
    data-sets"). The test is Pearson's; it is rough below five images a class.
    """
    counts = _counts(dataset, split)
    names = dataset.space.class_names
    occurs = counts > 0
    num_missing = int((~occurs).sum())
    if not occurs.any():
        return Balance("empty", np.nan, np.nan, len(counts), num_missing, "There are no images.")
    largest = int(counts.argmax())
    smallest = int(np.where(occurs, counts, counts.max() + 1).argmin())
    missing = _missing_sentence(occurs, names)
    if occurs.sum() == 1:
        verdict = f"All images belong to one class ({names[largest]}): there is nothing to tell apart.{missing}"
        return Balance("one class", 1.0, np.nan, len(counts), num_missing, verdict)
    ratio = float(counts[largest] / counts[smallest])
    p_value = _equal_shares(counts[occurs])
    is_chance = ratio > SLIGHT_RATIO and p_value >= CHANCE
    if ratio <= SLIGHT_RATIO or is_chance:
        level = "balanced"
    else:
        level = "slightly unbalanced" if ratio <= STRONG_RATIO else "strongly unbalanced"
    if counts[largest] == counts[smallest]:
        compared = f"every class{' that occurs' if missing else ''} has {_images(counts[largest])}"
    else:
        compared = (
            f"the largest class ({names[largest]}, {_images(counts[largest])}) has {ratio:.1f} times as many as the "
            f"smallest{' that occurs' if missing else ''} ({names[smallest]}, {counts[smallest]:,})"
        )
    chance = f", no more than chance explains (chi-square test, p = {p_value:.2f})"
    verdict = f"{level.capitalize()}: {compared}{chance if is_chance else ''}.{missing}"
    return Balance(level, ratio, p_value, len(counts), num_missing, verdict)


def _counts(dataset: Dataset, split: str | None) -> NDArray[np.int64]:
    """Return the images of each class, (K,)."""
    splits = [dataset.split(split)] if split is not None else list(dataset.splits.values())
    num_classes = dataset.space.num_classes
    counts = np.zeros(num_classes, dtype=np.int64)
    for part in splits:
        counts += np.bincount(part.labels, minlength=num_classes)
    return counts


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a split without images
        return counts / counts.sum()


def _equal_shares(counts: NDArray[np.int64]) -> float:
    """Return the p-value of Pearson's chi-square test against equal shares."""
    expected = counts.sum() / len(counts)
    # The survival function itself: scipy.stats takes a second to import (shared 2-core AMD EPYC).
    return float(chdtrc(len(counts) - 1, ((counts - expected) ** 2).sum() / expected))


def _missing_sentence(occurs: NDArray[np.bool_], names: tuple[str, ...]) -> str:
    missing = [names[label] for label in np.flatnonzero(~occurs)]
    if not missing:
        return ""
    left = len(missing) - _MOST_NAMES
    named = ", ".join(missing[:_MOST_NAMES]) + (f" and {left:,} more" if left > 0 else "")
    verb = "occurs" if len(missing) == 1 else "occur"
    return f" {len(missing):,} of {len(names):,} classes never {verb}: {named}."


def _images(count: int) -> str:
    return f"{count:,} {'image' if count == 1 else 'images'}"
