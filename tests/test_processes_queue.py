"""Many processes at one runs folder: runners, submitters and requests at the same moment."""

import subprocess
import sys
from itertools import pairwise

import orjson
import pytest

from core.jobs import queue
from core.jobs.executor import Gone
from core.jobs.inline import InlineExecutor
from core.runs import files, history, locks
from core.runs.state import write_state

SUBMIT = """
import json, sys
from pathlib import Path
from core.jobs.local import LocalExecutor
from core.runs.store import Store
store, spec = Store(Path(sys.argv[1])), json.loads(sys.argv[3])
sys.stdin.readline()
run = store.create(spec, epochs=3)
LocalExecutor(store, Path(sys.argv[2])).submit(run, attempt=1)
print(run.id)
"""

RESUME = """
import sys
from pathlib import Path
from core.exceptions import RunStateError
from core.jobs import control
from core.jobs.local import LocalExecutor
from core.runs.store import Store
store = Store(Path(sys.argv[1]))
run = store.run(sys.argv[3])
sys.stdin.readline()
try:
    control.resume(store, LocalExecutor(store, Path(sys.argv[2])), run, by="ada")
    print("resumed")
except RunStateError as error:
    print(error)
"""


def at_once(processes, program, arguments):
    """Run a program once for each argument, all let go at the same moment; return what they print."""
    command = [sys.executable, "-c", program, processes.store.root, processes.data_dir]
    started = [
        subprocess.Popen(
            [*command, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for argument in arguments
    ]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[0].strip() for process in started]


def test_of_two_runners_started_at_once_one_lives(processes):
    command = [sys.executable, "-m", "core.jobs.runner", "--root", processes.store.root]
    runners = [subprocess.Popen(command) for _ in range(2)]
    processes.until(lambda: any(one.poll() is not None for one in runners))
    (ended,) = [one for one in runners if one.poll() is not None]
    (living,) = [one for one in runners if one is not ended]
    assert ended.returncode == 0
    assert processes.runner() == living.pid
    living.kill()
    living.wait()
    assert processes.runner() is None


# Each of them imports torch and then trains: twenty take minutes.
@pytest.mark.parametrize("number", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_submissions_at_once_to_one_slot_are_each_trained_once_and_one_by_one(
    processes, finished_run, spec_of, number
):
    specs = [
        orjson.dumps(spec_of(finished_run, seed=seed, executor="local")).decode()
        for seed in range(number)
    ]
    ids = at_once(processes, SUBMIT, specs)
    assert len(set(ids)) == number
    runs = [processes.until_state(processes.store.run(run_id), "finished") for run_id in ids]
    for run in runs:
        # Its last event follows the state.
        processes.until(run.layout.exit(1).exists)
        assert list(history.attempts(run.layout)) == [1]
        assert [(row["epoch"], row["attempt"]) for row in read_rows(run)] == [
            (1, 1),
            (2, 1),
            (3, 1),
        ]
        kinds = [event["event"] for event in files.parse_rows(run.layout.events.read_bytes())[0]]
        assert kinds == ["running", "finished"]
    # From the moment that a worker has its slot to its last word.
    times = sorted((history.attempts(run.layout)[1]["time"], run.state.ended) for run in runs)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))
    assert {run.state.slot for run in runs} == {"cpu-0"}
    assert queue.entries(processes.store.layout, processes.store.observer.host) == []


def read_rows(run):
    return files.parse_rows(run.layout.history.read_bytes())[0]


def test_of_two_who_resume_at_once_one_is_told_that_it_waits_already(
    processes, finished_run, spec_of
):
    store = processes.store
    slot = locks.take(store.layout.slot_lock(store.observer.host, "cpu-0"))
    try:
        run = store.create(spec_of(finished_run), epochs=3)
        write_state(run.layout, type(run.state)("stopped", host=store.observer.host))
        answers = sorted(at_once(processes, RESUME, [run.id, run.id]))
        assert answers == [
            f"Run {run.id} is queued; only a run that is paused, stopped, failed, crashed, "
            "interrupted or lost can be resumed.",
            "resumed",
        ]
        (entry,) = queue.entries(store.layout, store.observer.host)
        assert (entry.run_id, entry.attempt) == (run.id, 2)
    finally:
        processes.close()
        slot.release()


class TestEveryExecutor:
    """The contract of `core.jobs.executor.Executor`."""

    @pytest.fixture(params=["inline", "local"])
    def executor(self, request, processes):
        if request.param == "local":
            return processes.executor
        return InlineExecutor(processes.store, processes.data_dir)

    def test_it_trains_a_run_and_says_that_it_ended_well(
        self, executor, processes, finished_run, spec_of
    ):
        assert executor.name in ("inline", "local")
        run = processes.store.create(spec_of(finished_run, executor=executor.name), epochs=3)
        assert executor.poll(f"{run.id}-1") in ("unknown", "pending")
        handle = executor.submit(run, attempt=1)
        assert handle == f"{run.id}-1"
        seen = [executor.poll(handle)]
        while seen[-1] != Gone(0):
            assert seen[-1] in ("pending", "alive", Gone(None)), processes.logs()
            seen.append(processes.until(lambda: executor.poll(handle)))
        assert processes.store.run(run.id).state.state == "finished"
        assert executor.poll(f"{run.id}-2") == "unknown"
        for force in (False, True):
            executor.cancel(handle, force)
        assert processes.store.run(run.id).state.state == "finished"
        # A worker's own words; what trains here prints here.
        run.layout.log.write_text("said\n")
        assert executor.logs(handle) == {"inline": "", "local": "said"}[executor.name]
