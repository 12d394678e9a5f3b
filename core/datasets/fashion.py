"""Fashion-MNIST: 70,000 grey images of clothes in 10 classes, fetched once; two presets of it.

    DATA/fashion/    the four IDX files, as their source gave them; never half-written

Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms" (MIT licence).
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import filelock
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.datasets import idx
from core.datasets.base import Dataset, DatasetSource, Split
from core.datasets.cache import cached_splits
from core.datasets.download import download
from core.datasets.raw import Progress, silent
from core.datasets.splits import drawn_rows
from core.exceptions import CoreError, InvalidInput
from core.labels import LabelSpace

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# Raised when the same settings give other pixels or another split, so that no cache of before is read.
VERSION = 1

_SIDE = 28
_NUM_TRAIN, _NUM_TEST = 60_000, 10_000
_NUM_LABELLED = 52_500
_SHUFFLE_SEED = 42
_OFFICIAL_VALIDATION = 10_000


@dataclass(frozen=True)
class File:
    """One of the four files.

    Attributes:
        name: the official name.
        sha256: of the decompressed bytes, because packages compress the files anew.
        num_bytes: of them.
    """

    name: str
    sha256: str
    num_bytes: int


FILES = (
    File(
        "train-images-idx3-ubyte.gz",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        47_040_016,
    ),
    File(
        "train-labels-idx1-ubyte.gz",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        60_008,
    ),
    File(
        "t10k-images-idx3-ubyte.gz",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        7_840_016,
    ),
    File(
        "t10k-labels-idx1-ubyte.gz",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        10_008,
    ),
)

SOURCES = (
    "/usr/share/datasets/fashion-mnist",  # Debian's dataset-fashion-mnist
    "/usr/share/dataset-fashion-mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # the checksum replaces https, which it lacks
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
"""Folders and addresses, in the order in which they are tried; folders that are not there are passed over."""


class Fashion(DatasetSource):
    """All 70,000 images, padded to 32x32 and shuffled, in the sizes of the reference study."""

    kind: ClassVar[str] = "fetched"
    name: Literal["fashion"] = Field("fashion", description="Name of the data set.")
    split_seed: int = Field(
        42,
        ge=0,
        le=2**32 - 1,
        description="Decides which of the 52,500 labelled images are train, validation and test.",
    )

    def load(self, data_dir: Path) -> Dataset:
        """Return the data set: 31,500 / 10,500 / 10,500 images of (1, 32, 32).

        The official train images, then the official test images, are shuffled once and for all, as
        `numpy.random.RandomState(42).permutation(70_000)` orders them; the first 52,500 are labelled, the others
        unlabelled. The labelled rows are split by scikit-learn's `train_test_split`, 20 % for test and then 25 % of the
        rest for validation, without regard to classes, and each split keeps their order. Two rows and columns of zeros
        are added on each side.

        Raises:
            InvalidInput: the files are not fetched, or damaged.
        """
        folder = data_dir / f"fashion-seed{self.split_seed}-v{VERSION}"
        splits = cached_splits(folder, lambda: self._splits(data_dir))
        return Dataset(self.name, LabelSpace(CLASS_NAMES), splits)

    def unlabelled(self, data_dir: Path) -> NDArray[np.uint8]:
        """Return the 17,500 images that are in no split: (N, 1, 32, 32).

        Raises:
            InvalidInput: as `load`.
        """
        images, _ = _everything(data_dir)
        return _padded(images[_shuffled()[_NUM_LABELLED:]])

    def _splits(self, data_dir: Path) -> dict[str, Split]:
        images, labels = _everything(data_dir)
        order = _shuffled()
        rows = drawn_rows(_NUM_LABELLED, 0.2, 0.2, self.split_seed)
        return {
            name: Split(_padded(images[order[chosen]]), labels[order[chosen]])
            for name, chosen in rows.items()
        }


class FashionOfficial(DatasetSource):
    """The official 60,000 / 10,000 images of 28x28, validation taken out of train."""

    kind: ClassVar[str] = "fetched"
    name: Literal["fashion-official"] = Field(
        "fashion-official", description="Name of the data set."
    )
    split_seed: int = Field(
        42,
        ge=0,
        le=2**32 - 1,
        description="Decides which 10,000 of the 60,000 train images are validation.",
    )

    def load(self, data_dir: Path) -> Dataset:
        """Return the data set: 50,000 / 10,000 / 10,000 images of (1, 28, 28), in the official order.

        Validation has 1,000 images of each class, as scikit-learn's `train_test_split` draws 10,000 stratified.

        Raises:
            InvalidInput: the files are not fetched, or damaged.
        """
        folder = data_dir / f"fashion-official-seed{self.split_seed}-v{VERSION}"
        splits = cached_splits(folder, lambda: self._splits(data_dir))
        return Dataset(self.name, LabelSpace(CLASS_NAMES), splits)

    def _splits(self, data_dir: Path) -> dict[str, Split]:
        from sklearn.model_selection import (
            train_test_split,
        )  # slow to import; later calls need none

        images, labels = _everything(data_dir)
        train, validation = train_test_split(
            np.arange(_NUM_TRAIN),
            test_size=_OFFICIAL_VALIDATION,
            random_state=self.split_seed,
            stratify=labels[:_NUM_TRAIN],
        )
        rows = {
            "train": np.sort(train),
            "validation": np.sort(validation),
            "test": np.arange(_NUM_TRAIN, _NUM_TRAIN + _NUM_TEST),
        }
        return {name: Split(images[chosen], labels[chosen]) for name, chosen in rows.items()}


def fetch(
    data_dir: Path,
    from_: Path | str | None = None,
    progress: Progress = silent,
    sources: tuple[str, ...] = SOURCES,
) -> Path:
    """Bring the four files into the data folder; those that are there and whole are not fetched again.

    Args:
        data_dir: folder of the data sets.
        from_: a folder, or an address that begins with http:// or https://, to be used instead of `sources`.
        progress: told how far it is.
        sources: tried in order until all files are there; an interrupted download goes on where it stopped.

    Returns:
        The folder with the files.

    Raises:
        InvalidInput: `from_` is no folder or lacks a file, or another process is fetching.
        CoreError: no source gave all files; the message has the reason of each.
    """
    folder = fashion_folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            _fetch(folder, from_, progress, sources)
    except filelock.Timeout:
        raise InvalidInput(
            "Fashion-MNIST is being fetched by another process. Wait for it."
        ) from None
    progress(1.0, "Done")
    return folder


def fashion_folder(data_dir: Path) -> Path:
    """Return where the files are, or would be."""
    return data_dir / "fashion"


def _fetch(
    folder: Path, from_: Path | str | None, progress: Progress, sources: tuple[str, ...]
) -> None:
    if from_ is not None and not _is_address(str(from_)) and not Path(from_).is_dir():
        raise InvalidInput(
            f"{Path(from_).name!r} is no folder and no address (http:// or https://)."
        )
    tried = [source for source in sources if _is_address(source) or Path(source).is_dir()]
    reasons = []
    for source in tried if from_ is None else [str(from_)]:
        try:
            _fetch_from(source, folder, progress)
            return
        except CoreError as error:
            reasons.append(f"{_told(source)}: {error}")
    raise (CoreError if from_ is None or _is_address(str(from_)) else InvalidInput)(
        f"Fashion-MNIST could not be fetched. {' '.join(reasons)}"
        " What arrived is kept; try again, or name a folder that holds the four files."
    )


def _fetch_from(source: str, folder: Path, progress: Progress) -> None:
    total, done = sum(file.num_bytes for file in FILES), 0
    for file in FILES:

        def tell(share: float, file: File = file, done: int = done) -> None:
            progress((done + share * file.num_bytes) / total, f"Fetching {file.name}")

        tell(0.0)
        if _whole(folder, file) is None:
            for damaged in (folder / name for name in _names(file)):
                damaged.unlink(missing_ok=True)
            if _is_address(source):
                download(f"{source.rstrip('/')}/", file.name, folder, _checker(file), tell)
            else:
                _copy(Path(source), folder, file)
        done += file.num_bytes


def _copy(source: Path, folder: Path, file: File) -> None:
    found = next((source / name for name in _names(file) if (source / name).is_file()), None)
    if found is None:
        raise InvalidInput(f"{file.name} is not there.")
    try:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as aside:
            copied = Path(aside) / found.name
            shutil.copyfile(found, copied)
            _checker(file)(copied)
            os.replace(copied, folder / found.name)
    except OSError as error:
        raise CoreError(f"{file.name} cannot be copied: {error.strerror}.") from None


def _checker(file: File) -> Callable[[Path], None]:
    """Return what refuses any other file than this one."""

    def check(path: Path) -> None:
        if idx.content_sha256(path, file.num_bytes + 1) != file.sha256:
            raise InvalidInput(
                f"{file.name} there is not the file of Fashion-MNIST (its SHA-256 differs)."
            )

    return check


def _whole(folder: Path, file: File) -> Path | None:
    """Return the file if it is there and the right one."""
    for name in _names(file):
        path = folder / name
        try:
            if path.is_file():
                _checker(file)(path)
                return path
        except InvalidInput:
            continue
    return None


def _names(file: File) -> tuple[str, str]:
    return file.name, file.name.removesuffix(".gz")


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _told(source: str) -> str:
    """Return how a message calls a source: no paths of the server."""
    return source if _is_address(source) else f"folder {Path(source).name!r}"


def _everything(data_dir: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all images (70,000, 1, 28, 28) and labels, train first."""
    paths = []
    for file in FILES:
        path = _whole(fashion_folder(data_dir), file)
        if path is None:
            raise InvalidInput(
                "Fashion-MNIST is not here yet, or not whole. Fetch it once: petridish datasets fetch fashion"
            )
        paths.append(path)
    train_images, train_labels, test_images, test_labels = paths
    images = np.empty((_NUM_TRAIN + _NUM_TEST, 1, _SIDE, _SIDE), np.uint8)
    labels = np.empty(_NUM_TRAIN + _NUM_TEST, np.uint8)
    idx.fill(train_images, images[:_NUM_TRAIN])
    idx.fill(train_labels, labels[:_NUM_TRAIN])
    idx.fill(test_images, images[_NUM_TRAIN:])
    idx.fill(test_labels, labels[_NUM_TRAIN:])
    return images, labels.astype(np.int64)


def _shuffled() -> NDArray[np.int64]:
    # NumPy keeps what RandomState draws for good; Generator may change between releases.
    return np.random.RandomState(_SHUFFLE_SEED).permutation(_NUM_TRAIN + _NUM_TEST)


def _padded(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
