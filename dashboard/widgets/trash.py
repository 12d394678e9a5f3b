"""The trash: what was deleted in the last days, to be brought back.

Separate from the undo beside the buttons, which knows only what this visit deleted last. When the trash is emptied is
`core.runs.trash`'s business.
"""

from collections.abc import Sequence

import streamlit as st

from core.exceptions import CoreError, DamagedRun, NotAllowed
from core.jobs.permissions import require_of_owner
from core.jobs.removal import restore
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.trash import TrashedRun, owner_of, trashed
from dashboard import data
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_words import clock

MOST_LISTED = 200


def trash(key: str) -> None:
    """Show the deleted runs, and bring back those that are chosen.

    Args:
        key: of the widgets.
    """
    by = data.person().name
    found = [one for one in trashed(data.store().layout) if _is_own(one, by)]
    with st.popover(
        f"Trash ({len(found):,})" if found else "Trash",
        icon=":material/delete:",
        disabled=not found,
        help=None if found else "No run was deleted in the last 7 days.",
        key=key,
        on_change="rerun",
    ) as opened:
        # Each title is a file to read, so only for who looks.
        if not opened.open:
            return
        st.markdown("Deleted runs stay here for 7 days at least.")
        titles = {one.path.name: _title(one) for one in found[:MOST_LISTED]}
        chosen = st.multiselect(
            "Runs",
            list(titles),
            format_func=lambda name: titles.get(name, name),
            placeholder="Choose runs to bring back",
            key=f"{key}-chosen",
            width=460,
        )
        if len(found) > MOST_LISTED:
            st.caption(f"The {MOST_LISTED} deleted last of {len(found):,}.")
        wanted = [one for one in found if one.path.name in chosen]
        if st.button("Restore", type="primary", key=f"{key}-restore", disabled=not wanted):
            _restore(wanted)


def _restore(wanted: Sequence[TrashedRun]) -> None:
    refused = []
    for one in wanted:
        try:
            restore(data.store(), one.run_id, data.person().name)
        except CoreError as error:
            refused.append(str(error))
    for text in refused:
        st.error(escaped(text), icon=":material/error:")
    if not refused:
        st.rerun()


def _is_own(one: TrashedRun, by: str) -> bool:
    """Return whether somebody may bring a deleted run back."""
    try:
        require_of_owner("restore", one.run_id, owner_of(one), data.store().root, by)
    except NotAllowed:
        return False
    return True


def _title(one: TrashedRun) -> str:
    """Return how a deleted run is called: as far as its files tell."""
    when = clock(one.deleted / 1e9)
    try:
        spec = files.read_json(RunLayout(one.path).run_json)
        config = spec.get("config", {})
        name = spec.get("name") or config.get("variant")
        title = f"{name}, seed {spec.get('seed')} ({config.get('dataset', {}).get('name')})"
    except (OSError, DamagedRun, AttributeError):
        title = "damaged run"
    return f"{title}, {one.run_id}, deleted {when}"
