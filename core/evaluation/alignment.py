"""Alignment: which runs can be compared at all, and the images that all of them share.

Separate because a paired comparison of rows that are not the same images would be wrong without a word. It leaves out
the comparing itself (`comparison.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from core.exceptions import InvalidParameter
from core.predictions import Predictions

FEWEST_IMAGES = 2
"""With one image there is no variance over images."""


@dataclass(frozen=True)
class Aligned:
    """Runs whose rows are the same images in the same order.

    Attributes:
        variants: variant -> predictions of its runs, at least one each, in the order given.
        num_images: N, rows of each.
        left_out: sentences, one for each thing that was left out, with the reason.
        places: variant -> which of its runs, counted from 0 as they were given, these are.
    """

    variants: dict[str, tuple[Predictions, ...]]
    num_images: int
    left_out: tuple[str, ...]
    places: dict[str, tuple[int, ...]]


def aligned(
    predictions: Mapping[str, Sequence[Predictions | None]], *, with_counts: bool = False
) -> Aligned:
    """Keep what can be compared, and cut it to the images that all runs share.

    Left out are runs without predictions (None), with `with_counts` those without predicted counts, and runs whose
    outputs equal another run's of the same variant to the last bit: the same seed trained twice would make the seeds
    look steadier than they are.

    Args:
        predictions: variant -> predictions of its runs on one split, a run a seed; None where a run has none.
        with_counts: whether counts are compared, so that a run needs them.

    Raises:
        InvalidParameter: no run is left, class names or true labels disagree (then the runs saw different data), or
            fewer than 2 images are shared.
    """
    left_out: list[str] = []
    usable = {
        variant: found
        for variant, runs in predictions.items()
        if (found := _usable(variant, runs, with_counts, left_out))
    }
    places = {variant: tuple(found) for variant, found in usable.items()}
    kept = {variant: list(found.values()) for variant, found in usable.items()}
    if not kept:
        needs = "predicted counts" if with_counts else "predictions"
        raise InvalidParameter(
            f"A comparison needs a run with {needs}; none of {len(predictions)} variants has one."
        )
    every = [(variant, run) for variant, runs in kept.items() for run in runs]
    _require_one_space(every)
    ids = [run.sample_ids for _, run in every]
    if all(np.array_equal(ids[0], one) for one in ids):
        shared = ids[0]
    else:
        shared = reduce(np.intersect1d, ids)
        most = max(map(len, ids))
        left_out.append(
            f"Compared on the {len(shared):,} images that all runs share, of up to {most:,}."
        )
        kept = {variant: [_cut(run, shared) for run in runs] for variant, runs in kept.items()}
    if len(shared) < FEWEST_IMAGES:
        raise InvalidParameter(
            f"The runs must share at least {FEWEST_IMAGES} images; they share {len(shared)}. "
            "Compare runs on the same split."
        )
    _require_one_truth([(variant, run) for variant, runs in kept.items() for run in runs])
    variants = {variant: tuple(runs) for variant, runs in kept.items()}
    return Aligned(variants, len(shared), tuple(left_out), places)


def _usable(
    variant: str, runs: Sequence[Predictions | None], with_counts: bool, left_out: list[str]
) -> dict[int, Predictions]:
    """Return place -> run of those that can be compared."""
    found: dict[int, Predictions] = {}
    missing: dict[str, int] = {}
    for place, run in enumerate(runs):
        if run is None:
            reason = "no predictions"
        elif with_counts and (run.counts is None or run.count_labels is None):
            reason = "no predicted counts"
        elif any(_is_same(run, other) for other in found.values()):
            reason = "the very outputs of another run, as if one seed was trained twice"
        else:
            found[place] = run
            continue
        missing[reason] = missing.get(reason, 0) + 1
    left_out += [
        f"{variant}: {number} of {len(runs)} runs left out: {reason}."
        for reason, number in missing.items()
    ]
    if not runs:
        left_out.append(f"{variant} left out: no runs.")
    return found


def _is_same(one: Predictions, other: Predictions) -> bool:
    return all(
        first is second
        or (first is not None and second is not None and first.tobytes() == second.tobytes())
        for first, second in (
            (one.sample_ids, other.sample_ids),
            (one.logits, other.logits),
            (one.counts, other.counts),
        )
    )


def _cut(run: Predictions, shared: NDArray[np.int64]) -> Predictions:
    order = np.argsort(run.sample_ids, kind="stable")
    rows = order[np.searchsorted(run.sample_ids, shared, sorter=order)]
    return replace(
        run,
        sample_ids=shared,
        labels=run.labels[rows],
        logits=run.logits[rows],
        count_labels=None if run.count_labels is None else run.count_labels[rows],
        counts=None if run.counts is None else run.counts[rows],
    )


def _require_one_space(every: Sequence[tuple[str, Predictions]]) -> None:
    first, reference = every[0]
    for variant, run in every[1:]:
        one, other = (space.class_names for space in (reference.space, run.space))
        if one != other or reference.space.count_names != run.space.count_names:
            raise InvalidParameter(
                f"Runs of {first} and {variant} do not predict the same classes and counts ({len(one)} and "
                f"{len(other)} classes). Compare runs on one data set."
            )


def _require_one_truth(every: Sequence[tuple[str, Predictions]]) -> None:
    first, reference = every[0]
    for variant, run in every[1:]:
        wrong = np.flatnonzero(run.labels != reference.labels)
        if len(wrong):
            raise InvalidParameter(
                f"Runs of {first} and {variant} disagree on the true class of {len(wrong):,} images, first on sample "
                f"{reference.sample_ids[wrong[0]]}: their splits are not the same. Compare runs on one split."
            )
