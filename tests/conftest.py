"""What every test shares: one thread, so that tests beside each other do not slow each other down.

The numerical libraries read these variables when first imported, hence before any test module.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# Loading torch once more takes seconds of each test whose runner starts a worker; test_jobs_warm.py switches it on.
os.environ.setdefault("PETRIDISH_WARM_START", "0")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder of data sets that all tests share: each is made once a session."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def store(tmp_path):
    """An empty store of this test's own; its folder `tmp_path / "runs"` is not made yet."""
    from core.runs.store import Store

    return Store(tmp_path / "runs")


@pytest.fixture(scope="session")
def only_read():
    """A context manager that fails where the files of a folder that tests share are not what they were.

    A test that writes there would break others, depending on which ran before it.
    """

    @contextlib.contextmanager
    def checked(folder):
        made = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        yield
        assert [path for path in made if path.read_bytes() != made[path]] == []

    return checked


@pytest.fixture(scope="session")
def finished_store(tmp_path_factory, data_dir, only_read):
    """A store with one finished run: digits, dense-base, seed 0, 3 epochs. Only for reading."""
    from core.jobs.inline import InlineExecutor
    from core.jobs.submit import submit
    from core.runs.store import Store
    from core.variants import run_config

    store = Store(tmp_path_factory.mktemp("finished") / "runs")
    config = run_config(
        {"name": "digits"}, "dense-base", {"training.max_epochs": 3, "training.batch_size": 64}
    )
    dataset = config.dataset.load(data_dir)
    executor = InlineExecutor(store, data_dir)
    run = submit(store, executor, dataset, config, seed=0, owner="ada", device="cpu")
    assert store.run(run.id).state.state == "finished", store.run(run.id).state.message
    with only_read(run.layout.path):
        yield store


@pytest.fixture(scope="session")
def finished_run(finished_store):
    """The run of `finished_store`."""
    (run,) = finished_store.runs()
    return run


@pytest.fixture
def finished_copy(finished_store, tmp_path):
    """A store of this test's own with a copy of the finished run, to write to and to break."""
    from core.runs.store import Store

    shutil.copytree(finished_store.root, tmp_path / "copied")
    return Store(tmp_path / "copied")


class Recorder:
    """An executor that only notes what it is given: id, state, attempt."""

    name = "recorder"

    def __init__(self):
        self.submitted = []

    def submit(self, run, attempt):
        self.submitted.append((run.id, run.state.state, attempt))
        return f"{run.id}-{attempt}"


@pytest.fixture
def recorder():
    """An executor that starts nothing."""
    return Recorder()


# What the tests of jobs share: real processes on a runs folder of the test's own, and trainings to compare with.

WAITS = {
    "runner_poll": 0.05,
    "runner_idle": 600,
    "start_grace": 60,
    "lock_wait": 0.3,
    "progress": 0.02,
    "beat": 0.05,
    "disk_retry": 0.05,
    "disk_patience": 0.3,
}
"""Short where a test would only wait, long where a slow machine must not change the outcome."""


