"""Image folder: image files in a folder or zip, one folder per class, or with a table of names and labels.

Apart from how files are reached (`file_tree`), decoded (`decode`) and found in a table (`image_table`): here names
become labels and parts, and images of many sizes one array.
"""

import difflib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets import class_names
from core.datasets.decode import (
    ENDINGS,
    LARGEST_FILE,
    UnreadableImage,
    decoded,
    grey,
    header_size,
    resized,
)
from core.datasets.file_tree import FileTree, is_tree, opened_tree
from core.datasets.image_table import LARGEST_TABLE, table_among
from core.datasets.raw import (
    PARTS,
    UNLABELLED,
    ImportOptions,
    Progress,
    RawData,
    empty_images,
    silent,
)
from core.exceptions import InvalidInput
from core.labels import LabelSpace

WHAT = "a folder or zip of images with one folder per class, or with a CSV of name and label"

_PART_FOLDERS = {
    "train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "test": 2, "testing": 2,
    "unlabelled": 3, "unlabeled": 3,
}  # fmt: skip
_UNLABELLED_PART = PARTS.index("unlabelled")
_SIDES = range(4, 513)
_SHOWN = 10
_TABLES = 20


@dataclass(frozen=True)
class _Entry:
    """One image file.

    Attributes:
        name: in the tree.
        label: as folder or table say it, or None.
        part: position in `PARTS`.
    """

    name: str
    label: str | None
    part: int


def recognises(path: Path) -> bool:
    """Return whether this is a folder or zip with an image file in it, or one that `read` will refuse with the reason."""
    if not is_tree(path):
        return False
    try:
        with opened_tree(path) as tree:
            return any(_is_image(name) for name in tree.names)
    except InvalidInput:
        return True
    except OSError:
        return False


def read(path: Path, options: ImportOptions, progress: Progress = silent) -> RawData:
    """Return the images below a folder or in a zip, in the order of their names.

    Folders called train, validation (val, valid) and test at the top are parts and not classes. Images of other sizes
    than the most frequent one are resized to it, or all to `options.size`; notes say how many.

    Args:
        path: a folder or a zip.
        options: `size`, `channels`, `skip_unreadable`, `label_column` (of a table), `class_names_path`.
        progress: told the share of the images that are read.

    Raises:
        InvalidInput: something in it breaks a rule; the message names the file or member.
    """
    with opened_tree(path) as tree:
        images = [name for name in tree.names if _is_image(name)]
        if not images:
            raise InvalidInput(
                f"{path.name!r} holds no image: none of its {len(tree.names):,} files ends in {', '.join(ENDINGS)}."
            )
        notes = _left_out(tree.names)
        entries, table = _entries(tree, images, path.name, options.label_column)
        names, labels = _labelled(entries, options.class_names_path, table or path.name)
        if unnamed := sum(entry.label is None for entry in entries) if table else 0:
            notes.append(f"{_images(unnamed)} that {table!r} does not name: unlabelled.")
        pixels, kept, found = _read_images(tree, entries, options, progress)
    parts = np.array([entry.part for entry in entries], np.uint8)[kept]
    progress(1.0, "Read")
    return RawData(
        pixels,
        labels[kept],
        LabelSpace(names),
        None,
        parts if parts.any() else None,
        (*notes, *found),
    )


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def _is_table(name: str) -> bool:
    return name.lower().endswith(".csv")


def _left_out(names: Sequence[str]) -> list[str]:
    others = [name for name in names if not _is_image(name) and not _is_table(name)]
    if not others:
        return []
    return [f"Files that are no images were left out, {len(others):,}: {_listed(others)}."]


