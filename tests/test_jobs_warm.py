"""Workers forked from the warm process: as good as cold ones, and cold ones come instead when it is not there."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest

import core
from core.jobs import control
from core.jobs.warm import MOST_SILENT, VARIABLE, WarmStart
from core.runs import files, locks
from core.runs.store import Store
from core.runs.waits import VARIABLE as WAITS_VARIABLE
from core.runs.waits import Waits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm start is for Linux")

LOADS = [sys.executable, "-P", "-m", "core.jobs.warm_process", "--root", "/nowhere"]


class Warm:
    """What the tests ask of a folder whose runner starts workers warm."""

    def __init__(self, processes, config):
        self.processes = processes
        store, host = processes.store, processes.store.observer.host
        self.log = store.layout.runner_log(host)
        # The first start is cold, and the runner's cue to start the warm process. A folder where its lock should be ends
        # the worker before it has loaded much.
        slot = locks.take(store.layout.slot_lock(host, "cpu-0"))
        self.first = processes.submit(config)
        self.first.layout.alive_lock.mkdir()
        slot.release()
        self.pid = self.until_ready()

    def until_ready(self, after=0):
        """Wait for a warm process with another id; return it."""

        def ready():
            lines = [one for one in self.log.read_text().splitlines() if one.endswith("is ready")]
            found = [int(one.split()[2]) for one in lines]
            return found[-1] if found and found[-1] != after else None

        return self.processes.until(lambda: self.log.exists() and ready())

    def starts(self, run):
        """Return how the runner started a run, one word an attempt: "warm" or "cold"."""
        lines = self.log.read_text().splitlines()
        return [one.rsplit(", ", 1)[1] for one in lines if f"started {run.id} " in one]


@pytest.fixture
def warm(processes, short_config, monkeypatch):
    """A folder whose warm process is ready, and has all the time that a slow machine may need."""
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setenv(
        WAITS_VARIABLE,
        orjson.dumps({**orjson.loads(os.environ[WAITS_VARIABLE]), "warm_answer": 100}).decode(),
    )
    return Warm(processes, short_config)


def test_a_warm_worker_is_like_a_cold_one_and_trains_to_the_same_bits(
    warm, processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    worker = psutil.Process(processes.until_within_epoch(run, 1))
    assert worker.ppid() == processes.runner()
    assert os.getsid(worker.pid) == os.getpgid(worker.pid) == worker.pid
    assert worker.nice() == os.nice(0) + 5
    assert worker.cwd() == str(run.layout.path)
    opened = {number: os.readlink(f"/proc/{worker.pid}/fd/{number}") for number in (0, 1, 2)}
    assert opened == {0: os.devnull, 1: str(run.layout.log), 2: str(run.layout.log)}
    assert [one for one in worker.open_files() if str(warm.first.layout.path) in one.path] == []
    finished = processes.until_state(run, "finished")
    assert (warm.starts(warm.first), warm.starts(run)) == (["cold"], ["warm"])
    assert finished.state.pid == worker.pid
    assert_same_training(finished, uninterrupted)
    processes.until(run.layout.exit(1).exists)
    ending = files.read_json(run.layout.exit(1))
    assert (ending["code"], ending["signal"]) == (0, None)
    assert ending["peak_memory"] > 50 * 2**20
    assert ending["cpu_seconds"] > 0


def test_warm_workers_can_be_stopped_and_killed_and_go_on_warm(
    warm, processes, long_config, monkeypatch
):
    run = processes.submit(long_config)
    processes.until_within_epoch(run, 1)
    control.stop(processes.store, run, by="ada")
    stopped = processes.until_state(run, "stopped")
    assert stopped.state.reason == "request"
    processes.until(lambda: processes.worker(run) is None)
    processes.resume(stopped)
    worker = processes.until(lambda: processes.store.run(run.id).state.pid)
    os.kill(worker, signal.SIGSTOP)  # it cannot stop by itself
    monkeypatch.setenv(WAITS_VARIABLE, '{"kill_after": 0}')
    control.kill(Store(processes.store.root), [run], by="ada")
    killed = processes.store.run(run.id)
    assert (killed.state.state, killed.state.reason) == ("stopped", "killed")
    processes.until(run.layout.exit(2).exists)
    exits = [files.read_json(run.layout.exit(number)) for number in (1, 2)]
    assert [(one["code"], one["signal"]) for one in exits] == [(0, None), (None, 9)]
    assert warm.starts(run) == ["warm", "warm"]


def test_a_warm_worker_outlives_its_runner_which_ends_the_warm_process(
    warm, processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    worker = processes.until_within_epoch(run, 1)
    os.kill(processes.runner(), signal.SIGKILL)
    processes.until(lambda: not psutil.pid_exists(warm.pid))
    finished = processes.until_state(run, "finished")
    assert warm.starts(run) == ["warm"]
    assert (finished.state.attempt, finished.state.pid) == (1, worker)
    assert_same_training(finished, uninterrupted)


def test_without_its_warm_process_a_run_starts_cold_and_the_next_one_warm_again(
    warm, processes, short_config
):
    os.kill(warm.pid, signal.SIGKILL)
    second = processes.submit(short_config, seed=1)
    assert processes.until_state(second, "finished").state.attempt == 1
    warm.until_ready(after=warm.pid)
    third = processes.submit(short_config, seed=2)
    assert processes.until_state(third, "finished").state.attempt == 1
    assert [warm.starts(run) for run in (second, third)] == [["cold"], ["warm"]]


def test_a_warm_process_with_old_code_starts_nothing(tmp_path):
    copied = shutil.copytree(Path(core.__file__).parent, tmp_path / "core")
    with subprocess.Popen(
        LOADS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    ) as process:
        assert orjson.loads(process.stdout.readline()) == {"ready": True}
        os.utime(copied / "training" / "loop.py", ns=(1, 1))
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        assert orjson.loads(process.stdout.readline()) == {"problem": "The code has changed."}
        assert process.wait() == 0


def test_there_is_no_warm_process_where_none_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    before = psutil.Process().children()
    warm = WarmStart(tmp_path, Waits())
    warm.ensure()
    assert psutil.Process().children() == before


# With a stand-in for the warm process; each in a process of its own, to which orphans of its processes come.

PREPARED = """
import os, subprocess, sys, time, psutil
from pathlib import Path
from core.jobs.warm import MOST_SILENT, Start, WarmStart
from core.runs.layout import RunLayout
from core.runs.waits import Waits
sys.executable, folder = sys.argv[1], Path(sys.argv[2])
warm = WarmStart(folder, Waits(warm_answer=float(sys.argv[3])))
def start(slot="cpu-0", threads=1):
    return Start(RunLayout(folder), 1, slot, threads, "")
