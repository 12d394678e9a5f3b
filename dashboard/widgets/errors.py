"""How an error that we raise on purpose looks, and the pages to go on from."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.exceptions import CoreError
from dashboard.widgets.markdown import escaped


@contextmanager
def errors_shown(*, with_links: bool = True) -> Iterator[None]:
    """Show a CoreError's text instead of a traceback; anything else is a bug and goes on up.

    `app` wraps every page in it. A fragment that reruns by itself runs outside `app` and wraps its own body.

    Args:
        with_links: offer pages to go on from; not where the user can mend the cause in place.
    """
    try:
        yield
    except CoreError as error:
        st.error(escaped(error), icon=":material/error:")
        if not with_links:
            return
        with st.container(horizontal=True):
            st.page_link("views/data.py", label="Data sets", icon=":material/dataset:")
            st.page_link("views/runs.py", label="All runs", icon=":material/list:")
            st.page_link("views/train.py", label="Train a run", icon=":material/model_training:")
