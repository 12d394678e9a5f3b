"""Disks that fail under a run: every n-th write, no room, no right to write. What is shown, and that the run still ends whole.

Failing writes are injected where all writes pass (`core.runs.files.fault`); small and read-only disks are real, in a
mount namespace of the test's own.
"""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from core.exceptions import RunsFolderError
from core.jobs import control
from core.jobs.inline import InlineExecutor
from core.jobs.local import python_environment
from core.jobs.submit import submit
from core.jobs.worker import Worker
from core.runs import checkpoints, files, history
from core.runs.state import read_state, write_state
from core.runs.store import Store
from core.runs.waits import Waits
from core.variants import run_config

WAITS = {"start_grace": 1e-6, "progress": 0, "disk_retry": 0.01, "disk_patience": 0.05}

EPOCHS = 7
"""Of 8 writes each, so that there is a 60th write to fail."""

SHORT = (1, 2, 3, 5, 8, 11, 12, 13, 34, 60)
"""The first writes of a worker, one of each kind at an epoch's end, one in the middle of training and one at its end."""

LONG = sorted({*range(1, 61)} - {*SHORT})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs", Waits(**WAITS))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_dir):
    """A finished run of digits, `EPOCHS` epochs, trained in one go on a disk that does not fail. Only for reading."""
    store = Store(tmp_path_factory.mktemp("undisturbed") / "runs")
    settings = {
        "training.max_epochs": EPOCHS,
        "training.batch_size": 256,
        "model.hidden_layers": [16],
    }
    config = run_config({"name": "digits"}, "dense-base", settings)
    dataset = config.dataset.load(data_dir)
    run = submit(store, InlineExecutor(store, data_dir), dataset, config, seed=0, device="cpu")
    assert store.run(run.id).state.epoch == EPOCHS
    return store.run(run.id)


@pytest.fixture
def queued(store, undisturbed, spec_of):
    """A run that would do what `undisturbed` did. It waits."""
    return store.create(spec_of(undisturbed), epochs=EPOCHS)


def numbers():
    return [*SHORT, *(pytest.param(one, marks=pytest.mark.slow) for one in LONG)]


class Failing:
    """A disk whose writes fail with EIO: the n-th one alone, or every n-th."""

    def __init__(self, number, is_once):
        self.number = number
        self.is_once = is_once
        self.seen = 0
        self.failed = []

    def __call__(self, path):
        self.seen += 1
        if self.seen == self.number or (not self.is_once and self.seen % self.number == 0):
            self.failed.append(path.name)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


def attempted(store, run, data_dir, number, fault, monkeypatch):
    """Let a worker make an attempt on a failing disk, as the runner would; return its exit status."""
    here = store.observer
    starting = {"state": "starting", "attempt": number, "t": time.time(), "slot": "cpu-0"}
    place = {"host": here.host, "boot": here.boot}
    write_state(run.layout, replace(read_state(run.layout), **starting, **place))
    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", fault)
        try:
            return Worker(run.layout, number, data_dir, waits=here.waits).work()
        except OSError:
            return 1  # it leaves its process with a traceback and this status


def assert_told(store, run, code):
    """Check what is shown of a run after a worker's end, and that all that is named can be read."""
    now = store.run(run.id)
    assert now.damaged is None
    if code == 0 and now.state.state == "failed":
        assert now.state.reason == "OSError"
        assert now.state.message == "OSError: Input/output error. The log has the details."
    elif code == 0:
        assert now.state.state == "finished"
    else:
        assert (now.state.state, now.state.reason) == ("crashed", "died")
    epochs = [row["epoch"] for row in now.history()]
    assert epochs == list(range(1, len(epochs) + 1))
    for epoch in epochs:
        now.predictions("validation", epoch)
        now.predictions("train", epoch)
    return now


@pytest.mark.parametrize("number", numbers())
def test_a_write_that_fails_ends_the_attempt_and_the_next_one_goes_on(
    store, queued, data_dir, undisturbed, monkeypatch, assert_same_training, number
):
    fault = Failing(number, is_once=True)
    code = attempted(store, queued, data_dir, 1, fault, monkeypatch)
    assert len(fault.failed) == 1
    run = assert_told(store, queued, code)
    if run.state.state != "finished":
        control.resume(store, InlineExecutor(store, data_dir), run, by="ada")
        run = store.run(run.id)
        assert run.state.attempt == 2
    else:
        # The log of events may lose one, and the state has a second try; anything else ends the attempt.
        assert {*fault.failed} <= {"state.json", "events.jsonl"}
    assert_same_training(run, undisturbed)
    assert list(run.layout.path.rglob("*.tmp")) == []


