"""The task "export": a run's script or weights as a file, in a folder of its own until it is fetched.

Apart from `analyst_tasks` because page and task share where the file lies. Made in a process of its own: it needs torch, which
a server of pages does without, and an ONNX file some ten seconds of computing. What nobody fetched is forgotten after a day,
as uploads are.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TASK = "export"
ENDINGS = {"script": "py", "safetensors": "zip", "onnx": "zip"}
"""Export format that is made of one run's network -> ending of its file."""


def write_export(
    arguments: Mapping[str, Any], data_dir: Path, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Write the file: runs_dir, run (id), kind (of `ENDINGS`), folder (name of an `upload_folder`). Gives notes, sentences.

    Raises:
        CoreError: as `core.export.export`.
    """
    from core.runs.store import Store

    progress(0.1, "Loading what is needed")
    # It brings what knows networks.
    from core.export import export
    from core.inference import Predictor  # noqa: F401

    run = Store(Path(arguments["runs_dir"])).run(arguments["run"])
    progress(0.4, "Writing the file")
    made = exported_file(data_dir, arguments["folder"], arguments["kind"])
    notes = export(arguments["kind"], [run], made, force=True)
    progress(1.0, "Writing the file")
    return {"notes": notes}


def exported_file(data_dir: Path, folder: str, kind: str) -> Path:
    """Return where the file lies that a task has made.

    Raises:
        UnknownName: the folder's name is not one that `upload_folder` is given.
    """
    from core.jobs.predict_task import folder_of

    return folder_of(data_dir, folder) / f"export.{ENDINGS[kind]}"
