"""The page Runs in a browser: a curve that grows while it is looked at closely, and buttons that do what they say."""

import re

import pytest

from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.runs import edits
from core.variants import run_config

pytestmark = pytest.mark.browser

POINTS = """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
  .flatMap(plot => (plot._fullData || []).map(trace => trace._length || 0)))"""
DRAG = ".js-plotly-plot .nsewdrag"
RANGE = "() => JSON.stringify(document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range)"
TABLE = "() => document.querySelector('[data-testid=stDataFrame] canvas')"
EPOCHS = 1000


@pytest.fixture
def long_run(dashboard, wait_for):
    """A run of many short epochs, under way."""
    data_dir = dashboard.log.parent / "data"
    settings = {
        "training.max_epochs": EPOCHS,
        "training.patience": 0,
        "model.hidden_layers": [32],
    }
    config = run_config({"name": "digits"}, "dense-base", settings)
    executor = LocalExecutor(dashboard.store, data_dir)
    dataset = config.dataset.load(data_dir)
    run = submit(dashboard.store, executor, dataset, config, seed=0, device="cpu")
    edits.rename(run, "watched", "ada")
    wait_for(lambda: dashboard.store.run(run.id).state.epoch >= 3)
    return run


def test_a_growing_curve_keeps_its_zoom_and_the_run_stops_is_deleted_and_comes_back(
    page, dashboard, long_run, wait_for
):
    from playwright.sync_api import expect

    store = dashboard.store
    page.goto(f"/runs?search=watched&runs={long_run.id}")
    page.locator(DRAG).first.wait_for()
    page.wait_for_function(f"({POINTS})() >= 3")
    box = page.locator(DRAG).first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"(([low, high]) => high - low < ({POINTS})() / 2)(JSON.parse(({RANGE})()))"
    )
    zoomed = page.evaluate(RANGE)
    table = page.evaluate_handle(TABLE)
    seen = page.evaluate(POINTS)
    page.wait_for_function(f"({POINTS})() > {seen}")
    assert page.evaluate(RANGE) == zoomed
    # The same element: nothing was taken away and drawn again.
    assert page.evaluate(f"table => table === ({TABLE})()", table)

    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(lambda: store.run(long_run.id).state.state == "stopped")
    # While the page is drawn anew, the one of before may still be there.
    resume = page.get_by_role("button", name="Resume", exact=True).first
    expect(resume).to_be_enabled()
    expect(page.locator("p", has_text="Stopped on request after epoch")).to_be_visible()

    page.get_by_role("button", name="Delete", exact=True).click()
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_visible()
    assert long_run.id not in [run.id for run in store.runs()]
    undo.click()
    expect(resume).to_be_enabled()
    assert store.run(long_run.id).state.state == "stopped"
    page.wait_for_url(re.compile(rf"/runs\?search=watched&runs={long_run.id}$"))