def _images(number: int) -> str:
    return f"{number:,} image{'s' if number != 1 else ''}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def _entries(
    tree: FileTree, images: list[str], source: str, label_column: str
) -> tuple[list[_Entry], str | None]:
    """Return what names and tables say of all images, and the table's name if there is one."""
    root = _root([*images, *(name for name in tree.names if _is_table(name))])
    tops = {name[len(root) :].split("/")[0].casefold() for name in images}
    tops_are_parts = tops <= _PART_FOLDERS.keys() and any(_PART_FOLDERS[top] == 0 for top in tops)
    tables = [name for name in tree.names if _is_table(name) and name.startswith(root)]
    tables = sorted(tables, key=lambda name: (name.count("/"), name))[:_TABLES]
    read_tables = {name: tree.read(name, LARGEST_TABLE) for name in tables}
    table = table_among(read_tables, images, label_column)
    entries, classless = [], []
    for name in images:
        *folders, _ = name[len(root) :].split("/")
        part = _PART_FOLDERS[folders.pop(0).casefold()] if tops_are_parts else 0
        label = table.labels.get(name) if table else folders[0] if folders else None
        if part == _UNLABELLED_PART:
            label = None
        elif label is None and table is None:
            classless.append((name, part))
        entries.append(_Entry(name, label, _UNLABELLED_PART if label is None else part))
    # A test folder without classes holds what is to be predicted.
    num_test = sum(entry.label is not None and entry.part == 2 for entry in entries)
    wrong = [name for name, part in classless if part != 2 or num_test]
    if wrong:
        raise InvalidInput(
            f"Each image lies in the folder of its class; of {source!r}, {len(wrong):,} lie in none: {_listed(wrong)}."
            " Make one folder per class, or add a CSV table with the columns name and label."
        )
    return entries, table.name if table else None


def _root(names: Sequence[str]) -> str:
    """Return the folders around everything, as zips of a folder have them: those that hold folders only."""
    root = ""
    while True:
        rests = {name[len(root) :].split("/", 1)[0] for name in names}
        if len(rests) > 1:
            return root
        inner = f"{root}{next(iter(rests))}/"
        # One folder with files in it is a class, unless only it stands between a table and its images.
        if any(name.count("/") <= inner.count("/") and not _is_table(name) for name in names):
            has_table = any(_is_table(name) and name.startswith(inner) for name in names)
            return inner if has_table else root
        root = inner


