"""Shapes: generated images of ten figures of exactly two types, to be told apart and counted.

The drawing rules are those of the public data set Geometric Shape Numbers, read off its pixels: filled figures of one
size per type, placed anywhere, cut off at the border and combined by exclusive or. `masks` and `draw` are apart from
the random choice, so that a page can place figures by hand. Reading the public files is another source's business.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from core.datasets.base import Dataset, DatasetSource, Split
from core.datasets.cache import cached_splits
from core.exceptions import InvalidParameter
from core.labels import LabelRules, LabelSpace, Moves, swapped

TYPE_NAMES = ("squares", "circles", "up", "right", "down", "left")
PAIRS = tuple(combinations(range(len(TYPE_NAMES)), 2))
SIDE = 28
FIGURES_PER_IMAGE = 10

# What becomes of the types: a horizontal flip swaps right and left, a vertical one up and down, and a quarter turn sends
# up to right, right to down, down to left and left to up.
TYPE_MOVES = Moves(
    horizontal_flip=swapped(len(TYPE_NAMES), (3, 5)),
    vertical_flip=swapped(len(TYPE_NAMES), (2, 4)),
    quarter_turn=(0, 1, 3, 4, 5, 2),
)
UNSAFE_DISPLACEMENT = (
    "it can move figures out of the image, and then the counts would no longer be true"
)

# A figure as one number, in C order: its type and the row and column of its centre.
_FIGURE_AXES = (len(TYPE_NAMES), SIDE, SIDE)

# Counts of the first type that a class number can name, and those of the public data set: never 1 + 9 or 9 + 1.
NAMED_FIRST_COUNTS = range(1, FIGURES_PER_IMAGE)
DRAWN_FIRST_COUNTS = range(2, FIGURES_PER_IMAGE - 1)

# Raised when the same settings give other pixels or another split, so that no cache of before is read.
VERSION = 1

# What a block needs beside the result, 2 MB, then stays in the processor's cache and in memory that NumPy uses again:
# half the time of blocks of 8,192 (shared 2-core AMD EPYC, one thread, median of 7).
_BLOCK = 2048


@dataclass(frozen=True)
class Mask:
    """The pixels of one type of figure.

    Attributes:
        pixels: (rows, columns) bool, true where the figure is.
        centre: row and column in `pixels` that lie on the place at which the figure is drawn.
    """

    pixels: NDArray[np.bool_]
    centre: tuple[int, int]


class Shapes(DatasetSource):
    """Generated 28x28 images of ten figures of two types; black ground, white figures, no other value.

    A larger data set of the same seed begins with the images of a smaller one, in the order before the split.
    """

    kind: ClassVar[str] = "generated"
    name: Literal["shapes"] = Field("shapes", description="Name of the data set.")
    images: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="Images to generate; the last tenth is the test split, another tenth is validation.",
        json_schema_extra={"unit": "images", "log": True},
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="Decides the figures and which images are validation.",
    )
    has_single_figures: bool = Field(
        False,
        description="Whether a type may show a single figure beside nine others; in the public data set none does.",
    )

    def load(self, data_dir: Path) -> Dataset:
        """Return the data set, generated on the first call and read from `data_dir` on later ones.

        Images are (N, 1, 28, 28) of 0 and 255. The last tenth of the images is the test split; as many of the others
        are drawn by seed as validation. Each split keeps the order in which the images were generated.
        """
        singles = "-singles" if self.has_single_figures else ""
        folder = data_dir / f"shapes-{self.images}-seed{self.seed}{singles}-v{VERSION}"
        return Dataset(self.name, label_space(), cached_splits(folder, self._splits))

    def _splits(self) -> dict[str, Split]:
        first_counts = NAMED_FIRST_COUNTS if self.has_single_figures else DRAWN_FIRST_COUNTS
        labels, figures = _drawn_figures(self.images, self.seed, first_counts)
        class_counts = np.array(label_space().class_counts, dtype=np.uint8)
        return {
            name: Split(_images(figures[rows]), labels[rows], class_counts[labels[rows]])
            for name, rows in _split_rows(self.images, self.seed).items()
        }


@cache
def label_space() -> LabelSpace:
    """Return the 135 classes: 15 pairs of types times the count of the first, 1 to 9, the second making up ten.

    Class number: 9 x pair + count of the first type - 1, with the pairs in the order (0, 1), (0, 2), ..., (4, 5).
    """
    names, groups, counts = [], [], []
    for first, second in PAIRS:
        for num_first in NAMED_FIRST_COUNTS:
            num_second = FIGURES_PER_IMAGE - num_first
            names.append(f"{_counted(num_first, first)} + {_counted(num_second, second)}")
            groups.append(f"{TYPE_NAMES[first]} + {TYPE_NAMES[second]}")
            row = [0] * len(TYPE_NAMES)
            row[first], row[second] = num_first, num_second
            counts.append(tuple(row))
    rules = LabelRules.from_counts(counts, TYPE_MOVES, {"displacement": UNSAFE_DISPLACEMENT})
    return LabelSpace(tuple(names), tuple(groups), TYPE_NAMES, tuple(counts), rules)


@cache
def masks() -> dict[str, Mask]:
    """Return the mask of each type, in the order of `TYPE_NAMES`."""
    across, down = np.arange(-4, 5), np.arange(-4, 5)[:, None]
    up = np.abs(np.arange(-5, 6)) <= np.arange(6)[:, None]  # (6, 11), widths 1 3 5 7 9 11
    right = np.rot90(up, -1)  # (11, 6), base column first
    return {
        "squares": Mask(np.ones((7, 7), dtype=np.bool_), (3, 3)),
        "circles": Mask(across**2 + down**2 <= 4**2, (4, 4)),
        "up": Mask(up, (5, 5)),
        "right": Mask(right, (5, 0)),
        "down": Mask(up[::-1], (0, 5)),
        # The one exception of the public data set: the apex is at the centre, not the middle of the base.
        "left": Mask(right[:, ::-1], (5, 0)),
    }


def draw(types: ArrayLike, rows: ArrayLike, columns: ArrayLike) -> NDArray[np.uint8]:
    """Return images of figures at given places: cut off at the border, and black again where two overlap.

    Args:
        types: (N, F) whole numbers in [0, 6), positions in `TYPE_NAMES`; F figures an image.
        rows: (N, F) whole numbers in [0, 28), where the figures' centres are.
        columns: (N, F) likewise.

    Returns:
        (N, 1, 28, 28) of 0 and 255.

    Raises:
        InvalidParameter: the shapes disagree, or a value is out of its range.
    """
    values = {"types": types, "rows": rows, "columns": columns}
    places = {name: _whole_numbers(name, value) for name, value in values.items()}
    shapes = {place.shape for place in places.values()}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        given = ", ".join(f"{name} {place.shape}" for name, place in places.items())
        raise InvalidParameter(f"types, rows and columns must have one shape (N, F); got {given}.")
    for (name, place), limit in zip(places.items(), _FIGURE_AXES, strict=True):
        outside = place[(place < 0) | (place >= limit)]
        if outside.size:
            raise InvalidParameter(f"{name} must lie in [0, {limit}); got {outside[0]}.")
    return _images(np.ravel_multi_index(tuple(places.values()), _FIGURE_AXES))


def random_places(seed: int) -> list[tuple[int, int, int]]:
    """Return type, row and column of the ten figures of an image as the data set draws them."""
    _, figures = _drawn_figures(1, seed)
    axes = np.unravel_index(figures[0], _FIGURE_AXES)
    return [(int(one), int(row), int(column)) for one, row, column in zip(*axes, strict=True)]


@cache
def _sprites() -> NDArray[np.uint8]:
    """Return every figure at every place, clipped: (6 * 28 * 28, 98), eight pixels a byte."""
    sprites = np.empty((*_FIGURE_AXES, SIDE, SIDE), dtype=np.bool_)
    for number, mask in enumerate(masks().values()):
        # Moving a window over a large ground moves the figure the other way, and cuts it off.
        ground = np.zeros((2 * SIDE - 1, 2 * SIDE - 1), dtype=np.bool_)
        top, left = SIDE - 1 - mask.centre[0], SIDE - 1 - mask.centre[1]
        ground[top : top + mask.pixels.shape[0], left : left + mask.pixels.shape[1]] = mask.pixels
        sprites[number] = sliding_window_view(ground, (SIDE, SIDE))[::-1, ::-1]
    return np.packbits(sprites.reshape(-1, SIDE * SIDE), axis=1)


def _images(figures: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw (N, F) figures, each one number over `_FIGURE_AXES`; returns (N, 1, 28, 28)."""
    sprites = _sprites()
    images = np.empty((len(figures), SIDE * SIDE), dtype=np.uint8)
    for start in range(0, len(figures), _BLOCK):
        block = figures[start : start + _BLOCK]
        packed = np.zeros((len(block), sprites.shape[1]), dtype=np.uint8)
        for slot in range(block.shape[1]):
            packed ^= sprites[block[:, slot]]
        np.multiply(np.unpackbits(packed, axis=1), 255, out=images[start : start + _BLOCK])
    return images.reshape(-1, 1, SIDE, SIDE)


