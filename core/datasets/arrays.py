"""Arrays: images and labels in one .npz file, as NumPy writes it.

Members are read block by block and never through a pickle, so that neither a large file nor a hostile one does harm.
Besides `images` and `labels` the names of Keras (x_train, y_train, ...) and of MedMNIST (train_images, ...) are known.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.datasets import class_names
from core.datasets.base import SPLITS
from core.datasets.raw import LARGEST_NUMBER, ImportOptions, Progress, RawData, empty_images
from core.exceptions import InvalidInput
from core.labels import LabelSpace

WHAT = "an .npz file with the arrays images and labels"

# Part -> names of its images and labels.
_LAYOUTS: tuple[dict[str, tuple[str, str]], ...] = (
    {"train": ("images", "labels")},
    {
        "train": ("train_images", "train_labels"),
        "validation": ("val_images", "val_labels"),
        "test": ("test_images", "test_labels"),
    },
    {
        "train": ("x_train", "y_train"),
        "validation": ("x_val", "y_val"),
        "test": ("x_test", "y_test"),
    },
)
_BLOCK_BYTES = 2**22
_LARGEST_LABELS = 2**28


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype


def recognises(path: Path) -> bool:
    """Return whether it is called .npz."""
    return path.is_file() and path.suffix.lower() == ".npz"


def read(path: Path, options: ImportOptions, progress: Progress) -> RawData:
    """Read the arrays; a file with train and test arrays fixes these parts.

    Args:
        path: an .npz file. Images are (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; uint8, other whole
            numbers or floats in [0, 255], or floats in [0, 1]. Labels are (N,) or (N, 1), whole numbers from 0 or
            names. An array class_names, in label order, is used if there is one.
        options: the file of class names is used.
        progress: told the share of images that is read.

    Raises:
        InvalidInput: an array is missing, of another shape or type, or holds values that are no pixels or labels.
    """
    with _opened(path) as archive:
        arrays = {
            name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")
        }
        layout = next((one for one in _LAYOUTS if set(one["train"]) <= arrays.keys()), None)
        if layout is None:
            told = ", ".join(map(repr, sorted(arrays)[:10])) or "no array"
            raise InvalidInput(
                f"{path.name!r} must hold the arrays 'images' and 'labels'; got {told}."
                " Write it with numpy.savez(path, images=..., labels=...)."
            )
        found = {part: pair for part, pair in layout.items() if pair[0] in arrays}
        headers = {}
        for part, (images, labels) in found.items():
            if labels not in arrays:
                raise InvalidInput(f"{path.name!r} holds {images!r} but no {labels!r}.")
            headers[part] = _header(archive, images)
        layouts = {part: _places(found[part][0], header) for part, header in headers.items()}
        if len({shape[1:] for shape, _ in layouts.values()}) > 1:
            told = ", ".join(f"{found[part][0]} {headers[part].shape}" for part in found)
            raise InvalidInput(f"All images of a data set must have one size; got {told}.")
        num_images = sum(shape[0] for shape, _ in layouts.values())
        all_images = empty_images(num_images, *next(iter(layouts.values()))[0][1:])
        parts = np.empty(num_images, np.uint8)
        all_labels, notes, start = [], [], 0
        for part, (images, labels) in found.items():
            shape, channels_last = layouts[part]
            end = start + shape[0]
            target = all_images[start:end]
            target = target.transpose(0, 2, 3, 1) if channels_last else target
            notes += _read_images(
                archive, images, target.reshape(headers[part].shape), progress, (start, num_images)
            )
            all_labels.append(_read_labels(archive, labels, shape[0], images))
            parts[start:end] = SPLITS.index(part)
            start = end
        names = _class_names(archive, arrays)
    labels, space = _labelled(np.concatenate(all_labels), names, options, path)
    return RawData(
        images=all_images,
        labels=labels,
        space=space,
        parts=parts if len(found) > 1 else None,
        notes=tuple(dict.fromkeys(notes)),
    )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InvalidInput(
            f"{path.name!r} is damaged or no .npz file ({error}). Write it again with numpy.savez."
        ) from None
    except (NotImplementedError, RuntimeError) as error:  # other compression, a password
        raise InvalidInput(f"{path.name!r} cannot be read: {error}.") from None
    except OSError as error:
        raise InvalidInput(f"{path.name!r} cannot be read: {error.strerror}.") from None


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[IO[bytes], _Header]]:
    """Open an array of the file, read up to its first value.

    Raises:
        InvalidInput: it holds Python objects, is in Fortran order, or is no array.
    """
    with archive.open(f"{name}.npy") as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, is_fortran, dtype = read_header(file)
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(f"{name!r} is no NumPy array. Write it with numpy.savez.") from None
        if dtype.hasobject:
            raise InvalidInput(
                f"{name!r} holds Python objects, which are never loaded, because that can run code."
                " Make it an array of numbers before saving it."
            )
        if is_fortran and len(shape) > 1:
            raise InvalidInput(
                f"{name!r} is in Fortran order; save numpy.ascontiguousarray of it instead."
            )
        yield file, _Header(shape, dtype)


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    with _member(archive, name) as (_, header):
        return header


def _places(name: str, header: _Header) -> tuple[tuple[int, int, int, int], bool]:
    """Return images' shape as (N, C, H, W), and whether the channels come last."""
    match header.shape:
        case (number, height, width):
            return (number, 1, height, width), False
        case (number, 1 | 3 as channels, height, width) if width not in (1, 3):
            return (number, channels, height, width), False
        case (number, height, width, 1 | 3 as channels) if height not in (1, 3):
            return (number, channels, height, width), True
    hint = " Leave the alpha channel out." if 4 in header.shape[1:] else ""
    raise InvalidInput(
        f"{name!r} must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; got {header.shape}.{hint}"
    )


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[int, NDArray]]:
    """Yield the rows of an array, a few at a time, each time with the position of the first."""
    with _member(archive, name) as (file, header):
        row_bytes = header.dtype.itemsize * int(np.prod(header.shape[1:], dtype=np.int64))
        at_once = max(1, _BLOCK_BYTES // max(1, row_bytes))
        for start in range(0, header.shape[0], at_once):
            number = min(at_once, header.shape[0] - start)
            data = file.read(number * row_bytes)
            if len(data) < number * row_bytes:
                raise InvalidInput(
                    f"{name!r} is cut off: {header.shape} of {header.dtype} are promised, but the values end in"
                    f" image {start + len(data) // max(1, row_bytes)}."
                )
            yield start, np.frombuffer(data, header.dtype).reshape(number, *header.shape[1:])


def _read_images(
    archive: zipfile.ZipFile,
    name: str,
    target: NDArray[np.uint8],
    progress: Progress,
    place: tuple[int, int],
) -> list[str]:
    """Read images into `target`, which has the array's own shape; return what was decided."""
    dtype = _header(archive, name).dtype
    if dtype.kind not in "buif":
        raise InvalidInput(f"{name!r} must hold numbers; got {dtype}.")
    scale, notes = 1, []
    if dtype == np.bool_:
        scale, notes = 255, [f"{name}: false and true became 0 and 255."]
    elif dtype != np.uint8:
        scale, notes = _scale(archive, name, dtype)
    for start, block in _blocks(archive, name):
        here = target[start : start + len(block)]
        if dtype.kind == "f" and scale != 1:
            here[...] = np.rint(block * scale)
        else:
            here[...] = block
            here *= np.uint8(scale)
        progress((place[0] + start + len(block)) / place[1], "Reading images")
    return notes


def _scale(archive: zipfile.ZipFile, name: str, dtype: np.dtype) -> tuple[int, list[str]]:
    """Return what pixels are to be multiplied by, having looked at all of them."""
    largest, first_broken = 0.0, None
    for start, block in _blocks(archive, name):
        flat = block.reshape(len(block), -1)
        outside = ~((flat >= 0) & (flat <= 255))  # also where it is not a number
        if outside.any():
            image, pixel = np.argwhere(outside)[0]
            raise InvalidInput(
                f"{name!r} must hold pixels from 0 to 255, or from 0.0 to 1.0;"
                f" image {start + image} has {flat[image, pixel]}."
            )
        largest = max(largest, float(flat.max(initial=0)))
        if first_broken is None and dtype.kind == "f" and (flat != np.rint(flat)).any():
            image, pixel = np.argwhere(flat != np.rint(flat))[0]
            first_broken = start + int(image), float(flat[image, pixel])
    if dtype.kind == "f" and largest <= 1:
        return 255, [f"{name}: floats from 0 to {largest:g} were multiplied by 255 and rounded."]
    if first_broken is not None:
        image, value = first_broken
        raise InvalidInput(
            f"{name!r} must hold whole numbers from 0 to 255, or floats from 0.0 to 1.0;"
            f" image {image} has {value:g}, and the largest value is {largest:g}."
        )
    return 1, [f"{name}: {dtype} from 0 to {largest:g} became bytes."]


def _read_labels(archive: zipfile.ZipFile, name: str, num_images: int, images_name: str) -> NDArray:
    """Return (N,) labels, whole numbers or text."""
    header = _header(archive, name)
    shape, dtype = header.shape, header.dtype
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        hint = " One column for each class? Save labels.argmax(axis=1)." if len(shape) == 2 else ""
        raise InvalidInput(f"{name!r} must have shape (N,); got {shape}.{hint}")
    if shape[0] != num_images:
        raise InvalidInput(
            f"{images_name!r} holds {num_images:,} images, but {name!r} {shape[0]:,} labels."
        )
    if dtype.kind not in "iuU":
        raise InvalidInput(f"{name!r} must hold whole numbers or text; got {dtype}.")
    if shape[0] > LARGEST_NUMBER or shape[0] * dtype.itemsize > _LARGEST_LABELS:
        raise InvalidInput(f"{name!r} is too large: {shape[0]:,} values of {dtype}.")
    return np.concatenate([block.reshape(-1) for _, block in _blocks(archive, name)])


def _class_names(archive: zipfile.ZipFile, arrays: dict[str, str]) -> tuple[str, ...] | None:
    if "class_names" not in arrays:
        return None
    header = _header(archive, "class_names")
    if len(header.shape) != 1 or header.dtype.kind != "U" or header.dtype.itemsize > 2**16:
        raise InvalidInput(
            f"'class_names' must be a list of text, in label order; got {header.dtype} of shape {header.shape}."
        )
    if header.shape[0] > class_names.MAX_CLASSES:
        raise InvalidInput(
            f"'class_names' must name at most {class_names.MAX_CLASSES:,} classes; got {header.shape[0]:,}."
        )
    names = [str(one) for _, block in _blocks(archive, "class_names") for one in block]
    return class_names.checked(names, "'class_names'")


def _labelled(
    labels: NDArray, names: tuple[str, ...] | None, options: ImportOptions, path: Path
) -> tuple[NDArray[np.int64], LabelSpace]:
    """Return labels in [0, K) and their names."""
    if labels.dtype.kind == "U":
        unique, numbers = np.unique(labels, return_inverse=True)
        given = class_names.checked(map(str, unique), f"The labels of {path.name!r}")
        return numbers.reshape(-1).astype(np.int64), LabelSpace(given)
    wrong = np.flatnonzero((labels < 0) | (labels >= class_names.MAX_CLASSES))
    if len(wrong):
        raise InvalidInput(
            f"Labels must be whole numbers from 0 to {class_names.MAX_CLASSES - 1};"
            f" {path.name!r} has {labels[wrong[0]]} at image {wrong[0]}."
        )
    labels = labels.astype(np.int64)
    num_classes = int(labels.max()) + 1
    if options.class_names_path is not None or names is None:
        names = class_names.for_labels(num_classes, options.class_names_path, repr(path.name))
    if len(names) < num_classes:
        raise InvalidInput(
            f"'class_names' names {len(names)} classes, but the labels go up to {num_classes - 1}."
        )
    return labels, LabelSpace(names)
