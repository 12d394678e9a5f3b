"""A table in a browser: its small button, found by its name, saves all rows as CSV and as LaTeX, and moves nothing."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from core.runs import edits
from dashboard.widgets.run_filters import by_submission

pytestmark = pytest.mark.browser
NUM_RUNS = 11


@pytest.fixture
def store(dashboard):
    """The dashboard's own, for `trained` to write to."""
    return dashboard.store


@pytest.fixture
def runs(trained, store):
    """More runs than are in view, the first with a name that a spreadsheet would take for a formula."""
    for seed in range(NUM_RUNS):
        trained("dense-base", seed, np.arange(100) % 10 > seed)
    edits.rename(by_submission(store.runs())[0], "=cmd_1 & 50 %", "ada")
    return by_submission(store.runs())


def test_a_table_is_saved_as_csv_and_as_latex(page, runs):
    from playwright.sync_api import expect

    page.goto("/runs")
    table = page.locator("[data-testid=stDataFrame]").first
    table.wait_for()
    expect(page.get_by_text(f"8 of {NUM_RUNS} rows")).to_be_visible()
    button = page.get_by_role("button", name="Download this table")
    # Beside the table, not below it.
    frame, place = table.bounding_box(), button.bounding_box()
    assert place["x"] >= frame["x"] + frame["width"]
    assert place["y"] + place["height"] <= frame["y"] + frame["height"]
    button.click()
    saved = {}
    for label in ("Numbers (CSV)", "Numbers (LaTeX)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        saved[download.value.suggested_filename] = Path(download.value.path()).read_text()
    assert list(saved) == ["petridish-runs.csv", "petridish-runs.tex"]
    rows = list(csv.DictReader(io.StringIO(saved["petridish-runs.csv"])))
    assert [row["id"] for row in rows] == [run.id for run in runs]
    assert rows[0]["name"] == "'=cmd_1 & 50 %"
    assert [int(row["seed"]) for row in rows] == [run.seed for run in runs]
    latex = saved["petridish-runs.tex"]
    assert latex.startswith(r"\begin{tabular}") and r"=cmd\_1 \& 50 \%" in latex
    assert sum(run.id in latex for run in runs) == NUM_RUNS
