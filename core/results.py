"""Results: a file of images in, `results.csv` out, with what a reader wants to see of it kept aside.

The one place where images to be predicted, an ensemble and a table meet; page and command line both call `predict_file`.
Memory is bounded whatever the number of rows: a block is read, answered, written and forgotten.
"""

import csv
import heapq
import io
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.datasets.decode import ENDINGS
from core.datasets.likeness import DifferencesFound, Likeness
from core.datasets.unlabelled import Block, opened_images
from core.ensemble import Answers, Ensemble
from core.exceptions import InvalidInput, InvalidParameter
from core.inference import Averaging
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION
from core.runs.files import aside_of
from core.runs.text import formula_safe

Progress = Callable[[float, str], None]
"""Told the share that is done, in [0, 1], and what is being done, in words."""

Warn = Callable[[str], None]
"""Told a sentence on why answers may mean nothing."""

NUM_FIRST = 32
NUM_PER_CLASS = 20
LARGEST_GALLERY = 64 * 2**20
"""Bytes of the images kept to be shown."""


@dataclass(frozen=True)
class ResultColumns:
    """What the table says beside `ID` and `label` (the number of the most probable class).

    Attributes:
        has_names: `name`, the class's name.
        top: 1, or how many classes: `label_2`, `probability_2` and so on; then also `probability` of the first.
        has_probabilities: `probability_<class number>` of every class.
        has_counts: `count_<name>` of every count, where the runs were trained to count.
    """

    has_names: bool = False
    top: int = 1
    has_probabilities: bool = False
    has_counts: bool = False

    def header(self, space: LabelSpace, has_count_head: bool) -> list[str]:
        """Return the names of the columns."""
        top = self.num_top(space)
        names = ["ID", "label"]
        if self.has_names:
            names.append("name")
        if top > 1:
            names.append("probability")
        for place in range(2, top + 1):
            names += [f"label_{place}", f"probability_{place}"]
        if self.has_probabilities:
            names += [f"probability_{label}" for label in range(space.num_classes)]
        if self.has_counts and has_count_head:
            names += [f"count_{name}" for name in space.count_names]
        return names

    def num_top(self, space: LabelSpace) -> int:
        """Return how many classes a row names.

        Raises:
            InvalidParameter: top is below 1.
        """
        if self.top < 1:
            raise InvalidParameter(f"top must be 1 or more classes; got {self.top}.")
        return min(self.top, space.num_classes)

    def rows(
        self, ids: tuple[str, ...], answers: Answers, space: LabelSpace
    ) -> Iterator[list[Any]]:
        """Yield the cells of each image; without an answer those of its label are empty."""
        top = self.num_top(space)
        order = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :top]
        for row, (one, label) in enumerate(zip(ids, answers.predicted.tolist(), strict=True)):
            probabilities = answers.probabilities[row]
            has_answer = label != NO_PREDICTION
            cells: list[Any] = [_cell(one), label if has_answer else ""]
            if self.has_names:
                cells.append(formula_safe(space.class_names[label]) if has_answer else "")
            if top > 1:
                cells.append(_share(probabilities[label]) if has_answer else "")
            for other in order[row, 1:].tolist():
                cells += [other, _share(probabilities[other])] if has_answer else ["", ""]
            if self.has_probabilities:
                cells += [_share(value) if has_answer else "" for value in probabilities.tolist()]
            if self.has_counts and answers.counts is not None:
                cells += [f"{value:.3f}" for value in answers.counts[row].tolist()]
            yield cells


