"""Full disks: what counts as one, how long a worker waits, and a real one (a small tmpfs of this test's own)."""

import errno
import subprocess
import sys

import orjson
import pytest

from core.jobs import disk
from core.runs import files
from core.runs.waits import Waits

WAITS = Waits(disk_retry=0.001, disk_patience=60)


class Writing:
    """A write that fails a number of times."""

    def __init__(self, failures, error):
        self.failures = failures
        self.error = error
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error


def nothing(*_):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_counts_as_a_full_disk(error, expected):
    assert disk.is_full(error) is expected


def test_a_write_is_tried_until_it_succeeds_and_told_of_once():
    write, told, pauses = Writing(3, OSError(errno.ENOSPC, "full")), [], []
    disk.patiently(write, WAITS, told.append, lambda: pauses.append(1))
    assert write.calls == 4
    assert told == ["The disk is full; trying for 60 s before the run pauses."]
    assert len(pauses) == 3


def test_patience_ends():
    write = Writing(10**9, OSError(errno.ENOSPC, "full"))
    with pytest.raises(disk.DiskFull):
        disk.patiently(write, Waits(disk_retry=0.001, disk_patience=0), nothing, nothing)
    assert write.calls == 1


def test_another_error_is_not_waited_for():
    write = Writing(1, ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        disk.patiently(write, WAITS, nothing, nothing)
    write = Writing(1, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        disk.patiently(write, WAITS, nothing, nothing)
    assert write.calls == 1


ON_A_SMALL_DISK = """
import json, subprocess, sys
from pathlib import Path
from core.config import RunConfig
from core.exceptions import RunsFolderError
from core.jobs import control
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs import checkpoints, files
from core.runs.store import Store
from core.runs.waits import Waits

folder, data_dir, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[4]
config = RunConfig.checked(json.loads(sys.argv[3]))
dataset = config.dataset.load(data_dir)
ballast = folder / "ballast"
said = {}

def mount(size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)

def train(patience, fault):
    store = Store(folder / "runs", Waits(disk_retry=0.01, disk_patience=patience))
    files.fault = fault
    run = submit(store, InlineExecutor(store, data_dir), dataset, config, 0, device="cpu")
    files.fault = lambda path: None
    return store, store.run(run.id)

def filling(empty_again_at):
    writes = []
    def fault(path):
        if path.name != name:
            return
        writes.append(path)
        if len(writes) == 2:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(2**16))
                except OSError:
                    pass
        if len(writes) == empty_again_at:
            ballast.unlink()
    return fault

def weights(run):
    return files.read_json(run.layout.best_json)["weights_sha256"]

mount("100m")
try:
    train(0, lambda path: None)
except RunsFolderError as error:
    said["too small"] = str(error)
said["left behind"] = [path.name for path in (folder / "runs").iterdir()]

mount("220m")
store, run = train(0, filling(empty_again_at=None))
said["full"] = [run.state.state, run.state.reason, run.state.epoch]
said["usable"] = checkpoints.usable(run.layout)[0].epoch
executor = InlineExecutor(store, data_dir)
control.resume(store, executor, run, by="ada")
state = store.run(run.id).state
said["resumed while full"] = [state.state, state.reason, state.epoch]
ballast.unlink()
control.resume(store, executor, run, by="ada")
run = store.run(run.id)
said["resumed"] = [run.state.state, run.state.epoch, weights(run)]

store, run = train(600, filling(empty_again_at=5))
said["full for a while"] = [run.state.state, run.state.epoch, weights(run)]
print(json.dumps(said))
"""
"""Runs on a disk that really is full. The mounts are this process's own and go with it."""


def can_mount():
    try:
        command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="a small disk needs the right to mount one (root)")
@pytest.mark.parametrize("name", ["last.pt", "best.safetensors"])
def test_a_disk_that_really_is_full(tmp_path, data_dir, finished_run, name):
    weights = files.read_json(finished_run.layout.best_json)["weights_sha256"]
    config = orjson.dumps(finished_run.config).decode()
    (tmp_path / "small").mkdir()
    command = ["unshare", "--mount", sys.executable, "-c", ON_A_SMALL_DISK]
    done = subprocess.run(
        [*command, tmp_path / "small", data_dir, config, name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout) == {
        "too small": "The disk of the runs folder has 100 MiB left; "
        "a run needs at least 200 MiB. Free some space.",
        "left behind": [],
        "full": ["paused", "disk_full", 1],
        "usable": 1,
        "resumed while full": ["paused", "disk_full", 1],
        "resumed": ["finished", 3, weights],
        "full for a while": ["finished", 3, weights],
    }
