"""Work in the background: starting it, how far it is, cancelling it, and what it gave.

The task that changes the data folder stands in the URL as `task`, so that a reload shows it still. It leaves out what
the tasks do (`core.jobs.analyst_tasks`).
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.exceptions import CoreError, UnknownName
from core.jobs import analyst
from dashboard import data
from dashboard.widgets.dataset_picker import choose_dataset
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped

URL_KEY = "task"
POLL_SECONDS = 0.7


def begin(task: str, arguments: Mapping[str, Any]) -> None:
    """Start a task and put it into the URL, for `background_task` to show.

    Raises:
        CoreError: the data folder cannot be written.
    """
    st.query_params[URL_KEY] = _started(task, arguments)


def background_task(key: str) -> None:
    """Show how far the task in the URL is; once it is done, its data set is chosen."""
    task = st.query_params.get(URL_KEY)
    if task is None:
        return
    try:
        status = analyst.status(data.data_dir(), task)
    except UnknownName:
        status = None
    if status is None:
        _put_away()
    elif status.state == "running":
        _watch(task, "Data set", key)
    elif status.state == "done":
        _put_away()
        choose_dataset(analyst.result(data.data_dir(), task)["name"])
        st.rerun()
    else:
        _ended(status)
        st.button("Put away", icon=":material/close:", key=f"{key}-away", on_click=_put_away)


def awaited(task: str, arguments: Mapping[str, Any], title: str, key: str) -> Any | None:
    """Return what a task gave, starting it when nobody did; until it is done, show how far it is and return None.

    Args:
        task: name of a task whose result lasts.
        arguments: of the task.
        title: of what is being worked out.
        key: of the widget.
    """
    name = analyst.task_key(task, arguments)
    status = analyst.status(data.data_dir(), name)
    if status is None:
        _started(task, arguments)
        status = analyst.status(data.data_dir(), name)
    if status is not None and status.state == "done":
        try:
            return analyst.result(data.data_dir(), name)
        except UnknownName:
            analyst.forget(data.data_dir(), name)
            st.rerun()
    if status is not None and status.state == "running":
        _watch(name, title, key)
        return None
    if status is not None:
        _ended(status)
    st.button(
        "Start again",
        icon=":material/refresh:",
        key=f"{key}-again",
        on_click=_start_again,
        args=(task, arguments),
    )
    return None


def result_of(name: str, title: str, key: str) -> Any | None:
    """Return what a task that was started gave; until it is done, show how far it is, or why it ended, and return None.

    Args:
        name: key of the task.
        title: of what is being worked out.
        key: of the widget.

    Raises:
        UnknownName: nobody asked for such a task, or it is forgotten.
    """
    status = analyst.status(data.data_dir(), name)
    if status is None:
        raise UnknownName("task", name[:40], ())
    if status.state == "done":
        return analyst.result(data.data_dir(), name)
    if status.state == "running":
        _watch(name, title, key)
    else:
        _ended(status)
    return None


def _started(task: str, arguments: Mapping[str, Any]) -> str:
    try:
        return analyst.start(data.data_dir(), task, arguments)
    except OSError as error:
        raise CoreError(f"The data folder cannot be written: {error.strerror}.") from None


def _start_again(task: str, arguments: Mapping[str, Any]) -> None:
    _started(task, arguments)


def _watch(task: str, title: str, key: str) -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        with errors_shown(with_links=False):
            status = analyst.status(data.data_dir(), task)
            if status is None or status.state != "running":
                st.rerun()
                return
            with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-watch"):
                st.progress(
                    min(max(status.share, 0.0), 1.0),
                    f"{title}: {escaped(status.what)} ...",
                    width=420,
                )
                if st.button("Cancel", icon=":material/stop_circle:", key=f"{key}-cancel"):
                    analyst.cancel(data.data_dir(), task)

    look()


def _ended(status: analyst.TaskStatus) -> None:
    if status.state == "failed":
        st.error(escaped(status.message or "It failed."), icon=":material/error:")
    else:
        st.info("Cancelled. Nothing was changed.", icon=":material/cancel:")


def _put_away() -> None:
    if URL_KEY in st.query_params:
        del st.query_params[URL_KEY]
