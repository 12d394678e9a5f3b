"""A choice of few that stands in the URL by its short name, so that links read view=map whatever the words on the buttons.

Apart from the places that use it because a widget's own binding to the URL writes the words.
"""

from collections.abc import Mapping

import streamlit as st


def case_switch(name: str, options: Mapping[str, str], label: str) -> str:
    """Show the choice and return one of the options; the first one where the URL names none that there is.

    Args:
        name: in the URL.
        options: short name -> words on the button; at least one.
        label: of the choice, for those who cannot see it.
    """
    key = f"case-switch-{name}"
    asked = st.query_params.get(name)
    first = next(iter(options))
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = asked if asked in options else first
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda one: options[one],
        required=True,
        key=key,
        on_change=lambda: st.query_params.update({name: st.session_state[key]}),
        label_visibility="collapsed",
    )
    return str(chosen)
