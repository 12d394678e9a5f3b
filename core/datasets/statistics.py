"""Statistics: what there is to say about a data set without a network. No source and no chart is known here.

Sizes, first rows and counts of figures stand here; the classes in `classes.py`, the pixels in `pixels.py`, which images
to look at in `samples.py`, equal images in `duplicates.py`. Nothing is kept: a caller who asks twice keeps the answer
under the data set's fingerprint.
"""

from typing import Any

import numpy as np
import pandas as pd

from core.datasets.base import Dataset
from core.datasets.pixels import grey
from core.datasets.samples import sample_table


def summary(dataset: Dataset, kind: str) -> dict[str, Any]:
    """Return a data set's size, classes and splits as plain values.

    Args:
        dataset: K classes.
        kind: how the images came to be, as the source says it.

    Returns:
        name, kind, images (N over all splits), height, width (pixels), channels, classes (K), class_names (K, in label
        order), missing_classes (names that occur in no split), splits ({name: N}), counts (K, images of each class over
        all splits, in label order).
    """
    channels, height, width = dataset.image_shape
    num_classes = dataset.space.num_classes
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    counts = np.bincount(labels, minlength=num_classes).tolist()
    return {
        "name": dataset.name,
        "kind": kind,
        "images": len(labels),
        "height": height,
        "width": width,
        "channels": channels,
        "classes": num_classes,
        "class_names": list(dataset.space.class_names),
        "missing_classes": [
            name
            for name, count in zip(dataset.space.class_names, counts, strict=True)
            if count == 0
        ],
        "splits": {name: len(split) for name, split in dataset.splits.items()},
        "counts": counts,
    }


def first_rows(dataset: Dataset, split: str, num_rows: int = 5) -> pd.DataFrame:
    """Return the first samples of a split, as one looks at a new table.

    Returns:
        At most `num_rows` rows: split, sample_id, label, class_name, one column of figures for each of the T counts (under
        the count's name), and least_grey, mean_grey, most_grey of the image's pixels (grey levels, 0 to 255).

    Raises:
        UnknownName: there is no such split.
    """
    found = dataset.split(split)
    table = sample_table(dataset, split, np.arange(min(num_rows, len(found))))
    if found.counts is not None:
        for position, name in enumerate(dataset.space.count_names):
            table[name] = found.counts[:num_rows, position]
    pixels = grey(found.images[:num_rows])  # (n, H, W)
    table["least_grey"] = pixels.min(axis=(1, 2))
    table["mean_grey"] = pixels.mean(axis=(1, 2))
    table["most_grey"] = pixels.max(axis=(1, 2))
    return table


def split_sizes(dataset: Dataset) -> pd.DataFrame:
    """Count the images of each split.

    Returns:
        One row per split: split, count (images), share (of all images, in [0, 1]; NaN without images).
    """
    counts = np.array([len(split) for split in dataset.splits.values()])
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a data set without images
        share = counts / counts.sum()
    return pd.DataFrame({"split": list(dataset.splits), "count": counts, "share": share})


def count_distribution(dataset: Dataset, split: str | None = None) -> pd.DataFrame:
    """Count how often an image holds how many figures of a type.

    Args:
        dataset: T types are counted.
        split: only this split; all of them by default.

    Returns:
        For each of the T types, one row for each number of figures from 0 to the largest of any type: type, figures (in
        one image), count (images), share (of all these images, in [0, 1]). Empty without counts or images.

    Raises:
        UnknownName: there is no such split.
    """
    splits = [dataset.split(split)] if split is not None else list(dataset.splits.values())
    known = [part.counts for part in splits if part.counts is not None]
    columns = ["type", "figures", "count", "share"]
    if not known or not sum(len(counts) for counts in known):
        return pd.DataFrame(columns=columns)
    counts = np.concatenate(known)  # (N, T)
    figures = np.arange(int(counts.max()) + 1)
    rows = []
    for position, name in enumerate(dataset.space.count_names):
        images = np.bincount(counts[:, position], minlength=len(figures))
        rows += [(name, *row) for row in zip(figures, images, images / len(counts), strict=True)]
    return pd.DataFrame(rows, columns=columns)
