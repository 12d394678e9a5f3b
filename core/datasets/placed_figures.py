"""Placed figures: an image of shapes that somebody puts together by hand, with what is true of it.

Beside `shapes`, which draws images at random. An image stands in a link as text, so it can be passed on.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.datasets.shapes import SIDE, TYPE_NAMES, draw, label_space, masks, random_places

MOST_FIGURES = 40

_LETTERS = "".join(name[0] for name in TYPE_NAMES)
_FIGURE = re.compile(rf"([{_LETTERS}])(\d{{1,2}})-(\d{{1,2}})")


@dataclass(frozen=True)
class PlacedFigures:
    """Figures in the order in which they were placed.

    Attributes:
        places: type (position in `TYPE_NAMES`), row and column of each figure's centre, in [0, 28).
    """

    places: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read what `text` wrote; parts that are no figure inside the image, and those beyond the most, are left out."""
        found = []
        for part in text.split("_")[:MOST_FIGURES]:
            match = _FIGURE.fullmatch(part)
            if match and int(match[2]) < SIDE and int(match[3]) < SIDE:
                found.append((_LETTERS.index(match[1]), int(match[2]), int(match[3])))
        return cls(tuple(found))

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """Return ten figures of two types as the data set draws them."""
        return cls(tuple(random_places(seed)))

    @property
    def text(self) -> str:
        """As it stands in a link, such as "s3-4_u20-11"."""
        return "_".join(f"{_LETTERS[one]}{row}-{column}" for one, row, column in self.places)

    def with_figure(self, figure_type: int, row: int, column: int) -> Self:
        """Return these and one more; the same where there are as many as may be."""
        if len(self.places) >= MOST_FIGURES:
            return self
        return type(self)((*self.places, (figure_type, row, column)))

    def without_last(self) -> Self:
        """Return these without the one placed last."""
        return type(self)(self.places[:-1])

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """(1, 28, 28) of 0 and 255: cut off at the border, black again where two figures overlap."""
        if not self.places:
            return np.zeros((1, SIDE, SIDE), np.uint8)
        types, rows, columns = np.array(self.places).T
        return draw(types[None], rows[None], columns[None])[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many figures there are of each of `TYPE_NAMES`."""
        return tuple(
            sum(place[0] == one for place in self.places) for one in range(len(TYPE_NAMES))
        )

    @property
    def label(self) -> int | None:
        """The class of the image, or None unless it shows ten figures of exactly two types."""
        known = label_space().class_counts
        assert known is not None
        return next((label for label, counts in enumerate(known) if counts == self.counts), None)


def offsets(figure_type: int) -> list[tuple[int, int]]:
    """Return the pixels of a figure, as (down, across) from where it is placed."""
    mask = masks()[TYPE_NAMES[figure_type]]
    rows, columns = np.nonzero(mask.pixels)
    return [
        (int(row) - mask.centre[0], int(column) - mask.centre[1])
        for row, column in zip(rows, columns, strict=True)
    ]
