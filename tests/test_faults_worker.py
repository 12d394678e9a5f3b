"""Workers that are killed, halted, starved or robbed of their folder: what is shown, and that the run ends as if nothing was.

Each worker is a process of its own and each death a real SIGKILL, at a given write or rename and not at a given time.
A worker is forked from one process that has torch loaded, which is why twenty deaths take seconds.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from core.exceptions import RunStateError
from core.jobs import control
from core.jobs.attempt import LARGEST_LOG
from core.jobs.inline import InlineExecutor
from core.jobs.local import LocalExecutor, python_environment
from core.jobs.submit import submit
from core.runs import checkpoints, history, locks, records
from core.runs.fsck import fsck
from core.runs.host import process_start
from core.runs.state import read_state, write_state
from core.runs.store import Store
from core.runs.waits import VARIABLE, Waits
from core.variants import run_config

WAITS = {"lock_wait": 5, "progress": 0, "beat": 0.02, "disk_retry": 0.01, "disk_patience": 0.05}
READERS_WAITS = {"start_grace": 1e-6, "stall": 0.2}

FORKS = r"""
import json, os, re, resource, signal, sys
import torch
from core.config import RunConfig
from core.datasets import DATASETS
from core.jobs import checks, worker
from core.models import forward
from core.runs import files
from core.training import loop

