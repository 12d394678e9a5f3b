"""Errors per type of figure: with which types an image is misclassified more often, and what a study claimed of it.

Separate from the accuracy per pair because an image has two types, and because it ends in sentences. It leaves out what
is taken for what (`folding.py`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from core.evaluation.accuracy import wilson_interval
from core.evaluation.folding import GROUPS, TYPES, Fold, folds
from core.evaluation.verdict import percent
from core.predictions import Predictions

COLUMNS = ("type", "samples", "wrong", "share", "low", "high")


@dataclass(frozen=True)
class TypeClaim:
    """What the images say to: images with this type are misclassified least, and the pairs of the others evenly.

    Attributes:
        is_least: whether it is the type with the smallest share of mistakes, and the interval of the difference to images
            without it excludes 0.
        is_even: whether the mistakes of the pairs without it may be equally likely, at a level of 5 %.
        difference: share of mistakes without it minus with it, in [-1, 1].
        low: lower end of the 95 % interval of the difference.
        high: upper end.
        p: of the chi-squared test of evenness; NaN where there is nothing to test.
        sentences: both answers in words.
    """

    is_least: bool
    is_even: bool
    difference: float
    low: float
    high: float
    p: float
    sentences: tuple[str, str]


def type_errors(predictions: Predictions) -> pd.DataFrame:
    """Return how often images with a type are misclassified; an image with two types counts for both.

    Returns:
        One row a type: type, samples (with it), wrong (of them: the predicted class is not the true one), share, low, high
        (in [0, 1]; 95 % Wilson interval; NaN without samples). Empty where classes have no counts.
    """
    fold = folds(predictions.space).get(TYPES)
    rows = []
    for name, classes in zip(fold.names, fold.members, strict=True) if fold else ():
        of_type = np.isin(predictions.labels, classes)
        rows.append((name, int(of_type.sum()), int((of_type & ~predictions.is_right).sum())))
    return _with_shares(pd.DataFrame(rows, columns=["type", "samples", "wrong"]))


def type_pair_errors(predictions: Predictions) -> pd.DataFrame:
    """Return how often images of each pair of types are misclassified, as the cells of a square.

    Returns:
        T * T rows, by row, then column: row, column (type names), row_number, column_number, samples, wrong, share, low,
        high, classes (of the images, a tuple; empty on the diagonal, where no class has one type twice). Each pair stands
        twice. Empty where classes have no counts.
    """
    fold = folds(predictions.space).get(TYPES, Fold(TYPES, (), ()))
    right = np.bincount(predictions.labels[predictions.is_right], minlength=_size(predictions))
    support = np.bincount(predictions.labels, minlength=_size(predictions))
    rows = []
    for row in range(len(fold)):
        for column in range(len(fold)):
            both = sorted(set(fold.members[row]) & set(fold.members[column]))
            classes = tuple(both) if row != column else ()
            samples = int(support[list(classes)].sum())
            wrong = samples - int(right[list(classes)].sum())
            names = fold.names[row], fold.names[column]
            rows.append((*names, row, column, samples, wrong, classes))
    columns = ["row", "column", "row_number", "column_number", "samples", "wrong", "classes"]
    return _with_shares(pd.DataFrame(rows, columns=columns))


def type_claim(predictions: Predictions, claimed: str) -> TypeClaim | None:
    """Put to the test that images with one type are misclassified least, and the pairs of the others evenly.

    Args:
        predictions: N samples over K classes that have groups and counts.
        claimed: name of the type that a study named before it saw these images.

    Returns:
        The answer; None where the data set has no such type, or no images with and without it.

    Source: interval of the difference of two shares, Newcombe 1998, "Interval estimation for the difference between
    independent proportions", method 10; evenness by Pearson's chi-squared test over the pairs.
    """
    declared = folds(predictions.space)
    if TYPES not in declared or GROUPS not in declared or claimed not in declared[TYPES].names:
        return None
    types, groups = declared[TYPES], declared[GROUPS]
    classes = set(types.members[types.names.index(claimed)])
    has_it = np.isin(predictions.labels, list(classes))
    if not has_it.any() or has_it.all():
        return None
    table = type_errors(predictions)
    wrong = ~predictions.is_right
    with_it, without = _share(wrong[has_it]), _share(wrong[~has_it])
    difference = without[0] - with_it[0]
    low = difference - np.hypot(without[0] - without[1], with_it[2] - with_it[0])
    high = difference + np.hypot(without[2] - without[0], with_it[0] - with_it[1])
    least = str(table["type"].iloc[int(table["share"].argmin())])
    is_least = bool(least == claimed and low > 0)
    counts = {
        name: _counted(predictions, members)
        for name, members in zip(groups.names, groups.members, strict=True)
        if not classes & set(members)
    }
    counts = {name: found for name, found in counts.items() if sum(found)}
    p = _evenness(counts)
    is_even = bool(p >= 0.05)
    first = (
        f"Images with {claimed} are misclassified in {_interval(*with_it)} of the cases, those without in "
        f"{_interval(*without)}: with them {-100 * difference:+.1f} points [{-100 * high:+.1f}, {-100 * low:+.1f}]. "
    )
    if is_least:
        first += f"So {claimed} are least confused, as the shapes study claims."
    elif least == claimed:
        first += f"So {claimed} are lowest here, but chance alone may have done it."
    else:
        first += f"So {claimed} are not least confused here: images with {least} are misclassified least."
    return TypeClaim(
        is_least,
        is_even,
        float(difference),
        float(low),
        float(high),
        p,
        (first, _evenness_sentence(claimed, counts, p, is_even)),
    )


def _evenness(counts: dict[str, tuple[int, int]]) -> float:
    cells = np.array(list(counts.values())).T
    if cells.ndim != 2 or cells.shape[1] < 2:
        return np.nan
    if not cells.sum(axis=1).all():
        return 1.0  # never or always wrong: as even as can be
    return float(chi2_contingency(cells, correction=False).pvalue)


def _evenness_sentence(
    claimed: str, counts: dict[str, tuple[int, int]], p: float, is_even: bool
) -> str:
    if np.isnan(p):
        return f"There are too few pairs without {claimed} to say whether their mistakes are evenly spread."
    shares = {name: wrong / (right + wrong) for name, (right, wrong) in counts.items()}
    lowest, highest = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    ends = [
        f"{_interval(shares[name], *map(float, wilson_interval(counts[name][1], sum(counts[name]))))} ({name})"
        for name in (lowest, highest)
    ]
    verdict = (
        "so nothing here speaks against the claim that the others are confused evenly"
        if is_even
        else "so the others are not confused evenly, against the study's claim"
    )
    shown = f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"
    return (
        f"Of the {len(counts)} pairs without {claimed}, the share of mistakes goes from {ends[0]} to {ends[1]}; a "
        f"chi-squared test of evenness gives {shown}, {verdict}."
    )


def _counted(predictions: Predictions, classes: tuple[int, ...]) -> tuple[int, int]:
    """Return right and wrong images of some classes."""
    right = predictions.is_right[np.isin(predictions.labels, classes)]
    return int(right.sum()), int((~right).sum())


def _share(wrong: np.ndarray) -> tuple[float, float, float]:
    low, high = wilson_interval(wrong.sum(), len(wrong))
    return float(wrong.mean()), float(low), float(high)


def _interval(share: float, low: float, high: float) -> str:
    return f"{percent(share)} [{100 * low:.1f}, {100 * high:.1f}]"


def _with_shares(table: pd.DataFrame) -> pd.DataFrame:
    low, high = wilson_interval(table["wrong"].to_numpy(), table["samples"].to_numpy())
    with np.errstate(invalid="ignore"):
        share = table["wrong"].to_numpy(np.float64) / table["samples"].to_numpy(np.float64)
    return table.assign(share=share, low=low, high=high)


def _size(predictions: Predictions) -> int:
    return predictions.space.num_classes
