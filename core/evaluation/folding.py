"""Folding: a confusion matrix of many classes told in few groups of them, by what is known of the classes or by likeness.

Separate from the matrix of single classes because a fold is a value of its own: it names its groups, and says which
classes are behind a cell, so that a click finds the images. It leaves out the samples.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from core.evaluation.confusion_matrix import confusion_counts, matrix_table
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions

CLASSES, GROUPS, TYPES, CLUSTERS = "classes", "groups", "types", "clusters"
MOST_NAMES = 2


@dataclass(frozen=True)
class Fold:
    """Groups of classes.

    Attributes:
        kind: "classes" (each its own), "groups" (of the data set), "types" (what a class counts; a class with two types
            belongs to two groups) or "clusters" (found in the confusions).
        names: G names.
        members: G tuples of class numbers, ascending.
    """

    kind: str
    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        """G."""
        return len(self.names)

    @property
    def text(self) -> str:
        """As it stands in a link: "groups", "clusters-4"."""
        return f"{CLUSTERS}-{len(self)}" if self.kind == CLUSTERS else self.kind

    @property
    def title(self) -> str:
        """For a button: "15 groups"."""
        return f"{len(self)} {self.kind}"

    def cell(self, true: int, predicted: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the true and the predicted classes of a cell.

        On the diagonal both are the group's. Beside it a class that belongs to both groups is on neither side: squares are
        taken for circles where there are squares and no circles, and circles are seen and no squares.
        """
        if true == predicted:
            return self.members[true], self.members[true]
        first, second = set(self.members[true]), set(self.members[predicted])
        return tuple(sorted(first - second)), tuple(sorted(second - first))


def folds(space: LabelSpace) -> dict[str, Fold]:
    """Return the folds that a data set declares, by kind: its classes, their groups, the types that they count."""
    numbers = range(space.num_classes)
    found = {CLASSES: Fold(CLASSES, space.class_names, tuple((number,) for number in numbers))}
    if space.class_groups is not None:
        names = tuple(dict.fromkeys(space.class_groups))
        members = {name: [] for name in names}
        for number, name in enumerate(space.class_groups):
            members[name].append(number)
        found[GROUPS] = Fold(GROUPS, names, tuple(tuple(members[name]) for name in names))
    if space.class_counts is not None:
        has_type = np.array(space.class_counts) > 0  # (K, T)
        members = tuple(tuple(np.flatnonzero(column).tolist()) for column in has_type.T)
        found[TYPES] = Fold(TYPES, space.count_names, members)
    return found


def clusters(predictions: Predictions, num_groups: int) -> Fold:
    """Group the classes that are taken for each other, for data sets that declare no groups.

    The likeness of two classes is the mean of the shares in which each is taken for the other; the groups with the
    greatest mean likeness are joined until `num_groups` are left. A class without samples is like no other.

    Args:
        predictions: N samples over K classes.
        num_groups: in [1, K].

    Raises:
        InvalidParameter: num_groups lies outside [1, K].

    Source: Sokal and Michener 1958, "A statistical method for evaluating systematic relationships" (average linkage).
    """
    num_classes = predictions.space.num_classes
    if not 1 <= num_groups <= num_classes:
        raise InvalidParameter(f"num_groups must lie in [1, {num_classes}]; got {num_groups}.")
    counts = confusion_counts(predictions)
    support = np.bincount(predictions.labels, minlength=num_classes)
    shares = counts / np.maximum(support, 1)[:, None]
    likeness = (shares + shares.T) / 2
    codes = np.ones(num_classes, dtype=np.int64)
    if num_classes > 1:
        distance = 1 - likeness
        np.fill_diagonal(distance, 0)
        tree = linkage(squareform(distance, checks=False), method="average")
        codes = _cut(tree, num_classes, num_groups)
    # In the order of the classes, so that equal groups have equal numbers.
    members = [tuple(np.flatnonzero(codes == code).tolist()) for code in dict.fromkeys(codes)]
    names = tuple(_name(predictions.space, one) for one in members)
    return Fold(CLUSTERS, names, tuple(members))


def folded(predictions: Predictions, fold: Fold) -> pd.DataFrame:
    """Count the samples of each true group by predicted group.

    Returns:
        G * G rows as `confusion_matrix` gives them of classes, with groups in their place; a cell holds the samples of
        `Fold.cell`. Where groups overlap (types) a sample stands in several cells: with both its types right in two of the
        diagonal.
    """
    counts = confusion_counts(predictions)
    support = np.bincount(predictions.labels, minlength=predictions.space.num_classes)
    member = _membership(fold, len(counts))
    if fold.kind == TYPES:
        folded_counts = np.array(
            [
                [_sum(counts, *fold.cell(true, predicted)) for predicted in range(len(fold))]
                for true in range(len(fold))
            ],
            dtype=np.int64,
        )
    else:
        folded_counts = member @ counts @ member.T
    return matrix_table(
        folded_counts,
        member @ support,
        member @ counts.sum(axis=0),
        len(predictions),
        fold.names,
        predictions.space.class_groups if fold.kind == CLASSES else None,
    )


def _membership(fold: Fold, num_classes: int) -> NDArray[np.int64]:
    member = np.zeros((len(fold), num_classes), dtype=np.int64)
    for group, classes in enumerate(fold.members):
        member[group, list(classes)] = 1
    return member


def _sum(counts: NDArray[np.int64], true: tuple[int, ...], predicted: tuple[int, ...]) -> int:
    return int(counts[np.ix_(true, predicted)].sum())


def _cut(tree: NDArray[np.float64], num_classes: int, num_groups: int) -> NDArray[np.int64]:
    """Undo the last joins: scipy's own cut gives fewer groups where distances are equal."""
    if num_groups == 1:
        return np.ones(num_classes, dtype=np.int64)
    order = tree.copy()
    order[:, 2] = np.arange(len(tree))
    return fcluster(order, t=num_classes - num_groups - 0.5, criterion="distance")


def _name(space: LabelSpace, classes: tuple[int, ...]) -> str:
    names = [space.class_names[number] for number in classes]
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} +{len(names) - MOST_NAMES}"
