"""Dataset and Split: images with their labels, as every source gives them; DatasetSource: where they come from.

Pixels stay uint8 from the source to the network. This module knows no source and no format.
"""

import hashlib
import os
import sys
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.exceptions import UnknownName
from core.labels import LabelSpace
from core.settings import Settings

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Images of one split and what is true of them; a sample's id is its position here.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) int64 in [0, K).
        counts: (N, T) uint8, or None without counts.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    counts: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Splits over one label space.

    Attributes:
        name: as the registry and the command line call it.
        space: its classes and counts.
        splits: "train", "validation" and "test".
    """

    name: str
    space: LabelSpace
    splits: dict[str, Split]

    def split(self, name: str) -> Split:
        """Return a split.

        Raises:
            UnknownName: there is no such split.
        """
        if name not in self.splits:
            raise UnknownName("split", name, self.splits)
        return self.splits[name]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.splits["train"].images.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, pixels, labels and split of everything, as hexadecimal digits."""
        digest = hashlib.sha256()
        digest.update(repr((self.space.class_names, self.space.count_names)).encode())
        for name, split in sorted(self.splits.items()):
            digest.update(f"{name}{split.images.shape}".encode())
            digest.update(np.ascontiguousarray(split.images).data)
            digest.update(np.ascontiguousarray(split.labels, dtype="<i8").data)
            if split.counts is not None:
                digest.update(np.ascontiguousarray(split.counts).data)
        return digest.hexdigest()


class DatasetSource(Settings):
    """Where a data set comes from: the settings that choose it, and `load`."""

    name: str
    kind: ClassVar[str]
    """How the images came to be: "generated", "built-in"."""

    @abstractmethod
    def load(self, data_dir: Path) -> Dataset:
        """Return the data set.

        Args:
            data_dir: folder for what is worth keeping between calls; made when needed.
        """

    def notes(self, data_dir: Path) -> list[str]:
        """Return what was decided when the data set was brought in, in sentences."""
        return []


def default_data_dir() -> Path:
    """Return the folder for fetched and cached data: the variable `PETRIDISH_DATA`, else the user's cache."""
    asked = os.environ.get("PETRIDISH_DATA")
    if asked:
        return Path(asked)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "petridish"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "petridish"
