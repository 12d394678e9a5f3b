"""The page Predict in a browser: figures placed by clicks and keys and taken back, a drawing, and a CSV that comes back."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from core.config import RunConfig
from core.datasets.placed_figures import PlacedFigures
from core.datasets.shapes import SIDE
from core.inference import Predictor
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.variants import run_config

pytestmark = pytest.mark.browser

CELLS = "cells => cells.map(cell => cell.textContent)"


@pytest.fixture(scope="module")
def trained_on_shapes(dashboard):
    """A short run on shapes that counts, in the dashboard's folder."""
    data = dashboard.log.parent / "data"
    settings = {"max_epochs": 3, "learning_rate": 0.003, "batch_size": 16}
    settings = {f"training.{name}": value for name, value in settings.items()}
    config = run_config({"name": "shapes", "images": 200}, "shapes-net", settings)
    dataset = config.dataset.load(data)
    run = submit(dashboard.store, InlineExecutor(dashboard.store, data), dataset, config, seed=1)
    run = dashboard.store.run(run.id)
    assert run.state.state == "finished", run.state
    return run


def expected_counts(run, text):
    """Return the two rows below the image as the page writes them: what is true, and what the run says."""
    placed = PlacedFigures.parsed(text)
    _, counts = Predictor.load(run).predict(placed.image[None])
    return [[float(one) for one in placed.counts], counts[0].tolist()]


def shows_counts(page, rows, wait_for):
    """Wait until the counts on the page are these, to the digit that it shows."""
    cells = page.locator("[data-testid=stDataFrame]").nth(1).locator("[role=gridcell]")

    def shown():
        found = cells.evaluate_all(CELLS)
        width = 1 + len(rows[0])
        numbers = [found[at + 1 : at + width] for at in range(0, len(found), width)]
        try:
            numbers = [
                [float(one.replace("\N{MINUS SIGN}", "-")) for one in row] for row in numbers
            ]
        except ValueError:
            return False
        return np.shape(numbers) == np.shape(rows) and np.allclose(numbers, rows, atol=0.051)

    wait_for(shown)


def test_figures_are_placed_by_clicks_and_keys_and_taken_back(page, trained_on_shapes, wait_for):
    from playwright.sync_api import expect

    run = trained_on_shapes
    page.goto(f"/predict?runs={run.id}&view=Place+figures")
    canvas = page.get_by_role("application")
    expect(canvas).to_have_accessible_name(re.compile("Image of 0 figures"))
    nothing = expected_counts(run, "")
    shows_counts(page, nothing, wait_for)

    def click(row, column):
        box = canvas.bounding_box()
        pixel = box["width"] / SIDE
        page.mouse.click(box["x"] + (column + 0.5) * pixel, box["y"] + (row + 0.5) * pixel)

    click(9, 14)
    page.wait_for_url(re.compile("figures=s9-14(&|$)"))
    expect(page.get_by_text("1 squares")).to_be_visible()
    with_one = expected_counts(run, "s9-14")
    # Else it could not be seen that the run's answer follows.
    assert not np.allclose(with_one[1], nothing[1], atol=0.11)
    shows_counts(page, with_one, wait_for)

    page.get_by_role("radio", name="circle").click()
    click(12, 16)
    page.wait_for_url(re.compile("figures=s9-14_c12-16(&|$)"))
    shows_counts(page, expected_counts(run, "s9-14_c12-16"), wait_for)

    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(re.compile("figures=s9-14(&|$)"))
    shows_counts(page, with_one, wait_for)

    # Without a mouse: from where the last click was, two down and one to the left.
    canvas.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile("figures=s9-14_c14-15(&|$)"))
    shows_counts(page, expected_counts(run, "s9-14_c14-15"), wait_for)

    page.get_by_role("button", name="Random image").click()
    page.wait_for_url(re.compile(r"figures=([a-z]\d+-\d+(_|&|$)){10}"))
    (text,) = parse_qs(urlsplit(page.url).query)["figures"]
    shows_counts(page, expected_counts(run, text), wait_for)
    expect(page.get_by_text("a class of the data set")).to_be_visible()


def test_no_figure_of_a_quick_hand_is_lost(page, trained_on_shapes):
    from playwright.sync_api import expect

    page.goto(f"/predict?runs={trained_on_shapes.id}&view=Place+figures")
    canvas = page.get_by_role("application")
    expect(canvas).to_have_accessible_name(re.compile("Image of 0 figures"))
    canvas.focus()
    # Faster than any page could answer between two of them.
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown") * 2:
        page.keyboard.press(key)
        page.keyboard.press("Enter")
    expect(canvas).to_have_accessible_name(re.compile("Image of 10 figures"))
    places = [(15, 14), (15, 15), (16, 15), (16, 16), (17, 16)]
    places += [(row + 3, column + 2) for row, column in places]
    text = "_".join(f"s{row}-{column}" for row, column in places)
    page.wait_for_url(re.compile(f"figures={text}(&|$)"))


def test_a_drawing_is_answered_and_forgotten(page, trained_on_shapes):
    from playwright.sync_api import expect

    page.goto(f"/predict?runs={trained_on_shapes.id}&view=One+image")
    expect(page.get_by_text("Draw in the square")).to_be_visible()
    box = page.get_by_role("application").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 200, steps=6)
    page.mouse.up()
    expect(page.locator("[data-testid=stDataFrame]").first).to_be_visible()
    expect(page.get_by_text("Draw in the square")).to_have_count(0)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Draw in the square")).to_be_visible()


def test_a_csv_is_uploaded_and_its_results_are_right(page, trained_on_shapes, dashboard):
    from playwright.sync_api import expect

    run = trained_on_shapes
    dataset = RunConfig.checked(run.config).dataset.load(dashboard.log.parent / "data")
    images = dataset.split("test").images
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["ID", *(f"pix{number}" for number in range(1, SIDE * SIDE + 1))])
    table.writerows([f"t{row}", *one.ravel().tolist()] for row, one in enumerate(images))

    page.goto(f"/predict?runs={run.id}")
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "e.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()}
    )
    expect(page.get_by_text("e.csv")).to_be_visible()
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_text(f"{len(images)} images predicted")).to_be_visible()
    expected = run.predictions("test").predicted.tolist()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download results.csv").click()
    assert download.value.suggested_filename == "results.csv"
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["ID"] for row in rows] == [f"t{number}" for number in range(len(images))]
    assert [int(row["label"]) for row in rows] == expected

    # The link shows the same to whoever opens it.
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text(f"{len(images)} images predicted")).to_be_visible()
    expect(other.get_by_text("Answered by")).to_have_count(0)
    other.close()
