"""A dashboard of its own, as a process, and a Chromium to look at it with; skipped where there is no Chromium."""

import contextlib
import importlib.resources
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.runs.store import Store

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Machines that run tests are shared and slow; nothing here passes by being quick.
PATIENCE = 120_000


@dataclass(frozen=True)
class Dashboard:
    """A served dashboard: its address, its runs folder, its log."""

    url: str
    store: Store
    log: Path


@pytest.fixture(scope="session")
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that waits until another gives something true, and returns that."""

    def waited(found: Callable[[], Any]) -> Any:
        end = time.monotonic() + 2 * PATIENCE / 1000
        while not (result := found()):
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.05)
        return result

    return waited


@pytest.fixture(scope="session")
def choose(wait_for: Callable[[Callable[[], Any]], Any]) -> Callable[[Any, str, str], None]:
    """Return a function that chooses an option of the choice with a label."""

    def chosen(page: Any, label: str, option: str) -> None:
        from playwright.sync_api import TimeoutError as NotThere

        box = page.get_by_role("combobox", name=label, exact=True)
        tag = page.get_by_test_id("stMultiSelect").filter(has=box).get_by_text(option, exact=True)
        offered = page.get_by_role("option", name=option, exact=True)

        def is_chosen() -> bool:
            if box.input_value() == option or tag.count() > 0:
                return True
            # A page that still runs closes the list again.
            if offered.count() == 0:
                box.click()
            with contextlib.suppress(NotThere):
                offered.click(timeout=5_000)
            return False

        wait_for(is_chosen)
        page.keyboard.press("Escape")

    return chosen


@pytest.fixture(scope="session")
def fill() -> Callable[[Any, str, str], None]:
    """Return a function that writes into the field with a label, and is done with it."""

    def filled(page: Any, label: str, value: str) -> None:
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    return filled


SAMPLES = "tiles => tiles.map(tile => tile.getAttribute('data-sample'))"


@pytest.fixture(scope="session")
def shows() -> Callable[[Any, Sequence[int | str]], None]:
    """Return a function that waits until the tiles of a page are those of some samples, in this order."""

    def are_shown(page: Any, samples: Sequence[int | str]) -> None:
        expected, end = [str(one) for one in samples], time.monotonic() + PATIENCE / 1000
        # All read at once: the tiles of one moment, not of the time that it takes to ask each.
        while (found := page.locator(".tile").evaluate_all(SAMPLES)) != expected:
            if time.monotonic() > end:
                assert found == expected
            page.wait_for_timeout(50)

    return are_shown


VIOLATIONS = """async () => {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const options = { runOnly: tags, rules: { 'heading-order': { enabled: true } }, resultTypes: ['violations'] };
  const { violations } = await axe.run(document, options);
  return violations.map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 160)).join(' | ')}`); }"""


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """Return a function that returns what axe finds on a page: rule and elements."""
    axe = importlib.resources.files("axe_playwright_python") / "axe.min.js"

    def found(page: Any) -> list[str]:
        page.evaluate(axe.read_text())
        return page.evaluate(VIOLATIONS)

    return found


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on an empty runs folder, on the first free port: one for each file, whichever file ran before it."""
    folder = tmp_path_factory.mktemp("dashboard")
    log = folder / "log.txt"
    command = [sys.executable, "-m", "dashboard.serve"]
    command += ["--runs", str(folder / "runs"), "--data", str(folder / "data")]
    with log.open("wb") as errors:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"PETRIDISH_WAITS": '{"runner_idle": 5}'},
        )
        assert server.stdout is not None
        try:
            said = server.stdout.readline()
            found = re.fullmatch(r"Petridish is at (http://127\.0\.0\.1:\d+)\n", said)
            assert found, (said, log.read_text())
            yield Dashboard(found[1], Store(folder / "runs"), log)
        finally:
            server.terminate()
            server.wait(60)
            server.stdout.close()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: package chromium).")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    # Beside training runs a page may take long; nothing here is a matter of speed.
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, dashboard: Dashboard) -> Iterator[object]:
    """A fresh tab of 1280x720. No page may show an error or ask another server for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, base_url=dashboard.url)
    context.set_default_timeout(PATIENCE)
    foreign: list[str] = []
    context.on(
        "request",
        lambda request: (
            foreign.append(request.url) if not _is_ours(request.url, dashboard) else None
        ),
    )
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    yield tab
    assert tab.locator("[data-testid=stException]").count() == 0
    assert foreign == []
    with contextlib.suppress(Exception):
        context.close()


def _is_ours(url: str, dashboard: Dashboard) -> bool:
    return url.startswith((dashboard.url, "data:", "blob:"))