@dataclass
class Gallery:
    """The images of a file that are worth showing: its first ones, and of each class those that are least certain.

    Attributes:
        num_per_class: kept of each predicted class, fewer where images or classes are many.
        first: (position in the file, ID, predicted class, confidence in [0, 1], counts or None, image (C, H, W)).
    """

    num_per_class: int
    first: list["Shown"] = field(default_factory=list)
    _least: dict[int, list[tuple[float, int, "Shown"]]] = field(default_factory=dict)

    @classmethod
    def of(cls, space: LabelSpace, image_shape: tuple[int, int, int]) -> Self:
        """Return an empty one whose images will stay below `LARGEST_GALLERY`."""
        most = LARGEST_GALLERY // (int(np.prod(image_shape)) * space.num_classes)
        return cls(max(1, min(NUM_PER_CLASS, most)))

    def add(self, position: int, block: Block, answers: Answers) -> None:
        """Look at a block whose first image has this position in the file."""
        confidences = answers.probabilities.max(axis=1)
        for row, label in enumerate(answers.predicted.tolist()):
            confidence = float(confidences[row])
            # A heap of negative confidences: its smallest entry is the most certain one, which goes first.
            heap = self._least.setdefault(label, [])
            is_first = position + row < NUM_FIRST
            is_full = len(heap) >= self.num_per_class
            # Without an answer the confidence is NaN, which compares as nothing: the first ones stay.
            is_less_certain = not is_full or -confidence > heap[0][0]
            if not is_first and not is_less_certain:
                continue
            counts = None if answers.counts is None else tuple(answers.counts[row].tolist())
            one = Shown(
                position + row, block.ids[row], label, confidence, counts, block.images[row].copy()
            )
            if is_first:
                self.first.append(one)
            if is_less_certain:
                entry = (-confidence, -one.position, one)
                (heapq.heapreplace if is_full else heapq.heappush)(heap, entry)

    def least_certain(self, label: int) -> list["Shown"]:
        """Return the kept images of a predicted class, the least certain first."""
        return [one for _, _, one in sorted(self._least.get(label, ()), reverse=True)]


@dataclass(frozen=True, order=False)
class Shown:
    """An image and what was said of it; attributes as `Gallery.first` lists them."""

    position: int
    id: str
    label: int
    confidence: float
    counts: tuple[float, ...] | None
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Results:
    """How predicting a file went.

    Attributes:
        num_images: rows written.
        per_class: (K,) how many images were taken for each class.
        num_without_answer: images for which a network gave no finite answer.
        warnings: in which ways the input differs from the training images, and which runs gave no answers.
        notes: what was decided while reading and writing.
        seconds: it took.
        gallery: what to show.
    """

    num_images: int
    per_class: NDArray[np.int64]
    num_without_answer: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    gallery: Gallery


def predict_file(
    ensemble: Ensemble,
    path: Path,
    output: Path,
    *,
    columns: ResultColumns = ResultColumns(),
    averaging: Averaging | None = None,
    training: Likeness | None = None,
    skip_unreadable: bool = False,
    is_inverted: bool = False,
    force: bool = False,
    progress: Progress = lambda share, what: None,
    warn: Warn = lambda sentence: None,
) -> Results:
    """Predict all images of a file into a CSV table, which appears whole or not at all.

    Args:
        ensemble: who answers.
        path: what `opened_images` opens.
        output: the table: header `ID,label,...`, rows in the order of the file.
        columns: what it says of each image.
        averaging: as `Predictor.predict`.
        training: what the images looked like that the runs were trained on, for the warnings; None gives none.
        skip_unreadable: as `opened_images`.
        is_inverted: exchange dark and bright before anything else.
        force: replace a file of that name.
        progress: told how far it is; what it raises ends the work, and nothing is left behind.
        warn: told each of the warnings as soon as it is known: of a difference before the images that show it are
            predicted.

    Raises:
        InvalidInput: the input breaks a rule or changes meanwhile, or the output is the input, exists or cannot be
            written.
    """
    started = time.monotonic()
    space = ensemble.space
    gallery = Gallery.of(space, ensemble.image_shape)
    per_class = np.zeros(space.num_classes, np.int64)
    num_images = num_without_answer = num_marked = 0
    num_failed = np.zeros(len(ensemble.members), np.int64)
    differences = None if training is None else DifferencesFound(training)
    warnings: list[str] = []

    def beware(sentence: str) -> None:
        warnings.append(sentence)
        warn(sentence)

    has_count_head = any(member.has_count_head for member in ensemble.members)
    require_writable(output, force, path)
    with ExitStack() as reading:
        source = reading.enter_context(
            opened_images(path, ensemble.image_shape, skip_unreadable=skip_unreadable)
        )
        with whole_file(output, force) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns.header(space, has_count_head))
            progress(0.0, f"Reading {source.name}")
            for block in source.blocks():
                if is_inverted:
                    block = Block(block.ids, 255 - block.images, block.share)
                if differences is not None:
                    for sentence in differences.add(block.images, source.original_shape):
                        beware(sentence)
                answers = ensemble.answers(block.images, averaging)
                table.writerows(columns.rows(block.ids, answers, space))
                predicted = answers.predicted
                gallery.add(num_images, block, answers)
                has_answer = predicted != NO_PREDICTION
                per_class += np.bincount(predicted[has_answer], minlength=space.num_classes)
                num_without_answer += int((~has_answer).sum())
                num_failed += answers.num_failed
                num_marked += sum(_cell(one) != one for one in block.ids)
                num_images += len(block.ids)
                progress(block.share, f"{num_images:,} images predicted")
            notes = source.notes()
            # Before the table takes its place: a source that has changed meanwhile is refused here.
            reading.close()
    for member, number in zip(ensemble.members, num_failed.tolist(), strict=True):
        if number:
            beware(
                f"Run {member.run_id} gave no finite answer for {number:,} of {num_images:,} images; their labels are"
                " empty."
            )
    if num_marked:
        ids = "1 ID was" if num_marked == 1 else f"{num_marked:,} IDs were"
        notes.append(
            f"{ids} given a leading apostrophe, so that no spreadsheet takes"
            f" {'it for a formula' if num_marked == 1 else 'them for formulas'}."
        )
    return Results(
        num_images,
        per_class,
        num_without_answer,
        tuple(warnings),
        tuple(notes),
        time.monotonic() - started,
        gallery,
    )


