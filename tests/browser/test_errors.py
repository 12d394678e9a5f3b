"""The page Errors in a browser: from a cell to one of its images, on by the keyboard, and the same again by the link."""

import re

import numpy as np
import pytest

from core.datasets.digits import Digits

pytestmark = pytest.mark.browser

POINT = """([name, x, y]) => {
  const plot = document.querySelector(`.st-key-${name} .js-plotly-plot`), place = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  return [place.left + xaxis._offset + xaxis.l2p(x), place.top + yaxis._offset + yaxis.l2p(y)];
}"""


@pytest.fixture
def store(dashboard):
    """The dashboard's own, for `trained` to write to."""
    return dashboard.store


@pytest.fixture
def two(trained, dashboard):
    """Two variants on the digits, whose images the page can show."""
    digits = Digits().load(dashboard.log.parent / "data")
    images = np.arange(len(digits.splits["test"]))
    base = trained("dense-base", 0, images % 4 > 0, data=digits.fingerprint)
    trained("dense-wide", 0, images % 20 > 0, data=digits.fingerprint)
    return base


def places(page, name, *points):
    page.locator(f".st-key-{name} .nsewdrag").first.wait_for()
    page.locator(f".st-key-{name}").first.scroll_into_view_if_needed()
    return [page.evaluate(POINT, [name, *point]) for point in points]


def test_a_cell_leads_to_an_image_and_its_votes_and_the_link_shows_the_same(page, two):
    from playwright.sync_api import expect

    found = two.predictions("validation")
    # Of the digits the trained ones are taken for the next class.
    cell = found.sample_ids[(found.labels == 4) & (found.predicted == 5)].tolist()
    page.goto(f"/errors?runs={two.id}&split=validation&view=time")
    [(left, top)] = places(page, "case-time-matrix", (5, 4))
    page.mouse.move(left, top)
    page.wait_for_timeout(300)
    page.mouse.click(left, top)
    page.wait_for_url(re.compile("true=4&predicted=5"))
    expect(page.locator(".tile")).to_have_count(len(cell))

    page.locator(".tile").nth(1).click()
    page.wait_for_url(re.compile(f"image={cell[1]}(&|$)"))
    expect(page.get_by_text(f"#{cell[1]} of validation")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(f"image={cell[2]}(&|$)"))
    expect(page.get_by_text(f"#{cell[2]} of validation")).to_be_visible()
    expect(page.locator(".st-key-case-about-votes [data-testid=stDataFrame]")).to_be_visible()
    page.get_by_role("radio", name="History").click()
    expect(page.get_by_text("never right")).to_be_visible()

    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text(f"#{cell[2]} of validation")).to_be_visible()
    expect(other.get_by_text("never right")).to_be_visible()
    expect(other.locator(".tile")).to_have_count(len(cell))
    other.close()


def test_the_lasso_on_the_data_map_chooses_the_images_within(page, two):
    from playwright.sync_api import expect

    page.goto(f"/errors?runs={two.id}&split=validation&view=map")
    wrong = int((~two.predictions("validation").is_right).sum())
    corners = [(-0.005, 0.01), (0.05, 0.01), (0.05, 0.15), (-0.005, 0.15), (-0.005, 0.02)]
    (first, *others) = places(page, "case-map", *corners)
    page.mouse.move(*first)
    page.mouse.down()
    for corner in others:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    page.wait_for_url(re.compile("ids="))
    expect(page.get_by_role("button", name=f"{wrong} chosen images")).to_be_visible()


def test_a_note_that_is_being_written_is_in_the_list_of_notes_at_once(page, two):
    from playwright.sync_api import expect

    page.goto(f"/errors?runs={two.id}&split=test&image=3&about=note")
    field = page.get_by_role("textbox", name="Note")
    field.press_sequentially("looks odd")
    expect(page.get_by_text("Note on #3 of test kept.")).to_be_visible()
    expect(field).to_be_focused()
    page.get_by_role("button", name="Notes").click()
    expect(page.get_by_role("button", name="test #3 looks odd")).to_be_visible()
    expect(field).to_have_value("looks odd")
