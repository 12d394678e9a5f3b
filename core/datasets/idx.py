"""IDX: the format of MNIST and its kin, gzipped or plain: one file of images, one of labels.

A header says how much is to come, so nothing is read beyond it and a file that unpacks to more is refused in time.

    magic      0, 0, 8 (unsigned bytes), number of dimensions
    sizes      one 32-bit big-endian number a dimension: N, H, W for images, N for labels
    values     bytes, in C order

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import math
import re
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets import class_names
from core.datasets.base import SPLITS
from core.datasets.raw import ImportOptions, Progress, RawData, empty_images
from core.exceptions import InvalidInput
from core.labels import LabelSpace

WHAT = "an IDX file of images with its file of labels beside it, or a folder of such pairs, gzipped or plain"

_UNSIGNED_BYTES = 8
_DIMENSIONS = {"labels": 1, "images": 3}
_BLOCK = 2**20
_MAX_FILES = 1000

# What the names of the pairs of one data set say of their part.
_PART_WORDS = {"train": "train", "val": "validation", "t10k": "test", "test": "test"}


def recognises(path: Path) -> bool:
    """Return whether it is an IDX file, or a folder with one."""
    try:
        files = _files(path) if path.is_dir() else [path]
        return any(_dimensions(file) is not None for file in files)
    except OSError:
        return False


def read(path: Path, options: ImportOptions, progress: Progress) -> RawData:
    """Read a pair of files, or all pairs of a folder; two or three pairs are train, validation and test.

    Args:
        path: a folder, or either file of a pair.
        options: the file of class names is used; without it a class is called by its number.
        progress: told the share of bytes that is read.

    Raises:
        InvalidInput: a file is missing, cut off, of another format, or does not match the other one of its pair.
    """
    pairs = _pairs(path)
    sizes = {part: read_shape(images, "images") for part, (images, _) in pairs.items()}
    if len({size[1:] for size in sizes.values()}) > 1:
        told = ", ".join(
            f"{pairs[part][0].name!r} {size[1]}x{size[2]}" for part, size in sizes.items()
        )
        raise InvalidInput(f"All images of a data set must have one size; got {told}.")
    num_images = sum(size[0] for size in sizes.values())
    height, width = next(iter(sizes.values()))[1:]
    all_images = empty_images(num_images, 1, height, width)
    all_labels, parts = np.empty(num_images, np.int64), np.empty(num_images, np.uint8)
    start = 0
    for part, (images_path, labels_path) in pairs.items():
        end = start + sizes[part][0]

        def tell(share: float, start: int = start, end: int = end) -> None:
            progress((start + share * (end - start)) / num_images, "Reading images")

        fill(images_path, all_images[start:end], tell)
        (num_labels,) = read_shape(labels_path, "labels")
        if num_labels != end - start:
            raise InvalidInput(
                f"{images_path.name!r} holds {end - start:,} images, but {labels_path.name!r} {num_labels:,} labels;"
                " they must be one pair."
            )
        labels = np.empty(num_labels, np.uint8)
        fill(labels_path, labels)
        all_labels[start:end] = labels
        parts[start:end] = SPLITS.index(part)
        start = end
    names = class_names.for_labels(
        int(all_labels.max()) + 1, options.class_names_path, repr(path.name)
    )
    notes = tuple(
        f"{images.name} and {labels.name} are {part}."
        if len(pairs) > 1
        else f"{images.name} and {labels.name}."
        for part, (images, labels) in pairs.items()
    )
    return RawData(
        images=all_images,
        labels=all_labels,
        space=LabelSpace(names),
        parts=parts if len(pairs) > 1 else None,
        notes=notes,
    )


def read_shape(path: Path, role: str) -> tuple[int, ...]:
    """Return the sizes that a file's header promises: (N, H, W) of images, (N,) of labels.

    Raises:
        InvalidInput: it is no IDX file of that role.
    """
    with closing(_opened(path)) as file:
        return _header(file, path, role)


def fill(
    path: Path, target: NDArray[np.uint8], tell: Callable[[float], None] = lambda share: None
) -> None:
    """Read the values of a file into an array that has as many.

    Args:
        path: of the file.
        target: C-contiguous; (N, 1, H, W) or (N, H, W) of images, (N,) of labels.
        tell: told the share that is read.

    Raises:
        InvalidInput: the file is cut off, damaged, or goes on after the last value.
    """
    role = "labels" if target.ndim == 1 else "images"
    with closing(_opened(path)) as file:
        shape = _header(file, path, role)
        if math.prod(shape) != target.size:
            raise InvalidInput(f"{path.name!r} has changed while it was read. Try again.")
        flat = target.reshape(-1).data
        place = 0
        while place < len(flat):
            block = _bytes(file, path, min(_BLOCK, len(flat) - place))
            if not block:
                raise InvalidInput(
                    f"{path.name!r} is cut off: its header promises {len(flat):,} bytes of {role}"
                    f" {shape}, but only {place:,} follow. Fetch it again."
                )
            flat[place : place + len(block)] = block
            place += len(block)
            tell(place / len(flat))
        if _bytes(file, path, 1):
            raise InvalidInput(
                f"{path.name!r} goes on after the {len(flat):,} bytes of {role} {shape} that its header promises;"
                " it is not what it says it is."
            )


def content_sha256(path: Path, most: int) -> str:
    """Return the SHA-256 of a file's bytes, decompressed where it is gzipped, as hexadecimal digits.

    Two compressions of the same bytes differ, so this is how a data file is recognised.

    Args:
        path: of the file.
        most: bytes to read; what has more gives the sum of its beginning.

    Raises:
        InvalidInput: it is cut off, damaged, or cannot be read.
    """
    digest = hashlib.sha256()
    with closing(_opened(path)) as file:
        while most > 0 and (block := _bytes(file, path, min(_BLOCK, most))):
            digest.update(block)
            most -= len(block)
    return digest.hexdigest()


def _opened(path: Path) -> BufferedIOBase:
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        return gzip.GzipFile(path) if is_gzip else path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path.name!r} cannot be read: {error.strerror}.") from None


def _bytes(file: BufferedIOBase, path: Path, number: int) -> bytes:
    """Return up to `number` bytes; fewer only at the end."""
    try:
        return file.read(number)
    except EOFError:
        raise InvalidInput(
            f"{path.name!r} is cut off: its gzip stream ends too early. Fetch it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput(f"{path.name!r} is damaged ({error}). Fetch it again.") from None
    except OSError as error:
        raise InvalidInput(f"{path.name!r} cannot be read: {error.strerror}.") from None


def _header(file: BufferedIOBase, path: Path, role: str) -> tuple[int, ...]:
    dimensions = _DIMENSIONS[role]
    magic = _bytes(file, path, 4)
    expected = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    if magic != expected:
        raise InvalidInput(
            f"{path.name!r} is no IDX file of {role}: it must start with the bytes {expected.hex()};"
            f" got {magic.hex() or 'an empty file'}."
        )
    sizes = _bytes(file, path, 4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InvalidInput(f"{path.name!r} is cut off in its header. Fetch it again.")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise InvalidInput(f"{path.name!r} holds no {role}: its sizes are {shape}.")
    return shape


def _dimensions(path: Path) -> int | None:
    """Return the number of dimensions of an IDX file of bytes, None for any other file."""
    try:
        with closing(_opened(path)) as file:
            magic = _bytes(file, path, 4)
    except InvalidInput:
        return None
    is_idx = len(magic) == 4 and magic[:3] == bytes([0, 0, _UNSIGNED_BYTES])
    return magic[3] if is_idx and magic[3] in _DIMENSIONS.values() else None


def _files(folder: Path) -> list[Path]:
    """Return the folder's files by name; of a file and its gzipped twin only the file."""
    found = sorted(path for path in folder.iterdir() if path.is_file())[:_MAX_FILES]
    names = {path.name for path in found}
    return [path for path in found if path.name.removesuffix(".gz") not in names - {path.name}]


