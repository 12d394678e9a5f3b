"""Changing what users say about runs: tags of several at once; name, tags and note of one.

The only things about a run that change once it exists. Every edit passes `core.jobs.permissions` first.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from core.exceptions import CoreError
from core.jobs import permissions
from core.jobs.refusals import possible
from core.runs import edits
from core.runs.run import Run
from core.runs.text import MOST_CHARACTERS
from dashboard import data
from dashboard.widgets.markdown import escaped


def tag_form(runs: Sequence[Run], all_runs: Sequence[Run], key: str) -> None:
    """Show the tags that the chosen runs can be given or lose.

    Args:
        runs: those chosen.
        all_runs: whose tags are offered.
        key: of the widgets.
    """
    allowed, reasons = possible("edit", runs, data.person().name)
    why = f"None of the chosen runs can be tagged: {escaped(reasons)}."
    with st.popover(
        "Tag",
        disabled=not allowed,
        help=None if allowed else (why if runs else "Choose a run in the table first."),
        key=key,
    ):
        everywhere = sorted({tag for run in all_runs for tag in run.tags})
        here = sorted({tag for run in allowed for tag in run.tags})
        with st.form(f"{key}-form", border=False, clear_on_submit=True):
            add = st.multiselect(
                "Add",
                everywhere,
                accept_new_options=True,
                placeholder="Choose tags or write new ones",
                key=f"{key}-add",
                width=320,
            )
            remove = st.multiselect(
                "Take away",
                here,
                placeholder="Choose tags" if here else "none",
                key=f"{key}-remove",
                width=320,
            )
            many = "this run" if len(allowed) == 1 else f"{len(allowed):,} runs"
            if st.form_submit_button(f"Change {many}", type="primary"):
                _edit(allowed, lambda run, by: edits.tag(run, add, by, remove=remove))


def edit_form(run: Run, key: str) -> None:
    """Show name, tags and note of one run, to be changed.

    Args:
        run: a sound one.
        key: of the widgets.
    """
    allowed, reasons = possible("edit", [run], data.person().name)
    with st.popover(
        "Name, tags and note",
        icon=":material/edit:",
        disabled=not allowed,
        help=None if allowed else f"This run cannot be edited: {escaped(reasons)}.",
        key=key,
    ):
        # Another state of the edits is another form, so that it begins with what is there now.
        place = f"{key}-{hash((run.name, run.note, *run.tags))}"
        with st.form(f"{place}-form", border=False):
            name = st.text_input(
                "Name",
                run.name or "",
                max_chars=MOST_CHARACTERS,
                placeholder=run.variant or "",
                key=f"{place}-name",
                width=380,
                help="Empty: the one that it was submitted with.",
            )
            tags = st.multiselect(
                "Tags",
                run.tags,
                run.tags,
                accept_new_options=True,
                placeholder="Write tags",
                key=f"{place}-tags",
                width=380,
            )
            note = st.text_area(
                "Note", run.note or "", max_chars=MOST_CHARACTERS, key=f"{place}-note", width=380
            )

            def change(run: Run, by: str) -> None:
                edits.rename(run, name, by)
                gone = [tag for tag in run.tags if tag not in tags]
                edits.tag(run, [tag for tag in tags if tag not in run.tags], by, remove=gone)
                edits.annotate(run, note, by)

            if st.form_submit_button("Save", type="primary"):
                _edit([run], change)


def _edit(runs: Sequence[Run], change: Callable[[Run, str], None]) -> None:
    by, refused = data.person().name, []
    for run in runs:
        try:
            permissions.require("edit", run, by)
            change(run, by)
        except CoreError as error:
            refused.append(str(error))
        except OSError as error:
            refused.append(f"Run {run.id} cannot be edited: {error.strerror}.")
    for text in dict.fromkeys(refused):
        st.error(escaped(text), icon=":material/error:")
    if not refused:
        st.rerun()
