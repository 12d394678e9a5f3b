"""Votes: what several runs say of the same images: how far they disagree, and which labels they doubt together.

Separate from `comparison.py`, which asks which variant is better: here the images are looked at, not the variants. It leaves
out which runs can be asked about the same images (`cases.py` aligns them).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.samples import NO_PREDICTION_NAME
from core.exceptions import InvalidParameter
from core.predictions import NO_PREDICTION, Predictions

_CELLS_AT_ONCE = 2**24


def disagreement(predicted: NDArray[np.int64], num_classes: int) -> pd.DataFrame:
    """Say how far R runs disagree on each of N samples.

    Args:
        predicted: (N, R) predicted classes, NO_PREDICTION for none, which counts as an answer of its own; R at least 1.
        num_classes: K.

    Returns:
        N rows: majority (the class that most runs say, the lowest of equals; NO_PREDICTION for none), num_majority (runs that
        say so), disagreement (share of the runs that say otherwise, in [0, 1)), vote_entropy (of the shares of the answers,
        in nats; 0 where all agree).

    Source: vote entropy, Dagan and Engelson 1995, "Committee-Based Sampling For Training Probabilistic Classifiers".
    """
    num_samples, num_runs = predicted.shape
    width = num_classes + 1
    majority = np.zeros(num_samples, dtype=np.int64)
    most = np.zeros(num_samples, dtype=np.int64)
    entropy = np.zeros(num_samples)
    # In blocks: (N, K) counts of 1,000,000 samples over 135 classes would take a gigabyte.
    step = max(1, _CELLS_AT_ONCE // width)
    for start in range(0, num_samples, step):
        block = np.where(
            predicted[start : start + step] == NO_PREDICTION,
            num_classes,
            predicted[start : start + step],
        )
        rows = np.arange(len(block))[:, None] * width
        counts = np.bincount((rows + block).ravel(), minlength=len(block) * width)
        counts = counts.reshape(len(block), width)
        majority[start : start + step] = counts.argmax(axis=1)
        most[start : start + step] = counts.max(axis=1)
        shares = counts / num_runs
        logs = np.log(shares, out=np.zeros_like(shares), where=counts > 0)
        entropy[start : start + step] = -(shares * logs).sum(axis=1)
    majority[majority == num_classes] = NO_PREDICTION
    return pd.DataFrame(
        {
            "majority": majority,
            "num_majority": most,
            "disagreement": 1 - most / num_runs,
            "vote_entropy": np.abs(entropy),  # -0.0 would read oddly
        }
    )


def opinions(
    runs: Mapping[str, Sequence[Predictions]], sample_id: int, top: int = 3
) -> pd.DataFrame:
    """Return what variants say of one sample: their most probable classes, averaged over the runs of each.

    Args:
        runs: label -> outputs of its runs on the sample's split, at least one; those without the sample are left out.
        sample_id: of the sample.
        top: classes of each.

    Returns:
        Up to `top` rows for each label, in the order given, by falling probability: label, num_runs (that have the sample),
        num_right (whose own prediction is the true class), rank (from 1), class (NO_PREDICTION where no run has a prediction),
        class_name, probability (mean over the runs that have one, in [0, 1]; NaN with NO_PREDICTION), is_right (the class is
        the true one).
    """
    rows = []
    for label, members in runs.items():
        places = [
            (one, int(place))
            for one in members
            for place in np.flatnonzero(one.sample_ids == sample_id)[:1]
        ]
        if not places:
            continue
        num_right = sum(bool(one.is_right[place]) for one, place in places)
        known = [_probabilities(one, place) for one, place in places if one.has_prediction[place]]
        shared = {"label": label, "num_runs": len(places), "num_right": num_right}
        if not known:
            nothing = {"rank": 1, "class": NO_PREDICTION, "class_name": NO_PREDICTION_NAME}
            rows.append(shared | nothing | {"probability": np.nan, "is_right": False})
            continue
        first, place = places[0]
        mean = np.mean(known, axis=0)
        for rank, best in enumerate(np.argsort(-mean, kind="stable")[:top].tolist(), start=1):
            rows.append(
                shared
                | {"rank": rank, "class": best, "class_name": first.space.class_names[best]}
                | {"probability": float(mean[best]), "is_right": best == int(first.labels[place])}
            )
    columns = [
        "label",
        "num_runs",
        "num_right",
        "rank",
        "class",
        "class_name",
        "probability",
        "is_right",
    ]
    return pd.DataFrame(rows, columns=columns)


def suspects(runs: Sequence[Predictions]) -> pd.DataFrame:
    """Return the samples on which all runs agree with each other and not with the label, which may therefore be wrong.

    Args:
        runs: outputs on the same samples, row by row; at least one.

    Returns:
        One row per suspect, the surest first: sample_id, true, suggested (class), suggested_name, confidence (the least of the
        runs' probabilities of it, in [0, 1]).

    Raises:
        InvalidParameter: there is no run.
    """
    if not runs:
        raise InvalidParameter("Suspects need at least one run; got none.")
    first = runs[0]
    agreed = np.logical_and.reduce([one.predicted == first.predicted for one in runs])
    rows = np.flatnonzero(agreed & ~first.is_right & first.has_prediction)
    least = np.min([one.confidence[rows] for one in runs], axis=0)
    order = np.lexsort((first.sample_ids[rows], -least))
    return _suspects(first, rows[order], first.predicted[rows[order]], least[order])


def cleanlab_suspects(runs: Sequence[Predictions]) -> pd.DataFrame:
    """Return the samples whose label cleanlab doubts, given the mean probabilities of the runs; needs the extra `labels`.

    Args:
        runs: outputs on the same samples, row by row; at least one. They must not have been trained on these samples.

    Returns:
        As `suspects`; confidence is the mean probability of the suggested class.

    Raises:
        InvalidParameter: there is no run, or cleanlab is not installed.

    Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels".
    """
    if not runs:
        raise InvalidParameter("Suspects need at least one run; got none.")
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise InvalidParameter(
            "cleanlab is not installed. Install the extra: pip install 'petridish[labels]'."
        ) from None
    first = runs[0]
    usable = np.flatnonzero(np.logical_and.reduce([one.has_prediction for one in runs]))
    mean = np.mean([one.probabilities[usable] for one in runs], axis=0)  # (n, K)
    issues = find_label_issues(
        first.labels[usable], mean, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    suggested = mean[issues].argmax(axis=1)
    return _suspects(first, usable[issues], suggested, mean[issues, suggested])


def _suspects(
    first: Predictions, rows: NDArray[np.int64], suggested: NDArray[np.int64], confidence: NDArray
) -> pd.DataFrame:
    names = np.array(first.space.class_names, dtype=object)
    return pd.DataFrame(
        {
            "sample_id": first.sample_ids[rows],
            "true": first.labels[rows],
            "suggested": suggested,
            "suggested_name": names[suggested],
            "confidence": confidence,
        }
    )


def _probabilities(one: Predictions, place: int) -> NDArray[np.float64]:
    """Return the probabilities of one row, without working out those of all rows."""
    logits = one.logits[place].astype(np.float64)
    shifted = np.exp(logits - logits.max())
    return shifted / shifted.sum()
