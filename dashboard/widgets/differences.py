"""How settings differ, as a list to read: what was, and what is."""

from collections.abc import Sequence

import streamlit as st

from core.differences import Difference
from dashboard.widgets.markdown import escaped

MOST_SHOWN = 12


def shown_differences(found: Sequence[Difference] | None, origin: str) -> None:
    """Say in words how settings differ from what they started from.

    Args:
        found: the differences; nothing is shown for None.
        origin: name of the variant, or title of the run.
    """
    if found is None:
        return
    if not found:
        st.caption(f"All settings are those of {escaped(origin)}.")
        return
    st.caption(f"Changed from {escaped(origin)}:")
    lines = [
        f"- {escaped(one.what[0].upper() + one.what[1:])}: {escaped(one.before)} → **{escaped(one.after)}**"
        for one in found
    ]
    st.markdown("\n".join(lines[:MOST_SHOWN]))
    if len(lines) > MOST_SHOWN:
        with st.expander(f"{len(lines) - MOST_SHOWN} more"):
            st.markdown("\n".join(lines[MOST_SHOWN:]))
