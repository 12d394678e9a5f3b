"""Duplicates: images that a data set holds more than once, within a split and across splits.

An image that is in train and in test makes the test result look better than it is. Equal images are found by a hash of
their pixels. Nearly equal ones are those whose pixels correlate, so that a copy in other brightness or contrast, or
saved again with loss, is found; `near_duplicates` says what is not. It leaves out what to do about them.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from core.datasets.base import Dataset
from core.datasets.pixels import blocks
from core.datasets.samples import sample_table
from core.exceptions import InvalidParameter

LEAST_CORRELATION = 0.995
"""Of Fashion-MNIST's 60,000 training images 63 pairs reach it; of 24 looked at each showed one article twice. At 0.99
360 pairs do, among them plain trousers and T-shirts that are only alike."""

# The correlation of blurred images bounds how far apart two images can be: so most pairs are never compared in full.
_SIDE = 8
_DIRECTIONS = 12
_MOST_PAIRS = 4_000_000
_MOST_VALUES = 2**31
"""Pixels compared in full, at most: about 6 s of CPU (shared 2-core AMD EPYC)."""
_PROBES = 500
_NEIGHBOURS = 8
_VALUES_AT_ONCE = 2**21
_MOST_NAMES = 5


@dataclass(frozen=True)
class Duplicates:
    """Groups of images that are equal or nearly so.

    Attributes:
        table: one row per image in a group: group (from 0; groups across splits first, then those with several labels, then
            the most alike), split, sample_id, label, class_name, correlation (with the most similar other image of the group, in
            [-1, 1]; 1 for equal pixels), has_other_labels and is_across_splits (of the whole group).
        verdict: what was found, in a few sentences.
    """

    table: pd.DataFrame
    verdict: str

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group, in order.

        Columns: group, count (images), splits and class_names (up to five, joined by commas), correlation (the least of
        its images), has_other_labels, is_across_splits.
        """
        by_group = self.table.groupby("group", sort=True)
        return by_group.agg(
            count=("sample_id", "size"),
            splits=("split", _joined),
            class_names=("class_name", _joined),
            correlation=("correlation", "min"),
            has_other_labels=("has_other_labels", "first"),
            is_across_splits=("is_across_splits", "first"),
        ).reset_index()


def exact_duplicates(dataset: Dataset) -> Duplicates:
    """Find the images whose pixels are equal, in all splits."""
    first = _first_equal(dataset)
    sizes = np.bincount(first, minlength=len(first))
    members = np.flatnonzero(sizes[first] > 1)
    table = _table(dataset, members, first[members], np.ones(len(members)))
    return Duplicates(table, _verdict(table, "No two images are equal.", "are equal to another"))


def near_duplicates(dataset: Dataset, least_correlation: float = LEAST_CORRELATION) -> Duplicates:
    """Find different images whose pixels are nearly the same but for brightness and contrast, in all splits.

    Two images belong together when Pearson's correlation of their pixels (of all channels) reaches the bound, and so do
    images joined by a chain of such pairs; equal copies of a found image are listed with it. Every such pair is found,
    unless the verdict says that there were too many. Not found are copies shifted, turned, mirrored, cropped or
    inverted, and images of one single value, which correlate with nothing.

    Args:
        dataset: N images.
        least_correlation: the bound, in [0.9, 1).

    Raises:
        InvalidParameter: the bound is out of its range.
    """
    if not 0.9 <= least_correlation < 1:
        raise InvalidParameter(
            f"least_correlation must lie in [0.9, 1.0); got {least_correlation}."
        )
    first = _first_equal(dataset)
    features, has_pattern = _features(dataset)
    ids = np.flatnonzero((first == np.arange(len(first))) & has_pattern)
    pairs, is_complete = _candidates(
        features[ids], least_correlation, int(np.prod(dataset.image_shape))
    )
    pairs = ids[pairs]
    correlations = _correlations(dataset, pairs)
    is_near = correlations >= least_correlation
    pairs, correlations = pairs[is_near], correlations[is_near]
    best = np.full(len(first), -1.0)
    np.maximum.at(best, pairs, correlations[:, None])
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(first), len(first)))
    _, component = connected_components(graph, directed=False)
    members = np.flatnonzero(best[first] > 0)
    copies = np.bincount(first, minlength=len(first))
    table = _table(
        dataset,
        members,
        component[first[members]],
        np.where(copies[first[members]] > 1, 1.0, best[first[members]]),
    )
    verdict = _verdict(
        table, "No two different images are nearly equal.", "are nearly equal to another"
    )
    if not is_complete:
        verdict += (
            " Too many images are alike to compare all pairs: each was compared with a few of the most alike, and more may be "
            "nearly equal."
        )
    return Duplicates(table, verdict)


