"""Cases: one table of all images of a split with what a run says of each and how far other runs agree.

Separate from `samples`, which lists what one cell counts: this table is what filters, slices and sorts choose from. It leaves
out the filters themselves (`case_filters`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.accuracy import wilson_interval
from core.evaluation.losses import cross_entropy
from core.evaluation.samples import NO_PREDICTION_NAME
from core.evaluation.votes import disagreement
from core.exceptions import InvalidParameter
from core.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Cases:
    """The images of a split, seen by several runs.

    Attributes:
        predictions: of the first run, which the table's answers are those of.
        runs: label -> predictions of all runs that are about the very same images, row by row, the first one among them.
        table: see `cases`.
        left_out: a sentence for each run that is not about these images.
    """

    predictions: Predictions
    runs: dict[str, Predictions]
    table: pd.DataFrame
    left_out: tuple[str, ...] = field(default=())


def cases(runs: Mapping[str, Predictions]) -> Cases:
    """Gather what runs say of the images of one split.

    Args:
        runs: label -> predictions, at least one; the first one leads. Others are compared with it only where they are about the
            same samples with the same labels and classes, in any order of rows; the rest is left out by name.

    Returns:
        Cases whose table has N rows in the order of the leading run's samples: sample_id, true, true_name, predicted
        (NO_PREDICTION without one), predicted_name, is_right, confidence (in [0, 1]), loss (cross entropy in nats), margin
        (probability of the true class less the largest of the others, in [-1, 1]), count_error (sum over the counts of the
        distance between predicted and true, in figures; NaN without counts), disagreement (share of all runs that say
        otherwise than most, in [0, 1)), vote_entropy (nats) and, where classes have groups, true_group. All that follows from
        the leading run's probabilities is NaN without a prediction.

    Raises:
        InvalidParameter: there is no run.
    """
    if not runs:
        raise InvalidParameter("Cases need at least one run; got none.")
    (lead_label, lead), *others = runs.items()
    same, left_out = {lead_label: lead}, []
    answers = [lead.predicted]
    for label, one in others:
        rows = _rows_of(lead, one)
        if isinstance(rows, str):
            left_out.append(f"{label} left out: {rows}.")
            continue
        same[label] = one if isinstance(rows, slice) else _reordered(one, rows)
        answers.append(same[label].predicted)
    names = np.array([*lead.space.class_names, NO_PREDICTION_NAME], dtype=object)
    votes = disagreement(np.stack(answers, axis=1), lead.space.num_classes)
    columns = {
        "sample_id": lead.sample_ids,
        "true": lead.labels,
        "true_name": names[lead.labels],
        "predicted": lead.predicted,
        "predicted_name": names[lead.predicted],
        "is_right": lead.is_right,
        "confidence": lead.confidence,
        "loss": cross_entropy(lead),
        "margin": _margins(lead),
        "count_error": _count_errors(lead),
        "disagreement": votes["disagreement"].to_numpy(),
        "vote_entropy": votes["vote_entropy"].to_numpy(),
    }
    if lead.space.class_groups is not None:
        columns["true_group"] = np.array(lead.space.class_groups, dtype=object)[lead.labels]
    return Cases(lead, same, pd.DataFrame(columns), tuple(left_out))


def joined(table: pd.DataFrame, other: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return a table of cases with columns of another table of samples; NaN where that does not have a sample."""
    found = other.set_index("sample_id")[columns].reindex(table["sample_id"])
    return table.assign(**{name: found[name].to_numpy() for name in columns})


def share_right(table: pd.DataFrame) -> tuple[int, float, float, float]:
    """Return number, accuracy and its 95 % Wilson interval (all in [0, 1], NaN without rows) of some cases."""
    num_samples, num_right = len(table), int(table["is_right"].sum())
    low, high = wilson_interval(num_right, num_samples)
    share = num_right / num_samples if num_samples else np.nan
    return num_samples, share, float(low), float(high)


def _rows_of(lead: Predictions, one: Predictions) -> NDArray[np.int64] | slice | str:
    """Return where the leading run's samples are in another run's rows, or why they cannot be compared."""
    if one.space.class_names != lead.space.class_names:
        return "it predicts other classes"
    if len(one) != len(lead):
        return f"it has outputs of {len(one):,} images, not of {len(lead):,}"
    if np.array_equal(one.sample_ids, lead.sample_ids):
        rows: NDArray[np.int64] | slice = slice(None)
    else:
        order = np.argsort(one.sample_ids, kind="stable")
        found = np.searchsorted(one.sample_ids, lead.sample_ids, sorter=order)
        rows = order[np.minimum(found, len(order) - 1)]
        if not np.array_equal(one.sample_ids[rows], lead.sample_ids):
            return "its outputs are of other images"
    if not np.array_equal(one.labels[rows], lead.labels):
        return "the images have other labels there"
    return rows


def _reordered(one: Predictions, rows: NDArray[np.int64]) -> Predictions:
    return replace(
        one,
        sample_ids=one.sample_ids[rows],
        labels=one.labels[rows],
        logits=one.logits[rows],
        count_labels=None if one.count_labels is None else one.count_labels[rows],
        counts=None if one.counts is None else one.counts[rows],
    )


def _margins(lead: Predictions) -> NDArray[np.float64]:
    probabilities = lead.probabilities.copy()
    rows = np.arange(len(lead))
    of_true = probabilities[rows, lead.labels].copy()
    if probabilities.shape[1] < 2:
        return of_true
    probabilities[rows, lead.labels] = -np.inf
    # NaN in the rows without a prediction stays NaN through both.
    return of_true - probabilities.max(axis=1)


def _count_errors(lead: Predictions) -> NDArray[np.float64]:
    if lead.counts is None or lead.count_labels is None:
        return np.full(len(lead), np.nan)
    return np.abs(lead.counts.astype(np.float64) - lead.count_labels).sum(axis=1)
