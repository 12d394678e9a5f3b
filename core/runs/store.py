"""Store: the runs of one folder. It creates run folders, lists them and finds them.

A listing re-reads only what changed since the last one: three `stat` calls a run tell. One store may serve all browser
sessions of a server. What happens to a run afterwards (queue, stop, resume) is in `core.jobs`.
"""

import contextlib
import errno
import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from core.exceptions import DamagedRun, InvalidInput, NewerRun, RunsFolderError, UnknownName
from core.runs import files, locks
from core.runs.host import boot_id, host_name
from core.runs.layout import RUN_ID, RunLayout, RunsLayout, full_id, inside, new_id
from core.runs.run import Run, config_sha256, read_edit, read_spec
from core.runs.state import Observer, RunState, derive, read_state, write_state
from core.runs.waits import Waits

RESERVE_BYTES = 64 * 1024
LEAST_FREE_BYTES = 200 * 2**20
VARIABLE = "PETRIDISH_RUNS"

_Key = tuple[tuple[int, int, int], ...]
_Parts = tuple[dict[str, Any], RunState, dict[str, Any], str | None]


def default_root() -> Path:
    """Return the runs folder of this process: the variable `PETRIDISH_RUNS`, else `runs`."""
    return Path(os.environ.get(VARIABLE) or "runs")


