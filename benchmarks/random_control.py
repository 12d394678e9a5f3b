"""Random control and faults: `python benchmarks/random_control.py [--runs 50] [--minutes 30] [--seed S] [--no-browser]`.

Two dashboards on one runs folder, each with the page Runs open in Chromium, where buttons are pressed at random (`random_witness`),
two users who ask for anything at random (`random_requests`), and faults: SIGKILL of workers, runner, warm process and users, SIGSTOP
and SIGCONT of workers, SIGKILL, SIGINT, SIGHUP and SIGTERM of a dashboard, which is then started again. Runs are short; while the time lasts, new ones are submitted as others
finish. Afterwards all that is unfinished is resumed and waited for.

Violations, each of which makes the exit status 1: a run that is damaged, gone, or unfinished in the end; an epoch that
was shown and is no longer there (but for the last, which is done again when its checkpoint was not written yet); an epoch
with other numbers than shown before; a row of an earlier attempt after one of a later; a finished run that differs from an
undisturbed twin of equal settings and seed in history, weights or outputs on the test split; a dead worker's run still shown as
running after 30 s; a request answered by anything but success or a refusal; a page that shows an error; a dashboard that does
not answer.
"""

import argparse
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
import psutil

from benchmarks.random_witness import Witness, answers, tabs
from core.exceptions import RunStateError, UnknownName
from core.jobs import control, queue
from core.jobs.local import LocalExecutor, ensure_runner, wait
from core.jobs.slots import CPU_SLOTS_VARIABLE
from core.runs import files, locks, trash
from core.runs.run import Run
from core.runs.state import ACTIVE, RESUMABLE
from core.runs.store import Store
from core.runs.waits import VARIABLE
from core.variants import run_config

HERE = Path(__file__).resolve().parent.parent
WAITS = {"runner_idle": 5, "kill_after": 1, "stall": 4, "beat": 1, "start_grace": 20}
"""Shorter than usual, so that each of them is met in a few minutes."""

FAULTS = {
    "SIGKILL worker": 6,
    "SIGSTOP worker": 4,
    "SIGKILL runner": 3,
    "SIGKILL warm process": 1,
    "SIGKILL user": 2,
    "SIGKILL dashboard": 0.5,
    "SIGINT dashboard": 0.3,
    "SIGHUP dashboard": 0.3,
    "SIGTERM dashboard": 0.3,
}
"""What is done to processes -> how often, relative to the others."""

PATIENCE = 1800.0
"""Seconds for all that remains after the last fault; a busy machine needs some."""


