"""Parsing the filters of the case file: from the texts of a link to values, and a refusal for what means nothing.

Separate from the filters (`case_filters`, which says what the texts mean) because they never need a text to be parsed.
Nothing is ever evaluated.
"""

import math
from collections.abc import Callable, Mapping

from core.evaluation.case_filters import (
    MOST_IDS,
    NONE,
    CaseFilter,
    ChoiceFilter,
    ClassFilter,
    FlagFilter,
    IdsFilter,
    RangeFilter,
    scale,
)
from core.evaluation.data_map import REGIONS
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION


def parsed(kind: str, text: str, space: LabelSpace) -> CaseFilter:
    """Return the filter of a kind that a text means.

    Args:
        kind: one of `KINDS`.
        text: of the user or of a link.
        space: classes, groups and counts.

    Raises:
        UnknownName: there is no such kind.
        InvalidParameter: the text breaks the kind's rule.
    """
    if kind not in KINDS:
        raise UnknownName("filter", kind, KINDS)
    return KINDS[kind](kind, text.strip(), space)


def filters_of(query: Mapping[str, str], space: LabelSpace) -> tuple[list[CaseFilter], list[str]]:
    """Return the filters among the entries of a query, in the order of `KINDS`, and a sentence for each impossible one."""
    found: list[CaseFilter] = []
    problems = []
    for kind in KINDS:
        if kind in query:
            try:
                found.append(parsed(kind, query[kind], space))
            except InvalidParameter as error:
                problems.append(str(error))
    return found, problems


def _classes(kind: str, text: str, space: LabelSpace) -> ClassFilter:
    labels = []
    for part in text.split(","):
        if part == NONE and kind == "predicted":
            labels.append(NO_PREDICTION)
        elif (label := _whole(part)) is not None and label < space.num_classes:
            labels.append(label)
        else:
            raise InvalidParameter(
                f"{kind} must be numbers of classes in [0, {space.num_classes}) with commas between them; "
                f"got {text[:60]!r}."
            )
    return ClassFilter(kind, tuple(sorted(set(labels))))


def _choices(kind: str, text: str, space: LabelSpace) -> ChoiceFilter:
    known = tuple(REGIONS) if kind == "region" else tuple(dict.fromkeys(space.class_groups or ()))
    if not known:
        raise InvalidParameter("pair cannot be used: the classes of this data set have no groups.")
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in known:
            raise InvalidParameter(f"{kind} must be among {', '.join(known)}; got {name[:60]!r}.")
    return ChoiceFilter(kind, names)


def _range(kind: str, text: str, space: LabelSpace) -> RangeFilter:
    if kind == "count_error" and not space.num_counts:
        raise InvalidParameter("count_error cannot be used: this data set has no counts.")
    bottom, top = scale(kind)
    low, dots, high = text.partition("..")
    ends = _real(low, bottom), _real(high, top)
    if not dots or ends[0] is None or ends[1] is None or not ends[0] <= ends[1]:
        raise InvalidParameter(
            f"{kind} must be LOW..HIGH, two numbers of which either may be missing; got {text[:60]!r}."
        )
    return RangeFilter(kind, ends[0], ends[1])


def _probability(kind: str, text: str, space: LabelSpace) -> RangeFilter:
    number, colon, rest = text.partition(":")
    label = _whole(number)
    if not colon or label is None or label >= space.num_classes:
        raise InvalidParameter(
            f"probability must be CLASS:LOW..HIGH with a class in [0, {space.num_classes}); got {text[:60]!r}."
        )
    found = _range(kind, rest, space)
    return RangeFilter(kind, found.low, found.high, label)


def _flag(kind: str, text: str, space: LabelSpace) -> FlagFilter:
    if text not in ("yes", "no"):
        raise InvalidParameter(f"{kind} must be yes or no; got {text[:60]!r}.")
    return FlagFilter(kind, text == "yes")


def _ids(kind: str, text: str, space: LabelSpace) -> IdsFilter:
    numbers = [_whole(part.strip()) for part in text.split(",")]
    ids = tuple(dict.fromkeys(number for number in numbers if number is not None))
    if None in numbers or not ids or len(ids) > MOST_IDS:
        raise InvalidParameter(
            f"ids must be 1 to {MOST_IDS} sample ids with commas between them; got {text[:60]!r}."
        )
    return IdsFilter(ids)


KINDS: Mapping[str, Callable[[str, str, LabelSpace], CaseFilter]] = {
    "ids": _ids,
    "true": _classes,
    "predicted": _classes,
    "pair": _choices,
    "right": _flag,
    "confidence": _range,
    "loss": _range,
    "margin": _range,
    "count_error": _range,
    "probability": _probability,
    "disagree": _flag,
    "duplicates": _flag,
    "suspect": _flag,
    "doubted": _flag,
    "region": _choices,
}
"""Key of a link -> what parses its text, in the order of the chips."""


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _real(text: str, missing: float) -> float | None:
    """Return a number, `missing` for no text, None for what is none."""
    text = text.strip()
    if not text:
        return missing
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value
