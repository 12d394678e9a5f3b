"""The choice of one class, or of all, that stands in the URL as `label`."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.widgets.dataset_picker import LABEL_KEY


def class_picker(
    names: Sequence[str], asked: int, key: str, width: int, forget: Callable[[], None]
) -> int | None:
    """Show the choice and return the label chosen, or None for all classes.

    Args:
        names: of the classes, in label order.
        asked: label that the URL names; -1 for all.
        key: of the widget.
        width: in pixels.
        forget: called when another is chosen, for what was opened among the images of the one before.
    """
    st.session_state[key] = asked if -1 <= asked < len(names) else -1
    label = st.selectbox(
        "Class",
        range(-1, len(names)),
        format_func=lambda label: "all classes" if label < 0 else names[label],
        key=key,
        on_change=_choose,
        args=(key, forget),
        label_visibility="collapsed",
        width=width,
    )
    return None if label < 0 else label


def _choose(key: str, forget: Callable[[], None]) -> None:
    forget()
    label = st.session_state[key]
    if label >= 0:
        st.query_params[LABEL_KEY] = str(label)
    elif LABEL_KEY in st.query_params:
        del st.query_params[LABEL_KEY]
