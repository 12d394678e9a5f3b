"""Bringing one's own data: what may be brought, the upload or the path, a name, and the start of the import."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets import DATASETS
from core.datasets.importing import checked_name, remove_dataset
from core.datasets.kinds import KINDS
from core.datasets.raw import ImportOptions
from core.jobs import permissions
from core.jobs.analyst_tasks import upload_folder
from dashboard import data
from dashboard.widgets.background import URL_KEY as TASK_KEY
from dashboard.widgets.background import begin
from dashboard.widgets.dataset_picker import choose_dataset
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped
from dashboard.widgets.settings_form import label_of
from dashboard.widgets.source_input import require_source, saved_uploads, source_input

AUTOMATIC = "recognise it"
URL_KEY, OPEN = "import", "open"
"""In a link to the page: the form stands open when it is shown first."""

HELP = """**Your own data in two minutes**

1. Sort the images into one folder per class (`cats/`, `dogs/`), and zip the folders.
2. Choose the zip here, give it a name, press **Import**.
3. Look at what came of it; **Notes** beside the name say what was resized, skipped or missing.
"""
KINDS_HELP = """PNG, JPEG, BMP, WebP and TIFF are read, grey or in colour. Folders called `train/`, `validation/` and `test/` around
the classes are kept as the splits; else the splits are drawn by the settings of the data set. Nothing leaves the machine
that serves this page, and your files are only read. Recognised are:
"""


def import_form(name: str, key: str) -> None:
    """Show how to bring data, and start the import that is asked for.

    Args:
        name: of the data set on the page; once another is there, the form is empty again.
        key: of the widget.
    """
    key = f"{key}-{name}"
    # Another key closes it: when an import begins, its progress would lie below.
    opened = f"{key}-{st.query_params.get(TASK_KEY)}"
    closed = why_not("import_data")
    # Once: it is for the person to close, and a page loaded again need not open it.
    if st.query_params.get(URL_KEY) is not None:
        st.session_state[opened] = st.query_params[URL_KEY] == OPEN and not closed
        del st.query_params[URL_KEY]
    with (
        st.popover(
            "Import",
            icon=":material/upload:",
            key=opened,
            on_change="rerun",
            disabled=closed is not None,
            help=closed and escaped(closed),
        ),
        errors_shown(with_links=False),
    ):
        if closed:
            return
        explanation = st.empty()
        explanation.markdown(HELP)
        uploaded, path = source_input(
            "A file, or several that belong together",
            key,
            upload_help="A zip of folders, a CSV of pixels, an .npz, or the four files of an IDX set.",
            path_help="Larger data sets need no upload: they are read where they are.",
            example="/home/me/pictures",
        )
        first = uploaded[0].name if uploaded else Path(path).name
        name = st.text_input(
            "Name of the data set",
            name_from(first),
            key=f"{key}-name-{first}",
            max_chars=40,
            help="1 to 40 of a-z, 0-9 and '-'.",
        )
        # Above what few need: a popover on a small screen ends here, and nothing says that there is more below.
        # What is wrong stands above the button, in the room of the help: below it, it would lie beyond that end.
        problem, button = st.container(), st.container()
        kind, options, class_names = _options(f"{key}-options")
        with st.expander("All that can be imported"):
            kinds = [f"- **{name}**: {escaped(reader.what)}" for name, reader in KINDS.items()]
            st.markdown("\n".join([KINDS_HELP, *kinds]))
        is_asked = button.button("Import", type="primary", key=f"{key}-start")
        with problem, errors_shown(with_links=False):
            if is_asked:
                explanation.empty()
                _start(uploaded, path, name, kind, options, class_names)


def name_from(file_name: str) -> str:
    """Return a name that a data set may have, made from that of a file."""
    stem = file_name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40].strip("-")


def remove_form(name: str, key: str) -> None:
    """Show the removal of an imported data set, which asks once more; nothing for a built-in one."""
    if name in DATASETS:
        return
    closed = why_not("remove_data")
    with (
        st.popover(
            "Remove",
            icon=":material/delete:",
            disabled=closed is not None,
            help=closed and escaped(closed),
        ),
        errors_shown(with_links=False),
    ):
        if closed:
            return
        st.markdown(
            f"Remove **{escaped(name)}** from this machine? The files that it was imported from stay as they are. "
            "Runs trained on it keep their numbers, but can show no images and cannot go on."
        )
        if st.button("Remove it", type="primary", key=f"{key}-{name}"):
            permissions.require_to("remove_data", data.store().root, data.person().name)
            remove_dataset(name, data.data_dir())
            choose_dataset(data.dataset_names()[0])
            st.rerun()


def _options(key: str) -> tuple[str | None, dict[str, Any], Any]:
    fields = ImportOptions.model_fields

    def words(name: str) -> dict[str, Any]:
        field = fields[name]
        return {
            "label": label_of(name, field),
            "help": field.description,
            "key": f"{key}-{name}",
        }

    with st.expander("Options"):
        kind = st.selectbox("Kind", [AUTOMATIC, *KINDS], key=f"{key}-kind")
        size = st.number_input(
            min_value=4, max_value=512, value=None, placeholder="as they are", **words("size")
        )
        channels = st.selectbox(options=["auto", "grey", "rgb"], **words("channels"))
        label_column = st.text_input(value="auto", **words("label_column"))
        class_names = st.file_uploader(
            "Class names",
            ["txt", "json"],
            key=f"{key}-class-names",
            help=fields["class_names_path"].description,
        )
        skip = st.toggle(**words("skip_unreadable"))
    options = {
        "size": size,
        "channels": channels,
        "label_column": label_column,
        "skip_unreadable": skip,
    }
    return None if kind == AUTOMATIC else kind, options, class_names


def _start(
    uploaded: Sequence[Any],
    path: str,
    name: str,
    kind: str | None,
    options: dict[str, Any],
    class_names: Any,
) -> None:
    """Keep what was uploaded and start the import.

    Raises:
        InvalidInput: there is nothing to import, the name cannot be used, or who asks may not.
    """
    require_source(uploaded, path)
    checked_name(name, data.data_dir())
    upload = secrets.token_hex(16) if uploaded or class_names else None
    if upload:
        folder = upload_folder(data.data_dir(), upload)
        if uploaded:
            path = str(saved_uploads(uploaded, folder / "files"))
        if class_names:
            options["class_names_path"] = str(saved_uploads([class_names], folder / "class-names"))
    begin(
        "import",
        {"path": path, "name": name, "kind": kind, "options": options, "upload": upload},
    )
    st.rerun()
