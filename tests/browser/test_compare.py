"""The page Compare in a browser: from a bar to its mistakes, from a pair to the images of its duel, and back by the link."""

import re
import shutil

import numpy as np
import pytest

from core.datasets.digits import Digits
from core.lineup import duel, lineup_of
from core.run_groups import groups

pytestmark = pytest.mark.browser

POINT = """([name, x, y]) => {
  const plot = document.querySelector(`.st-key-${name} .js-plotly-plot`), place = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  return [place.left + xaxis._offset + xaxis.l2p(x), place.top + yaxis._offset + yaxis.l2p(y)];
}"""


@pytest.fixture
def store(dashboard):
    """The dashboard's own, for `trained` to write to; emptied again, since other tests begin with an empty one."""
    yield dashboard.store
    shutil.rmtree(dashboard.store.root)


@pytest.fixture
def two(trained, dashboard):
    """Two variants of three seeds on the digits, whose images the page can show."""
    digits = Digits().load(dashboard.log.parent / "data")
    images = np.arange(len(digits.splits["test"]))
    for seed in range(3):
        trained("dense-base", seed, images % 4 > 0, data=digits.fingerprint)
        trained("dense-wide", seed, images % 20 != seed, data=digits.fingerprint)
    return groups(dashboard.store.runs())


def shown_samples(page):
    return [int(tile.get_attribute("data-sample")) for tile in page.locator(".tile").all()]


def click_point(page, name, x, y):
    page.locator(f".st-key-{name} .nsewdrag").first.wait_for()
    left, top = page.evaluate(POINT, [name, x, y])
    page.mouse.move(left, top)
    page.wait_for_timeout(300)
    page.mouse.click(left, top)


def test_a_bar_opens_its_mistakes_and_a_pair_its_duel(page, two, store):
    from playwright.sync_api import expect

    by_variant = {group.variant: group for group in two}
    base, wide = by_variant["dense-base"], by_variant["dense-wide"]
    sentence = lineup_of(store.runs(), "test", "accuracy", "dense-base").sentences[0]
    page.goto("/compare")
    expect(page.get_by_text(sentence)).to_be_visible()
    # Bars and sentences stand on the first screen.
    assert page.get_by_text(sentence).bounding_box()["y"] < 500
    click_point(page, "compare-bars", 0.9, 0)
    expect(page.get_by_text("All mistakes")).to_be_visible()
    assert f"open={wide.runs[0].id}" in page.url
    wrong = wide.runs[0].predictions("test")
    expected = wrong.sample_ids[~wrong.is_right].tolist()
    expect(page.locator(".tile")).to_have_count(len(expected))
    assert sorted(shown_samples(page)) == expected

    page.get_by_role("radio", name="Pairs").click()
    click_point(page, "compare-pairs", 1, 0)
    expect(page.get_by_text("Below each image")).to_be_visible()
    page.wait_for_url(re.compile(rf"[?&]a={wide.key}&b={base.key}"))
    only_wide = duel(wide, base).sample_ids("only_a")
    expect(page.locator(".tile .note").first).to_be_visible()
    assert shown_samples(page) == only_wide[:60]

    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("Below each image")).to_be_visible()
    expect(other.locator(".tile .note").first).to_be_visible()
    assert shown_samples(other) == only_wide[:60]
