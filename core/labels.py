"""LabelSpace: what there is to predict, shared by data sets, networks, predictions and charts.

It lies below all of them, so that a table can name its classes without loading a data set. What a flip or a turn
does to a label belongs here too (the augmentations bring it).
"""

from dataclasses import dataclass
from typing import Any, Self

from core.exceptions import InvalidParameter


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a data set and, where it has them, its counts.

    Attributes:
        class_names: K names, in label order.
        class_groups: K names of the group each class folds into (shapes: the pair of types), or None.
        count_names: T names of what is counted, empty without counts.
        class_counts: K rows of T counts that a class implies (shapes: 3 squares + 7 circles), or None.

    Raises:
        InvalidParameter: groups or counts are not as many as the classes, or a row is not as long as the names.
    """

    class_names: tuple[str, ...]
    class_groups: tuple[str, ...] | None = None
    count_names: tuple[str, ...] = ()
    class_counts: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.class_groups is not None and len(self.class_groups) != len(self.class_names):
            raise InvalidParameter(
                f"class_groups must have {len(self.class_names)} entries, one a class; "
                f"got {len(self.class_groups)}."
            )
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
        """Return plain lists under the attributes' names."""
        return {
            "class_names": list(self.class_names),
            "class_groups": None if self.class_groups is None else list(self.class_groups),
            "count_names": list(self.count_names),
            "class_counts": None
            if self.class_counts is None
            else [list(row) for row in self.class_counts],
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
        )
