"""Forgetting: when a run learned each image, and how often it lost it again.

Separate from `data_map`, which asks how sure a run was: this asks only whether it was right. It leaves out the drawing.
"""

import numpy as np
import pandas as pd

from core.evaluation.dynamics import Dynamics


def forgetting(dynamics: Dynamics) -> pd.DataFrame:
    """Return when each sample was first predicted rightly, and how often it went from right to wrong.

    Counted at the ends of epochs; the paper counts at every mini-batch that holds the sample, so that its counts are
    higher. A sample that was never right has been forgotten 0 times here and is told by first_learned.

    Returns:
        N rows in the order of the samples: sample_id, first_learned (epoch, NaN where it never was), times_forgotten,
        share_right (of the epochs, in [0, 1]), is_right_at_end.

    Source: Toneva et al. 2019, "An Empirical Study of Example Forgetting during Deep Neural Network Learning", section 2.
    """
    is_right = dynamics.is_right  # (E, N)
    first = dynamics.epochs[is_right.argmax(axis=0)].astype(np.float64)
    first[~is_right.any(axis=0)] = np.nan
    return pd.DataFrame(
        {
            "sample_id": dynamics.sample_ids,
            "first_learned": first,
            "times_forgotten": (is_right[:-1] & ~is_right[1:]).sum(axis=0),
            "share_right": is_right.mean(axis=0),
            "is_right_at_end": is_right[-1],
        }
    )