@contextmanager
def whole_file(path: Path, force: bool) -> Iterator[io.TextIOWrapper]:
    """Open a file to write, in UTF-8, that appears under its name when all is well, and leaves nothing otherwise.

    Raises:
        InvalidInput: it exists and `force` is off, or it cannot be written.
    """
    require_writable(path, force)
    aside = aside_of(path)
    try:
        try:
            file = aside.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{path.name!r} cannot be written: {error.strerror}.") from None
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise InvalidInput(f"{path.name!r} cannot be written: {error.strerror}.") from None
    finally:
        aside.unlink(missing_ok=True)


def require_writable(path: Path, force: bool, source: Path | None = None) -> None:
    """Refuse an output that exists or cannot be made, before any work is done for it.

    Args:
        path: the output.
        force: whether a regular file may be replaced. Nothing else ever is: a link may lead anywhere, and a pipe or a
            device would be gone.
        source: what is read for it, a file or a folder of images.

    Raises:
        InvalidInput: it exists and `force` is off, or it is no regular file or the source, or its folder is missing or
            read-only.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        pass  # Not there, or its folder is not.
    else:
        if stat.S_ISLNK(mode):
            raise InvalidInput(
                f"{path.name!r} is a link, and links are not written through. Name the file that it leads to, or"
                " another."
            )
        if stat.S_ISDIR(mode):
            raise InvalidInput(f"{path.name!r} is a folder. Name a file.")
        if not stat.S_ISREG(mode):
            raise InvalidInput(
                f"{path.name!r} is no regular file but a pipe, a device or a socket, which is never replaced. Name"
                " another file."
            )
        if source is not None and _is_read(path, source):
            raise InvalidInput(
                f"{path.name!r} is read, so it cannot be the output as well. Name another file."
            )
        if not force:
            raise InvalidInput(
                f"{path.name!r} exists already. Name another file, or replace it with --force."
            )
    if not path.parent.is_dir():
        raise InvalidInput(f"{path.name!r} cannot be written: its folder does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInput(f"{path.name!r} cannot be written: its folder is read-only.")


def _is_read(path: Path, source: Path) -> bool:
    """Return whether an existing file is the source, or an image of the folder that it is."""
    try:
        if not source.is_dir():
            return path.samefile(source)
        is_below = path.resolve().is_relative_to(source.resolve())
    except OSError:  # There is no such source; who opens it says so.
        return False
    return is_below and path.name.lower().endswith(ENDINGS)


def _cell(text: str) -> str:
    # A number is no formula, whatever its sign, and must come back as it was given.
    try:
        float(text)
    except ValueError:
        return formula_safe(text)
    return text


def _share(value: float) -> str:
    return f"{value:.6f}"
