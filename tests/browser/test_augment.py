"""The page Augment in a browser: a step is added, an image opened with the keyboard, and the link shows it again."""

import re

import pytest

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.preview import preview
from core.datasets.shapes import Shapes

pytestmark = pytest.mark.browser
SMALL = "dataset=shapes&settings=images:400"

SIZES = """() => {
  const cards = [...document.querySelectorAll('*')].map(one => one.shadowRoot)
    .filter(root => root && root.querySelector('.card'))[0];
  return [...cards.querySelectorAll('.picture')].map(one => {
    const style = getComputedStyle(one);
    return [one.offsetWidth, one.offsetHeight, style.imageRendering, style.backgroundImage.slice(0, 9)];
  });
}"""


@pytest.fixture(scope="module")
def small(dashboard):
    """The data set of the links."""
    return Shapes(images=400).load(dashboard.log.parent / "data")


def test_a_step_is_added_and_the_label_travels_with_the_image(page, small):
    from playwright.sync_api import expect

    page.goto(f"/augment?{SMALL}&pipeline=none")
    expect(page.locator(".card")).to_have_count(16)
    expect(page.locator(".changed")).to_have_count(0)
    page.get_by_role("combobox", name="Add a step").click()
    page.get_by_role("option", name=re.compile("^Quarter turn")).click()
    expect(page.locator(".changed").first).to_be_visible()
    page.wait_for_url(re.compile("quarter-turn"))

    page.locator(".card").first.focus()
    page.keyboard.press("ArrowRight")
    chosen = page.locator(".card").nth(1).get_attribute("data-card")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    page.wait_for_url(re.compile(rf"[?&]images={chosen}(&|$)"))

    split = small.splits["train"]
    pipeline = AugmentationPipeline.checked({"steps": [{"name": "quarter-turn", "probability": 1}]})
    seen = preview(
        pipeline, split.images, split.labels, split.counts, small.space, 0, 1, [int(chosen)]
    )
    expected = [
        small.space.class_names[seen.labels[0]],
        ("→ " if seen.is_changed[0] else "") + small.space.class_names[seen.new_labels[0]],
    ]
    expect(page.locator(".caption")).to_have_text(expected)
    expect(page.locator(".lines")).to_have_text(seen.texts(0))
    # 28 pixels shown as a whole multiple, crisp.
    assert page.evaluate(SIZES) == [[252, 252, "pixelated", 'url("blob']] * 2

    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".caption")).to_have_text(expected)


def test_the_slider_obeys_the_keyboard_and_the_browsers_way_back(page):
    from playwright.sync_api import expect

    page.goto(f"/augment?{SMALL}&pipeline=shapes-recipe")
    slider = page.get_by_role("slider", name="Probability")
    slider.wait_for()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(r"0\.99"))
    expect(page.get_by_text("1. Symmetry, 99 %")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1. Symmetry, 100 %")).to_be_visible()
    expect(slider).to_have_value("1")
