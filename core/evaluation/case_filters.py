"""Filters of the case file: the small language in which a link says which images it is about.

true=6            true class; predicted=0,2     predicted classes; "none" for images without a prediction
pair=up + down    groups of the true class, where classes have groups
right=yes         rightly predicted, or right=no
confidence=0.9..  of the prediction; likewise loss=LOW..HIGH (nats), margin=LOW..HIGH, count_error=LOW..HIGH (figures)
probability=3:0.5..0.9   probability of class 3
disagree=yes      the runs do not all say the same; duplicates=yes  the same pixels occur again
suspect=yes       see `votes.suspects`; doubted=yes  see `votes.cleanlab_suspects`
region=ambiguous  regions of the data map, with commas between them
ids=15,3          sample ids

LOW is included and HIGH is not, except at the top of the scale; either may be empty. A filter is a value that knows its
words, its text and which rows it keeps. Separate from `cases`, whose table they choose from, because links are written and
read where there is no table. It leaves out how a text is parsed (`case_parsing`) and how chips look.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.samples import NO_PREDICTION_NAME
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION

MOST_IDS = 600
"""Sample ids in a link: about 4,000 characters, which servers and browsers still take."""

NONE = "none"
RANGES = {
    "confidence": (0.0, 1.0),
    "loss": (0.0, math.inf),
    "margin": (-1.0, 1.0),
    "count_error": (0.0, math.inf),
}
"""Column -> the ends of its scale."""
FLAGS = {
    "right": "is_right",
    "disagree": "disagreement",
    "duplicates": "has_duplicate",
    "suspect": "is_suspect",
    "doubted": "is_doubted",
}
"""Yes-or-no filter -> its column; a number counts as yes above 0."""
_FLAG_WORDS = {
    ("right", True): "right",
    ("right", False): "wrong",
    ("disagree", True): "runs disagree",
    ("disagree", False): "runs agree",
    ("duplicates", True): "occurs more than once",
    ("duplicates", False): "occurs once",
    ("suspect", True): "label in doubt",
    ("suspect", False): "label not in doubt",
    ("doubted", True): "label doubted by cleanlab",
    ("doubted", False): "label not doubted by cleanlab",
}
_PLACES = 6


@dataclass(frozen=True)
class ClassFilter:
    """Images of some classes.

    Attributes:
        kind: "true" or "predicted".
        labels: numbers of classes, rising; NO_PREDICTION among predicted ones.
    """

    kind: str
    labels: tuple[int, ...]

    @property
    def text(self) -> str:
        """As a link says it."""
        return ",".join(NONE if label == NO_PREDICTION else str(label) for label in self.labels)

    def words(self, space: LabelSpace) -> str:
        """Return what a chip says."""
        names = [
            NO_PREDICTION_NAME if label == NO_PREDICTION else space.class_names[label]
            for label in self.labels
        ]
        return f"{self.kind} {_listed(names)}"

    @property
    def column(self) -> str:
        """The column of the table that it needs."""
        return self.kind

    def keep(self, table: pd.DataFrame, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows it keeps: (N,)."""
        return np.isin(table[self.kind].to_numpy(), self.labels)


