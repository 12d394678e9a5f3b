"""Notes and tags of single images, and their export; kept beside the runs (`core.runs.notes`), for every run of the data."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.exceptions import CoreError
from core.jobs import permissions
from core.runs.notes import (
    LONGEST_TAG,
    MOST_CHARACTERS,
    ImageNote,
    note_of,
    notes,
    notes_csv,
    save_note,
)
from dashboard import data
from dashboard.widgets.case_choice import Look, open_image
from dashboard.widgets.case_link import SPLIT
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped

PROBLEM, SAID = "case-note-problem", "case-note-said"


def note_line(look: Look, sample_id: int) -> None:
    """Say what became of the note that was left last; show what is kept about an image, in a line, if anything is."""
    # No toast and no run of the whole page, though the number of notes stands outside of this fragment: a note is also kept by
    # leaving it for another page, and such a run would come after that click and take it back.
    if said := st.session_state.pop(SAID, None):
        st.caption(f":material/sticky_note_2: {escaped(said)}")
    try:
        kept = note_of(data.store().root, look.fingerprint, look.split, sample_id)
    except CoreError as error:
        st.caption(f":material/warning: {escaped(error)}")
        return
    if kept is not None:
        tags = " ".join(f":blue-badge[{escaped(tag)}]" for tag in kept.tags)
        st.markdown(f"{tags} {escaped(kept.note)[:200]}")


def note_form(look: Look, sample_id: int) -> None:
    """Show note and tags of an image, each kept by itself while it is written, which is said.

    Args:
        look: what is looked at.
        sample_id: of the image.
    """
    root = data.store().root
    problem = st.session_state.pop(PROBLEM, None)
    if problem:
        st.error(escaped(problem), icon=":material/error:")
    try:
        kept = note_of(root, look.fingerprint, look.split, sample_id)
    except CoreError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    used = sorted({tag for one in notes(root, look.fingerprint) for tag in one.tags})
    closed = why_not("save")
    key = f"case-note-{look.split}-{sample_id}"
    # Kept while it is written: who closes the tab or goes back with the browser leaves the field without a word. Links wait
    # for the field (`field_first`).
    st.text_input(
        "Note",
        kept.note if kept else "",
        key=f"{key}-text",
        max_chars=MOST_CHARACTERS,
        placeholder="Kept while you write",
        live="400ms",
        on_change=_keep,
        args=(look, sample_id, key),
        disabled=closed is not None,
        help=closed and escaped(closed),
    )
    st.multiselect(
        "Tags",
        used,
        default=list(kept.tags) if kept else [],
        accept_new_options=True,
        key=f"{key}-tags",
        placeholder="Choose tags or write new ones",
        help=f"At most {LONGEST_TAG} characters each, such as 'wrong label'. Kept at once.",
        on_change=_keep,
        args=(look, sample_id, key),
        disabled=closed is not None,
    )
    if kept is not None:
        by = f" by {escaped(kept.by)}" if kept.by else ""
        st.caption(f":material/check: Kept{by}. It is shown with every run on this data.")


def notes_popover(look: Look, key: str) -> None:
    """Show the images with notes on this data, each a door to it, and their export."""
    # A fragment that runs again when it is opened: a note is kept in another fragment, which leaves this place as it was drawn.
    # In a container as wide as its button: a fragment alone takes all the width that there is.
    with st.container(width="content"):
        st.fragment(_notes_popover)(look, key)


def _notes_popover(look: Look, key: str) -> None:
    found = notes(data.store().root, look.fingerprint)
    # No number in its name: that would be of the last run, and another name is another popover, which closes.
    with st.popover("Notes", icon=":material/sticky_note_2:", key=key, on_change="rerun"):
        if not found:
            st.markdown("No image of this data has a note. Open one and choose *Note*.")
            return
        st.caption(
            "One image has a note." if len(found) == 1 else f"{len(found)} images have notes."
        )
        st.download_button(
            "All notes on this data (CSV)",
            lambda: notes_csv(found),
            "petridish-notes.csv",
            "text/csv",
            key=f"{key}-csv",
            on_click="ignore",
            icon=":material/download:",
        )
        for one in found[:50]:
            tags = f" [{', '.join(one.tags)}]" if one.tags else ""
            is_picked = st.button(
                escaped(f"{one.split} #{one.sample_id}{tags} {one.note}"[:90]),
                type="tertiary",
                key=f"{key}-{one.split}-{one.sample_id}",
                on_click=_open,
                args=(one,),
            )
            if is_picked:
                st.rerun()
        if len(found) > 50:
            st.caption("The first 50; the file has all.")


def attempted(change: Callable[[], None]) -> None:
    """Do what a button asks for; why it cannot be done is kept for the place that shows it."""
    try:
        change()
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
    except OSError as error:
        st.session_state[PROBLEM] = f"The runs folder cannot be written: {error.strerror}."


def may_save() -> str:
    """Return who saves.

    Raises:
        NotAllowed: they may not.
    """
    by = data.person().name
    permissions.require_to("save", data.store().root, by)
    return by


def _keep(look: Look, sample_id: int, key: str) -> None:
    """Keep what stands in the fields; what became of it is said whichever image is open next, as leaving one keeps it."""
    root = data.store().root
    table = look.cases.table
    names = table.loc[table["sample_id"] == sample_id, "true_name"]
    note = ImageNote(
        look.fingerprint,
        look.split,
        sample_id,
        st.session_state[f"{key}-text"],
        tuple(st.session_state[f"{key}-tags"]),
        dataset=look.lead.dataset or "",
        class_name=str(names.iloc[0]) if len(names) else "",
    )
    name = f"#{sample_id} of {look.split}"
    attempted(lambda: _saved(root, note, name))
    if problem := st.session_state.get(PROBLEM):
        st.session_state[SAID] = f"The note on {name} was not kept. {problem}"


def _saved(root: Path, note: ImageNote, name: str) -> None:
    left = save_note(root, note, may_save())
    st.session_state[SAID] = f"Note on {name} {'removed' if left is None else 'kept'}."


def _open(one: ImageNote) -> None:
    st.query_params[SPLIT] = one.split
    open_image(one.sample_id)