class Control:
    """The folder, its processes, and what has been seen of it.

    Args:
        folder: where everything goes.
        seed: of all chance.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.store = Store(folder / "runs")
        self.store.require_writable()
        self.twins = Store(folder / "twins")
        self.data_dir = folder / "data"
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.draw = random.Random(seed)
        self.executor = LocalExecutor(self.store, self.data_dir)
        self.counts: collections.Counter[str] = collections.Counter()
        self.witness = Witness(self.store)
        self.submitted: dict[str, Run] = {}
        self.users: dict[int, subprocess.Popen[bytes]] = {}
        self.dashboards: dict[int, subprocess.Popen[bytes]] = {}
        self.stopped: list[tuple[float, psutil.Process]] = []
        self.num_users = 0

    # What is trained.

    def train_twins(self, epochs: int, num_kinds: int) -> list[Run]:
        """Train each kind of run undisturbed."""
        from core.jobs.submit import submit

        executor = LocalExecutor(self.twins, self.data_dir)
        settings = {"training.max_epochs": epochs, "training.patience": 0}
        small = {"name": "shapes", "images": 300}
        configs = [
            run_config({"name": "digits"}, "dense-base", settings | {"training.batch_size": 8}),
            run_config(small, "shapes-net", settings | {"training.batch_size": 16}),
        ]
        twins = [
            submit(self.twins, executor, one.dataset.load(self.data_dir), one, seed, device="cpu")
            for one in configs[:num_kinds]
            for seed in range(2)
        ]
        for _ in wait(self.twins, [run.id for run in twins]):
            pass
        kill(locks.holder(self.twins.layout.runner_lock(self.twins.observer.host)))
        twins = [self.twins.run(run.id) for run in twins]
        for run in twins:
            if run.state.state != "finished":
                raise SystemExit(f"An undisturbed run is {run.state.state}: {run.state.message}")
        return twins

    def submit(self, twin: Run) -> None:
        """Queue a run with the settings and the seed of another."""
        given = ("id", "schema", "created", "config_sha256")
        spec = {key: value for key, value in twin.spec.items() if key not in given}
        run = self.store.create(
            spec | {"owner": self.draw.choice(["ada", "grace"])}, twin.state.epochs
        )
        self.submitted[run.id] = twin
        self.executor.submit(run, attempt=1)
        self.counts["submit"] += 1

    # Processes.

    def start_user(self) -> None:
        """Start one who asks for things."""
        self.num_users += 1
        arguments = [self.store.root, self.data_dir, self.num_users, self.logs / "requests.jsonl"]
        command = [sys.executable, "-m", "benchmarks.random_requests", *map(str, arguments)]
        self.users[self.num_users] = subprocess.Popen(command, cwd=HERE)

    def start_dashboard(self, port: int) -> None:
        """Start a server; it will answer in a few seconds."""
        command = [sys.executable, "-m", "dashboard.serve", "--port", str(port)]
        command += ["--runs", str(self.store.root), "--data", str(self.data_dir)]
        with (self.logs / f"dashboard-{port}.txt").open("ab") as log:
            self.dashboards[port] = subprocess.Popen(command, cwd=HERE, stdout=log, stderr=log)

    def runner(self) -> int | None:
        """Return the process id of the runner."""
        return locks.holder(self.store.layout.runner_lock(self.store.observer.host))

    def workers(self) -> list[tuple[Run, int]]:
        """Return the runs that are trained at the moment, each with its worker's process id."""
        found = []
        for run in self.store.runs():
            holder = locks.holder(run.layout.alive_lock)
            # A user who deletes a run holds that lock too.
            if holder is not None and is_worker(holder):
                found.append((run, holder))
        return found

    # Faults.

    def fault(self) -> bool:
        """Do something to some process; return whether it was there."""
        kinds = [one for one in FAULTS if self.dashboards or not one.endswith("dashboard")]
        (kind,) = self.draw.choices(kinds, [FAULTS[one] for one in kinds])
        name, _, whom = kind.partition(" ")
        number = getattr(signal, name)
        match whom:
            case "worker":
                is_done = self._signal_worker(number)
            case "runner":
                is_done = kill(self.runner())
            case "warm process":
                is_done = kill(warm_process(self.runner()))
            case "user":
                key = self.draw.choice(list(self.users))
                user = self.users.pop(key)
                user.kill()
                user.wait()
                self.start_user()
                is_done = True
            case _:
                port = self.draw.choice(list(self.dashboards))
                is_done = self._end_dashboard(port, number)
        self.counts[kind] += is_done
        return is_done

    def _signal_worker(self, number: signal.Signals) -> bool:
        found = self.workers()
        if not found:
            return False
        run, pid = self.draw.choice(found)
        try:
            process = psutil.Process(pid)
            os.kill(pid, number)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        if number == signal.SIGSTOP:
            until = time.monotonic() + self.draw.choice([0.5, 2, 6])
            self.stopped.append((until, process))
        else:
            self.witness.expect_death(run)
        return True

    def _end_dashboard(self, port: int, number: signal.Signals) -> bool:
        server = self.dashboards[port]
        if not answers(port):
            return False  # it has not started yet
        server.send_signal(number)
        server.wait(60)
        self.start_dashboard(port)
        return True

    def wake(self, all_of_them: bool = False) -> None:
        """Let stopped workers go on whose time has come."""
        for one in list(self.stopped):
            until, process = one
            if all_of_them or time.monotonic() > until:
                self.stopped.remove(one)
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    # The end.

    def finish(self) -> None:
        """End the users, restore and resume everything, and wait for it."""
        self.wake(all_of_them=True)
        for user in self.users.values():
            user.kill()
            user.wait()
        while found := trash.trashed(self.store.layout):
            trash.restore(self.store.layout, found[0].run_id)
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            self.witness.look()
            runs = self.store.runs()
            for run in runs:
                if run.state.state in RESUMABLE and locks.holder(run.layout.alive_lock) is None:
                    with contextlib.suppress(RunStateError, UnknownName):
                        control.resume(self.store, self.executor, run, "the end")
            if all(run.state.state == "finished" for run in runs):
                break
            if any(run.state.state in ACTIVE for run in runs):
                ensure_runner(self.store)
            time.sleep(0.5)
        self.witness.look()

    def judge(self) -> None:
        """Compare every run with its undisturbed twin, and look for what was left behind."""
        for run_id, twin in self.submitted.items():
            self.witness.compare(run_id, twin)
        if left := queue.entries(self.store.layout, self.store.observer.host):
            self.witness.violate(f"{len(left)} entries are left in the queue")
        for said in requests(self.logs / "requests.jsonl"):
            self.counts[f"{said['verb']} {said['answer']}"] += said["run"] is not None
            if said["answer"] == "error":
                self.witness.violate(f"{said['verb']} of {said['run']}: {said['message']}")
        for port, log in ((port, self.logs / f"dashboard-{port}.txt") for port in self.dashboards):
            if not until(lambda port=port: answers(port), 120):
                self.witness.violate(f"the dashboard on port {port} does not answer")
            if "Traceback" in (text := log.read_text()):
                self.witness.violate(f"the dashboard on port {port} says:\n{text[-4000:]}")

    def close(self) -> None:
        """Leave no process behind."""
        self.wake(all_of_them=True)
        found = [*self.users.values(), *self.dashboards.values()]
        for process in found:
            process.kill()
            process.wait()
        for store in (self.store, self.twins):
            kill(locks.holder(store.layout.runner_lock(store.observer.host)))
            for run in store.runs():
                kill(
                    run.state.pid if locks.holder(run.layout.alive_lock) == run.state.pid else None
                )


