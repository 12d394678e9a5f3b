"""Splits: which rows of a data set are train, validation and test, drawn as scikit-learn draws them.

Apart from the sources, because all that bring no split of their own share it. What the source fixes is kept. The drawn
rows are those of `sklearn.model_selection.train_test_split`, called first for test and then for validation, so that
others can repeat them; each split keeps the order of the source. scikit-learn is slow to import: callers keep what
they get.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from core.datasets.base import SPLITS
from core.exceptions import InvalidInput


def drawn_rows(
    num_rows: int,
    validation_share: float,
    test_share: float,
    seed: int,
    strata: NDArray[np.int64] | None = None,
    stratum_names: Sequence[str] = (),
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of a three-way split, as two calls of scikit-learn draw them.

    The calls are `train_test_split(rows, test_size=test_share, random_state=seed, stratify=strata)`, then the same for
    the rest with `test_size=validation_share / (1 - test_share)`.

    Args:
        num_rows: N.
        validation_share: of all rows, in (0, 1).
        test_share: of all rows, in (0, 1); both together below 1.
        seed: the same seed draws the same rows.
        strata: (N,) in [0, S), what is to be in equal shares in each split, or None to draw from all alike.
        stratum_names: S names for the message.

    Returns:
        Ascending rows by the name of the split.

    Raises:
        InvalidInput: there are too few rows, or too few of a stratum to be in each split.
    """
    rows = np.arange(num_rows)
    # What a user writes who repeats it, 0.25 for 0.2 of 0.8, whatever the rounding of the two shares.
    of_rest = float(Fraction(str(validation_share)) / (1 - Fraction(str(test_share))))
    rest, test = _two(rows, test_share, seed, strata, stratum_names)
    train, validation = _two(rest, of_rest, seed, strata, stratum_names)
    chosen = {"train": train, "validation": validation, "test": test}
    _check_strata(chosen, strata, stratum_names)
    return {name: np.sort(chosen[name]) for name in SPLITS}


def completed_rows(
    fixed: dict[str, NDArray[np.int64]],
    validation_share: float,
    test_share: float,
    seed: int,
    strata: NDArray[np.int64] | None = None,
    stratum_names: Sequence[str] = (),
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of all splits where the source fixes some: those missing are drawn out of train.

    Args:
        fixed: ascending rows by the name of the split; train at least.
        validation_share: of all rows of `fixed`, used where validation is missing.
        test_share: of all rows of `fixed`, used where test is missing.
        seed: the same seed draws the same rows.
        strata: (N,) in [0, S) over the rows that `fixed` points into, or None.
        stratum_names: S names for the message.

    Raises:
        InvalidInput: the source fixes no train, or train has too few rows, or too few of a stratum.
    """
    chosen = {name: rows for name, rows in fixed.items() if len(rows)}
    if "train" not in chosen:
        raise InvalidInput(
            "The source fixes which images are validation or test, but none for train."
        )
    num_rows = sum(len(rows) for rows in chosen.values())
    for name, share in (("test", test_share), ("validation", validation_share)):
        if name in chosen:
            continue
        number = int(-(-Fraction(str(share)) * num_rows // 1))  # rounded up, as scikit-learn does
        if number >= len(chosen["train"]):
            raise InvalidInput(
                f"{name} is to be {share:g} of {num_rows:,} images, {number:,}, but train has only"
                f" {len(chosen['train']):,} to draw it from. Make {name}_share smaller."
            )
        drawn = _two(chosen["train"], number, seed, strata, stratum_names)
        chosen["train"], chosen[name] = drawn
        _check_strata({"train": drawn[0], name: drawn[1]}, strata, stratum_names)
    return {name: np.sort(chosen[name]) for name in SPLITS}


def _two(
    rows: NDArray[np.int64],
    size: float,
    seed: int,
    strata: NDArray[np.int64] | None,
    stratum_names: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `size` of the rows, a share or a number; return the others and these."""
    # Importing scikit-learn takes 3.6 s of CPU (shared 2-core AMD EPYC), so only those who draw must need it.
    from sklearn.model_selection import train_test_split

    kept = None if strata is None else strata[rows]
    try:
        others, drawn = train_test_split(rows, test_size=size, random_state=seed, stratify=kept)
    except ValueError:
        # It refuses what it cannot divide, without saying of what there is how much.
        if kept is not None:
            counts = np.bincount(kept)
            present = np.flatnonzero(counts)
            if counts[present].min() < 2:
                raise _too_few(counts, present[counts[present] < 2], stratum_names) from None
            raise InvalidInput(
                f"{len(rows):,} images cannot be divided so that each of {len(present):,} classes is in every split."
                " Add images, change the shares, or draw without regard to classes (stratified=false)."
            ) from None
        raise InvalidInput(
            f"{len(rows):,} image{'' if len(rows) == 1 else 's'} cannot be divided into two splits."
            " Add images, or change the shares."
        ) from None
    return others, drawn


def _check_strata(
    chosen: dict[str, NDArray[np.int64]],
    strata: NDArray[np.int64] | None,
    stratum_names: Sequence[str],
) -> None:
    """Refuse a split without an image of a class that is there."""
    if strata is None:
        return
    counts = np.stack(
        [np.bincount(strata[rows], minlength=len(stratum_names)) for rows in chosen.values()]
    )
    whole = counts.sum(axis=0)
    lacking = np.flatnonzero((whole > 0) & (counts.min(axis=0) == 0))
    if len(lacking):
        raise _too_few(whole, lacking, stratum_names)


def _too_few(
    counts: NDArray[np.int64], lacking: NDArray[np.int64], stratum_names: Sequence[str]
) -> InvalidInput:
    """Return the error that names up to five classes, the fewest images first."""
    order = lacking[np.argsort(counts[lacking], kind="stable")]
    named = ", ".join(
        f"{stratum_names[one]!r} ({counts[one]} image{'' if counts[one] == 1 else 's'})"
        for one in order[:5]
    )
    more = f" and {len(order) - 5} more" if len(order) > 5 else ""
    return InvalidInput(
        "Each class must have an image in train, validation and test, but there are too few of"
        f" {named}{more}. Add images, leave the class out, make the shares larger, or draw without regard to"
        " classes (stratified=false)."
    )
