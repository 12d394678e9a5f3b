"""LabelSpace: what there is to predict; LabelRules: what a flip or a turn does to it, and which changes are safe.

They lie below data sets, networks, augmentations, predictions and charts, so that a table can name its classes without
loading a data set. The rules are declared by the data set, not by the change: only it knows that a turned 6 is a 9. How
pixels change is core.augmentations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from core.exceptions import InvalidParameter

Effect = Literal[
    "horizontal_flip",
    "vertical_flip",
    "quarter_turn",
    "displacement",
    "intensity",
    "occlusion",
    "mixing",
]
"""What a change does to an image. Displacement moves or stretches the content, perhaps out of the image."""

EFFECTS: tuple[Effect, ...] = get_args(Effect)

Permutation = tuple[int, ...]
"""Entry i is what number i becomes."""

NUM_SYMMETRIES = 8
"""Symmetries of the square, numbered s: a horizontal flip where s >= 4, and after it s % 4 quarter turns clockwise."""

HORIZONTAL_FLIP, VERTICAL_FLIP = 4, 6


@dataclass(frozen=True)
class Moves:
    """How the two flips and a quarter turn permute numbered things, classes or counts; None where all stay.

    Attributes:
        horizontal_flip: what each number becomes when left and right are swapped.
        vertical_flip: when top and bottom are swapped.
        quarter_turn: when the image is turned clockwise by a quarter.
    """

    horizontal_flip: Permutation | None = None
    vertical_flip: Permutation | None = None
    quarter_turn: Permutation | None = None

    def table(self, size: int) -> tuple[Permutation, ...]:
        """Return what each of `size` numbers becomes under each of the eight symmetries, in the order of their numbers."""
        stay = tuple(range(size))
        mirror, upset, turn = (
            one or stay for one in (self.horizontal_flip, self.vertical_flip, self.quarter_turn)
        )
        # The half turn is both flips and not two quarter turns: a data set may allow flips alone.
        half = _then(mirror, upset)
        turns = (stay, turn, half, _then(half, turn))
        flipped = (mirror, _then(mirror, turn), upset, _then(upset, turn))
        return turns + flipped

    def _check(self, what: str, size: int, has_turns: bool) -> None:
        for name, one in vars(self).items():
            if one is not None and sorted(one) != list(range(size)):
                raise InvalidParameter(
                    f"{what}.{name} must name each of 0 to {size - 1} once; got {one!r}."
                )
        stay, table = tuple(range(size)), self.table(size)
        mirror, upset, turn = table[HORIZONTAL_FLIP], table[VERTICAL_FLIP], table[1]
        if _then(mirror, mirror) != stay or _then(upset, upset) != stay:
            raise InvalidParameter(
                f"{what}: a flip done twice must leave everything as it was; got {self}."
            )
        if _then(mirror, upset) != _then(upset, mirror):
            raise InvalidParameter(
                f"{what}: both flips must do the same in either order; got {self}."
            )
        # The algebra of the square: R R = V H, and R H R H = 1.
        turned = _then(mirror, turn)
        if has_turns and (_then(turn, turn) != table[2] or _then(turned, turned) != stay):
            raise InvalidParameter(
                f"{what}: two quarter turns must do what both flips do, and a flip must reverse a turn; "
                f"got {self}. Say what a turn does, or declare it unsafe."
            )


@dataclass(frozen=True)
class LabelRules:
    """What a change of an image does to its label and counts, as the data set declares it.

    Attributes:
        classes: how flips and turns permute the K classes.
        counts: how they permute the T counts.
        unsafe: effect -> the reason, a clause, for which the label would no longer be true after it.
        is_declared: whether whoever made the data set thought about it; False where nobody knows what the classes mean,
            as in files of the user's own. It changes no label, so it stands in no JSON and makes no rules differ.

    Raises:
        InvalidParameter: an effect is unknown.
    """

    classes: Moves = Moves()
    counts: Moves = Moves()
    unsafe: Mapping[Effect, str] = field(default_factory=dict, hash=False)
    is_declared: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        for effect in self.unsafe:
            if effect not in EFFECTS:
                raise InvalidParameter(
                    f"unsafe must name effects among {', '.join(EFFECTS)}; got {effect!r}."
                )

    @classmethod
    def from_counts(
        cls,
        class_counts: Sequence[Sequence[int]],
        counts: Moves,
        unsafe: Mapping[Effect, str] | None = None,
    ) -> Self:
        """Derive what becomes of the classes from what becomes of the counts that they imply.

        Args:
            class_counts: K rows of T, each row once.
            counts: how flips and turns permute the T counts.
            unsafe: as the attribute.

        Raises:
            InvalidParameter: a class has no counterpart after a move.
        """
        numbers = {tuple(row): number for number, row in enumerate(class_counts)}
        moves: dict[str, Permutation] = {}
        for name, permutation in vars(counts).items():
            if permutation is None:
                continue
            back = inverse(permutation)
            moved = [tuple(row[source] for source in back) for row in class_counts]
            missing = [row for row in moved if row not in numbers]
            if missing:
                raise InvalidParameter(f"No class has the counts {missing[0]} that a {name} gives.")
            moves[name] = tuple(numbers[row] for row in moved)
        return cls(Moves(**moves), counts, dict(unsafe or {}))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make them again from what `to_json` gave."""
        classes, counts = (
            Moves(**{name: tuple(one) for name, one in values.get(key, {}).items()})
            for key in ("classes", "counts")
        )
        return cls(classes, counts, dict(values.get("unsafe", {})))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what is None is left out."""
        moves = {
            key: {name: list(one) for name, one in vars(one_kind).items() if one is not None}
            for key, one_kind in (("classes", self.classes), ("counts", self.counts))
        }
        return {**moves, "unsafe": dict(self.unsafe)}


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a data set and, where it has them, its counts.

    Attributes:
        class_names: K names, in label order.
        class_groups: K names of the group each class folds into (shapes: the pair of types), or None.
        count_names: T names of what is counted, empty without counts.
        class_counts: K rows of T counts that a class implies (shapes: 3 squares + 7 circles), or None.
        rules: what a change of the image does to classes and counts; by default nothing, and all is safe.

    Raises:
        InvalidParameter: groups or counts are not as many as the classes, a row is not as long as the names, or the
            rules are no permutations that flips and turns can have.
    """

    class_names: tuple[str, ...]
    class_groups: tuple[str, ...] | None = None
    count_names: tuple[str, ...] = ()
    class_counts: tuple[tuple[int, ...], ...] | None = None
    rules: LabelRules = LabelRules()

    def __post_init__(self) -> None:
        if self.class_groups is not None and len(self.class_groups) != len(self.class_names):
            raise InvalidParameter(
                f"class_groups must have {len(self.class_names)} entries, one a class; "
                f"got {len(self.class_groups)}."
            )
        has_turns = "quarter_turn" not in self.rules.unsafe
        self.rules.classes._check("rules.classes", self.num_classes, has_turns)
        self.rules.counts._check("rules.counts", self.num_counts, has_turns)
        if self.class_counts is None:
            return
        lengths = {len(row) for row in self.class_counts}
        if len(self.class_counts) != len(self.class_names) or lengths - {len(self.count_names)}:
            raise InvalidParameter(
                f"class_counts must have {len(self.class_names)} rows of {len(self.count_names)}; "
                f"got {len(self.class_counts)} of {sorted(lengths)}."
            )

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def num_counts(self) -> int:
        """T, zero without counts."""
        return len(self.count_names)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists under the attributes' names; rules that say nothing are left out."""
        rules = {} if self.rules == LabelRules() else {"rules": self.rules.to_json()}
        return {
            "class_names": list(self.class_names),
            "class_groups": None if self.class_groups is None else list(self.class_groups),
            "count_names": list(self.count_names),
            "class_counts": None
            if self.class_counts is None
            else [list(row) for row in self.class_counts],
            **rules,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Make it again from what `to_json` gave."""
        groups, counts = values.get("class_groups"), values.get("class_counts")
        return cls(
            class_names=tuple(values["class_names"]),
            class_groups=None if groups is None else tuple(groups),
            count_names=tuple(values.get("count_names", ())),
            class_counts=None if counts is None else tuple(tuple(row) for row in counts),
            rules=LabelRules.from_json(values.get("rules", {})),
        )


def swapped(size: int, *pairs: tuple[int, int]) -> Permutation:
    """Return the permutation of `size` numbers that swaps the pairs and leaves the others, as a flip may do."""
    becomes = list(range(size))
    for one, other in pairs:
        becomes[one], becomes[other] = other, one
    return tuple(becomes)


def inverse(permutation: Permutation) -> Permutation:
    """Return the permutation that undoes one: entry i is what became number i."""
    return tuple(sorted(range(len(permutation)), key=permutation.__getitem__))


def _then(first: Permutation, second: Permutation) -> Permutation:
    return tuple(second[number] for number in first)