class Processes:
    """A runs folder whose runner and workers are processes; whoever names it in a command line belongs to it."""

    def __init__(self, store, data_dir):
        from core.jobs.local import LocalExecutor

        self.store = store
        self.data_dir = data_dir
        self.executor = LocalExecutor(store, data_dir)

    def submit(self, config, seed=0, **options):
        """Queue a run."""
        from core.jobs.submit import submit

        dataset = config.dataset.load(self.data_dir)
        options = {"device": "cpu", **options}
        return submit(self.store, self.executor, dataset, config, seed, **options)

    def resume(self, run):
        """Queue it again."""
        from core.jobs import control

        control.resume(self.store, self.executor, run, by="ada")

    def until(self, condition, seconds=120):
        """Wait until a condition gives something true, and return that."""
        give_up = time.monotonic() + seconds
        while True:
            found = condition()
            if found:
                return found
            assert time.monotonic() < give_up, f"waited {seconds} s in vain\n{self.logs()}"
            time.sleep(0.03)

    def until_state(self, run, state):
        """Wait until a run is in a state, and return the run; fail at once when it ends in another."""
        from core.runs.state import ACTIVE

        def reached():
            now = self.store.run(run.id)
            if now.state.state == state:
                return now
            assert now.state.state in ACTIVE, f"{now.state}\n{self.logs()}"
            return None

        return self.until(reached)

    def until_within_epoch(self, run, epoch):
        """Wait until a worker has done some steps of an epoch, and return the worker's process id."""
        from core.runs.state import read_beat

        def reached():
            beat = read_beat(run.layout)
            return beat.get("epoch", 0) >= epoch and beat["step"] > 0 and self.worker(run)

        return self.until(reached)

    def worker(self, run):
        """Return the process id that holds a run's lock, or None."""
        from core.runs import locks

        return locks.holder(run.layout.alive_lock)

    def runner(self):
        """Return the process id of the folder's runner, or None."""
        from core.runs import locks

        return locks.holder(self.store.layout.runner_lock(self.store.observer.host))

    def of_folder(self):
        """Return all processes that were started for this folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.store.root) in part for part in process.cmdline()):
                    found.append(process)
        return found

    def logs(self):
        """Return what everybody wrote, for the message of a failure."""
        logs = [*self.store.root.glob(".runner/*.log"), *self.store.root.glob("*/log.txt")]
        return "\n".join(f"{log}:\n{log.read_text(errors='replace')[-4000:]}" for log in logs)

    def close(self):
        """Leave no process behind."""
        left = self.of_folder()
        # Killing a runner first keeps it from starting more.
        for process in sorted(left, key=lambda one: "core.jobs.worker" in one.cmdline()):
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=30)


@pytest.fixture
def processes(tmp_path, data_dir, monkeypatch):
    """Real processes on an empty runs folder, one CPU slot, short waits."""
    import orjson

    from core.runs.store import Store
    from core.runs.waits import VARIABLE

    monkeypatch.setenv(VARIABLE, orjson.dumps(WAITS).decode())
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", "1")
    store = Store(tmp_path / "runs")
    store.require_writable()
    started = Processes(store, data_dir)
    yield started
    started.close()


@pytest.fixture(scope="session")
def spec_of():
    """What `Store.create` needs to make a run like another: its `run.json` without what is the store's, with changes."""

    def copied(run, **changes):
        given = ("id", "schema", "created", "config_sha256")
        return {key: value for key, value in run.spec.items() if key not in given} | changes

    return copied


@pytest.fixture(scope="session")
def long_config():
    """Six epochs with two heads, each long enough to be met in its middle."""
    from core.variants import run_config

    settings = {"training.max_epochs": 6, "training.batch_size": 16}
    return run_config({"name": "shapes", "images": 600}, "shapes-net", settings)


@pytest.fixture(scope="session")
def short_config():
    """One epoch of digits."""
    from core.variants import run_config

    settings = {"training.max_epochs": 1, "training.batch_size": 64}
    return run_config({"name": "digits"}, "dense-base", settings)


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, data_dir, long_config):
    """The run of `long_config` with seed 0, trained in one go in this process. Only for reading."""
    from core.jobs.inline import InlineExecutor
    from core.jobs.submit import submit
    from core.runs.store import Store

    store = Store(tmp_path_factory.mktemp("uninterrupted") / "runs")
    dataset = long_config.dataset.load(data_dir)
    executor = InlineExecutor(store, data_dir)
    run = submit(store, executor, dataset, long_config, seed=0, device="cpu")
    return store.run(run.id)


@pytest.fixture(scope="session")
def assert_same_training():
    """A check that two runs are equal bit for bit: weights, history but for times, every stored output."""
    from core.runs import files
    from core.training.loop import MEASURED_KEYS

    def lasting(run):
        measured = {*MEASURED_KEYS, "attempt", "time"}
        return [{k: v for k, v in row.items() if k not in measured} for row in run.history()]

    def stored(run):
        folders = (run.layout.predictions_dir, run.layout.results_dir)
        return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}

    def check(run, reference):
        assert run.state.state == reference.state.state == "finished"
        assert lasting(run) == lasting(reference)
        of_run, of_reference = (files.read_json(one.layout.best_json) for one in (run, reference))
        assert of_run["epoch"] == of_reference["epoch"]
        assert of_run["weights_sha256"] == of_reference["weights_sha256"]
        outputs, expected = stored(run), stored(reference)
        assert outputs.keys() == expected.keys()
        assert [name for name in outputs if outputs[name] != expected[name]] == []

    return check


