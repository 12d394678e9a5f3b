"""The whole way in a browser: start a run by the form, watch its curve, click a cell, see exactly its images."""

import os
import re
import signal
from urllib.parse import parse_qs, urlparse

import pytest

from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.samples import samples

pytestmark = pytest.mark.browser
PATIENCE = 120_000
EPOCHS = 40

POINTS = """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
  .flatMap(plot => (plot._fullData || []).map(trace => trace._length || 0)))"""

CELL = """([predicted, actual]) => {
  const plot = document.querySelector('.js-plotly-plot'), place = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  return [place.left + xaxis._offset + xaxis.l2p(predicted), place.top + yaxis._offset + yaxis.l2p(actual)];
}"""


@pytest.fixture(scope="module")
def finished(browser, dashboard, wait_for, choose, fill):
    """A run that was started by the form, and watched until it ended."""
    from playwright.sync_api import expect

    page = browser.new_page(viewport={"width": 1280, "height": 720}, base_url=dashboard.url)
    page.set_default_timeout(PATIENCE)
    page.goto("/runs")
    expect(page.get_by_text("No runs yet")).to_be_visible()
    page.goto("/train")
    choose(page, "Data set", "digits")
    expect(page.get_by_text("As conv-base, with padding")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("Choose what to train")).to_be_visible()
    choose(page, "Variants", "dense-base")
    page.keyboard.press("Escape")
    fill(page, "Batch size (samples)", "4")
    fill(page, "Max epochs", str(EPOCHS))
    fill(page, "Patience (epochs)", "0")
    fill(page, "Seeds", "4")
    expect(page.get_by_text("Max epochs: 30")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]runs="))
    (run,) = dashboard.store.runs()
    # Typed one right after the other: none may be lost.
    asked = run.config["training"]
    assert [asked[name] for name in ("batch_size", "max_epochs", "patience")] == [4, EPOCHS, 0]
    wait_for(lambda: dashboard.store.run(run.id).state.epoch >= 1)
    # Held still, the worker cannot end before the page has looked, however slow this machine is.
    pid = dashboard.store.run(run.id).state.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        page.wait_for_function(f"({POINTS})() >= 1")
        seen = page.evaluate(POINTS)
    finally:
        os.kill(pid, signal.SIGCONT)
    page.wait_for_function(f"({POINTS})() > {seen}")
    wait_for(lambda: dashboard.store.run(run.id).state.state == "finished")
    page.wait_for_function(f"({POINTS})() == {EPOCHS}")
    page.get_by_role("link", name="Evaluate").last.click()
    expect(page.get_by_text("All mistakes", exact=True)).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    page.close()
    return dashboard.store.run(run.id)


def test_a_click_on_a_cell_shows_exactly_the_images_that_it_counts(page, finished, shows):
    from playwright.sync_api import expect

    predictions = finished.predictions("test")
    matrix = confusion_matrix(predictions)
    wrong = matrix[matrix["true"] != matrix["predicted"]]
    cells = [wrong.loc[wrong["count"].idxmax()], matrix.loc[matrix["count"].idxmax()]]
    page.goto(f"/evaluate?run={finished.id}")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    for cell in cells:
        true, predicted = int(cell["true"]), int(cell["predicted"])
        expected = samples(predictions, true, predicted)["sample_id"].tolist()
        x, y = page.evaluate(CELL, [predicted, true])
        page.mouse.move(x + 3, y + 3)
        page.mouse.move(x, y)
        expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()
        page.mouse.click(x, y)
        page.wait_for_url(re.compile(rf"[?&]cell={true}-{predicted}(&|$)"))
        shows(page, expected)
        expect(page.get_by_text(f"{len(expected)} image")).to_be_visible()

    other = page.context.new_page()
    other.goto(page.url)
    shows(other, expected)


def test_a_click_on_a_curve_of_a_run_shows_what_it_had_wrong_in_that_epoch(page, finished):
    from playwright.sync_api import expect

    row = finished.history()[4]
    page.goto(f"/runs?runs={finished.id}")
    page.wait_for_function(f"({POINTS})() == {EPOCHS}")
    x, y = page.evaluate(CELL, [row["epoch"], row["validation_accuracy"]])
    page.mouse.move(x + 3, y)
    page.mouse.move(x, y)
    expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(x, y)
    page.wait_for_url(re.compile(rf"/errors\?.*runs={finished.id}"))
    asked = parse_qs(urlparse(page.url).query)
    assert (asked["split"], asked["epoch"], asked["right"]) == (["validation"], ["5"], ["no"])
    wrong = round((1 - row["validation_accuracy"]) * len(finished.predictions("validation")))
    expect(page.get_by_text(f"{wrong} of ")).to_be_visible()


def test_keys_open_the_next_image_and_the_link_keeps_it(page, finished):
    from playwright.sync_api import expect

    expected = samples(finished.predictions("test"), 0)["sample_id"].tolist()
    page.goto(f"/evaluate?run={finished.id}&cell=0-any")
    expect(page.locator(".tile")).to_have_count(len(expected))
    page.locator(".tile").first.click()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".facts")).to_contain_text(f"#{expected[1]}")
    page.wait_for_url(re.compile(rf"[?&]image={expected[1]}(&|$)"))
    page.reload()
    expect(page.locator(".tile[aria-selected=true]")).to_have_attribute(
        "data-sample", str(expected[1])
    )


def test_the_images_of_the_tiles_are_the_samples_themselves(page, finished, dashboard, shows):
    import io

    import numpy as np
    from PIL import Image

    from core.datasets.digits import Digits

    ids = samples(finished.predictions("test"), 0)["sample_id"].tolist()
    page.goto(f"/evaluate?run={finished.id}&cell=0-any")
    shows(page, ids)
    link = f"/api/sheet/{finished.id}/test?ids={','.join(map(str, ids))}&columns=10"
    answer = page.request.get(link)
    assert answer.headers["cache-control"].startswith("private, max-age=3600")
    sheet = np.asarray(Image.open(io.BytesIO(answer.body())))
    images = Digits().load(dashboard.log.parent / "data").split("test").images
    for place, sample_id in enumerate(ids):
        row, column = divmod(place, 10)
        tile = sheet[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
        assert np.array_equal(tile, images[sample_id, 0])
