"""Notes on images: what users wrote about single images of a data set, kept beside the runs (`saved`).

A note is about pixels, not about a run: it is keyed by the data set's fingerprint, the split and the sample id, so that every
run of the data shows it. Value of a kept note: fingerprint, split, sample_id, note, tags, dataset, class_name.
"""

import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.exceptions import InvalidParameter, UnknownName
from core.runs import saved
from core.runs.text import clean_text, formula_safe

KIND = "notes"
MOST_CHARACTERS = 2_000
MOST_TAGS = 20
LONGEST_TAG = 40
CSV_COLUMNS = (
    "dataset",
    "fingerprint",
    "split",
    "sample_id",
    "class_name",
    "tags",
    "note",
    "by",
    "saved",
)


@dataclass(frozen=True)
class ImageNote:
    """What is kept about one image.

    Attributes:
        fingerprint: of the data set.
        split: of the image.
        sample_id: of the image.
        note: text, perhaps empty.
        tags: words.
        dataset: name of the data set, for readers of an export.
        class_name: true class, likewise.
        by: who saved it.
        saved: Unix seconds.
    """

    fingerprint: str
    split: str
    sample_id: int
    note: str
    tags: tuple[str, ...]
    dataset: str = ""
    class_name: str = ""
    by: str = ""
    saved: float = 0.0


def note_of(root: Path, fingerprint: str, split: str, sample_id: int) -> ImageNote | None:
    """Return what is kept about an image, or None.

    Raises:
        DamagedRun: its file cannot be trusted, or a later version wrote it.
    """
    try:
        return _note(saved.load(root, KIND, _name(fingerprint, split, sample_id)))
    except UnknownName:
        return None


def save_note(root: Path, note: ImageNote, by: str) -> ImageNote | None:
    """Keep a note in place of what was kept about its image; one without text and tags removes it, and gives None.

    Args:
        root: the runs folder.
        note: control and direction characters of its texts are removed; `by` and `saved` are not read.
        by: who saves it.

    Raises:
        InvalidParameter: text or tags are too long or too many.
        NewerRun: a later version keeps something there.
        OSError: it could not be written; what was kept is as it was.
    """
    text = "\n".join(clean_text(line, most=len(line)) for line in note.note.splitlines()).strip()
    tags = tuple(dict.fromkeys(filter(None, (clean_text(one, most=len(one)) for one in note.tags))))
    if len(text) > MOST_CHARACTERS:
        raise InvalidParameter(
            f"note must have at most {MOST_CHARACTERS:,} characters; got {len(text):,}."
        )
    if len(tags) > MOST_TAGS or any(len(one) > LONGEST_TAG for one in tags):
        raise InvalidParameter(
            f"tags must be at most {MOST_TAGS} of at most {LONGEST_TAG} characters; got {len(tags)}, the longest of "
            f"{max(map(len, tags))}."
        )
    name = _name(note.fingerprint, note.split, note.sample_id)
    if not text and not tags:
        with contextlib.suppress(UnknownName):
            saved.remove(root, KIND, name)
        return None
    value = {
        "fingerprint": note.fingerprint,
        "split": note.split,
        "sample_id": note.sample_id,
        "note": text,
        "tags": list(tags),
        "dataset": note.dataset,
        "class_name": note.class_name,
    }
    return _note(saved.save(root, KIND, name, value, by))


def notes(root: Path, fingerprint: str | None = None) -> list[ImageNote]:
    """Return all notes, or those on one data set, by data set, split and sample id; unreadable ones left out."""
    found = [one for kept in saved.saved(root, KIND) if (one := _note(kept)) is not None]
    chosen = [one for one in found if fingerprint in (None, one.fingerprint)]
    return sorted(chosen, key=lambda one: (one.dataset, one.fingerprint, one.split, one.sample_id))


def notes_csv(found: Sequence[ImageNote]) -> bytes:
    """Return notes as CSV in UTF-8, columns as `CSV_COLUMNS` (saved in Unix seconds).

    A text that a spreadsheet would take for a formula gets a "'" in front.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in found:
        row = {name: getattr(one, name) for name in CSV_COLUMNS} | {"tags": ", ".join(one.tags)}
        writer.writerow(
            formula_safe(value) if isinstance(value, str) else value for value in row.values()
        )
    return text.getvalue().encode()


def _name(fingerprint: str, split: str, sample_id: int) -> str:
    return f"{fingerprint} {split} {sample_id}"


def _note(kept: saved.Saved) -> ImageNote | None:
    """Return what a file says, or None where it is about no image."""
    value: dict[str, Any] = kept.value
    tags = value.get("tags")
    texts = [
        value.get(key, "") for key in ("fingerprint", "split", "note", "dataset", "class_name")
    ]
    sample_id = value.get("sample_id")
    if (
        not all(isinstance(one, str) for one in texts)
        or not isinstance(sample_id, int)
        or not isinstance(tags, list)
        or not all(isinstance(one, str) for one in tags)
    ):
        return None
    fingerprint, split, note, dataset, class_name = texts
    return ImageNote(
        fingerprint, split, sample_id, note, tuple(tags), dataset, class_name, kept.by, kept.created
    )
