"""What `random_control` looks at: a runs folder, held against what was shown before and undisturbed twins of its runs; pages."""

import contextlib
import random
import shutil
import time
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from core.runs import files, history
from core.runs.examination import examine
from core.runs.run import Run
from core.runs.store import Store
from core.training.loop import MEASURED_KEYS

DEATH_SECONDS = 30.0
"""Time after which the death of a worker must show."""

PATIENCE, SOON = 120_000, 10_000
"""Milliseconds for a page to be drawn, and for a button that is there to be pressed."""

PRESS_SECONDS = 3.0
"""Mean time between two presses, besides the time that they take."""

BUTTONS = {"Stop": 1, "Pause": 1, "Resume": 4, "Retry": 4, "Delete": 1}
"""Button -> how often it is pressed, relative to the others that are on."""


class Witness:
    """Looks at a folder again and again, and notes what must not be.

    Args:
        store: the runs folder.

    Attributes:
        violations: what must not be and was, each once.
        slowest_death: longest time in seconds until the death of a worker showed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.violations: list[str] = []
        self.slowest_death = 0.0
        self._shown: dict[str, dict[int, dict[str, Any]]] = {}
        self._deaths: list[tuple[float, str, int]] = []

    def expect_death(self, run: Run) -> None:
        """Note that a run's worker has been killed."""
        self._deaths.append((time.monotonic(), run.id, run.state.attempt))

    def look(self) -> None:
        """Read all runs, and compare them with what was shown before."""
        now = time.monotonic()
        runs = {run.id: run for run in self.store.runs()}
        for run in runs.values():
            if run.damaged is not None and run.layout.path.exists():
                self.violate(f"{run.id} is damaged: {run.damaged}")
            self._compare_history(run)
        for death in list(self._deaths):
            began, run_id, attempt = death
            run = runs.get(run_id)
            if run is not None and run.state.state == "running" and run.state.attempt == attempt:
                if now - began > DEATH_SECONDS:
                    self.violate(
                        f"{run_id} shows as running {DEATH_SECONDS:.0f} s after its worker's death"
                    )
                    self._deaths.remove(death)
            else:
                self._deaths.remove(death)
                self.slowest_death = max(self.slowest_death, now - began)

    def _compare_history(self, run: Run) -> None:
        lasting = {row["epoch"]: lasting_part(row) for row in run.history()}
        before = self._shown.setdefault(run.id, {})
        if not run.layout.path.exists():
            return  # somebody has just deleted it
        for epoch, row in lasting.items():
            if before.setdefault(epoch, row) != row:
                self.violate(f"{run.id}: epoch {epoch} has other numbers than shown before")
                before[epoch] = row
        if len(lasting) < len(before) - 1:
            self.violate(f"{run.id}: {len(before)} epochs were shown, {len(lasting)} are left")

    def violate(self, text: str) -> None:
        """Note what must not be, once."""
        if text not in self.violations:
            self.violations.append(text)
            print(f"VIOLATION {text}", flush=True)

    def compare(self, run_id: str, twin: Run) -> None:
        """Note where a run is not what its undisturbed twin is."""
        run = {one.id: one for one in self.store.runs()}.get(run_id)
        if run is None:
            self.violate(f"{run_id} is gone")
        elif run.state.state != "finished":
            self.violate(f"{run_id} is {run.state.state}: {run.state.message}")
        else:
            for difference in differences(run, twin):
                self.violate(f"{run_id}, seed {run.seed}: {difference}")
            for found in examine(run.layout):
                if found.kind == "damage":
                    self.violate(f"{run_id}: {found.file}: {found.problem}")


def lasting_part(row: dict[str, Any]) -> dict[str, Any]:
    """Return what of an epoch's row must never change."""
    return {
        key: value for key, value in row.items() if key not in {*MEASURED_KEYS, "attempt", "time"}
    }


