"""Ensemble: the mean answer of several runs, such as the seeds of one variant, to the same images.

Above `core.inference`, which knows one run. What the runs of a page say one by one is `core.jobs.answers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.exceptions import IncompatibleModel, InvalidParameter
from core.inference import Averaging, Predictor
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION
from core.runs.run import Run


@dataclass(frozen=True)
class Answers:
    """What an ensemble says of B images.

    Attributes:
        probabilities: (B, K) float64 in [0, 1], rows sum to 1; NaN in the rows for which a member gave no finite answer.
        counts: (B, T) float64 expected counts, the mean over the members that were trained to count; or None.
        num_failed: for how many images each member gave no finite answer.
    """

    probabilities: NDArray[np.float64]
    counts: NDArray[np.float64] | None
    num_failed: tuple[int, ...] = ()

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(B,) the most probable class, of equals the first; NO_PREDICTION without an answer."""
        has_answer = np.asarray(np.isfinite(self.probabilities).all(axis=1))
        leading = np.where(has_answer[:, None], self.probabilities, 0).argmax(axis=1)
        return np.where(has_answer, leading, NO_PREDICTION)


@dataclass(frozen=True)
class Ensemble:
    """Runs that answer together.

    Attributes:
        members: at least one, on equal classes and images of equal shape.
    """

    members: tuple[Predictor, ...]

    @classmethod
    def load(cls, runs: Sequence[Run], data_dir: Path | None = None) -> Self:
        """Load the best weights of runs.

        Args:
            runs: who shall answer.
            data_dir: as `Predictor.load`.

        Raises:
            CoreError: as `Predictor.load`.
            InvalidParameter: no run is given.
            IncompatibleModel: they know other classes, or take images of another shape than the first.
        """
        if not runs:
            raise InvalidParameter("At least one run must be given.")
        members = tuple(Predictor.load(run, data_dir=data_dir) for run in runs)
        first = members[0]
        for other in members[1:]:
            if other.space.class_names != first.space.class_names:
                raise IncompatibleModel(
                    f"Runs {first.run_id} and {other.run_id} know different classes; only runs on one data set answer"
                    " together."
                )
            if other.image_shape != first.image_shape:
                raise IncompatibleModel(
                    f"Runs {first.run_id} and {other.run_id} take images of different shapes"
                    f" ({_in_words(first.image_shape)}, {_in_words(other.image_shape)})."
                )
        return cls(members)

    @property
    def space(self) -> LabelSpace:
        """Its classes and counts."""
        return self.members[0].space

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """C, H, W of the images that it takes."""
        return self.members[0].image_shape

    def answers(self, images: NDArray[np.uint8], averaging: Averaging | None = None) -> Answers:
        """Return the mean of the members' probabilities and counts.

        Args:
            images: (B, C, H, W) uint8.
            averaging: as `Predictor.predict`.

        Source: Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles".
        """
        probabilities = np.zeros((len(images), self.space.num_classes))
        counted: list[NDArray[np.float64]] = []
        num_failed = []
        for member in self.members:
            logits, counts = member.predict(images, averaging)
            values = logits.astype(np.float64)
            has_failed = ~np.isfinite(values).all(axis=1)
            num_failed.append(int(has_failed.sum()))
            values[has_failed] = np.nan
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            probabilities += powers / powers.sum(axis=1, keepdims=True)
            if counts is not None:
                counted.append(counts.astype(np.float64))
        mean = np.mean(counted, axis=0) if counted else None
        return Answers(probabilities / len(self.members), mean, tuple(num_failed))


def _in_words(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))