@pytest.mark.parametrize("number", numbers())
def test_a_disk_on_which_every_nth_write_fails_loses_nothing_until_it_is_mended(
    store, queued, data_dir, undisturbed, monkeypatch, assert_same_training, number
):
    fault = Failing(number, is_once=False)
    run, epochs = queued, 0
    for attempt in range(1, 5):
        code = attempted(store, run, data_dir, attempt, fault, monkeypatch)
        assert fault.failed
        run = assert_told(store, run, code)
        checkpoint, _ = checkpoints.usable(run.layout, history.whole_epochs(run.layout))
        assert (checkpoint.epoch if checkpoint else 0) >= epochs
        epochs = checkpoint.epoch if checkpoint else 0
        if run.state.state == "finished":
            break
    if run.state.state != "finished":
        control.resume(store, InlineExecutor(store, data_dir), run, by="ada")
        run = store.run(run.id)
    assert_same_training(run, undisturbed)


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("request_", ["stop", "pause", "resume", "retry", "kill"])
def test_a_request_that_cannot_be_written_says_why_and_names_no_path(
    store, queued, data_dir, monkeypatch, request_, number
):
    if request_ in ("resume", "retry"):
        write_state(queued.layout, replace(queued.state, state="failed", attempt=1))
    queued.layout.reserve.unlink()
    before = read_state(queued.layout)
    given = {
        "resume": (store, InlineExecutor(store, data_dir), queued),
        "retry": (store, InlineExecutor(store, data_dir), queued),
        "kill": (store, [queued]),
    }.get(request_, (store, queued))

    def fail(path):
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", fail)
        with pytest.raises(RunsFolderError) as raised:
            getattr(control, request_)(*given, by="ada")
    assert str(raised.value) == (
        f"The request cannot be written to the runs folder: {os.strerror(number)}."
    )
    assert read_state(queued.layout) == before


PROGRAM = """
import json, os, shutil, subprocess, sys
from pathlib import Path
from core.config import RunConfig
from core.exceptions import CoreError
from core.jobs import control
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs import files
from core.runs.store import Store
from core.runs.waits import Waits

kept, disk = Path(sys.argv[1]), Path(sys.argv[2])
config = RunConfig.checked(json.loads(sys.argv[3]))
if os.getuid() == 0:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m,mode=755", "none", disk], check=True)
dataset = config.dataset.load(disk / "data")
store = Store(disk / "runs", Waits(disk_retry=0.01, disk_patience=0.05))
executor = InlineExecutor(store, disk / "data")
said = {}

def say(what):
    (run,) = store.runs()
    said[what] = [run.state.state, run.state.reason, run.state.epoch]
    return run

def train(at, nth, action):
    seen = []
    def fault(path):
        if path.name == at:
            seen.append(path)
            if len(seen) == nth:
                action()
    files.fault = fault
    try:
        submit(store, executor, dataset, config, 0, owner="ada", device="cpu")
    except OSError as error:
        said["raised"] = error.strerror
    files.fault = lambda path: None
    return say("then")

def resume(run):
    try:
        control.resume(store, executor, run, by="ada")
    except CoreError as error:
        said["resumed at once"] = str(error)
    else:
        say("resumed at once")

def end(run):
    control.resume(store, executor, run, by="ada")
    shutil.copytree(disk / "runs", kept)
    print(json.dumps(said))
"""

ON_A_SHRINKING_DISK = f"""{PROGRAM}
def size(wanted):
    subprocess.run(["mount", "-o", f"remount,size={{wanted}}", "none", disk], check=True)

(disk / "ballast").write_bytes(bytes(3 * 2**19))
run = train("validation.class.f16", 1, lambda: size("6m"))
resume(run)
size("300m")
end(run)
"""

WITHOUT_THE_RIGHT = f"""{PROGRAM}
def forbid():
    for path in (disk / "runs", *(disk / "runs").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.getuid() == 0:
        os.seteuid(65534)

run = train("history.jsonl", 2, forbid)
resume(run)
os.seteuid(os.getuid())
for path in (disk / "runs", *(disk / "runs").rglob("*")):
    path.chmod(0o755 if path.is_dir() else 0o644)
end(run)
"""


def outcome(tmp_path, run, program, command=(), disk=None):
    """Run a program that trains like a run on a disk of its own; return what it said, and the store that it kept."""
    kept = tmp_path / "kept"
    if disk is None:
        disk = tmp_path / "disk"
        disk.mkdir()
    config = orjson.dumps(run.config).decode()
    done = subprocess.run(
        [*command, sys.executable, "-c", program, kept, disk, config],
        capture_output=True,
        text=True,
        env=python_environment(),
    )
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout), Store(kept)


def namespace(*options):
    """Return the command that gives a process mounts of its own, or skip where there is none."""
    command = ["unshare", *options, "--mount"]
    try:
        tried = subprocess.run(
            [*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
        )
    except OSError:
        pytest.skip("there is no unshare on this machine")
    if tried.returncode != 0:
        pytest.skip("a mount of one's own takes root or a user namespace")
    return command


def test_a_disk_of_6_megabytes_fills_up_and_the_run_pauses_until_it_is_larger(
    tmp_path, finished_run, assert_same_training
):
    command = namespace("--map-root-user")
    said, store = outcome(tmp_path, finished_run, ON_A_SHRINKING_DISK, command)
    assert said == {
        "then": ["paused", "disk_full", 2],
        "resumed at once": ["paused", "disk_full", 2],
    }
    (run,) = store.runs()
    assert_same_training(run, finished_run)


def test_a_run_whose_folder_becomes_read_only_is_shown_and_goes_on_when_it_may_be_written(
    tmp_path, finished_run, assert_same_training
):
    # To root nothing is read-only: it becomes nobody for a while, on a disk to which nobody finds the way.
    place = (namespace(), Path("/mnt")) if os.getuid() == 0 else ()
    said, store = outcome(tmp_path, finished_run, WITHOUT_THE_RIGHT, *place)
    assert said == {
        "raised": "Permission denied",
        "then": ["crashed", "died", 1],
        "resumed at once": "The request cannot be written to the runs folder: Permission denied.",
    }
    (run,) = store.runs()
    assert_same_training(run, finished_run)
