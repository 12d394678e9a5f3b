"""The hand-in file, opened from disk with the network off."""

import numpy as np
import pytest

from core.hand_in import write_hand_in


@pytest.fixture
def report(trained, data_dir, tmp_path):
    """A report on two runs of each of two variants."""
    runs = [
        trained(variant, seed, np.random.default_rng(seed).random(200) < rate)
        for variant, rate in {"dense-base": 0.7, "dense-deep": 0.9}.items()
        for seed in range(2)
    ]
    write_hand_in(runs, tmp_path / "report.html", data_dir)
    return tmp_path / "report.html"


def test_the_file_draws_its_figures_without_a_network(browser, report):
    playwright = pytest.importorskip("playwright.sync_api")
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    tab = context.new_page()
    asked, failed = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: failed.append(str(error)))
    tab.on("console", lambda message: failed.append(message.text))
    tab.goto(report.as_uri())
    figures = tab.locator("figure")
    number = figures.count()
    playwright.expect(tab.locator("figure .plot[data-drawn] .main-svg")).not_to_have_count(0)
    playwright.expect(tab.locator("figure .plot:not([data-drawn])")).to_have_count(0)
    for place in range(number):
        playwright.expect(figures.nth(place).locator(".cartesianlayer")).to_have_count(1)
    playwright.expect(tab.locator("figure .cartesianlayer .trace.bars").first).to_be_attached()
    tab.get_by_role("link", name="dense-deep").click()
    playwright.expect(tab.get_by_role("heading", name="dense-deep").last).to_be_in_viewport()
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    assert failed == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1280
    context.close()


def opened(context, report):
    """Open the report, and return its tab once every figure is drawn."""
    playwright = pytest.importorskip("playwright.sync_api")
    tab = context.new_page()
    tab.goto(report.as_uri())
    playwright.expect(tab.locator("figure .plot:not([data-drawn])")).to_have_count(0)
    return tab


def test_on_paper_every_folded_part_is_open_and_nothing_is_cut_off(browser, report):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    tab = opened(context, report)
    assert tab.locator("details[open]").count() == 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    widths = "[...document.querySelectorAll('.main-svg')].map(one => one.clientWidth)"
    assert max(tab.evaluate(widths)) <= 690
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details[open]").count() == 0
    context.close()


def test_the_file_can_be_read_and_used_by_all(browser, report, violations):
    for width in (1280, 820):
        # Its policy keeps scripts of others out, and axe is one.
        context = browser.new_context(
            viewport={"width": width, "height": 720}, offline=True, bypass_csp=True
        )
        tab = opened(context, report)
        for summary in tab.locator("summary").all():
            summary.click()
        assert violations(tab) == [], width
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


def test_a_table_wider_than_the_page_is_scrolled_with_keys(browser, report):
    playwright = pytest.importorskip("playwright.sync_api")
    context = browser.new_context(viewport={"width": 820, "height": 1180}, offline=True)
    tab = context.new_page()
    tab.goto(report.as_uri())
    wide = tab.locator(".wide[tabindex='0']").first
    playwright.expect(wide).to_be_attached()
    wide.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("one => one.scrollLeft > 0", arg=wide.element_handle())
    tab.set_viewport_size({"width": 2400, "height": 1180})
    tab.evaluate("document.body.style.maxWidth = 'none'")
    playwright.expect(tab.locator(".wide[tabindex]")).to_have_count(0)
    context.close()
