"""Samples: which images of a data set to look at, at random or behind a number.

Every function returns one row per image with the columns split, sample_id, label and class_name, so that one gallery
shows them all. It leaves out the pixels themselves, and the images behind a grey level (`pixels.py`).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.datasets.base import Dataset
from core.exceptions import InvalidParameter, UnknownName


def sample_table(dataset: Dataset, split: str, sample_ids: ArrayLike) -> pd.DataFrame:
    """Return samples with their classes, in the given order.

    Returns:
        One row per sample: split, sample_id, label, class_name.

    Raises:
        UnknownName: there is no such split.
    """
    ids = np.asarray(sample_ids, dtype=np.int64)
    labels = np.asarray(dataset.split(split).labels)[ids]
    return pd.DataFrame(
        {
            "split": split,
            "sample_id": ids,
            "label": labels,
            "class_name": np.array(dataset.space.class_names, dtype=object)[labels],
        }
    )


def sample_grid(
    dataset: Dataset, split: str, num_samples: int, seed: int, label: int | None = None
) -> pd.DataFrame:
    """Draw distinct samples at random.

    Args:
        dataset: K classes.
        split: to draw from.
        num_samples: at least 1; fewer are returned where there are fewer.
        seed: equal seeds draw equal samples.
        label: only of this class.

    Returns:
        The samples in the order drawn: split, sample_id, label, class_name.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: num_samples is below 1, or the label lies outside [0, K).
    """
    _check_number(num_samples)
    labels = dataset.split(split).labels
    rows = np.arange(len(labels)) if label is None else _rows_of(dataset, split, label)
    return sample_table(dataset, split, np.random.default_rng(seed).permutation(rows)[:num_samples])


def per_class(dataset: Dataset, split: str, num_samples: int, seed: int) -> pd.DataFrame:
    """Draw distinct samples of each class at random.

    Args:
        dataset: K classes.
        split: to draw from.
        num_samples: of each class, at least 1; a class that has fewer gives what it has.
        seed: equal seeds draw equal samples.

    Returns:
        The samples in class order: split, sample_id, label, class_name.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: num_samples is below 1.
    """
    _check_number(num_samples)
    labels = np.asarray(dataset.split(split).labels)
    order, rank = _shuffled_by_class(labels, seed)
    return sample_table(dataset, split, order[rank < num_samples])


def stratified(dataset: Dataset, split: str | None, num_samples: int, seed: int) -> pd.DataFrame:
    """Draw distinct samples at random, of each class in proportion to its images.

    Args:
        dataset: K classes.
        split: to draw from; all of them by None.
        num_samples: at least 1; fewer are returned where there are fewer.
        seed: equal seeds draw equal samples.

    Returns:
        The samples in the order of the splits and their ids: split, sample_id, label, class_name.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: num_samples is below 1.
    """
    _check_number(num_samples)
    names = list(dataset.splits) if split is None else [split]
    lengths = [len(dataset.split(name)) for name in names]
    labels = np.concatenate([dataset.split(name).labels for name in names])
    order, rank = _shuffled_by_class(labels, seed)
    # The k-th sample of a class stands for the share (k + 1/2) / N of it: the first shares of all classes are taken.
    share = (rank + 0.5) / np.bincount(labels)[labels[order]]
    # Classes of one size have equal shares; which of them gives one more is drawn as well.
    ties = np.random.default_rng(seed).permutation(len(labels))
    chosen = np.sort(order[np.lexsort((ties, share))[:num_samples]])
    starts = np.cumsum([0, *lengths])
    return pd.concat(
        [
            sample_table(dataset, name, chosen[(chosen >= start) & (chosen < end)] - start)
            for name, start, end in zip(names, starts[:-1], starts[1:], strict=True)
        ],
        ignore_index=True,
    )


def of_class(dataset: Dataset, label: int, split: str | None = None) -> pd.DataFrame:
    """Return all samples of a class, of one split or of all.

    Returns:
        split, sample_id, label, class_name; by split and id.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: the label lies outside [0, K).
    """
    names = list(dataset.splits) if split is None else [split]
    return pd.concat(
        [sample_table(dataset, name, _rows_of(dataset, name, label)) for name in names],
        ignore_index=True,
    )


def of_count(
    dataset: Dataset, count_name: str, figures: int, split: str | None = None
) -> pd.DataFrame:
    """Return all samples with so many figures of a type, of one split or of all.

    Returns:
        split, sample_id, label, class_name; by split and id.

    Raises:
        UnknownName: there is no such split, or nothing of that name is counted.
    """
    known = dataset.space.count_names
    if count_name not in known:
        raise UnknownName("count", count_name, known)
    names = list(dataset.splits) if split is None else [split]
    tables = []
    for name in names:
        counts = dataset.split(name).counts
        rows = (
            [] if counts is None else np.flatnonzero(counts[:, known.index(count_name)] == figures)
        )
        tables.append(sample_table(dataset, name, rows))
    return pd.concat(tables, ignore_index=True)


def _rows_of(dataset: Dataset, split: str, label: int) -> NDArray[np.int64]:
    if not 0 <= label < dataset.space.num_classes:
        raise InvalidParameter(f"label must lie in [0, {dataset.space.num_classes}); got {label}.")
    return np.flatnonzero(dataset.split(split).labels == label)


def _shuffled_by_class(
    labels: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all rows by class, in random order within each, and each one's place in its class from 0; both (N,)."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    first = np.cumsum(sizes) - sizes
    return order, np.arange(len(labels)) - first[labels[order]]


def _check_number(num_samples: int) -> None:
    if num_samples < 1:
        raise InvalidParameter(f"num_samples must be at least 1; got {num_samples}.")
