"""Statistics: what there is to say about a data set without a network. No source and no chart is known here."""

from typing import Any

import numpy as np

from core.datasets.base import Dataset


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
