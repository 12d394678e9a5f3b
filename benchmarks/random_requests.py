"""One user of a runs folder, who asks for anything at random: `random_control` starts some, and kills them.

Run as `python -m benchmarks.random_requests RUNS DATA SEED LOG`; it goes on until somebody ends it. Each request appends a line to
the log: {"verb", "run", "answer": "done", "refused" or "error", "message"}. No torch: a page has it loaded, a process
that lives for a moment need not.
"""

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.exceptions import CoreError
from core.jobs import control, removal
from core.jobs.local import LocalExecutor, ensure_runner_if_queued
from core.runs import edits, files, trash
from core.runs.run import Run
from core.runs.store import Store

WEIGHTS = {
    "stop": 2,
    "pause": 2,
    "resume": 12,
    "retry": 8,
    "kill": 1,
    "delete": 3,
    "restore": 6,
    "rename": 1,
    "tag": 1,
    "look": 4,
}
"""Verb -> how often it is asked for, relative to the others. More is begun than ended, or nothing would be trained."""

USUAL_STATES = {
    "stop": ("running", "queued"),
    "pause": ("running", "queued"),
    "resume": ("stopped", "paused", "crashed"),
    "retry": ("crashed", "failed"),
    "kill": ("running",),
    "delete": ("stopped", "paused", "crashed", "finished"),
}
"""Verb -> states in which it makes sense; three requests of four are of that kind, the others must be refused."""


class User:
    """Asks for things.

    Args:
        store: the runs folder.
        data_dir: folder of the data sets.
        draw: where chance comes from.
        name: who asks.
    """

    def __init__(self, store: Store, data_dir: Path, draw: random.Random, name: str) -> None:
        self.store = store
        self.executor = LocalExecutor(store, data_dir)
        self.draw = draw
        self.name = name

    def request(self) -> dict[str, object]:
        """Ask for one thing; return the line for the log."""
        (verb,) = self.draw.choices(list(WEIGHTS), list(WEIGHTS.values()))
        said: dict[str, object] = {"verb": verb, "run": None, "answer": "done"}
        try:
            run = self.chosen(verb)
            said["run"] = run
            if run is not None or verb == "look":
                self.act(verb, run or "")
        except CoreError as error:
            said |= {"answer": "refused", "message": str(error)}
        except Exception:
            said |= {"answer": "error", "message": traceback.format_exc()}
        return said

    def chosen(self, verb: str) -> str | None:
        """Return the id of a run that a verb may be tried on."""
        if verb == "restore":
            found = [one.run_id for one in trash.trashed(self.store.layout)]
        else:
            runs = self.store.runs()
            usual = [run for run in runs if run.state.state in USUAL_STATES.get(verb, ())]
            found = [run.id for run in (usual if usual and self.draw.random() < 0.75 else runs)]
        return self.draw.choice(found) if found else None

    def act(self, verb: str, run_id: str) -> None:
        """Do what a page does for a verb."""
        store = self.store
        if verb == "look":
            ensure_runner_if_queued(store)
            return
        if verb == "restore":
            removal.restore(store, run_id, self.name)
            return
        run: Run = store.run(run_id)
        match verb:
            case "stop":
                control.stop(store, run, self.name)
            case "pause":
                control.pause(store, run, self.name)
            case "resume":
                control.resume(store, self.executor, run, self.name)
            case "retry":
                control.retry(store, self.executor, run, self.name)
            case "kill":
                control.kill(store, [run], self.name)
            case "delete":
                removal.delete(store, run, self.name)
            case "rename":
                edits.rename(run, f"called {self.draw.randrange(100)}", self.name)
            case "tag":
                edits.tag(run, [self.draw.choice("abc")], self.name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("log", type=Path)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    user = User(Store(given.runs), given.data, draw, f"user {given.seed}")
    while True:
        files.append_row(given.log, user.request())
        time.sleep(draw.expovariate(2))


if __name__ == "__main__":
    main()
