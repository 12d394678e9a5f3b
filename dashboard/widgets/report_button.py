"""The hand-in file of some runs as a download: made when it is clicked, in a process of its own, and forgotten then.

What stands in it is `core.hand_in`'s business.
"""

import secrets
import shutil
import time
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from core.exceptions import CoreError
from core.jobs import analyst, control
from core.jobs.analyst_tasks import upload_folder
from core.jobs.hand_in_task import REPORT, TASK
from core.runs.run import Run
from dashboard import data

MOST_RUNS = 200
POLL_SECONDS = 0.2


def report_button(
    runs: Sequence[Run],
    key: str,
    label: str = "Report",
    width: Literal["content", "stretch"] = "content",
) -> None:
    """Show the button.

    Args:
        runs: sound ones.
        key: of the widget.
        label: what stands on it.
        width: of the button.
    """
    by = data.person().name
    is_too_many = len(runs) > MOST_RUNS
    st.download_button(
        label,
        lambda: report(list(runs), by),
        f"petridish-{runs[0].id}.html" if len(runs) == 1 else "petridish-report.html",
        "text/html",
        key=key,
        on_click="ignore",
        icon=":material/lab_profile:",
        width=width,
        disabled=not runs or is_too_many,
        help=f"Of {MOST_RUNS} runs at most; more by `petridish report`."
        if is_too_many
        else "One HTML file that opens without network: settings, curves, comparison, mistakes, hashes. Takes some seconds.",
    )


def report(runs: Sequence[Run], by: str) -> bytes:
    """Return the hand-in file of runs; waits for the process that makes it.

    Args:
        runs: sound ones.
        by: who asks.

    Raises:
        NotAllowed: one of the runs is somebody else's.
        CoreError: it cannot be made; the message says why.
    """
    for run in runs:
        control.allow_export(run, by)
    data_dir, name = data.data_dir(), secrets.token_hex(16)
    arguments = {
        "runs_dir": str(data.store(by).root),
        "runs": [run.id for run in runs],
        "folder": name,
    }
    try:
        folder = upload_folder(data_dir, name)
        task = analyst.start(data_dir, TASK, arguments)
    except OSError as error:
        raise CoreError(f"The data folder cannot be written: {error.strerror}.") from None
    try:
        while (status := analyst.status(data_dir, task)) and status.state == "running":
            time.sleep(POLL_SECONDS)
        if status is None or status.state != "done":
            raise CoreError((status and status.message) or "The report could not be made.")
        return (folder / REPORT).read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        analyst.forget(data_dir, task)