@pytest.fixture
def on_small_disk(tmp_path):
    """Runs a program on a disk of its own: `on_small_disk("size=2m", program)` returns what it printed.

    The disk is the program's first argument; it exists in a private mount namespace only, which takes root to make.
    """
    disk = tmp_path / "disk"
    disk.mkdir()

    def inside(*command):
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", *command],
            capture_output=True,
            text=True,
        )

    def run(options, program):
        mount = 'mount -t tmpfs -o "$1" disk "$2" && shift && exec "$0" -c "$2" "$1"'
        done = inside("sh", "-c", mount, sys.executable, options, disk, program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        tried = inside("mount", "-t", "tmpfs", "disk", disk)
    except FileNotFoundError:
        pytest.skip("there is no unshare on this machine")
    if tried.returncode != 0:
        pytest.skip("a private mount takes root")
    return run


# What the tests of the command line share.


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to work in, with no folders named by the environment and no data sets."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("PETRIDISH_RUNS", raising=False)
    monkeypatch.setenv("PETRIDISH_DATA", str(tmp_path / "nowhere"))
    return tmp_path / "here"


@pytest.fixture
def petridish(capfd, elsewhere):
    """The command in this process: `petridish("runs", "list")` returns exit status, standard output and error."""
    from core.cli import main

    def call(*arguments):
        capfd.readouterr()
        status = 0
        try:
            main([str(one) for one in arguments])
        except SystemExit as leaving:
            status = leaving.code
        said = capfd.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def facts(petridish):
    """What a command says as JSON, when nothing is wrong."""
    import orjson

    def call(*arguments):
        status, out, err = petridish(*arguments, "--json")
        assert (status, err) == (0, "")
        assert out.count("\n") == 1
        return orjson.loads(out)

    return call


@pytest.fixture
def petridish_process(elsewhere):
    """The command as a process of its own."""

    def call(*arguments):
        command = [Path(sys.executable).with_name("petridish"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return call


@pytest.fixture
def occupied_store(processes):
    """A folder whose only slot is taken: its runner starts nothing."""
    from core.runs import locks

    host = processes.store.observer.host
    lock = locks.take(processes.store.layout.slot_lock(host, "cpu-0"))
    yield processes.store
    processes.close()
    lock.release()


@pytest.fixture
def trained(store):
    """Writes a run as if it had been trained: `trained("dense-base", 0, is_right)`, right on test and validation where said."""
    import numpy as np

    from core.labels import LabelSpace
    from core.runs import files, outputs
    from core.runs.state import RunState, write_state
    from core.variants import run_config

    def written(variant, seed, is_right, state="finished", data="d" * 64, rows=None, **changes):
        is_right = np.asarray(is_right)
        config = run_config({"name": "digits"}, variant, changes).to_json()
        spec = {"config": config, "data_fingerprint": data, "seed": seed, "owner": "ada"}
        spec |= {"resources": {}, "name": None, "suite": None}
        layout = store.create(spec, 2).layout
        space = LabelSpace(class_names=tuple("0123456789"))
        labels = np.arange(len(is_right)) % 10
        logits = np.eye(10, dtype=np.float16)[np.where(is_right, labels, (labels + 1) % 10)]
        # Seeds that answer alike are not equally sure.
        logits *= np.float16(2 + seed)
        truth = outputs.Truth(np.arange(len(labels)), labels)
        outputs.write_index(layout, space, ["class"], {"validation": truth})
        row = {"attempt": 1, "step": 10, "stage": 0, "epoch_seconds": 2.0, "peak_memory": 100}
        row |= {"validation_accuracy": float(is_right.mean()), "samples": 64}
        rows = rows or [row | {"epoch": 1}, row | {"epoch": 2, "step": 20, "epoch_seconds": 4.0}]
        for one in rows:
            files.append_row(layout.history, one)
            outputs.write_record(layout, "validation", "class", one["epoch"], logits)
        best = {"epoch": 1, "parameters": 1234, "image_shape": [1, 8, 8]}
        files.write_json(layout.best_json, {"schema": files.SCHEMA, **best})
        if state == "finished":
            outputs.write_test(layout, space, truth, {"class": logits}, 1)
        write_state(layout, RunState(state, epoch=len(rows), epochs=2, best_epoch=1))
        return store.run(layout.id)

    return written
