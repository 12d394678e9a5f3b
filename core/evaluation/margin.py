"""Margin: how far chance in the choice of the images moves an accuracy or a loss, and how sentences write the two.

Separate because verdicts on one run and against another both measure by it. Proper intervals for a comparison need the
outputs themselves; a history has only their means.
"""

import math
from dataclasses import dataclass
from typing import Literal

from core.evaluation.verdict import percent, points, significant

ASSUMED_MARGIN = 0.005
"""Margin of an accuracy where the number of images is not known: the standard error of 0.9 on 3,600 images."""

SURE = 2.0
"""Margins of a difference from which it is called one: about 95 % of chance lies within."""

LOSS_MARGIN = 0.02
"""Margin of a loss, as a share of it. A choice: the history does not say how the losses of single images scatter."""


@dataclass(frozen=True)
class Metric:
    """Accuracy or loss: which way is up, and how sentences write it.

    Attributes:
        name: as in the keys of the history.
        sign: 1 where larger is better, -1 where smaller is.
        worse_side: where worse values lie; better_side: where better ones do.
    """

    name: Literal["accuracy", "loss"]
    sign: int
    worse_side: str
    better_side: str

    def key(self, split: str) -> str:
        """Return the history key of a split's metric."""
        return f"{split}_{self.name}"

    def shown(self, value: float) -> str:
        """Return a value as "87.2 %" or "0.402"."""
        return percent(value) if self.name == "accuracy" else significant(value)

    def difference(self, value: float) -> str:
        """Return the size of a difference as "5.4 points" or "0.189"."""
        return points(value) if self.name == "accuracy" else significant(abs(value))


ACCURACY = Metric("accuracy", 1, worse_side="below", better_side="above")
LOSS = Metric("loss", -1, worse_side="above", better_side="below")


def margin(metric: Metric, value: float, num_images: int | None) -> float:
    """Return the standard error of an accuracy, or an assumed one; of a loss always an assumed one.

    It is that of one accuracy on its own. Epochs and runs that are measured on the same images agree on most of them,
    so that their difference scatters less: what exceeds the margin is safe to say, what does not may still be real.
    Chance in the seed comes on top, and one run cannot show it.

    Args:
        metric: of the value.
        value: an accuracy in [0, 1] or a loss.
        num_images: N, or None when unknown.

    Source: sqrt(p (1 - p) / N) with two hits and two misses added, which keeps it above 0 at the ends: Agresti and
    Coull 1998, "Approximate is better than 'exact' for interval estimation of binomial proportions".
    """
    if metric is LOSS:
        return LOSS_MARGIN * abs(value)
    if num_images is None or not is_known(num_images):
        return ASSUMED_MARGIN
    share = min(1.0, max(0.0, (value * num_images + 2) / (num_images + 4)))
    return math.sqrt(share * (1 - share) / (num_images + 4))


def is_known(num_images: int | None) -> bool:
    """Say whether a number of images is one that margins can rest on."""
    return num_images is not None and num_images > 0
