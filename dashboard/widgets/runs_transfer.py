"""Runs as files: the chosen ones out as an archive or a table, and an archive in.

Files are made when the button is pressed, not before, in a folder that is gone afterwards. What an archive may hold and
how one is read safely is `core.runs.archive`'s and `core.jobs.importing`'s business.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.exceptions import CoreError
from core.export import export
from core.jobs.importing import ImportedRun, import_runs
from core.runs.host import user_name
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import data
from dashboard.widgets.import_form import is_local, safe_file_name
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_table import URL_KEY

LARGEST_UPLOAD = 256
"""MB: it is held in the server's memory."""

TYPES = {"zip": "application/zip", "csv": "text/csv"}


def export_form(runs: Sequence[Run], key: str) -> None:
    """Show what the chosen runs can be saved as.

    Args:
        runs: those chosen.
        key: of the widgets.
    """
    sound = [run for run in runs if run.damaged is None]
    why = "A damaged run cannot be exported." if runs else "Choose a run in the table first."
    with st.popover(
        "Export",
        disabled=not sound,
        help=None if sound else why,
        key=key,
    ):
        many = "1 run" if len(sound) == 1 else f"{len(sound):,} runs"
        left_out = len(runs) - len(sound)
        if left_out:
            st.caption(f"{left_out} damaged left out.")
        if any(run.state.state in ACTIVE for run in sound):
            st.caption("What is under way is saved as it stands now.")
        has_weights = st.toggle("With the best weights", value=True, key=f"{key}-weights")
        _download(f"Archive of {many} (zip)", "zip", sound, has_weights, key)
        _download(f"Every epoch of {many} (CSV)", "csv", sound, has_weights, key)
        st.caption("An archive opens in any Petridish; a CSV in any spreadsheet.")


def _download(label: str, kind: str, runs: Sequence[Run], has_weights: bool, key: str) -> None:
    name = runs[0].id if len(runs) == 1 else "runs"
    st.download_button(
        label,
        lambda: exported(kind, runs, has_weights),
        f"petridish-{name}.{kind}",
        TYPES[kind],
        key=f"{key}-{kind}",
        on_click="ignore",
        width="stretch",
    )


def exported(kind: str, runs: Sequence[Run], has_weights: bool) -> bytes:
    """Return runs as the bytes of one file.

    Args:
        kind: one of `TYPES`.
        runs: sound ones.
        has_weights: whether an archive holds the best weights.

    Raises:
        CoreError: what a run has stored cannot be read.
    """
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
    with st.popover("Import", icon=":material/upload:", key=key):
        if not is_local():
            st.info(
                "Importing is off: other machines reach this server, and there is no login. Use `petridish runs "
                "import` on the machine itself."
            )
            return
        st.markdown("An archive that **Export** or `petridish runs export` made brings its runs here.")  # fmt: skip
        uploaded = st.file_uploader(
            "Archive of runs",
            "zip",
            # Another key empties it once its runs are here.
            key=f"{key}-file-{opened}",
            max_upload_size=LARGEST_UPLOAD,
            width=420,
            help=f"Of {LARGEST_UPLOAD} MB at most; larger ones by `petridish runs import`.",
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
    with tempfile.TemporaryDirectory(prefix="petridish-") as folder:
        path = Path(folder) / safe_file_name(name)
        path.write_bytes(content)
        return import_runs(data.store(), path, user_name())


def in_words(found: Sequence[ImportedRun]) -> str:
    """Return what an import brought, in words."""
    new = sum(one.is_new for one in found)
    known = len(found) - new
    brought = "1 run was imported" if new == 1 else f"{new:,} runs were imported"
    if not known:
        return f"{brought}."
    were = "1 was" if known == 1 else f"{known:,} were"
    return f"{brought}; {were} here already." if new else f"All {known:,} were here already."
