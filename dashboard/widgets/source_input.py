"""Files of the user's own: the upload or the path, who may give which, and where an upload lies until it is used.

Importing a data set and predicting a file ask the same way. What is made of the files is theirs.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.exceptions import InvalidInput
from core.jobs import permissions
from core.jobs.quotas import most_upload_mb, require_upload
from dashboard import data
from dashboard.widgets.identity import why_not

LARGEST_UPLOAD = 256
"""MB: it is held in the server's memory."""
LONGEST_FILE_NAME = 120


def is_local() -> bool:
    """Return whether who looks at the page may name files of the machine that serves it."""
    return why_not("name_paths") is None


def source_input(
    label: str, key: str, *, upload_help: str, path_help: str | None, example: str
) -> tuple[list[Any], str]:
    """Show an upload of one file or several and, to who may name one, a path; return both.

    Args:
        label: of the upload.
        key: of the widgets.
        upload_help: what may be uploaded.
        path_help: what is special about a path.
        example: of a path.
    """
    uploaded = st.file_uploader(
        label,
        accept_multiple_files=True,
        key=f"{key}-files",
        max_upload_size=most_upload_mb(data.store().root, data.person().name, LARGEST_UPLOAD),
        help=upload_help,
    )
    path = ""
    if is_local():
        path = st.text_input(
            "Or a file or folder on this machine",
            key=f"{key}-path",
            placeholder=example,
            help=path_help,
        )
    return uploaded, path


def require_source(uploaded: Sequence[Any], path: str) -> None:
    """Check that there is exactly one source, and that who asks may use it.

    Raises:
        InvalidInput: there is none, there are two, who asks may not, or the path is not a whole one.
    """
    root, by = data.store().root, data.person().name
    permissions.require_to("import_data", root, by)
    if path:
        permissions.require_to("name_paths", root, by)
    require_upload(root, by, [one.size for one in uploaded])
    if bool(uploaded) == bool(path):
        raise InvalidInput(
            "Choose a file to upload, or name one on this machine."
            if not path
            else "There is both an upload and a path. Take one of them away."
        )
    if path and not Path(path).is_absolute():
        raise InvalidInput(f"The path must be a whole one, from the root on; got {path!r}.")


def saved_uploads(uploaded: Sequence[Any], folder: Path) -> Path:
    """Write uploaded files under their own names, and return the file, or the folder of several.

    Raises:
        InvalidInput: two have one name.
    """
    folder.mkdir()
    paths = []
    for one in uploaded:
        path = folder / safe_file_name(one.name)
        if path in paths:
            raise InvalidInput(f"Two of the files are called {path.name!r}.")
        path.write_bytes(one.getbuffer())
        paths.append(path)
    return paths[0] if len(paths) == 1 else folder


def safe_file_name(name: str) -> str:
    """Return a file's name without its folder and without what a file system may refuse; the ending stays."""
    plain = re.sub(r"[^\w.() -]", "_", re.split(r"[\\/]", name)[-1]).lstrip(".")
    return plain[-LONGEST_FILE_NAME:] or "upload"