def arrange(at=None, nth=1, do="kill", largest_file=None):
    seen = []
    def act():
        if do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "halt":
            os.kill(os.getpid(), signal.SIGSTOP)
        if do == "starve":
            used = int(re.search(r"VmSize:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**23, resource.RLIM_INFINITY))
        if do == "flood":
            for _ in range(12):
                os.write(1, b"x" * (2**20 - 1) + b"\n")
    def passed(name):
        if re.sub(r"\.\d+-\d+\.tmp$", "", re.sub(r"^\d{4}\.json", "attempt.json", name)) == at:
            seen.append(name)
            if nth in (None, len(seen)):
                act()
    def audit(event, arguments):
        if event == "os.rename":
            passed("rename " + os.path.basename(arguments[1]))
    files.fault = lambda path: passed(path.name)
    sys.addaudithook(audit)
    if at == "half of last.pt":
        save = torch.save
        def save_half(state, path):
            save(state, path)
            if len(seen) + 1 == nth:
                os.truncate(path, os.path.getsize(path) // 2)
            passed(at)
        torch.save = save_half
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

for line in sys.stdin:
    folder, attempt, plan = json.loads(line)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        log = os.open(folder + "/log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(folder)
        arrange(**plan)
        code = 1
        try:
            code = worker.main(["--run", folder, "--attempt", str(attempt), "--slot", "cpu-0"])
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Starts one worker a line, says its process id, and how it ended."""


class Workers:
    """An executor whose workers die, halt or lack something as their `plan` says; it waits for nobody by itself."""

    name = "forked"

    def __init__(self, process):
        self.process = process
        self.plan = {}
        self.pid = None

    def submit(self, run, attempt):
        """Start a worker, and say so in the state before, as the runner does."""
        observer = Store(run.layout.path.parent).observer
        place = {"host": observer.host, "boot": observer.boot, "slot": "cpu-0"}
        starting = {"state": "starting", "attempt": attempt, "t": time.time(), **place}
        write_state(run.layout, replace(read_state(run.layout), **starting))
        self.process.stdin.write(json.dumps([str(run.layout.path), attempt, self.plan]) + "\n")
        self.process.stdin.flush()
        self.pid = int(self.process.stdout.readline())
        return f"{run.id}-{attempt}"

    def ended(self):
        """Wait for the worker's end; return its exit status, negative for a signal."""
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def process(data_dir):
    variables = python_environment() | {VARIABLE: json.dumps(WAITS)}
    variables["PETRIDISH_DATA"] = str(data_dir)
    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=variables,
        start_new_session=True,
    ) as forks:
        yield forks
        forks.stdin.close()


@pytest.fixture
def workers(process):
    started = Workers(process)
    yield started
    if started.pid is not None and psutil.pid_exists(started.pid):
        os.kill(started.pid, signal.SIGKILL)
        started.ended()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs", Waits(**READERS_WAITS))


@pytest.fixture
def queued(store, finished_run, spec_of):
    """A run that would do what `finished_run` did: digits, 3 epochs. It waits."""
    return store.create(spec_of(finished_run), epochs=3)


def until(condition, seconds=120):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"waited {seconds} s in vain"
        time.sleep(0.01)


def is_halted(pid):
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def assert_nothing_but_old_leftovers(store, run):
    """Check that fsck finds nothing else, and removes them a day later."""
    left = list(run.layout.path.rglob("*.tmp"))
    found = [one.finding for one in fsck(store) if one.finding.kind != "notice"]
    assert {one.kind for one in found} <= {"leftover"}
    assert len(found) == len(left)
    for path in left:
        os.utime(path, (0, 0))
    fsck(store, fix=True)
    assert list(run.layout.path.rglob("*.tmp")) == []


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def resumed(store, workers, run, **plan):
    """Resume a run under a plan, and return its worker's exit status."""
    workers.plan = plan
    control.resume(store, workers, run, by="ada")
    return workers.ended()


def begun(workers, run, **plan):
    """Start the first attempt of a run under a plan, and return its worker's exit status."""
    workers.plan = plan
    workers.submit(run, 1)
    return workers.ended()


DEATHS = [
    # (just before this, for the nth time, epoch from which the next attempt goes on)
    ("attempt.json", 1, 1),
    ("state.json", 1, 1),
    ("attempt.json", 2, 1),
    ("index.json", 1, 1),
    ("validation.class.f16", 1, 1),
    ("history.jsonl", 1, 1),
    ("best.safetensors", 1, 1),
    ("best.json", 1, 1),
    ("half of last.pt", 1, 1),
    ("last.json", 1, 1),
    ("state.json", 2, 2),
    ("history.jsonl", 1, 2),
    ("rename best.safetensors", 1, 2),
    ("rename best.json", 1, 2),
    ("half of last.pt", 1, 2),
    ("rename prev.pt", 1, 2),
    ("rename prev.json", 1, 2),
    ("rename last.pt", 1, 2),
    ("rename last.json", 1, 2),
    ("state.json", 3, 4),
    ("test.class.npy", 1, 4),
    ("test.json", 1, 4),
    ("state.json", 2, 4),
]


def test_a_run_whose_every_worker_dies_in_another_write_ends_as_if_never_interrupted(
    store, queued, workers, finished_run, assert_same_training
):
    for number, (at, nth, epoch) in enumerate(DEATHS, 1):
        start = begun if number == 1 else lambda *given, **plan: resumed(store, *given, **plan)
        assert start(workers, queued, at=at, nth=nth) == -signal.SIGKILL, (at, nth)
        run = store.run(queued.id)
        assert (run.state.state, run.state.reason, run.damaged) == ("crashed", "died", None), at
        assert run.state.message == (
            "The worker died; nobody saw how. Resume goes on from its last checkpoint."
        )
        rows = run.history()
        assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1)), at
        assert len(rows) >= epoch - 1, at
        for row in rows:
            assert len(run.predictions("validation", row["epoch"])) > 0
        checkpoint, _ = checkpoints.usable(run.layout, len(rows))
        assert (checkpoint.epoch if checkpoint else 0) == epoch - 1, at
    assert resumed(store, workers, queued) == 0
    run = store.run(queued.id)
    assert listed(run.layout.results_dir) == listed(finished_run.layout.results_dir)
    assert listed(run.layout.predictions_dir) == listed(finished_run.layout.predictions_dir)
    assert listed(run.layout.checkpoints_dir) == listed(finished_run.layout.checkpoints_dir)
    assert_nothing_but_old_leftovers(store, run)
    assert_same_training(run, finished_run)
    assert run.state.best_epoch == finished_run.state.best_epoch
    assert run.state.best_validation_accuracy == finished_run.state.best_validation_accuracy
    assert run.state.attempt == len(DEATHS) + 1
    assert history.attempts(run.layout)[len(DEATHS) + 1]["from_epoch"] == 4
    assert not run.layout.prev_checkpoint.exists()


def test_a_foreign_process_with_the_worker_s_id_is_neither_taken_for_it_nor_touched(
    store, queued, workers, data_dir, finished_run, assert_same_training
):
    assert begun(workers, queued, at="history.jsonl", nth=2) == -signal.SIGKILL
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        # As if the kernel had given it the dead worker's id; it started at another time.
        state = read_state(queued.layout)
        assert state.pid_start != process_start(stranger.pid)
        write_state(queued.layout, replace(state, pid=stranger.pid))
        run = store.run(queued.id)
        assert (run.state.state, run.state.reason) == ("crashed", "died")
        for request, done in (("stop", "stopped"), ("pause", "paused")):
            with pytest.raises(RunStateError) as raised:
                getattr(control, request)(store, run, by="ada")
            assert str(raised.value) == (
                f"Run {run.id} is crashed; only a run under way can be {done}."
            )
        with pytest.raises(RunStateError, match="is crashed; only a run under way can be killed"):
            control.kill(store, [run], by="ada")
        LocalExecutor(store, data_dir).cancel(f"{run.id}-1")
        assert resumed(store, workers, run) == 0
        assert stranger.poll() is None
        stranger.kill()
    assert_same_training(store.run(run.id), finished_run)


def stalled(store, workers, queued, at, nth):
    """Start a worker that halts itself at the nth write of a file, and return the run once that shows."""
    workers.plan = {"at": at, "nth": nth, "do": "halt"}
    workers.submit(queued, 1)
    until(lambda: is_halted(workers.pid))
    until(lambda: store.run(queued.id).state.state == "stalled")
    return store.run(queued.id)


def test_a_halted_worker_shows_as_stalled_and_runs_on_when_it_is_let(
    store, queued, workers, finished_run, assert_same_training
):
    run = stalled(store, workers, queued, "validation.class.f16", 2)
    assert (run.state.reason, run.state.epoch) == ("no_progress", 1)
    assert run.state.message.startswith("The worker lives, but nothing has moved for ")
    with pytest.raises(RunStateError, match=f"Run {run.id} is stalled; only a run that is "):
        control.resume(store, workers, run, by="ada")
    assert locks.holder(run.layout.alive_lock) == workers.pid
    os.kill(workers.pid, signal.SIGCONT)
    assert workers.ended() == 0
    run = store.run(queued.id)
    assert (run.state.attempt, run.state.message) == (1, None)
    assert_same_training(run, finished_run)


def test_a_worker_halted_before_its_first_state_shows_as_stalled_and_can_be_killed(
    store, queued, workers, finished_run, assert_same_training
):
    run = stalled(store, workers, queued, "state.json", 1)
    assert (read_state(run.layout).state, run.state.pid) == ("starting", workers.pid)
    control.kill(Store(store.root, Waits(**READERS_WAITS, kill_after=0)), [run], by="ada")
    assert workers.ended() == -signal.SIGKILL
    run = store.run(run.id)
    assert (run.state.state, run.state.reason, run.state.by) == ("stopped", "killed", "ada")
    assert resumed(store, workers, run) == 0
    assert_same_training(store.run(run.id), finished_run)


def test_a_worker_without_memory_fails_in_plain_words_and_its_retry_finishes(
    store, workers, data_dir, tmp_path, assert_same_training
):
    settings = {"training.max_epochs": 1, "training.batch_size": 256}
    config = run_config(
        {"name": "digits"}, "dense-base", settings | {"model.hidden_layers": [1536, 1536]}
    )
    dataset = config.dataset.load(data_dir)
    elsewhere = Store(tmp_path / "elsewhere")
    inline = InlineExecutor(elsewhere, data_dir)
    whole = submit(elsewhere, inline, dataset, config, 0, owner="ada", device="cpu")
    # Its own memory and 8 MiB more: less than the network's weights and what the optimizer keeps of them.
    workers.plan = {"at": "attempt.json", "nth": 2, "do": "starve"}
    run = submit(store, workers, dataset, config, 0, owner="ada", device="cpu")
    assert workers.ended() == 0
    failed = store.run(run.id)
    assert (failed.state.state, failed.state.reason) == ("failed", "memory")
    assert failed.state.message == (
        "The memory ran out. Take a smaller training.batch_size or model, or fewer runs at once, and retry; "
        "finished epochs are kept."
    )
    assert "Traceback" in records.log_tail(run.layout, 10_000)
    workers.plan = {}
    control.retry(store, workers, failed, by="ada")
    assert workers.ended() == 0
    assert_same_training(store.run(run.id), elsewhere.run(whole.id))


def test_a_limit_on_the_size_of_files_below_the_checkpoint_pauses_the_run_and_is_named(
    store, queued, workers, finished_run, assert_same_training
):
    limit = 2**20
    assert finished_run.layout.best_weights.stat().st_size < limit
    assert limit < finished_run.layout.last_checkpoint.stat().st_size
    assert begun(workers, queued, largest_file=limit) == 0
    run = store.run(queued.id)
    assert (run.state.state, run.state.reason, run.state.epoch) == ("paused", "disk_full", 0)
    assert run.state.message == (
        "The disk is full, or a file has reached the limit of 1 MiB (ulimit -f). "
        "Free some space and resume; nothing up to epoch 0 is lost."
    )
    assert [path.name for path in run.layout.checkpoints_dir.glob("last*")] == []
    assert resumed(store, workers, run) == 0
    assert_same_training(store.run(run.id), finished_run)


def test_a_run_moved_away_while_it_trains_goes_on_where_it_lies_now(
    store, queued, workers, tmp_path, finished_run, assert_same_training
):
    elsewhere = Store(tmp_path / "elsewhere", Waits(**READERS_WAITS))
    elsewhere.root.mkdir()
    workers.plan = {"at": "validation.class.f16", "nth": 2, "do": "halt"}
    workers.submit(queued, 1)
    until(lambda: is_halted(workers.pid))
    os.rename(queued.layout.path, elsewhere.root / queued.id)
    # Its worker lives and holds its lock, wherever the folder is.
    assert elsewhere.run(queued.id).state.state in ("running", "stalled")
    assert store.runs() == []
    os.kill(workers.pid, signal.SIGCONT)
    assert workers.ended() == 1
    assert os.listdir(store.root) == [".slots"]
    run = elsewhere.run(queued.id)
    assert (run.state.state, run.state.reason, run.state.epoch) == ("crashed", "died", 1)
    assert "No such file or directory" in records.log_tail(run.layout, 10_000)
    assert resumed(elsewhere, workers, run) == 0
    run = elsewhere.run(queued.id)
    assert history.attempts(run.layout)[2]["from_epoch"] == 2
    assert_same_training(run, finished_run)


def test_a_run_moved_away_and_back_trains_on_as_if_nothing_was(
    store, queued, workers, tmp_path, finished_run, assert_same_training
):
    workers.plan = {"at": "history.jsonl", "nth": 2, "do": "halt"}
    workers.submit(queued, 1)
    until(lambda: is_halted(workers.pid))
    os.rename(queued.layout.path, tmp_path / "away")
    assert store.runs() == []
    os.rename(tmp_path / "away", queued.layout.path)
    os.kill(workers.pid, signal.SIGCONT)
    assert workers.ended() == 0
    assert store.run(queued.id).state.attempt == 1
    assert_same_training(store.run(queued.id), finished_run)


def test_a_worker_that_floods_its_log_trains_to_the_end_and_the_log_ends_with_a_note(
    store, queued, workers, finished_run, assert_same_training
):
    # 12 MiB in each of three epochs.
    assert begun(workers, queued, at="validation.class.f16", nth=None, do="flood") == 0
    assert_same_training(store.run(queued.id), finished_run)
    assert LARGEST_LOG < queued.layout.log.stat().st_size < 24 * 2**20 + 1000
    assert records.log_tail(queued.layout, 1000).endswith(
        "The log has reached 20 MB; what follows is left out."
    )
