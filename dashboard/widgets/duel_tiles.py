"""The images of a duel with what both variants say of each: the tiles that the gallery shows.

Apart from `duel_section`, which chooses the images, because here every run's answer is looked up.
"""

from typing import Any

import numpy as np
import pandas as pd

from core.charts.style import percent
from core.evaluation.samples import NO_PREDICTION_NAME
from core.exceptions import CoreError
from core.predictions import NO_PREDICTION, Predictions
from core.run_groups import Group
from dashboard import compare_data


def duel_tiles(
    rows: pd.DataFrame, a: Group, b: Group, split: str, seed: int | None
) -> list[dict[str, Any]]:
    """Return what the gallery shows with each image, as plain values.

    Args:
        rows: of `Duel.samples`.
        a: the first variant.
        b: the second one.
        split: of the images.
        seed: of the only run of each that counts, or None for all.
    """
    ids = rows["sample_id"].to_numpy()
    sides = [(group, _answers(group, split, seed, ids)) for group in (a, b)]
    shown = []
    for place, row in enumerate(rows.to_dict("records")):
        facts = [["Sample", f"#{row['sample_id']}"], ["True", str(row["true_name"])]]
        notes = []
        for group, answers in sides:
            said: dict[str, list[float]] = {}
            for answer in answers:
                name, confidence = answer[place]
                said.setdefault(name, []).append(confidence)
            by_number = sorted(said.items(), key=lambda one: -len(one[1]))
            notes.append(by_number[0][0] if by_number else "–")
            facts.append([group.label, ", ".join(_opinion(*one) for one in by_number)])
        shown.append(
            {
                "id": int(row["sample_id"]),
                "true": str(row["true_name"]),
                "note": f"{notes[0]} | {notes[1]}",
                "facts": facts,
            }
        )
    return shown


def _opinion(name: str, confidences: list[float]) -> str:
    """Return a class, by how many seeds it is given, and how sure they are on average: "7, 2 seeds (98.1 %)"."""
    seeds = f", {len(confidences)} seeds" if len(confidences) > 1 else ""
    return f"{name}{seeds} ({percent(float(np.mean(confidences)))})"


def _answers(
    group: Group, split: str, seed: int | None, ids: np.ndarray
) -> list[list[tuple[str, float]]]:
    """Return for each run the class and the confidence that it gives to each image."""
    found = []
    for run in group.runs:
        if seed is not None and run.seed != seed:
            continue
        try:
            found.append(_said(compare_data.predictions(run, split), ids))
        except CoreError:
            continue  # a run without outputs is named where the duel says who fights
    return found


def _said(predictions: Predictions, ids: np.ndarray) -> list[tuple[str, float]]:
    order = np.argsort(predictions.sample_ids, kind="stable")
    places = order[np.searchsorted(predictions.sample_ids, ids, sorter=order)]
    names = predictions.space.class_names
    return [
        (
            NO_PREDICTION_NAME if label == NO_PREDICTION else names[label],
            float(predictions.confidence[place]),
        )
        for place, label in zip(
            places.tolist(), predictions.predicted[places].tolist(), strict=True
        )
    ]
