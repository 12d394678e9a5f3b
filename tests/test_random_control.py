"""Requests and faults at random, checked against a small model of the state machine after each step.

Everything is real but for the order: the runner takes a step when the walk says so, and workers train one epoch when they are
let. They are forked by a process of their own, this file run as a program, since forking takes one thread. What two
processes do to a folder at the same time is `benchmarks/random_control.py`, which runs here too, for a moment.
"""

import argparse
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from core.jobs.local import python_environment

EPOCHS = 4
SLOTS = ("cpu-0", "cpu-1")
OWNERS = ("ada", "grace")
ACTIVE = ("queued", "running")
RETRIABLE = ("failed", "crashed", "interrupted")
RESUMABLE = ("paused", "stopped", "lost", *RETRIABLE)
ELSEWHERE = "another-machine"
USUAL = {"stop": ACTIVE, "pause": ACTIVE, "kill": ACTIVE, "retry": RETRIABLE}
REQUESTS = ("stop", "pause", "resume", "retry", "kill", "delete", "restore", "rename")


# The model: what must come of each request, said once more and as plainly as possible.


@dataclass
class Modelled:
    """A run as it must be; `asked` is "stop", "pause" or nothing, `order` its place in the queue.

    `runner` is the one that started it; only that one sees how it ends, and only in its next step.
    """

    owner: str
    retries: int
    order: int
    state: str = "queued"
    attempt: int = 1
    epoch: int = 0
    asked: str = ""
    name: str = ""
    is_deleted: bool = False
    runner: int = 0
    is_end_seen: bool = False
    is_elsewhere: bool = False


@dataclass
class Model:
    """All runs. A method changes what its request changes, or returns the name of the error that it must give."""

    runs: dict[str, Modelled] = field(default_factory=dict)
    clock: int = 0
    runner: int = 0

    def tick(self):
        self.clock += 1
        return self.clock

    def request(self, verb, run_id):
        run = self.runs[run_id]
        if run.is_deleted != (verb == "restore"):
            return "UnknownName"
        return getattr(self, verb)(run)

    def stop(self, run):
        if run.state not in ACTIVE:
            return "RunStateError"
        run.asked = "stop"
        self.end_elsewhere(run)

    def end_elsewhere(self, run):
        """What waits where no runner is ends at once."""
        if run.state == "queued" and run.is_elsewhere:
            run.state = {"stop": "stopped", "pause": "paused"}[run.asked]

    def pause(self, run):
        if run.state not in ACTIVE or run.asked == "stop":
            return "RunStateError"
        run.asked = "pause"
        self.end_elsewhere(run)

    def resume(self, run, allowed=RESUMABLE):
        if run.state not in allowed:
            return "RunStateError"
        run.state, run.attempt, run.asked, run.order = "queued", run.attempt + 1, "", self.tick()
        run.is_elsewhere = False

    def retry(self, run):
        return self.resume(run, RETRIABLE)

    def kill(self, run):
        if run.state not in ACTIVE:
            return "RunStateError"
        run.asked = "stop"
        if run.state == "running":
            run.state = "stopped"
        self.end_elsewhere(run)

    def delete(self, run):
        if run.state in ACTIVE:
            return "RunStateError"
        run.is_deleted = True

    def restore(self, run):
        run.is_deleted = False

    def rename(self, run):
        run.name = f"name {self.tick()}"

    def step(self):
        """The runner's step: return the runs that it starts."""
        for run in self.runs.values():
            if run.state == "crashed" and run.runner == self.runner:
                # Of a run in the trash nothing can be written down.
                run.is_end_seen, run.runner = not run.is_deleted, -1
            if run.state == "queued" and run.asked and not run.is_elsewhere:
                run.state = {"stop": "stopped", "pause": "paused"}[run.asked]
        busy = Counter(run.owner for run in self.runs.values() if run.state == "running")
        started = []
        while busy.total() < len(SLOTS):
            waiting = [
                run for run in self.runs.values() if run.state == "queued" and not run.is_elsewhere
            ]
            if not waiting:
                break
            run = min(waiting, key=lambda one: (busy[one.owner], one.order))
            busy[run.owner] += 1
            run.state, run.runner, run.is_end_seen = "running", self.runner, False
            started.append(run)
        for run in started:
            self.train(run)

    def train(self, run):
        run.epoch += 1
        if run.epoch == EPOCHS:
            run.state = "finished"

    def advance(self, run):
        if run.asked:
            run.state = {"stop": "stopped", "pause": "paused"}[run.asked]
        else:
            self.train(run)

    def new_runner(self):
        self.runner += 1
        for _, run in sorted(self.runs.items()):
            is_free = not run.is_deleted and not run.asked
            if run.state == "interrupted" and is_free and run.retries:
                run.retries -= 1
                self.resume(run)

    def reboot(self):
        for run in self.runs.values():
            is_unseen = run.state == "crashed" and not run.is_end_seen and not run.is_deleted
            if run.state == "running" or is_unseen:
                run.state = "interrupted"
        self.new_runner()


