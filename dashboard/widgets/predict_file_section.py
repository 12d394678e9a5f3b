"""Predicting a file: the upload or the path, what the table shall say, progress, and what came of it.

The work runs in the background (`core.jobs.predict_task`), so a page may be left and found again by its link.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.exceptions import CoreError, UnknownName
from core.jobs import analyst
from core.jobs.analyst_tasks import upload_folder
from core.jobs.predict_task import TABLE, TASK
from core.runs.run import Run
from dashboard import data, predict_data
from dashboard.widgets.background import result_of
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import duration, escaped
from dashboard.widgets.predicted_gallery import predicted_gallery
from dashboard.widgets.run_picker import titles_of
from dashboard.widgets.source_input import require_source, saved_uploads, source_input

TASK_KEY, FOLDER_KEY = "prediction", "kept"
AVERAGING = {
    None: "as trained",
    "none": "off",
    "horizontal-flip": "its mirror image",
    "symmetries": "all flips and turns",
}


def predict_file_section(runs: Sequence[Run], key: str) -> None:
    """Show the form; below it the progress or the outcome of the prediction that the URL names.

    Args:
        runs: whose mean answers.
        key: of the widgets.
    """
    task, folder = st.query_params.get(TASK_KEY), st.query_params.get(FOLDER_KEY, "")
    if task is None:
        _form(runs, key)
        return
    st.button(
        "Predict another file",
        icon=":material/arrow_back:",
        key=f"{key}-another",
        on_click=_put_away,
    )
    try:
        facts = result_of(task, "Predicting", key)
    except UnknownName:
        st.info("This prediction is no longer kept; start it again.", icon=":material/schedule:")
        return
    if facts is not None:
        _outcome(facts, folder, runs, key)


def _form(runs: Sequence[Run], key: str) -> None:
    if closed := why_not("import_data"):
        st.info(escaped(closed), icon=":material/lock:")
        return
    left, right = st.columns([6, 4], gap="medium")
    with left, errors_shown(with_links=False):
        uploaded, path = source_input(
            "A pixel CSV with ID, a zip of images, or images",
            key,
            upload_help="Other sizes and colours are brought to those of training.",
            path_help=None,
            example="/home/me/evaluate.csv",
        )
        options = right.container(border=True)
        chosen = _options(runs, options, key)
        if st.button("Predict", type="primary", icon=":material/play_arrow:", key=f"{key}-start"):
            _start(runs, uploaded, path, chosen)


def _options(runs: Sequence[Run], where: Any, key: str) -> dict[str, Any]:
    with where:
        st.markdown("**The table** has `ID` and `label`, and")
        columns = {
            "has_names": st.checkbox("the class's name", key=f"{key}-names"),
            "has_probabilities": st.checkbox("every class's probability", key=f"{key}-all"),
            "has_counts": any(map(predict_data.has_counts, runs))
            and st.checkbox("counts, where runs were trained to count", key=f"{key}-counts"),
            "top": st.number_input("Classes to name", 1, 10, 1, key=f"{key}-top"),
        }
        averaging = st.selectbox(
            "Average over views of each image",
            list(AVERAGING),
            format_func=lambda name: AVERAGING[name],
            key=f"{key}-averaging",
            help="Only views that keep the label, as the data set declares them, are used.",
        )
        is_inverted = st.checkbox("Exchange dark and bright first", key=f"{key}-invert")
        skip = st.checkbox("Leave out images that cannot be read", key=f"{key}-skip")
    return {
        "columns": columns,
        "averaging": averaging,
        "is_inverted": is_inverted,
        "skip_unreadable": skip,
    }


def _start(
    runs: Sequence[Run], uploaded: Sequence[Any], path: str, options: Mapping[str, Any]
) -> None:
    """Keep what was uploaded, start the task and put it into the URL.

    Raises:
        CoreError: there is nothing to predict, who asks may not, or the data folder cannot be written.
    """
    require_source(uploaded, path)
    folder = secrets.token_hex(16)
    kept = upload_folder(data.data_dir(), folder)
    source = str(saved_uploads(uploaded, kept / "files")) if uploaded else path
    arguments = {
        "runs_dir": str(data.store().root),
        "runs": [run.id for run in runs],
        "path": source,
        "folder": folder,
        **options,
    }
    try:
        task = analyst.start(data.data_dir(), TASK, arguments)
    except OSError as error:
        raise CoreError(f"The data folder cannot be written: {error.strerror}.") from None
    st.query_params.update({TASK_KEY: task, FOLDER_KEY: folder})
    st.rerun()


def _outcome(facts: Mapping[str, Any], folder: str, runs: Sequence[Run], key: str) -> None:
    found = predict_data.outcome(facts, folder)
    # What was predicted by an earlier version does not say by whom.
    if set(facts.get("runs", [run.id for run in runs])) != {run.id for run in runs}:
        # A choice made afterwards, or another one in the link, must not pass for who answered.
        st.warning(
            f"Answered by {escaped(_titles(facts['runs']))}, not by the choice above.",
            icon=":material/history:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{facts['images']:,} images predicted** in {_time_taken(facts['seconds'])}",
            width="content",
        )
        st.download_button(
            "Download results.csv",
            found.table,
            TABLE,
            "text/csv",
            type="primary",
            icon=":material/download:",
            key=f"{key}-download",
            on_click="ignore",
        )
    for sentence in facts["warnings"]:
        st.warning(escaped(sentence), icon=":material/compare:")
    if facts["notes"]:
        number = len(facts["notes"])
        with st.expander("1 note on the file" if number == 1 else f"{number} notes on the file"):
            st.markdown("\n".join(f"- {escaped(note)}" for note in facts["notes"]))
    predicted_gallery(found, key)


def _titles(run_ids: Sequence[str]) -> str:
    """Return what runs are called; one that was deleted, or is not shown to who asks, keeps its id."""
    known = []
    for run_id in run_ids:
        with contextlib.suppress(UnknownName):
            known.append(data.store().run(run_id))
    titles = titles_of(known)
    names = [titles.get(run_id, f"{run_id}, which is not here any more") for run_id in run_ids]
    return names[0] if len(names) == 1 else f"the mean of {'; '.join(names)}"


def _time_taken(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else "less than a second"


def _put_away() -> None:
    for name in (TASK_KEY, FOLDER_KEY):
        if name in st.query_params:
            del st.query_params[name]
