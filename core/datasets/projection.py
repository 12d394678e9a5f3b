"""Projection: a map of the images in two dimensions, from their pixels alone.

PCA answers at once; t-SNE takes seconds and yields maps on the way, so that whoever waits sees how far it is and may
stop. scikit-learn is imported inside, because that takes a second and a half. It leaves out what a network makes of the images.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.datasets.base import Dataset
from core.datasets.samples import stratified
from core.exceptions import InvalidParameter

MOST_SAMPLES = 2000
"""Points on a map unless fewer are asked for; t-SNE takes no more."""

# Van der Maaten and Hinton reduce to some thirty dimensions first; scikit-learn's documentation says fifty.
_FIRST_DIMENSIONS = 50
_PERPLEXITY = 30.0
_EXAGGERATION = 12.0
_STAGES = 4
_STEPS = 250


@dataclass(frozen=True)
class ImageMap:
    """Images as points of a plane; near points are images with similar pixels.

    Attributes:
        table: one row per point: split, sample_id, label, class_name, x, y (of PCA in units of a white pixel, of t-SNE
            without a unit).
        explained: shares of the variance along x and y, in [0, 1]; NaN where all images are equal; None for t-SNE.
        progress: how much of the work is done, in (0, 1].
    """

    table: pd.DataFrame
    explained: tuple[float, float] | None
    progress: float = 1.0


def pca_map(
    dataset: Dataset,
    split: str | None = None,
    num_samples: int = MOST_SAMPLES,
    seed: int = 0,
) -> ImageMap:
    """Lay out images along the two directions in which their pixels vary most.

    Args:
        dataset: whose images, with all their channels.
        split: only this split; all of them by default.
        num_samples: most points, at least 1; drawn from each class in proportion.
        seed: decides which images are drawn.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: num_samples is below 1.

    Source: Jolliffe 2002, "Principal Component Analysis", second edition.
    """
    table = stratified(dataset, split, num_samples, seed)
    points, explained = principal_components(_pixels(dataset, table), 2, seed)
    return ImageMap(_placed(table, points), (explained[0], explained[1]))


def tsne_map(
    dataset: Dataset,
    split: str | None = None,
    num_samples: int = MOST_SAMPLES,
    seed: int = 0,
) -> Iterator[ImageMap]:
    """Lay out images so that neighbours stay neighbours; distances between groups mean little.

    The gradient descent is run in four parts of 250 steps, the first with exaggerated attraction, each starting where the one
    before ended. The work of a part is done when its map is asked for.

    Args:
        dataset: whose images, with all their channels; their first 50 principal components are used.
        split: only this split; all of them by default.
        num_samples: most points, in [1, 2000]; drawn from each class in proportion.
        seed: decides which images are drawn and how the components are found.

    Yields:
        The map after each part, the last with a progress of 1. One map only where fewer than four images differ.

    Raises:
        UnknownName: there is no such split.
        InvalidParameter: num_samples is out of its range.

    Source: van der Maaten and Hinton 2008, "Visualizing Data using t-SNE"; the descent in scikit-learn's Barnes-Hut form.
    """
    if num_samples > MOST_SAMPLES:
        raise InvalidParameter(f"num_samples must lie in [1, {MOST_SAMPLES}]; got {num_samples}.")
    return _tsne_parts(dataset, stratified(dataset, split, num_samples, seed), seed)


def _tsne_parts(dataset: Dataset, table: pd.DataFrame, seed: int) -> Iterator[ImageMap]:
    for points, progress in tsne_points(_pixels(dataset, table), seed):
        yield ImageMap(_placed(table, points), None, progress)


def tsne_points(
    values: NDArray[np.float32], seed: int
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """Yield places (n, 2) of rows of values (n, D) by t-SNE, and how much of the work is done; see `tsne_map`."""
    from sklearn.manifold import TSNE

    components, _ = principal_components(values, _FIRST_DIMENSIONS, seed)
    if len(np.unique(components, axis=0)) < 4:
        yield components[:, :2], 1.0
        return
    num_points = len(components)
    points = components[:, :2] / components[:, 0].std() * 1e-4
    for part in range(_STAGES):
        points = TSNE(
            perplexity=min(_PERPLEXITY, (num_points - 1) / 3),
            early_exaggeration=_EXAGGERATION if part == 0 else 1.0,
            learning_rate=max(num_points / _EXAGGERATION / 4, 50.0),
            init=points,
            max_iter=_STEPS,
            random_state=seed,
        ).fit_transform(components)
        yield points, (part + 1) / _STAGES


def _pixels(dataset: Dataset, table: pd.DataFrame) -> NDArray[np.float32]:
    """Return the samples' pixels in [0, 1]: (n, C * H * W)."""
    parts = [
        dataset.splits[str(name)].images[rows["sample_id"].to_numpy()].reshape(len(rows), -1)
        for name, rows in table.groupby("split", sort=False)
    ]
    if not parts:
        return np.zeros((0, int(np.prod(dataset.image_shape))), dtype=np.float32)
    return np.concatenate(parts).astype(np.float32) / np.float32(255)


def principal_components(
    values: NDArray[np.float32], num_components: int, seed: int
) -> tuple[NDArray[np.float32], list[float]]:
    """Return principal components (n, num_components) and the share of the variance of each.

    What does not exist is zero: components beyond the rank, and all of them where all rows are equal (shares NaN).
    """
    from sklearn.decomposition import PCA

    components = np.zeros((len(values), num_components), dtype=np.float32)
    if len(values) == 0 or (values == values[0]).all():
        return components, [np.nan] * num_components
    num_found = min(num_components, *values.shape)
    found = PCA(num_found, random_state=seed)
    components[:, :num_found] = found.fit_transform(values)
    shares = found.explained_variance_ratio_.tolist()
    return components, shares + [0.0] * (num_components - len(shares))


def _placed(table: pd.DataFrame, points: NDArray[np.float32]) -> pd.DataFrame:
    return table.assign(x=points[:, 0], y=points[:, 1])