@dataclass(frozen=True)
class ChoiceFilter:
    """Images whose column holds one of some names.

    Attributes:
        kind: "pair" (column true_group) or "region".
        names: those to keep.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a link says it."""
        return ",".join(self.names)

    def words(self, space: LabelSpace) -> str:
        """Return what a chip says."""
        return f"{self.kind} {_listed(self.names)}"

    @property
    def column(self) -> str:
        """The column of the table that it needs."""
        return "true_group" if self.kind == "pair" else self.kind

    def keep(self, table: pd.DataFrame, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows it keeps: (N,)."""
        return table[self.column].isin(self.names).to_numpy()


@dataclass(frozen=True)
class RangeFilter:
    """Images with a number between two ends.

    Attributes:
        kind: one of `RANGES`, or "probability".
        low: included.
        high: not included, except at the top of the scale.
        label: the class, of "probability".
    """

    kind: str
    low: float
    high: float
    label: int | None = None

    @property
    def text(self) -> str:
        """As a link says it."""
        bottom, top = scale(self.kind)
        low = "" if self.low <= bottom else _number(self.low)
        high = "" if self.high >= top else _number(self.high)
        return ("" if self.label is None else f"{self.label}:") + f"{low}..{high}"

    def words(self, space: LabelSpace) -> str:
        """Return what a chip says."""
        bottom, top = scale(self.kind)
        of = "" if self.label is None else f" of {space.class_names[self.label]}"
        name = self.kind.replace("_", " ") + of
        unit = {"loss": " nats", "count_error": " figures"}.get(self.kind, "")
        low, high = (f"{_shown(self.kind, value)}{unit}" for value in (self.low, self.high))
        if self.high >= top:
            return f"{name}: any" if self.low <= bottom else f"{name} from {low}"
        return f"{name} below {high}" if self.low <= bottom else f"{name} {low} to {high}"

    @property
    def column(self) -> str:
        """The column of the table that it needs; "true" is always there."""
        return "true" if self.kind == "probability" else self.kind

    def keep(self, table: pd.DataFrame, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows it keeps: (N,); never one without a number."""
        values = table[self.kind].to_numpy() if self.label is None else probabilities[:, self.label]
        below = values <= self.high if self.high >= scale(self.kind)[1] else values < self.high
        return np.asarray((values >= self.low) & below)


@dataclass(frozen=True)
class FlagFilter:
    """Images for which something holds, or does not.

    Attributes:
        kind: one of `FLAGS`.
        is_wanted: yes, or no.
    """

    kind: str
    is_wanted: bool

    @property
    def text(self) -> str:
        """As a link says it."""
        return "yes" if self.is_wanted else "no"

    def words(self, space: LabelSpace) -> str:
        """Return what a chip says."""
        return _FLAG_WORDS[self.kind, self.is_wanted]

    @property
    def column(self) -> str:
        """The column of the table that it needs."""
        return FLAGS[self.kind]

    def keep(self, table: pd.DataFrame, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows it keeps: (N,)."""
        return np.asarray((table[self.column].to_numpy() > 0) == self.is_wanted)


@dataclass(frozen=True)
class IdsFilter:
    """Images that were chosen one by one.

    Attributes:
        ids: sample ids, each once, in the order given.
    """

    ids: tuple[int, ...]
    kind: str = "ids"
    column: str = "sample_id"

    @property
    def text(self) -> str:
        """As a link says it."""
        return ",".join(map(str, self.ids))

    def words(self, space: LabelSpace) -> str:
        """Return what a chip says."""
        return f"sample {self.ids[0]}" if len(self.ids) == 1 else f"{len(self.ids):,} chosen images"

    def keep(self, table: pd.DataFrame, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows it keeps: (N,)."""
        return np.isin(table["sample_id"].to_numpy(), self.ids)


CaseFilter = ClassFilter | ChoiceFilter | RangeFilter | FlagFilter | IdsFilter


def kept(
    filters: Sequence[CaseFilter], table: pd.DataFrame, probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which rows all filters keep, and a sentence for each filter that cannot be applied and was ignored.

    Args:
        filters: what to apply.
        table: N rows of `cases`.
        probabilities: (N, K) of the same rows.
    """
    mask = np.ones(len(table), dtype=bool)
    problems = []
    for one in filters:
        if one.column not in table or bool(table[one.column].isna().all() and len(table)):
            problems.append(f"{one.kind}={one.text} is ignored: it is not known of these images.")
            continue
        mask &= one.keep(table, probabilities)
        if isinstance(one, IdsFilter):
            missing = sorted(set(one.ids) - set(table["sample_id"].tolist()))
            if missing:
                problems.append(_missing(missing))
    return mask, problems


def _missing(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:5])) + (", ..." if len(ids) > 5 else "")
    is_one = len(ids) == 1
    return (
        f"{len(ids)} sample {'id' if is_one else 'ids'} of the link ({shown}) "
        f"{'is' if is_one else 'are'} not among these images."
    )


def scale(kind: str) -> tuple[float, float]:
    """Return the ends of a kind's scale."""
    return RANGES.get(kind, (0.0, 1.0))


def _number(value: float) -> str:
    return f"{value:.{_PLACES}g}"


def _shown(kind: str, value: float) -> str:
    if kind in ("confidence", "probability"):
        return f"{100 * value:.4g} %"
    return f"{value:.4g}"


def _listed(names: Sequence[str]) -> str:
    return (
        " or ".join(names)
        if len(names) <= 3
        else f"{', '.join(names[:2])} or {len(names) - 2} more"
    )