def differences(run: Run, twin: Run) -> list[str]:
    """Return what of a finished run is not as in its undisturbed twin."""
    found = []
    rows = [[lasting_part(row) for row in one.history()] for one in (run, twin)]
    if rows[0] != rows[1]:
        found.append(f"its {len(rows[0])} epochs are not the {len(rows[1])} of its twin")
    best = [files.read_json(one.layout.best_json) for one in (run, twin)]
    if best[0]["weights_sha256"] != best[1]["weights_sha256"]:
        found.append("its weights are not those of its twin")
    outputs = [
        {path.name: path.read_bytes() for path in one.layout.results_dir.iterdir()}
        for one in (run, twin)
    ]
    for name in sorted(outputs[0].keys() | outputs[1].keys()):
        mine, other = (some.get(name) for some in outputs)
        if mine != other:
            how = "missing" if mine is None else "its own" if other is None else "another one"
            found.append(f"results/{name}, held against its twin's, is {how}")
    attempts = [row["attempt"] for row in history.read_on(run.layout.history).rows]
    if attempts != sorted(attempts):
        found.append("an attempt has written after a later one")
    return found


def answers(port: int) -> bool:
    """Return whether a dashboard says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/healthz", timeout=20) as response:
            return response.status == 200
    except OSError:
        return False


class Tabs:
    """Tabs of Chromium: on the page Runs of each dashboard one that is only looked at, and one whose buttons are pressed.

    Args:
        browser: of Playwright; None opens none, and then nothing is pressed or found.
        ports: of the dashboards.
    """

    def __init__(self, browser: Any, ports: Sequence[int]) -> None:
        self._ports = ports
        self._watched = [browser.new_page() for _ in ports] if browser else []
        self._pressed = browser.new_page() if browser else None
        self._broken: list[str] = []
        self._next = 0.0
        for page, port in zip(self._watched, ports, strict=bool(browser)):
            # The first page of a server takes long: it imports what all others need.
            page.goto(f"http://127.0.0.1:{port}/runs", timeout=PATIENCE)
            page.get_by_role("button", name="Delete", exact=True).first.wait_for(timeout=PATIENCE)

    def press(self, store: Store, draw: random.Random) -> list[str]:
        """Now and then open a run on the page Runs and press one of the buttons that are on; return what was pressed.

        Nothing says that it is not time yet, that the dashboard is on its way, or that the run is gone. What comes of it is
        seen before the next press.
        """
        if self._pressed is None or time.monotonic() < self._next or not (runs := store.runs()):
            return []
        from playwright.sync_api import Error

        page, port, run_id = self._pressed, draw.choice(self._ports), draw.choice(runs).id
        self._look_for_errors()
        self._next = time.monotonic() + draw.expovariate(1 / PRESS_SECONDS)
        try:
            page.goto(f"http://127.0.0.1:{port}/runs?runs={run_id}", timeout=PATIENCE)
            page.get_by_role("button", name="Delete", exact=True).first.wait_for(timeout=PATIENCE)
            buttons = {
                name: page.get_by_role("button", name=name, exact=True).first for name in BUTTONS
            }
            enabled = [name for name, button in buttons.items() if button.is_enabled()]
            if not enabled:
                return []
            (name,) = draw.choices(enabled, [BUTTONS[one] for one in enabled])
            buttons[name].click(timeout=SOON)
        except Error:
            return []
        return [f"button {name}"]

    def _look_for_errors(self) -> None:
        # Alerts are right there: they say why a run broke off, and what was refused.
        self._broken += _texts(self._pressed, ".stException")

    def errors(self) -> list[str]:
        """Return the errors that were shown where buttons were pressed, and those shown now where none was."""
        if self._pressed is not None:
            self._look_for_errors()
        found = list(self._broken)
        for page in self._watched:
            for place in (".stException", ".stAlertContainer:has(.stAlertContentError)"):
                found += _texts(page, place)
        return found


def _texts(page: Any, place: str) -> list[str]:
    """Return the texts of all elements of a page; while it loads anew, as after the end of its dashboard, look again."""
    from playwright.sync_api import Error

    end = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            return page.locator(place).all_inner_texts()
        except Error as error:
            if "navigation" not in str(error) or time.monotonic() > end:
                raise
            page.wait_for_timeout(200)


@contextlib.contextmanager
def tabs(ports: Sequence[int], is_wanted: bool) -> Iterator[Tabs]:
    """Open Chromium on some dashboards; without it where it is not wanted."""
    if not is_wanted:
        yield Tabs(None, ports)
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield Tabs(browser, ports)
        browser.close()