def until_ready():
    while not (folder / "ready").exists():
        time.sleep(0.01)
"""
"""Begins each program; its arguments: the stand-in for Python, a folder, how long to wait for an answer."""


@pytest.fixture
def printed_by(tmp_path):
    """`printed_by(script, program)` returns what a program says whose warm process is a shell script in its folder."""

    def run(script, program, warm_answer=100):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
        python.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", PREPARED + program, python, tmp_path, str(warm_answer)],
            env=os.environ | {VARIABLE: "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


READY = """echo '{"ready": true}'; touch ready; read request;"""


def test_only_what_a_fork_can_give_is_asked_of_the_warm_process(printed_by):
    program = """
warm.ensure()
until_ready()
print(warm.fork(start(slot="gpu-0")), warm.fork(start(threads=2)))
print(warm.fork(start()).pid)
"""
    assert printed_by(READY + """echo '{"pid": 123}'; cat""", program) == ["None None", "123"]


def test_a_warm_process_that_does_not_answer_in_time_is_ended(printed_by):
    program = """
warm.ensure()
(process,) = psutil.Process().children()
until_ready()
print(warm.fork(start()), process.is_running())
"""
    assert printed_by(READY + "cat", program, warm_answer=0.1) == ["None False"]


def test_a_warm_process_that_dies_meanwhile_starts_nothing(printed_by):
    program = """
warm.ensure()
until_ready()
print(warm.fork(start()))
"""
    assert printed_by(READY + "exit 1", program) == ["None"]


def test_a_log_that_cannot_be_written_is_an_error_of_the_start(printed_by, tmp_path):
    (tmp_path / "log.txt").mkdir()
    program = """
warm.ensure()
until_ready()
try:
    warm.fork(start())
except IsADirectoryError:
    print("refused")
(tmp := folder / "log.txt").rmdir()
print(warm.fork(start()).pid)
"""
    assert printed_by(READY + """echo '{"pid": 123}'; cat""", program) == ["refused", "123"]


def test_after_some_that_never_got_ready_no_more_warm_processes_are_started(printed_by, tmp_path):
    program = """
for _ in range(MOST_SILENT + 2):
    warm.ensure()
    psutil.wait_procs(psutil.Process().children())
    print(warm.fork(start()))
"""
    said = printed_by("echo started >> starts; exit 1", program)
    assert said == ["None"] * (MOST_SILENT + 2)
    assert (tmp_path / "starts").read_text().count("started") == MOST_SILENT


def test_orphans_of_processes_are_reaped_and_known_ones_left_to_others(printed_by):
    program = """
warm.ensure()
known = subprocess.Popen(["sh", "-c", "read go; exit 3"], stdin=subprocess.PIPE)
while not (folder / "orphan").exists() or len(psutil.Process().children()) > 1:
    warm.reap_strays({known.pid})
    time.sleep(0.05)
known.stdin.close()
while psutil.Process(known.pid).status() != psutil.STATUS_ZOMBIE:
    time.sleep(0.05)
warm.reap_strays({known.pid})
print(known.wait())
"""
    assert printed_by("sh -c 'touch orphan' & exit 0", program) == ["3"]