def _drawn_figures(
    num_images: int, seed: int, first_counts: range = DRAWN_FIRST_COUNTS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw labels (N,) and figures (N, 10), each figure one number over `_FIGURE_AXES`."""
    # pair, count of the first type, ten places
    sizes = np.array([len(PAIRS), len(first_counts)] + [SIDE * SIDE] * FIGURES_PER_IMAGE)
    chosen = _uniform(num_images * len(sizes), seed, stream=0).reshape(num_images, len(sizes))
    # A 32-bit number times n, its upper half: in [0, n), uniform but for 784 / 2**32 (Lemire 2019, without rejection).
    chosen = ((chosen * sizes.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    pair, num_first, places = chosen[:, 0], chosen[:, 1] + first_counts.start, chosen[:, 2:]
    is_second = np.arange(FIGURES_PER_IMAGE) >= num_first[:, None]  # (N, 10)
    types = np.array(PAIRS)[pair[:, None], is_second.astype(np.int64)]  # (N, 10)
    labels = pair * len(NAMED_FIRST_COUNTS) + num_first - NAMED_FIRST_COUNTS.start
    return labels, types * (SIDE * SIDE) + places


def _split_rows(num_images: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the ascending rows of each split."""
    num_test = num_images // 10
    order = np.argsort(_uniform(num_images - num_test, seed, stream=1), kind="stable")
    return {
        "train": np.sort(order[num_test:]),
        "validation": np.sort(order[:num_test]),
        "test": np.arange(num_images - num_test, num_images),
    }


def _uniform(num_values: int, seed: int, stream: int) -> NDArray[np.uint64]:
    """Return values uniform over [0, 2**32), the same for every release of NumPy.

    NumPy keeps the bits of its bit generators for good, but not what `Generator` makes of them.
    """
    bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream,)))
    words = bits.random_raw((num_values + 1) // 2)
    halves = np.stack([words & np.uint64(0xFFFF_FFFF), words >> np.uint64(32)], axis=1)
    return halves.reshape(-1)[:num_values]


def _counted(number: int, figure_type: int) -> str:
    name = TYPE_NAMES[figure_type]
    return f"{number} {name.removesuffix('s') if number == 1 else name}"


def _whole_numbers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    numbers = np.asarray(value)
    if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
        raise InvalidParameter(f"{name} must be whole numbers; got {numbers.dtype}.")
    return numbers.astype(np.int64)