def _pairs(path: Path) -> dict[str, tuple[Path, Path]]:
    """Return the files of images and labels of each part; a single pair is called train."""
    folder = path if path.is_dir() else path.parent
    groups = list(_groups(folder).values())
    if len(groups) == 2 and all(len(files) == 1 for files in groups):
        together = groups[0] | groups[1]
        if len(together) == 2:  # the only images and the only labels, whatever they are called
            groups = [together]
    if path == folder:
        links = [file for files in groups for file in files.values() if file.is_symlink()]
        if links:
            raise InvalidInput(
                f"{links[0].name!r} is a link, and links inside a folder are not followed. Put the file itself there."
            )
    else:
        groups = [files for files in groups if path in files.values()]
        if not groups:
            read_shape(path, "images")  # says what is wrong with it
    if not groups:
        raise InvalidInput(f"There is no IDX file in {folder.name!r}.")
    for files in groups:
        for role in _DIMENSIONS:
            if role not in files:
                (other,) = files.values()
                raise InvalidInput(
                    f"{other.name!r} has no file of {role} beside it; of train-images-idx3-ubyte.gz"
                    " it is train-labels-idx1-ubyte.gz."
                )
    pairs = [(files["images"], files["labels"]) for files in groups]
    return {"train": pairs[0]} if len(pairs) == 1 else _by_part(pairs, folder)


def _groups(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the IDX files of a folder by what their names have in common, then by their role."""
    groups: dict[str, dict[str, Path]] = {}
    for file in _files(folder):
        dimensions = _dimensions(file)
        if dimensions is None:
            continue
        role = next(role for role, number in _DIMENSIONS.items() if number == dimensions)
        twin = groups.setdefault(_key(file), {}).setdefault(role, file)
        if twin is not file:
            raise InvalidInput(
                f"{twin.name!r} and {file.name!r} are both {role} of one pair. Keep one of them there."
            )
    return groups


def _by_part(pairs: list[tuple[Path, Path]], folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return several pairs by the part that their names tell."""
    named: dict[str, tuple[Path, Path]] = {}
    for images, labels in pairs:
        words = (part for word, part in _PART_WORDS.items() if word in images.name.lower())
        part = next(words, None)
        if part is None or part in named:
            told = ", ".join(repr(one.name) for one, _ in pairs)
            raise InvalidInput(
                f"{folder.name!r} holds {len(pairs)} pairs of files, and their names do not tell which is train,"
                f" validation and test: {told}. Name one file to import one pair."
            )
        named[part] = (images, labels)
    return {part: named[part] for part in SPLITS if part in named}


def _key(path: Path) -> str:
    """Return what both files of a pair have in common in their names."""
    name = re.sub(r"\.gz$", "", path.name.lower())
    return re.sub(r"idx[13]", "idx", re.sub(r"images|labels", "*", name))
