"""Embedding: images of a split as points of a plane, near ones alike to a layer of a network.

The maps of pixels alone are `core.datasets.projection`'s, whose ways of laying out are used here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.base import Dataset
from core.datasets.projection import principal_components, tsne_points
from core.datasets.samples import stratified
from core.exceptions import InvalidParameter, UnknownName

WAYS = ("pca", "tsne")
MOST_POINTS = 2000
"""Points on a map: t-SNE takes time with more, and eyes do as well."""
SEED = 0


@dataclass(frozen=True)
class Embedding:
    """Places of n images.

    Attributes:
        points: (n, 2) float32; of PCA in units of the features, of t-SNE without a unit.
        explained: shares of the variance along both directions, in [0, 1], NaN where all images are equal; None for t-SNE.
        progress: how much of the work is done, in (0, 1].
    """

    points: NDArray[np.float32]
    explained: tuple[float, float] | None
    progress: float = 1.0


def embedding(values: NDArray[np.float32], way: str, seed: int = SEED) -> Iterator[Embedding]:
    """Lay out features so that what is alike lies near.

    Args:
        values: (n, D) features; a value that is not finite counts as 0.
        way: one of `WAYS`.
        seed: equal seeds give equal maps.

    Yields:
        The map, of t-SNE also those on the way; the last has a progress of 1.

    Raises:
        UnknownName: there is no such way.
        InvalidParameter: there are more than `MOST_POINTS` images.

    Source: Jolliffe 2002, "Principal Component Analysis"; van der Maaten and Hinton 2008, "Visualizing Data using t-SNE".
    """
    if way not in WAYS:
        raise UnknownName("way of laying out", way, WAYS)
    if len(values) > MOST_POINTS:
        raise InvalidParameter(
            f"A map takes at most {MOST_POINTS} images; got {len(values)}. Draw some of them first."
        )
    return _embedding(np.nan_to_num(values, posinf=0.0, neginf=0.0), way, seed)


def _embedding(values: NDArray[np.float32], way: str, seed: int) -> Iterator[Embedding]:
    if way == "pca":
        points, explained = principal_components(values, 2, seed)
        yield Embedding(points, (explained[0], explained[1]))
        return
    for points, progress in tsne_points(values, seed):
        yield Embedding(np.asarray(points, dtype=np.float32), None, progress)


def map_samples(dataset: Dataset, split: str, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rising ids of the images that a map shows: at most `MOST_POINTS`, of each class in proportion.

    Args:
        dataset: whose.
        split: of the images.
        known: (N,) ids of those whose outputs are stored; only of these points can be coloured.
    """
    inside = known[(known >= 0) & (known < len(dataset.split(split)))]
    if len(inside) <= MOST_POINTS:
        return np.sort(inside)
    drawn = stratified(dataset, split, MOST_POINTS, SEED)["sample_id"].to_numpy()
    return np.intersect1d(drawn, inside)
