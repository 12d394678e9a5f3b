"""Edits: name, tags and note of a run, the only things about it that users change once it exists.

They lie in `edit.json` (keys schema, name, tags, note), apart from everything that was asked for or came out. The last
writer wins; keys that this version does not know are kept. Who may edit is asked before (`core.jobs.permissions`).
"""

import contextlib
import unicodedata
from collections.abc import Sequence
from typing import Any

from core.exceptions import DamagedRun, InvalidParameter, NewerRun, UnknownName
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.run import Run, wrong_in_edit
from core.runs.text import MOST_CHARACTERS, clean_text

LONGEST_TAG = 40
MOST_TAGS = 20


def rename(run: Run, name: str, by: str) -> None:
    """Call a run by a name; an empty one gives it back what it was submitted with.

    Raises:
        InvalidParameter: the name is too long.
        UnknownName: the run is gone.
        NewerRun: a later version wrote the edits; they are left as they are.
        OSError: it could not be written; the edits are as they were.
    """
    _change(run, by, name=_cleaned("name", name, MOST_CHARACTERS) or None)


def annotate(run: Run, note: str, by: str) -> None:
    """Replace a run's note; an empty one removes it.

    Raises:
        InvalidParameter: the note is too long.
        UnknownName, NewerRun, OSError: as `rename`.
    """
    _change(run, by, note=_cleaned("note", note, MOST_CHARACTERS) or None)


def tag(run: Run, add: Sequence[str], by: str, remove: Sequence[str] = ()) -> None:
    """Add tags to a run's and take others away, one letter case and spelling of a tag beside another.

    Raises:
        InvalidParameter: a tag is empty or too long, or there would be too many.
        UnknownName, NewerRun, OSError: as `rename`.
    """
    gone = {_cleaned("tag", one, LONGEST_TAG) for one in remove}
    added = [_cleaned("tag", one, LONGEST_TAG) for one in add]
    if "" in added:
        raise InvalidParameter("tag must have at least one character that can be shown; got none.")
    before = _read(run.layout).get("tags", [])
    tags = [one for one in dict.fromkeys([*before, *added]) if one not in gone]
    if len(tags) > MOST_TAGS:
        raise InvalidParameter(
            f"tags must be at most {MOST_TAGS} of a run; got {len(tags)}. Remove some first."
        )
    _change(run, by, tags=tags)


def _change(run: Run, by: str, **changes: Any) -> None:
    now = _read(run.layout)
    if all((now.get(key) or None) == (value or None) for key, value in changes.items()):
        return
    try:
        files.write_json(run.layout.edit_json, {**now, **changes, "schema": files.SCHEMA})
    except FileNotFoundError:
        raise UnknownName("run", run.id, ()) from None  # somebody has just deleted it
    with contextlib.suppress(OSError):  # the edit is made, whether or not there is room to say so
        files.append_event(run.layout.events, "edit", by=by, keys=sorted(changes))


def _read(layout: RunLayout) -> dict[str, Any]:
    """Return what is there; what cannot be understood is replaced, what a later version wrote is not."""
    try:
        edit = files.read_json(layout.edit_json)
    except (FileNotFoundError, DamagedRun):
        return {}
    schema = edit.get("schema")
    if isinstance(schema, int) and schema > files.SCHEMA:
        raise NewerRun(f"edit.json has schema {schema}", edit)
    return {} if wrong_in_edit(edit) else edit


def _cleaned(what: str, text: str, most: int) -> str:
    # Cut without a word, a note would lose its end; and a lone surrogate is no text.
    shown = unicodedata.normalize("NFC", text.encode(errors="ignore").decode())
    shown = clean_text(shown.replace("\n", " "), most=len(shown))
    if len(shown) > most:
        raise InvalidParameter(
            f"{what} must have at most {most} characters; got {len(shown)}. Shorten it."
        )
    return shown
