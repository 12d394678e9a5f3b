"""Export: runs as something for somebody else: an archive, a table, event files, a plain script, weights with a card.

Each exporter is a function in a module of its own that makes a file or a folder at a path and returns what there is to
say; here is what they share: what they make appears whole or not at all, and never in place of another one unasked. To
add one, write its module and a line in `EXPORTERS`, and say its name in `core.cli.archive.FORMATS`.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from core.exceptions import DamagedRun, InvalidInput, InvalidParameter
from core.export.csv_table import write_csv
from core.export.event_files import write_events
from core.export.onnx_file import write_onnx
from core.export.plain_script import write_script
from core.export.safetensors_file import write_safetensors
from core.registry import Registry
from core.runs import files
from core.runs.archive import write_zip
from core.runs.history_damage import FOR_GOOD, history_damage
from core.runs.run import Run

EXPORTERS: Registry[Callable[[Path, Sequence[Run], bool], list[str]]] = Registry(
    "export format",
    {
        "zip": write_zip,
        "csv": write_csv,
        "tensorboard": write_events,
        "script": write_script,
        "safetensors": write_safetensors,
        "onnx": write_onnx,
    },
)
"""Name -> function of the path to make, the runs, and whether the best weights are wanted; it returns sentences."""


def export(
    kind: str, runs: Sequence[Run], out: Path, *, weights: bool = True, force: bool = False
) -> list[str]:
    """Write runs to a file or a folder.

    Args:
        kind: one of `EXPORTERS`.
        runs: which.
        out: the file, or for event files the folder.
        weights: whether an archive holds the best weights.
        force: whether to replace a file that is there; a folder is never replaced.

    Returns:
        Sentences about snapshots, about what is lost of a history and about what was left out.

    Raises:
        InvalidInput: there is no such kind, an optional package is missing, or what is to be written is there or cannot be.
        DamagedRun: a run is damaged, or what it has stored cannot be read.
    """
    write = EXPORTERS[kind]
    _require_free(out, force)
    for run in runs:
        if run.damaged is not None:
            raise DamagedRun(
                f"Run {run.id} is damaged and cannot be exported: {run.damaged}. petridish runs fsck {run.id} says more."
            )
    try:
        # A folder of our own, which nobody else may read.
        aside = Path(tempfile.mkdtemp(".tmp", f"{out.name}.", out.parent))
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        made = aside / out.name
        damage = [sentence for run in runs for sentence in history_damage(run)]
        # An archive names some of it by itself.
        notes = list(dict.fromkeys([*damage, *write(made, runs, weights)]))
        if made.is_dir():
            _put_folder(made, out)
        else:
            _put_file(made, out, force)
        files.sync_folder(out.parent)
    except DamagedRun as error:
        raise _with_remedy(error) from None
    except OSError as error:
        raise _unwritable(out, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return notes


def _require_free(out: Path, force: bool) -> None:
    if out.is_dir():
        raise InvalidParameter(f"{out.name!r} is a folder that exists. Choose another name.")
    # A pipe, a device or a link to nothing is not what somebody means to replace.
    if os.path.lexists(out) and not out.is_file():
        raise InvalidParameter(f"{out.name!r} exists and is no regular file. Choose another name.")
    if out.exists() and not force:
        raise _exists(out)


def _put_file(made: Path, out: Path, force: bool) -> None:
    made.chmod(files.FILE_MODE)
    files.sync_file(made)
    _require_free(out, force)  # writing may have taken minutes
    try:
        if force:
            os.replace(made, out)
        else:
            os.link(made, out)  # fails where another has been made meanwhile
    except FileExistsError:
        raise _exists(out) from None


def _put_folder(made: Path, out: Path) -> None:
    if os.path.lexists(out):
        raise InvalidParameter(
            f"{out.name!r} exists and is no folder to replace. Choose another name."
        )
    os.rename(made, out)


def _with_remedy(error: DamagedRun) -> DamagedRun:
    if any(remedy in str(error) for remedy in ("petridish runs fsck", FOR_GOOD)):
        return error
    return DamagedRun(f"{error} petridish runs fsck says more.")


def _exists(out: Path) -> InvalidParameter:
    return InvalidParameter(f"{out.name!r} exists. Choose another name, or --force replaces it.")


def _unwritable(out: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"{out.name!r} cannot be written: {error.strerror}.")