# The real thing, in a process of its own.


class Gates:
    """Stands where the runner's warm process does, and forks workers that wait for a word after each epoch."""

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.lines = {}

    def fork(self, start):
        from core.jobs.warm import Forked

        here, there = socket.socketpair()
        driver = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = self._work(start, there, driver)
            finally:
                os._exit(status)
        there.close()
        self.lines[start.layout.id] = (here, pid)
        return Forked(pid)

    def _work(self, start, line, driver):
        from core.jobs.worker import Worker
        from core.runs.waits import Waits

        class Gated(Worker):
            is_told = False

            @property
            def is_stopping(self):
                line.sendall(b"?")
                while not select.select([line], [], [], 1)[0]:
                    if os.getppid() != driver:
                        os._exit(1)
                if line.recv(1) == b"f":
                    raise RuntimeError("told to fail")
                return self.is_told

            @is_stopping.setter
            def is_stopping(self, value):
                self.is_told = value

        os.setsid()
        os.environ.update(start.variables)
        waits = Waits(progress=1e6, lock_wait=60)
        worker = Gated(start.layout, start.attempt, self.data_dir, start.slot, waits)
        signal.signal(signal.SIGTERM, lambda *_: setattr(worker, "is_stopping", True))
        log = start.open_log()
        os.dup2(log, 1)
        os.dup2(log, 2)
        return worker.work()

    def wait(self, run_id):
        """Wait until a worker is at its gate; return False when it has ended instead."""
        line, pid = self.lines[run_id]
        if line.recv(1) == b"?":
            return True
        # The zombie stays: the runner reaps it.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        line.close()
        del self.lines[run_id]
        return False

    def tell(self, run_id, word):
        self.lines[run_id][0].sendall(word)
        return self.wait(run_id)

    def kill(self, run_id):
        os.kill(self.lines[run_id][1], signal.SIGKILL)
        assert not self.wait(run_id)

    def ensure(self):
        """There is nothing to start."""

    def reap_strays(self, known):
        """There are none."""


