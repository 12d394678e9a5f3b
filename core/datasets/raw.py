"""RawData: what a reader makes of a user's files, before anything is split; the interface of all readers.

Below the readers (one file per kind), which `core.datasets.kinds` lists and `core.datasets.importing` calls. A reader
decides nothing about splits beyond what the source fixes, and writes nothing.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.datasets.base import SPLITS
from core.exceptions import InvalidInput
from core.labels import LabelSpace
from core.settings import Settings

Progress = Callable[[float, str], None]
"""Told the share that is done, in [0, 1], and what is being done, in words."""

PARTS = (*SPLITS, "unlabelled")
"""The parts that a source may fix; `RawData.parts` holds positions in it."""

UNLABELLED = -1
"""The label of an image whose class is not known."""

LARGEST_PIXELS = 2 * 2**30
"""Bytes that all images of an import may take: as much as a zip may unpack to."""

LARGEST_NUMBER = 1_000_000
"""Images in one import."""

# Above this the pixels are collected in a file without a name, which the system may write out when memory is short.
_IN_MEMORY = 256 * 2**20


@dataclass(frozen=True)
class RawData:
    """Images as read, in the order of the source, and what the source says of them.

    Attributes:
        images: (N, C, H, W) uint8, C 1 or 3; may be memory-mapped.
        labels: (N,) int64 in [0, K), or -1 where the class is not known.
        space: the K classes, in label order, and the T counts.
        counts: (N, T) uint8, or None without counts.
        parts: (N,) uint8, positions in `PARTS` (0 train, 1 validation, 2 test, 3 unlabelled), or None where the source
            fixes no split. Parts that it does not name are drawn out of train later.
        notes: what was decided while reading, in words: "312 images of other sizes were resized to 64x64."
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    space: LabelSpace
    counts: NDArray[np.uint8] | None = None
    parts: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()


class ImportOptions(Settings):
    """What the user may choose about reading; each reader uses what concerns its kind."""

    size: int | None = Field(
        None,
        ge=4,
        le=512,
        description="Side of the square to which images are resized; without it, mixed sizes become the most frequent one.",
        json_schema_extra={"unit": "pixels"},
    )
    channels: Literal["auto", "grey", "rgb"] = Field(
        "auto", description="Grey, colour, or as the images themselves are."
    )
    label_column: str = Field(
        "auto",
        max_length=200,
        description='Column of a table that holds the label: "auto", "first", "last" or its name.',
    )
    class_names_path: Path | None = Field(
        None, description="Text file of one class name a line, or JSON list, in label order."
    )
    skip_unreadable: bool = Field(
        False, description="Leave out image files that cannot be read instead of refusing them all."
    )


@dataclass(frozen=True)
class Reader:
    """How to read one kind of source.

    Attributes:
        recognises: whether a file or folder looks like this kind, from its name and first bytes; raises nothing.
        read: reads it whole, or raises InvalidInput with a message that names file, row or member, rule and remedy.
        what: what a source of this kind is, in words, as help and errors say it.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path, ImportOptions, Progress], RawData]
    what: str


def silent(share: float, what: str) -> None:
    """Report progress to nobody."""


def empty_images(num_images: int, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return uninitialised images (N, C, H, W) to read into; large ones do not count against memory.

    Raises:
        InvalidInput: there are none, or more than an import may hold.
    """
    if num_images < 1:
        raise InvalidInput("There are no images in it.")
    if num_images > LARGEST_NUMBER:
        raise InvalidInput(
            f"An import holds at most {LARGEST_NUMBER:,} images; got {num_images:,}."
        )
    num_bytes = num_images * channels * height * width
    if num_bytes > LARGEST_PIXELS:
        raise InvalidInput(
            f"The pixels of an import take at most {LARGEST_PIXELS >> 20:,} MiB; {num_images:,} images of"
            f" {height}x{width} with {channels} channel{'s' if channels > 1 else ''} take {num_bytes >> 20:,} MiB."
            " Take fewer or smaller images."
        )
    shape = (num_images, channels, height, width)
    if num_bytes <= _IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as file:  # the mapping outlives the file's name and handle
        return np.memmap(file, np.uint8, mode="w+", shape=shape)
