"""Runs as files: the chosen ones out as an archive, a table, a script or weights, and an archive in.

Files are made when the button is pressed, not before, in a folder that is gone afterwards. A script and weights are of one
run, so with several chosen their buttons are off and a line above says so; they are `export_button`'s. What an archive may hold and how one is read safely is
`core.runs.archive`'s and `core.jobs.importing`'s business.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.exceptions import CoreError
from core.export import export
from core.export.onnx_file import has_onnx
from core.export.plain_script import no_script
from core.jobs import control
from core.jobs.importing import ImportedRun, import_runs
from core.jobs.quotas import most_upload_mb, require_upload
from core.jobs.refusals import possible
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import data
from dashboard.widgets.export_button import export_button
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped
from dashboard.widgets.report_button import report_button
from dashboard.widgets.run_table import URL_KEY
from dashboard.widgets.source_input import LARGEST_UPLOAD, safe_file_name

TYPES = {"zip": "application/zip", "csv": "text/csv"}
"""Export format, and ending of the file that is downloaded -> its media type."""

OF_ONE = {
    "script": "Plain PyTorch script",
    "safetensors": "Best weights with a card (safetensors)",
    "onnx": "Best weights with a card (ONNX)",
}
"""What is made of one run only, and how it is called."""


def export_form(runs: Sequence[Run], key: str) -> None:
    """Show what the chosen runs can be saved as.

    Args:
        runs: those chosen.
        key: of the widgets.
    """
    sound, reasons = possible("export", runs, data.person().name)
    why = "Choose a run in the table first."
    if runs:
        why = f"None of the chosen runs can be exported: {escaped(reasons)}."
    with st.popover(
        "Export",
        disabled=not sound,
        help=None if sound else why,
        key=key,
    ):
        many = "1 run" if len(sound) == 1 else f"{len(sound):,} runs"
        left_out = len(runs) - len(sound)
        if left_out:
            st.caption(f"Left out: {escaped(reasons)}.")
        if any(run.state.state in ACTIVE for run in sound):
            st.caption("What is under way is saved as it stands now.")
        has_weights = st.toggle("With the best weights", value=True, key=f"{key}-weights")
        _download(f"Archive of {many} (zip)", "zip", sound, has_weights, key)
        _download(f"Every epoch of {many} (CSV)", "csv", sound, has_weights, key)
        report_button(sound, f"{key}-report", f"Report on {many} (HTML)", "stretch")
        st.caption(
            "An archive opens in any Petridish, a CSV in any spreadsheet, a report in any browser."
        )
        if len(sound) != 1:
            st.caption("A script and weights are made of one run: choose a single one.")
        for kind, label in OF_ONE.items():
            one = sound[0] if len(sound) == 1 else None
            export_button(one, kind, label, f"{key}-{kind}", _why_not_of_one(kind, sound))
        st.caption("The script trains the run again without Petridish and compares its history.")


def _why_not_of_one(kind: str, runs: Sequence[Run]) -> str | None:
    if len(runs) != 1:
        return "It is made of one run: choose a single one."
    if runs[0].state.best_epoch is None:
        return "The run has no weights yet; they are stored when its first epoch ends."
    if kind == "script" and (reason := no_script(runs[0])):
        return escaped(reason)
    if kind == "onnx" and not has_onnx():
        return "Not installed here: pip install 'petridish[onnx]'."
    return None


def _download(label: str, kind: str, runs: Sequence[Run], has_weights: bool, key: str) -> None:
    name, by = runs[0].id if len(runs) == 1 else "runs", data.person().name
    st.download_button(
        label,
        lambda: exported(kind, runs, has_weights, by),
        f"petridish-{name}.{kind}",
        TYPES[kind],
        key=f"{key}-{kind}",
        on_click="ignore",
        width="stretch",
    )


def exported(kind: str, runs: Sequence[Run], has_weights: bool, by: str) -> bytes:
    """Return runs as the bytes of one file.

    Args:
        kind: one of `TYPES`.
        runs: sound ones.
        has_weights: whether an archive holds the best weights.
        by: who asks.

    Raises:
        NotAllowed: one of the runs is somebody else's.
        CoreError: what a run has stored cannot be read.
    """
    for run in runs:
        control.allow_export(run, by)
    with tempfile.TemporaryDirectory(prefix="petridish-") as folder:
        path = Path(folder) / f"runs.{kind}"
        export(kind, runs, path, weights=has_weights)
        return path.read_bytes()


def import_archive(key: str) -> None:
    """Show how to bring in the runs of an archive, and say what came of the last one.

    Args:
        key: of the widgets.
    """
    opened = st.session_state.get(f"{key}-count", 0)
    closed = why_not("import_runs")
    with st.popover(
        "Import",
        icon=":material/upload:",
        key=key,
        disabled=closed is not None,
        help=closed and escaped(closed),
    ):
        if closed:
            return
        largest = most_upload_mb(data.store().root, data.person().name, LARGEST_UPLOAD)
        st.markdown("An archive that **Export** or `petridish runs export` made brings its runs here.")  # fmt: skip
        uploaded = st.file_uploader(
            "Archive of runs",
            "zip",
            # Another key empties it once its runs are here.
            key=f"{key}-file-{opened}",
            max_upload_size=largest,
            width=420,
            help=f"Of {largest} MB at most; larger ones by `petridish runs import`.",
        )
        if st.button("Import", type="primary", key=f"{key}-start", disabled=uploaded is None):
            assert uploaded is not None
            try:
                with st.spinner("Checking every file ..."):
                    found = imported(uploaded.name, uploaded.getvalue())
            except CoreError as error:
                st.error(escaped(error), icon=":material/error:")
                return
            st.session_state[f"{key}-count"] = opened + 1
            st.session_state[f"{key}-said"] = in_words(found)
            new = [one.run_id for one in found if one.is_new]
            if new:
                st.query_params[URL_KEY] = ",".join(new[:60])
            st.rerun()
        if said := st.session_state.get(f"{key}-said"):
            st.success(said, icon=":material/check:")


def imported(name: str, content: bytes) -> list[ImportedRun]:
    """Bring in the runs of an uploaded archive.

    Args:
        name: of the file, as messages call it.
        content: its bytes.

    Raises:
        CoreError: the archive breaks a rule; nothing was imported.
    """
    by = data.person().name
    require_upload(data.store().root, by, [len(content)])
    with tempfile.TemporaryDirectory(prefix="petridish-") as folder:
        path = Path(folder) / safe_file_name(name)
        path.write_bytes(content)
        return import_runs(data.store(), path, by)


def in_words(found: Sequence[ImportedRun]) -> str:
    """Return what an import brought, in words."""
    new = sum(one.is_new for one in found)
    known = len(found) - new
    brought = "1 run was imported" if new == 1 else f"{new:,} runs were imported"
    if not known:
        return f"{brought}."
    were = "1 was" if known == 1 else f"{known:,} were"
    return f"{brought}; {were} here already." if new else f"All {known:,} were here already."