def _first_equal(dataset: Dataset) -> NDArray[np.int64]:
    """Return for each image, counted through all splits, the first one with its pixels: (N,)."""
    known: dict[bytes, int] = {}
    first = []
    for split in dataset.splits.values():
        for image in split.images:
            # 128 bits of a cryptographic hash: no two different images have been found to share one.
            pixels = blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
            first.append(known.setdefault(pixels, len(first)))
    return np.array(first, dtype=np.int64)


def _features(dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Blur each image to 8x8 blocks, as a vector no two of which lie farther apart than the images themselves.

    Returns:
        (N, F) float32 of the images less their mean and scaled to length 1: sums over the blocks divided by the square root
        of their pixels, an orthogonal projection. (N,) whether the image has more than one value.
    """
    channels, height, width = dataset.image_shape
    tops, lefts = (np.unique(np.arange(_SIDE) * side // _SIDE) for side in (height, width))
    heights, widths = np.diff(tops, append=height), np.diff(lefts, append=width)
    scale = np.sqrt(np.outer(heights, widths)).astype(np.float32)
    features, has_pattern = [], []
    for split in dataset.splits.values():
        for rows in blocks(split.images):
            block = split.images[rows]
            values, varies = _standardised(block.reshape(len(block), -1))
            values = values.reshape(block.shape)
            sums = np.add.reduceat(np.add.reduceat(values, tops, axis=2), lefts, axis=3)
            features.append((sums / scale).reshape(len(block), -1))
            has_pattern.append(varies)
    if not features:
        return np.zeros((0, channels * scale.size), np.float32), np.zeros(0, np.bool_)
    return np.concatenate(features), np.concatenate(has_pattern)


def _standardised(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return images (n, D) less their mean and scaled to length 1, and which of them have more than one value.

    Images of one single value are all zero.
    """
    has_pattern = (pixels != pixels[:, :1]).any(axis=1)
    values = pixels.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    values[~has_pattern] = 0  # what rounding of the mean has left
    lengths = np.sqrt(np.einsum("nd,nd->n", values, values))
    values /= np.where(has_pattern, lengths, 1)[:, None]
    return values, has_pattern


def _candidates(
    features: NDArray[np.float32], correlation: float, num_values: int
) -> tuple[NDArray[np.int64], bool]:
    """Return the pairs of rows whose images may correlate so strongly, (P, 2), and whether all of them are there.

    A projection brings points nearer, never farther: no pair is lost on the way.
    """
    if len(features) < 2:
        return np.zeros((0, 2), dtype=np.int64), True
    centred = features - features.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    points = centred @ directions[:, -_DIRECTIONS:]  # (N, 12), where they differ most
    # Standardised images of this correlation are so far apart; with room for 32-bit rounding.
    distance = float(np.sqrt(2 * (1 - correlation))) + 1e-5
    tree = KDTree(points, balanced_tree=False)  # points that coincide do no harm then
    probes = np.random.default_rng(0).permutation(len(points))[:_PROBES]
    neighbours = tree.query_ball_point(points[probes], distance, return_length=True) - 1
    is_complete = float(np.mean(neighbours)) * len(points) / 2 <= _MOST_PAIRS
    if is_complete:
        pairs = tree.query_pairs(distance, output_type="ndarray")
    else:
        # Roughly the nearest: 1 s of CPU where the very nearest take 45 (60,000 images that differ by noise).
        _, nearest = tree.query(points, _NEIGHBOURS + 1, eps=3, distance_upper_bound=distance)
        pairs = np.stack(
            [np.repeat(np.arange(len(points)), _NEIGHBOURS + 1), nearest.reshape(-1)], axis=1
        )
        pairs = np.sort(pairs[(pairs[:, 1] < len(points)) & (pairs[:, 0] != pairs[:, 1])], axis=1)
        pairs = np.unique(pairs, axis=0)
    distances = np.empty(len(pairs), dtype=np.float32)
    for rows in _chunks(len(pairs), features.shape[1]):
        difference = features[pairs[rows, 0]] - features[pairs[rows, 1]]
        distances[rows] = np.einsum("nf,nf->n", difference, difference)
    is_near = distances <= distance**2
    pairs, distances = pairs[is_near], distances[is_near]
    most = max(1, _MOST_VALUES // num_values)
    if len(pairs) > most:
        return pairs[np.argpartition(distances, most)[:most]], False
    return pairs, is_complete


def _correlations(dataset: Dataset, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Pearson's correlation of the pixels of each pair of images, counted through all splits: (P,)."""
    correlations = np.empty(len(pairs))
    for rows in _chunks(len(pairs), int(np.prod(dataset.image_shape))):
        one, other = (_standardised(_pixels(dataset, pairs[rows, side]))[0] for side in (0, 1))
        correlations[rows] = np.einsum("nd,nd->n", one, other)
    return correlations


def _pixels(dataset: Dataset, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the pixels of images counted through all splits: (n, C * H * W)."""
    pixels = np.empty((len(numbers), int(np.prod(dataset.image_shape))), dtype=np.uint8)
    start = 0
    for split in dataset.splits.values():
        here = (numbers >= start) & (numbers < start + len(split))
        pixels[here] = split.images[numbers[here] - start].reshape(-1, pixels.shape[1])
        start += len(split)
    return pixels


def _chunks(length: int, num_values: int) -> list[slice]:
    step = max(1, _VALUES_AT_ONCE // num_values)
    return [slice(start, start + step) for start in range(0, length, step)]


def _table(
    dataset: Dataset,
    members: NDArray[np.int64],
    groups: NDArray[np.int64],
    correlation: NDArray[np.float64],
) -> pd.DataFrame:
    """Make `Duplicates.table` of images, counted through all splits in rising order, and any numbers of their groups."""
    tables, start = [], 0
    for name, split in dataset.splits.items():
        here = members[(members >= start) & (members < start + len(split))]
        tables.append(sample_table(dataset, name, here - start))
        start += len(split)
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "group", groups)
    table["correlation"] = correlation
    by_group = table.groupby("group")
    table["has_other_labels"] = by_group["label"].transform("nunique") > 1
    table["is_across_splits"] = by_group["split"].transform("nunique") > 1
    # Groups in the order of `Duplicates.table`; numbers of groups rise with their first image.
    table["group"] = pd.factorize(table["group"])[0]
    table = table.assign(most=-by_group["correlation"].transform("max")).sort_values(
        ["is_across_splits", "has_other_labels", "most", "group"],
        ascending=[False, False, True, True],
        kind="stable",
        ignore_index=True,
    )
    return table.drop(columns="most").assign(group=pd.factorize(table["group"])[0])


def _verdict(table: pd.DataFrame, nothing: str, relation: str) -> str:
    if table.empty:
        return nothing
    groups = table.drop_duplicates("group")
    crossing = int(groups["is_across_splits"].sum())
    relabelled = int(groups["has_other_labels"].sum())
    sentences = [f"{len(table):,} images {relation}, in {_groups(len(groups))}."]
    if crossing:
        sentences.append(
            f"{_groups(crossing)} {'lies' if crossing == 1 else 'lie'} across splits, a leak that makes results look "
            "better than they are."
        )
    else:
        sentences.append("None lies across splits.")
    if relabelled:
        sentences.append(
            f"{_groups(relabelled)} {'carries' if relabelled == 1 else 'carry'} more than one label."
        )
    return " ".join(sentences)


def _groups(count: int) -> str:
    return f"{count:,} {'group' if count == 1 else 'groups'}"


def _joined(names: pd.Series) -> str:
    different = list(dict.fromkeys(names))
    left = len(different) - _MOST_NAMES
    return ", ".join(different[:_MOST_NAMES]) + (f" and {left:,} more" if left > 0 else "")
