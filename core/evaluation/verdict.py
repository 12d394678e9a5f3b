"""Verdict: one finding about a run in plain words, and how its sentences write numbers and lists.

Separate from the rules, of which there are several families. Charts write numbers the same way (`core.charts.style`),
from which tables may not import.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Verdict:
    """One finding.

    Attributes:
        rule: name of the function that found it.
        sentence: in plain words, with numbers, complete by itself.
        epoch: the epoch it is about, to mark on a curve, or None.
        is_warning: whether it asks for a look or a change.
    """

    rule: str
    sentence: str
    epoch: int | None = None
    is_warning: bool = False


def percent(share: float) -> str:
    """Return a share as "87.2 %"."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """Return the size of a difference of shares as "5.4 points"."""
    size = abs(100 * share)
    return f"{size:.1f} points" if size >= 0.05 else "less than 0.1 points"


def significant(value: float) -> str:
    """Return a number with three significant digits, without exponent."""
    return f"{Decimal(f'{value:#.3g}'):f}".rstrip(".")


def epochs(count: int) -> str:
    """Return a number of epochs as "1 epoch" or "3 epochs"."""
    return f"{count} {'epoch' if count == 1 else 'epochs'}"


def joined(words: Sequence[str]) -> str:
    """Return words as "dropout, augmentation and averaging"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