class Store:
    """The runs of one folder.

    Args:
        root: the runs folder; it need not exist for reading.
        waits: limits that decide what counts as stalled or lost.
        host: this machine's name; boot: this boot's id. Tests give others.
    """

    def __init__(
        self,
        root: Path,
        waits: Waits | None = None,
        host: str | None = None,
        boot: str | None = None,
    ) -> None:
        self.layout = RunsLayout(root.resolve())
        self.observer = Observer(
            waits=waits or Waits.from_environment(),
            host=host or host_name(),
            boot=boot or boot_id(),
            locks_work=lambda: self.locks_work,
        )
        self._read: dict[str, tuple[_Key, _Parts]] = {}
        self._guard = threading.Lock()

    @property
    def root(self) -> Path:
        """The runs folder, absolute."""
        return self.layout.root

    @cached_property
    def locks_work(self) -> bool:
        """Whether kernel locks can be trusted in this folder (some network mounts pretend)."""
        try:
            return locks.work_in(self.layout.probe_lock(self.observer.host))
        except OSError:
            # Whoever may only read here cannot try them out, and the machine's own disks all have them.
            return True

    def runs(self) -> list[Run]:
        """Return all runs, newest first; a damaged one says so and stops nobody.

        Raises:
            RunsFolderError: the folder cannot be read. A missing one holds no runs.
        """
        ids = self._ids()
        with self._guard:
            for gone in self._read.keys() - set(ids):
                del self._read[gone]
        runs = [self._load(RunLayout(self.root / run_id)) for run_id in sorted(ids, reverse=True)]
        # A run that was deleted since the folder was listed is not damaged.
        return [run for run in runs if run.damaged is None or run.layout.path.exists()]

    def run(self, run_id: str) -> Run:
        """Return one run.

        Raises:
            UnknownName: there is no such run.
            RunsFolderError: the folder cannot be read.
        """
        if not RUN_ID.fullmatch(run_id) or not os.path.isdir(self.root / run_id):
            raise UnknownName("run", run_id, self._ids())
        return self._load(RunLayout(self.root / run_id))

    def find(self, text: str) -> Run:
        """Return the run whose id begins with a text of at least four characters.

        Raises:
            UnknownName: there is none.
            InvalidParameter: there are several; the message names them.
            RunsFolderError: the folder cannot be read.
        """
        return self.run(text if RUN_ID.fullmatch(text) else full_id(text, self._ids()))

    def create(self, spec: Mapping[str, Any], epochs: int) -> Run:
        """Make a queued run's folder, complete or not at all.

        Args:
            spec: what `run.json` holds beyond schema, id, created and config_sha256.
            epochs: most epochs that may come.

        Raises:
            RunsFolderError: the folder cannot be made or written, or its disk is full.
        """
        self.require_writable()
        now = time.time()
        layout = RunLayout(self.root / new_id(now))
        while layout.path.exists():
            layout = RunLayout(self.root / new_id(now))
        aside = RunLayout(self.layout.unfinished(f"{layout.id}-{os.getpid()}"))
        values = {
            "schema": files.SCHEMA,
            "id": layout.id,
            "created": now,
            "config_sha256": config_sha256(spec["config"]),
            **spec,
        }
        try:
            for folder in aside.folders:
                files.make_folder(folder)
            files.write_bytes(aside.reserve, b"\0" * RESERVE_BYTES)
            files.write_json(aside.run_json, values)
            state = RunState(
                "queued", epochs=epochs, t=now, by=spec.get("owner"), host=self.observer.host
            )
            write_state(aside, state)
            os.rename(aside.path, layout.path)
            files.sync_folder(self.root)
        except OSError as error:
            shutil.rmtree(layout.path, ignore_errors=True)
            raise _folder_error(error) from None
        finally:
            shutil.rmtree(aside.path, ignore_errors=True)
        return self.run(layout.id)

    def require_writable(self) -> None:
        """Make the folder if it is missing, and check that a run may start in it.

        Raises:
            RunsFolderError: it is no folder, cannot be made or written, or its disk is full.
        """
        try:
            files.make_folder(self.root)
            probe = files.aside_of(self.root / ".write")
            files.write_bytes(probe, b"x")
            probe.unlink()
        except OSError as error:
            raise _folder_error(error) from None
        free = shutil.disk_usage(self.root).free
        if free < LEAST_FREE_BYTES:
            raise RunsFolderError(
                f"The disk of the runs folder has {free >> 20} MiB left; "
                f"a run needs at least {LEAST_FREE_BYTES >> 20} MiB. Free some space."
            )

    def _ids(self) -> list[str]:
        try:
            with os.scandir(self.root) as entries:
                return [one.name for one in entries if RUN_ID.fullmatch(one.name) and one.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunsFolderError(f"The runs folder cannot be read: {error.strerror}.") from None

    def _load(self, layout: RunLayout) -> Run:
        key = tuple(_stamp(path) for path in (layout.run_json, layout.state_json, layout.edit_json))
        known = self._read.get(layout.id)
        try:
            if known is None or known[0] != key:
                known = (key, _parts(layout))
                with self._guard:
                    self._read[layout.id] = known
            spec, written, edit, damaged = known[1]
            if damaged is None:
                return Run(layout, spec, derive(layout, written, self.observer), edit)
        except OSError as error:
            # Not kept: permissions may change without any of the files changing.
            spec, edit, damaged = {}, {}, f"it cannot be read: {error.strerror}"
            written = RunState("failed")
        state = replace(written, state="damaged", reason="damaged", message=damaged)
        return Run(layout, spec, state, edit, damaged)


def _parts(layout: RunLayout) -> _Parts:
    """Read a run's files; what is damaged is left out as far as it cannot be understood."""
    try:
        inside(layout.path.parent, layout.path)
    except InvalidInput as error:
        return {}, RunState("failed"), {}, str(error)
    spec: dict[str, Any] = {}
    state = RunState("failed")
    damaged: list[str] = []
    try:
        spec = read_spec(layout)
    except NewerRun as error:
        spec = error.values
        damaged.append(str(error))
    except DamagedRun as error:
        damaged.append(str(error))
    try:
        state = read_state(layout)
    except NewerRun as error:
        with contextlib.suppress(DamagedRun):
            state = RunState.from_json(error.values)
        damaged.append(str(error))
    except DamagedRun as error:
        damaged.append(str(error))
    return spec, state, read_edit(layout), "; ".join(damaged) or None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _folder_error(error: OSError) -> RunsFolderError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return RunsFolderError(
                "The disk of the runs folder is full. Free some space; nothing was queued."
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return RunsFolderError(
                "The runs folder is not writable. Choose another with --runs, or change its permissions."
            )
        case errno.ENOTDIR | errno.EEXIST:
            return RunsFolderError("The runs folder is no folder. Choose another with --runs.")
        case _:
            return RunsFolderError(f"The runs folder cannot be used: {error.strerror}.")