def requests(path: Path) -> list[dict[str, Any]]:
    """Return the users' log; one who was killed may have left half a line."""
    return files.parse_rows(path.read_bytes())[0] if path.exists() else []


def warm_process(runner: int | None) -> int | None:
    """Return the process id of the runner's warm process."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(runner).children() if runner else ():
            if "core.jobs.warm_process" in child.cmdline():
                return child.pid
    return None


def is_worker(pid: int) -> bool:
    """Return whether a process is a worker, started cold or warm."""
    with contextlib.suppress(psutil.Error):
        return bool(
            {"core.jobs.worker", "core.jobs.warm_process"} & {*psutil.Process(pid).cmdline()}
        )
    return False


def kill(pid: int | None) -> bool:
    """Kill a process; return whether there was one."""
    with contextlib.suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for something; return whether it came."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.2)
    return True


def shown_counts(counts: collections.Counter[str]) -> str:
    """Return a line for each thing that was done."""
    return "\n".join(f"  {name:<28} {number:>6}" for name, number in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50, help="runs to begin with")
    parser.add_argument("--minutes", type=float, default=30, help="how long to disturb them")
    parser.add_argument("--epochs", type=int, default=30, help="of each run")
    parser.add_argument("--kinds", type=int, default=2, choices=[1, 2], help="of settings")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    parser.add_argument("--slots", type=int, default=2, help="CPU slots")
    parser.add_argument(
        "--port", type=int, default=8611, help="of the first dashboard; the other has the next"
    )
    parser.add_argument("--no-browser", action="store_true", help="open no tabs")
    parser.add_argument("--no-dashboards", action="store_true", help="users only")
    given = parser.parse_args()
    # Started in the background or by nohup we are deaf to these, and so would be the dashboards that are to end by them.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ[VARIABLE] = orjson.dumps(WAITS).decode()
    os.environ[CPU_SLOTS_VARIABLE] = str(given.slots)
    ports = [] if given.no_dashboards else [given.port, given.port + 1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tested = Control(Path(folder), given.seed)
        try:
            began = time.monotonic()
            twins = tested.train_twins(given.epochs, given.kinds)
            print(
                f"{len(twins)} undisturbed runs took {time.monotonic() - began:.0f} s", flush=True
            )
            for number in range(given.runs):
                tested.submit(twins[number % len(twins)])
            for port in ports:
                tested.start_dashboard(port)
            for port in ports:
                if not until(lambda port=port: answers(port), 120):
                    raise SystemExit(f"No dashboard on port {port}.")
            with tabs(ports, bool(ports) and not given.no_browser) as opened:
                for _ in range(2):
                    tested.start_user()
                end = time.monotonic() + 60 * given.minutes
                next_fault = 0.0
                while time.monotonic() < end:
                    tested.witness.look()
                    tested.wake()
                    tested.counts.update(opened.press(tested.store, tested.draw))
                    if time.monotonic() > next_fault and tested.fault():
                        next_fault = time.monotonic() + tested.draw.expovariate(1)
                    num_open = sum(run.state.state != "finished" for run in tested.store.runs())
                    if num_open < max(2, given.runs // 4):
                        tested.submit(tested.draw.choice(twins))
                    time.sleep(0.3)
                began = time.monotonic()
                tested.finish()
                print(f"what was left took {time.monotonic() - began:.0f} s", flush=True)
                tested.judge()
                for error in opened.errors():
                    tested.witness.violate(f"a page shows: {error}")
        finally:
            tested.close()
        print(shown_counts(tested.counts))
        print(
            f"{len(tested.submitted)} runs; a death showed after {tested.witness.slowest_death:.1f} s at most"
        )
        num_violations = len(tested.witness.violations)
        print(f"{num_violations} violations" if num_violations else "No violation.")
        for text in tested.witness.violations:
            print(f"  {text}")
    return 1 if tested.witness.violations else 0


if __name__ == "__main__":
    sys.exit(main())
