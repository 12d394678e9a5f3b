"""What was typed is neither lost nor in the way when a link is clicked at once, without the pause of a hand."""

import re

import pytest

pytestmark = pytest.mark.browser


def test_a_link_clicked_right_after_typing_is_followed_and_what_was_typed_is_kept(page):
    from playwright.sync_api import expect

    page.goto("/train?dataset=digits&variants=dense-base")
    seeds = page.get_by_label("Seeds", exact=True)
    expect(seeds).to_have_value("0")
    for text in ("0-3", "0-4", "0-5"):
        seeds.click()
        seeds.press("Control+a")
        seeds.press_sequentially(text)
        page.get_by_role("link", name="Augment", exact=True).first.click()
        expect(page.get_by_role("heading", name="Augment", exact=True)).to_be_visible()
        page.wait_for_url(re.compile(r"/augment"))
        page.get_by_role("link", name="Train", exact=True).first.click()
        expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
        expect(seeds).to_have_value(text)
    assert page.locator("[data-testid=stException]").count() == 0
