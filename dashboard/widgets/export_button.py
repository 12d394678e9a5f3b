"""A script or weights of one run as a file: begun by a button, made in a process of its own, then downloaded.

Apart from `runs_transfer`, whose other files are made of what lies on the disk, because these need torch and take seconds: a
server that made them itself would answer nobody meanwhile. What is made is `core.export`'s business.
"""

import secrets

import streamlit as st

from core.exceptions import CoreError, UnknownName
from core.jobs import analyst, control
from core.jobs.analyst_tasks import upload_folder
from core.jobs.export_task import ENDINGS, TASK, exported_file
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.background import result_of
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped

TYPES = {"py": "text/x-python", "zip": "application/zip"}
"""Ending of a file -> its media type."""


def export_button(run: Run | None, kind: str, label: str, key: str, why: str | None) -> None:
    """Show the button; after a click how far the file is, and the download once it is made.

    Args:
        run: whose file is made; None where not a single one is chosen.
        kind: one of `core.jobs.export_task.ENDINGS`.
        label: of the button.
        key: of the widgets.
        why: the button is off, or None.
    """
    begun = st.session_state.get(_state(key), [])
    with errors_shown(with_links=False):
        if run is not None and why is None and begun[:1] == [run.id]:
            _, task, folder = begun
            if _shown(run, kind, label, key, task, folder):
                return
        if st.button(label, key=key, disabled=why is not None, help=why, width="stretch"):
            assert run is not None  # else there is a reason why not
            st.session_state[_state(key)] = [run.id, *_begin(run, kind)]
            st.rerun()


def file_name(kind: str, run_id: str) -> str:
    """Return what the downloaded file is called."""
    what = "" if kind == "script" else f"-{kind}"
    return f"petridish-{run_id}{what}.{ENDINGS[kind]}"


def _state(key: str) -> str:
    """Return where the session remembers what was begun: run id, key of the task, name of the folder."""
    return f"{key}-begun"


def _shown(run: Run, kind: str, label: str, key: str, task: str, folder: str) -> bool:
    """Show the progress or the download of what was begun; return False where it has to be begun anew."""
    try:
        made = result_of(task, label, f"{key}-task")
    except UnknownName:
        return False
    path = exported_file(data.data_dir(), folder, kind)
    if made is not None and path.is_file():
        name = file_name(kind, run.id)
        st.download_button(
            f"Download {name}",
            path.read_bytes,
            name,
            TYPES[ENDINGS[kind]],
            key=f"{key}-download",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
        for note in made["notes"]:
            st.caption(f":material/info: {escaped(note)}")
        return True
    status = analyst.status(data.data_dir(), task)
    return status is not None and status.state == "running"


def _begin(run: Run, kind: str) -> tuple[str, str]:
    """Start the task; return its key and the name of its folder.

    Raises:
        NotAllowed: the run is somebody else's.
        CoreError: the data folder cannot be written.
    """
    by = data.person().name
    control.allow_export(run, by)
    folder = secrets.token_hex(16)
    arguments = {
        "runs_dir": str(data.store(by).root),
        "run": run.id,
        "kind": kind,
        "folder": folder,
    }
    try:
        upload_folder(data.data_dir(), folder)
        return analyst.start(data.data_dir(), TASK, arguments), folder
    except OSError as error:
        raise CoreError(f"The data folder cannot be written: {error.strerror}.") from None