class Walk:
    """Does things at random to a folder and to the model."""

    def __init__(self, root, data_dir, seed):
        from core.jobs.local import LocalExecutor
        from core.runs import locks
        from core.runs.store import Store
        from core.runs.waits import Waits
        from core.variants import run_config

        self.draw = random.Random(seed)
        self.store = Store(root, Waits(kill_after=0))
        self.store.require_writable()
        self.executor = LocalExecutor(self.store, data_dir)
        self.gates = Gates(data_dir)
        self.model = Model()
        self.pages = {}  # run id -> the run as a page that is never reloaded holds it
        self.met = set()
        self.last = ""
        self.num_requests = 0
        self.done = Counter()
        # While it is held no other runner starts.
        locks.take(self.store.layout.runner_lock(self.store.observer.host))
        self.new_runner()
        settings = {
            "training.max_epochs": EPOCHS,
            "training.batch_size": 256,
            "model.hidden_layers": [8],
        }
        self.config = run_config({"name": "digits"}, "dense-base", settings)
        self.dataset = self.config.dataset.load(data_dir)

    def new_runner(self):
        from core.jobs.runner import Runner

        self.runner = Runner(self.store, lambda: 2**36, self.gates)
        self.runner.cpu_slots = list(SLOTS)
        self.runner.take_stock()

    def one(self):
        """Do one thing; return what."""
        acts = {"submit": 2, "step": 6, "advance": 4, "fail": 1, "crash": 1.5}
        acts |= {"new runner": 0.5, "reboot": 1.5, "move": 1}
        weights = {"resume": 4, "restore": 2, "stop": 2, "pause": 2, "kill": 0.5}
        acts |= {verb: weights.get(verb, 1) for verb in REQUESTS}
        (verb,) = self.draw.choices(list(acts), list(acts.values()))
        open_ones = [one for one in self.model.runs.values() if one.state != "finished"]
        if verb == "submit":
            if len(open_ones) < 6:
                self.submit()
        elif verb == "step":
            self.model.step()
            self.runner.step()
            self.settle()
        elif verb == "new runner":
            self.model.new_runner()
            self.new_runner()
        elif verb == "reboot":
            self.reboot()
        elif verb == "move":
            self.move()
        elif verb in REQUESTS:
            if self.model.runs:
                self.request(verb)
        elif self.gates.lines:
            self.work(
                verb, self.draw.choice([one for one in self.pages if one in self.gates.lines])
            )
        self.done[verb] += 1
        return verb

    def submit(self):
        from core.jobs.submit import submit

        owner, retries, seed = self.draw.choice(OWNERS), self.draw.choice([0, 1]), len(self.pages)
        run = submit(
            *(self.store, self.executor, self.dataset, self.config, seed),
            owner=owner,
            retries=retries,
            device="cpu",
        )
        self.pages[run.id] = run
        self.model.runs[run.id] = Modelled(owner, retries, self.model.tick())

    def request(self, verb):
        from core.exceptions import CoreError
        from core.jobs import control, removal
        from core.runs import edits

        # Mostly one with which something can happen.
        states = USUAL.get(verb, RESUMABLE)
        usual = [one for one, run in self.model.runs.items() if run.state in states]
        is_usual = usual and self.draw.random() < 0.8
        run_id = self.draw.choice(usual if is_usual else list(self.model.runs))
        # Often the same once more: what two requests make of each other is where mistakes are.
        run_id = self.last if self.last and self.draw.random() < 0.3 else run_id
        self.last = run_id
        self.num_requests += 1
        page, by = self.pages[run_id], self.model.runs[run_id].owner
        expected = self.model.request(verb, run_id)
        try:
            match verb:
                case "resume" | "retry":
                    getattr(control, verb)(self.store, self.executor, page, by)
                case "kill":
                    control.kill(self.store, [page], by)
                case "stop" | "pause":
                    getattr(control, verb)(self.store, page, by)
                case "delete":
                    removal.delete(self.store, page, by)
                case "restore":
                    removal.restore(self.store, run_id, by)
                case "rename":
                    edits.rename(page, f"name {self.model.clock}", by)
            answer = None
        except CoreError as error:
            answer = type(error).__name__
        assert answer == expected, f"{verb} {run_id}: {answer} instead of {expected}"
        if verb == "kill" and expected is None and run_id in self.gates.lines:
            assert not self.gates.wait(run_id)

    def work(self, verb, run_id):
        run = self.model.runs[run_id]
        if verb == "crash":
            self.gates.kill(run_id)
            run.state = "crashed"
        elif verb == "fail":
            assert not self.gates.tell(run_id, b"f")
            run.state = "failed"
        else:
            self.model.advance(run)
            assert self.gates.tell(run_id, b"n") == (run.state == "running")

    def move(self):
        """Make a run under way look as that of a machine which is gone, or has another name since."""
        from core.jobs import queue
        from core.runs import files
        from core.runs.state import read_state, write_state

        under_way = [
            one
            for one, run in self.model.runs.items()
            if run.state in ACTIVE and not run.is_elsewhere
        ]
        if not under_way:
            return
        run_id = self.draw.choice(under_way)
        run, layout = self.model.runs[run_id], self.store.layout.run(run_id)
        run.is_elsewhere = True
        if run.state == "running":
            self.gates.kill(run_id)
            run.state = "lost"
        write_state(layout, replace(read_state(layout), host=ELSEWHERE))
        for sign in (layout.state_json, layout.beat):
            if sign.exists():
                os.utime(sign, (0, 0))
        for entry in queue.entries(self.store.layout, self.store.observer.host):
            if entry.run_id == run_id:
                files.write_json(entry.path, files.read_json(entry.path) | {"host": ELSEWHERE})

    def settle(self):
        """Wait for the workers that have just been started."""
        for child in self.runner.children:
            run = self.model.runs[child.entry.run_id]
            if child.process.pid not in self.met:
                self.met.add(child.process.pid)
                assert self.gates.wait(child.entry.run_id) == (run.state == "running")

    def reboot(self):
        from core.runs.state import read_state, write_state

        for run_id in list(self.gates.lines):
            self.gates.kill(run_id)
        for run in self.store.runs():
            written = read_state(run.layout)
            if written.state == "running" and written.host != ELSEWHERE:
                # What it would say had it been written before the machine started again.
                write_state(run.layout, replace(written, boot="the boot before"))
        self.model.reboot()
        self.new_runner()

    def check(self):
        """Compare everything that a page shows with the model."""
        from core.jobs import queue
        from core.runs import trash

        shown = {run.id: run for run in self.store.runs()}
        trashed = {one.run_id for one in trash.trashed(self.store.layout)}
        expected = self.model.runs
        assert trashed == {run_id for run_id, one in expected.items() if one.is_deleted}
        assert shown.keys() == expected.keys() - trashed
        for run_id, run in shown.items():
            one = expected[run_id]
            assert run.damaged is None
            now = (run.state.state, run.state.attempt, run.state.epoch, run.edit.get("name") or "")
            assert now == (one.state, one.attempt, one.epoch, one.name), run_id
            assert [row["epoch"] for row in run.history()] == list(range(1, one.epoch + 1))
        entries = queue.entries(self.store.layout, self.store.observer.host)
        waiting = sorted(
            (one.order, run_id)
            for run_id, one in expected.items()
            if one.state == "queued" and not one.is_elsewhere
        )
        assert [entry.run_id for entry in entries] == [run_id for _, run_id in waiting]
        assert self.gates.lines.keys() == {
            run_id for run_id, one in expected.items() if one.state == "running"
        }


def test_300_requests_and_faults_between_them_do_what_a_model_says(tmp_path, data_dir):
    walk(tmp_path, data_dir, seed=1, requests=300)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 7))
def test_1000_requests_and_faults_between_them_do_what_a_model_says(tmp_path, data_dir, seed):
    walk(tmp_path, data_dir, seed, requests=1000)


def walk(folder, data_dir, seed, requests):
    command = [sys.executable, __file__, folder / "runs", data_dir, str(seed), str(requests)]
    done = subprocess.run(command, env=python_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("requests", type=int, help="made before the walk ends")
    given = parser.parse_args()
    walk = Walk(given.root, given.data, given.seed)
    done = []
    try:
        while walk.num_requests < given.requests:
            done.append(walk.one())
            walk.check()
    except BaseException:
        print(f"after {len(done)} steps, the last of them {done[-8:]}", file=sys.stderr)
        raise
    finally:
        for run_id in list(walk.gates.lines):
            walk.gates.kill(run_id)
    states = Counter(run.state for run in walk.model.runs.values())
    print(sorted(walk.done.items()), sorted(states.items()))


if __name__ == "__main__":
    main()
