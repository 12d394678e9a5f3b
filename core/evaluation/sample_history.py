"""History of one image: what runs said of it, epoch by epoch.

Separate from `forgetting` and `data_map`, which sum the epochs up for all images. It leaves out the drawing.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.evaluation.dynamics import Dynamics
from core.evaluation.samples import NO_PREDICTION_NAME


def sample_history(runs: Mapping[str, Dynamics], sample_id: int) -> pd.DataFrame:
    """Return what runs said of a sample after each epoch.

    Args:
        runs: label -> training dynamics on the sample's split; those without the sample give no row.
        sample_id: of the sample.

    Returns:
        A row for each label and epoch: label, epoch, probability (of the true class, in [0, 1]; NaN without a prediction),
        predicted_name ("no prediction" without one), is_right.
    """
    parts = []
    for label, one in runs.items():
        places = np.flatnonzero(one.sample_ids == sample_id)[:1]
        if not len(places):
            continue
        place = int(places[0])
        names = np.array([*one.space.class_names, NO_PREDICTION_NAME], dtype=object)
        parts.append(
            pd.DataFrame(
                {
                    "label": label,
                    "epoch": one.epochs,
                    "probability": one.probabilities[:, place].astype(np.float64),
                    "predicted_name": names[one.predicted[:, place]],
                    "is_right": one.predicted[:, place] == one.labels[place],
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=["label", "epoch", "probability", "predicted_name", "is_right"])
    return pd.concat(parts, ignore_index=True)
