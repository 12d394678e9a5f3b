"""Evaluate in a browser: from a curve, a bar, a bin and a cell by one click to their images in Errors."""

import re
from urllib.parse import parse_qs, urlparse

import pytest

from core.evaluation.calibration import calibration
from core.evaluation.confusion_matrix import confusion_matrix

pytestmark = pytest.mark.browser
PATIENCE = 120_000

# Where a point of the first figure with this axis title lies on the screen.
POINT = """([title, x, y]) => {
  const plot = [...document.querySelectorAll('.js-plotly-plot')].find(
    one => one._fullLayout && one._fullLayout.xaxis.title.text.startsWith(title));
  if (!plot) return null;
  const place = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
  return [place.left + xaxis._offset + xaxis.l2p(x), place.top + yaxis._offset + yaxis.l2p(y)];
}"""


@pytest.fixture(scope="module")
def run(dashboard):
    """A finished run of digits in the dashboard's folder."""
    from core.jobs.inline import InlineExecutor
    from core.jobs.submit import submit
    from core.variants import run_config

    data_dir = dashboard.log.parent / "data"
    settings = {"training.max_epochs": 3, "training.batch_size": 16, "model.hidden_layers": [32]}
    config = run_config({"name": "digits"}, "dense-base", settings)
    executor = InlineExecutor(dashboard.store, data_dir)
    submitted = submit(dashboard.store, executor, config.dataset.load(data_dir), config, seed=5)
    found = dashboard.store.run(submitted.id)
    assert found.state.state == "finished", found.state
    return found


def click_point(page, title, x, y):
    """Click a point of a figure where the mouse really goes, once the figure lies still."""
    page.wait_for_function(f"([title]) => ({POINT})([title, 0, 0]) !== null", arg=[title])
    page.evaluate(
        "title => [...document.querySelectorAll('.js-plotly-plot')].find(one =>"
        " one._fullLayout.xaxis.title.text.startsWith(title)).scrollIntoView({block: 'center'})",
        title,
    )
    page.wait_for_timeout(300)
    left, top = page.evaluate(POINT, [title, x, y])
    page.mouse.move(left + 4, top + 4)
    page.mouse.move(left, top)
    page.locator(".hoverlayer .hovertext").first.wait_for()
    page.mouse.click(left, top)


def query(page):
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def opened(page):
    page.wait_for_url(re.compile(r"/errors\?"))
    page.get_by_role("heading", name="Errors", exact=True).wait_for()
    return query(page)


def test_a_bin_of_the_reliability_diagram_opens_its_images_in_errors(page, run):
    table = calibration(run.predictions("test"))
    row = table.loc[table["count"].idxmax()]
    page.goto(f"/evaluate?runs={run.id}&section=calibration")
    click_point(page, "Confidence", (row["bin_low"] + row["bin_high"]) / 2, row["accuracy"] / 2)
    found = opened(page)
    assert found["runs"] == run.id
    low, high = found["confidence"].split("..")
    confidence = run.predictions("test").confidence
    inside = (confidence >= float(low or 0)) & (confidence < float(high or 2))
    assert inside.sum() == row["count"]
    assert 0 < row["count"] < 360
    page.get_by_text(f"{int(row['count'])} of 360 images of test").first.wait_for()


def test_a_point_of_a_roc_curve_opens_what_is_taken_for_the_class(page, run):
    page.goto(f"/evaluate?runs={run.id}&section=roc&curves=3&class=3")
    click_point(page, "False positive rate", 1.0, 1.0)
    assert opened(page)["probability"].startswith("3:")


def test_from_the_matrix_to_a_cell_and_on_to_errors(page, run):
    matrix = confusion_matrix(run.predictions("test"))
    wrong = matrix[matrix["true"] != matrix["predicted"]]
    cell = wrong.loc[wrong["count"].idxmax()]
    true, predicted = int(cell["true"]), int(cell["predicted"])
    page.goto(f"/evaluate?runs={run.id}")
    click_point(page, "Predicted class", predicted, true)
    page.wait_for_url(re.compile(rf"[?&]cell={true}-{predicted}(&|$)"))
    link = page.get_by_role("link", name="This cell in Errors")
    page.wait_for_function(
        "([true_, predicted]) => [...document.querySelectorAll('a')].some(one =>"
        " one.href.includes(`true=${true_}`) && one.href.includes(`predicted=${predicted}`))",
        arg=[true, predicted],
    )
    link.click()
    found = opened(page)
    assert (found["true"], found["predicted"]) == (str(true), str(predicted))
    page.get_by_text(f"{int(cell['count'])} of 360 images of test").first.wait_for()
