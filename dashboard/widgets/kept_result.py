"""Results of analyses: what is kept below the run's folder, or the button that has it worked out, or how far that is.

Apart from `background`, which knows tasks and no runs. A result that was deleted or is of other weights is offered again.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.analysis.kept import Kept, kept
from core.analysis.subject import Subject
from core.exceptions import CoreError
from core.jobs import analyst
from core.jobs.analysis_tasks import arguments_of
from dashboard import data
from dashboard.widgets.background import awaited
from dashboard.widgets.errors import errors_shown


def kept_result(
    subject: Subject, kind: str, settings: Mapping[str, Any], title: str, cost: str, key: str
) -> Kept | None:
    """Return what is kept of an analysis; while there is nothing, offer it or show how far it is, and return None.

    Args:
        subject: the run's weights.
        kind: of the analysis and name of its task.
        settings: all else that it depends on.
        title: of what is worked out, as the progress says it.
        cost: what it takes, a sentence in Markdown beside the button.
        key: of the widget.
    """
    found = kept(subject, kind, settings)
    if found is None:
        offered(kind, arguments_of(subject) | {"settings": dict(settings)}, title, cost, key)
    return found


def offered(task: str, arguments: Mapping[str, Any], title: str, cost: str, key: str) -> None:
    """Show the button that starts a task whose result is not kept, or how far it is."""
    status = analyst.status(data.data_dir(), analyst.task_key(task, arguments))
    if status is not None and status.state != "done":
        awaited(task, arguments, title, key)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Work it out",
            icon=":material/play_arrow:",
            key=f"{key}-start",
            on_click=_start,
            args=(task, arguments),
        )
        st.caption(cost, width="content")


def _start(task: str, arguments: Mapping[str, Any]) -> None:
    with errors_shown(with_links=False):
        try:
            analyst.start(data.data_dir(), task, arguments)
        except OSError as error:
            raise CoreError(f"The data folder cannot be written: {error.strerror}.") from None