def _labelled(
    entries: Sequence[_Entry], names_path: Path | None, source: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the K class names in label order, and the label (N,) of each image."""
    texts = [None if entry.label is None else _composed(entry.label) for entry in entries]
    found = {text for text in texts if text is not None}
    are_numbers = all(text.isascii() and text.isdigit() and len(text) < 10 for text in found)
    if names_path is not None:
        names = class_names.from_file(names_path)
        labels = {_composed(name): label for label, name in enumerate(names)}
        for text in sorted(found - labels.keys()):
            if are_numbers and int(text) < len(names):
                labels[text] = int(text)
                continue
            near = difflib.get_close_matches(text, labels, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidInput(
                f"{source!r} has the class {text!r}, which is none of the {len(names):,} in {names_path.name!r}.{hint}"
            )
    else:
        # In the order of their numbers, "10" comes after "9".
        ordered = sorted(found, key=lambda text: (int(text), text) if are_numbers else (0, text))
        names = class_names.checked(ordered, repr(source))
        labels = {text: label for label, text in enumerate(ordered)}
    numbers = [UNLABELLED if text is None else labels[text] for text in texts]
    return names, np.array(numbers, np.int64)


def _composed(text: str) -> str:
    """Return a name in the one form in which it is compared: a Mac stores a letter and its accent as two signs."""
    return unicodedata.normalize("NFC", class_names.cleaned(text))


def _read_images(
    tree: FileTree, entries: Sequence[_Entry], options: ImportOptions, progress: Progress
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Return the pixels of all readable images, their positions in `entries`, and notes."""
    number = len(entries)
    told_every = max(1, number // 500)
    unreadable: dict[str, str] = {}
    sizes: Counter[tuple[int, int]] = Counter()
    if options.size is None:
        for at, entry in enumerate(entries):
            try:
                sizes[header_size(tree.read(entry.name, LARGEST_FILE))] += 1
            except UnreadableImage as error:
                unreadable[entry.name] = str(error)
            if at % told_every == 0:
                progress(0.2 * at / number, "Reading sizes")
        if not sizes:
            raise _refused(unreadable, number)
        height, width = _most_frequent(sizes)
    else:
        height = width = options.size
    start = 0.2 if options.size is None else 0.0
    channels = 3 if options.channels == "rgb" else 1
    pixels = empty_images(number, channels, height, width)
    kept: list[int] = []
    tally = _Tally(height, width, options.size is None)
    for at, entry in enumerate(entries):
        if at % told_every == 0:
            progress(start + (1 - start) * at / number, "Reading images")
        if entry.name in unreadable:
            continue
        try:
            image = decoded(tree.read(entry.name, LARGEST_FILE))
        except UnreadableImage as error:
            unreadable[entry.name] = str(error)
            continue
        tally.add(entry.name, image.pixels.shape, image.remarks)
        one = resized(image.pixels, height, width)
        if options.channels == "grey" and len(one) == 3:
            one = grey(one)
            tally.num_made_grey += 1
        if len(one) > pixels.shape[1]:  # the first colour image among grey ones
            before, pixels = pixels, empty_images(number, 3, height, width)
            pixels[: len(kept)] = before[: len(kept)]  # each grey value three times
        pixels[len(kept)] = one
        kept.append(at)
    if unreadable and (not options.skip_unreadable or not kept):
        raise _refused(unreadable, number)
    notes = tally.notes()
    if unreadable:
        notes.append(
            f"{len(unreadable):,} of {number:,} image files cannot be read and were left out: {_listed([*unreadable])}."
        )
    return pixels[: len(kept)], np.array(kept, np.int64), notes


def _most_frequent(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """Return the height and width that most images have, of equally frequent ones the smallest."""
    height, width = min(sizes, key=lambda size: (-sizes[size], size[0] * size[1], size))
    if height not in _SIDES or width not in _SIDES:
        raise InvalidInput(
            f"Images are {_SIDES[0]} to {_SIDES[-1]} pixels high and wide; most of these are {height:,} high and"
            f" {width:,} wide. Choose a size to which they are resized (option size)."
        )
    return height, width


def _refused(unreadable: dict[str, str], number: int) -> InvalidInput:
    told = [f"{name!r} {reason}" for name, reason in list(unreadable.items())[:_SHOWN]]
    more = f"; and {len(unreadable) - _SHOWN:,} more" if len(unreadable) > _SHOWN else ""
    return InvalidInput(
        f"{len(unreadable):,} of {number:,} image files cannot be read: {'; '.join(told)}{more}."
        " Repair or remove them, or leave them out by the option skip_unreadable."
    )


class _Tally:
    """Counts what was done to images, for the notes."""

    def __init__(self, height: int, width: int, is_most_frequent: bool) -> None:
        self._size = (height, width)
        self._is_most_frequent = is_most_frequent
        self._others: Counter[str] = Counter()
        self._shapes: list[tuple[int, int]] = []
        self._remarks: dict[str, list[str]] = {}
        self.num_made_grey = 0
        self._num_stretched = 0

    def add(self, name: str, shape: tuple[int, ...], remarks: Sequence[str]) -> None:
        for remark in remarks:
            self._remarks.setdefault(remark, []).append(name)
        size = height, width = shape[1:]
        if size == self._size:
            return
        new_height, new_width = self._size
        if new_height % height == 0 and new_width % width == 0:
            self._others["enlarged by repeating pixels"] += 1
        elif new_height <= height and new_width <= width:
            self._others["shrunk, bilinear"] += 1
        else:
            self._others["resized, bilinear"] += 1
        # More than a tenth between the scales of the two sides is seen.
        scales = new_height / height, new_width / width
        self._num_stretched += max(scales) > 1.1 * min(scales)
        self._shapes.append((height, width))

    def notes(self) -> list[str]:
        notes = []
        if self._shapes:
            height, width = self._size
            chosen = ", the most frequent size" if self._is_most_frequent else ""
            smallest = min(self._shapes, key=lambda size: size[0] * size[1])
            largest = max(self._shapes, key=lambda size: size[0] * size[1])
            how = ", ".join(f"{count:,} {what}" for what, count in self._others.items())
            stretched = (
                f"; {self._num_stretched:,} changed their proportions"
                if self._num_stretched
                else ""
            )
            notes.append(
                f"{_images(len(self._shapes))} of other sizes ({_by(smallest)} to {_by(largest)}, width x height) made"
                f" {_by((height, width))}{chosen}: {how}{stretched}."
            )
        if self.num_made_grey:
            notes.append(f"{_images(self.num_made_grey)} in colour made grey (luma).")
        for remark, names in self._remarks.items():
            notes.append(f"{_images(len(names))}: {remark} (first {names[0]!r}).")
        return notes


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
