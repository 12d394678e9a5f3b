"""The page Compare in a browser: from a bar to its mistakes, from a pair to the images of its duel, and back by the link."""

import re
import shutil

import numpy as np
import pytest

from core.datasets.digits import Digits
from core.jobs import control
from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.lineup import duel, lineup_of
from core.run_groups import groups
from core.runs.state import ACTIVE
from core.variants import run_config

pytestmark = pytest.mark.browser

POINT = """([name, x, y]) => {
  const plot = document.querySelector(`.st-key-${name} .js-plotly-plot`), place = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  return [place.left + xaxis._offset + xaxis.l2p(x), place.top + yaxis._offset + yaxis.l2p(y)];
}"""


CURVES = ".st-key-compare-accuracy-epoch .js-plotly-plot"
POINTS = f"""() => Math.max(0, ...document.querySelector('{CURVES}')._fullData.map(one => one._length || 0))"""
RANGE = f"() => JSON.stringify(document.querySelector('{CURVES}')._fullLayout.xaxis.range)"
ROW_HEIGHT = 35


@pytest.fixture
def store(dashboard):
    """The dashboard's own, for `trained` to write to; emptied again, since each test begins with an empty one."""
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


def click_point(page, name, x, y):
    plot = page.locator(f".st-key-{name} .nsewdrag").first
    plot.wait_for()
    plot.scroll_into_view_if_needed()
    left, top = page.evaluate(POINT, [name, x, y])
    page.mouse.move(left, top)
    page.wait_for_timeout(300)
    page.mouse.click(left, top)


def test_a_bar_opens_its_mistakes_and_a_pair_its_duel(page, two, store, shows):
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
    page.wait_for_url(re.compile(f"open={wide.runs[0].id}"))
    wrong = wide.runs[0].predictions("test")
    expected = wrong.sample_ids[~wrong.is_right].tolist()
    shows(page, expected)

    page.get_by_role("radio", name="Pairs").click()
    click_point(page, "compare-pairs", 1, 0)
    expect(page.get_by_text("Below each image")).to_be_visible()
    page.wait_for_url(re.compile(rf"[?&]a={wide.key}&b={base.key}"))
    only_wide = duel(wide, base).sample_ids("only_a")
    expect(page.locator(".tile .note").first).to_be_visible()
    shows(page, only_wide[:60])

    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("Below each image")).to_be_visible()
    expect(other.locator(".tile .note").first).to_be_visible()
    shows(other, only_wide[:60])


def click_row(page, name, row):
    table = page.locator(f".st-key-{name} [data-testid=stDataFrame]")
    table.locator("canvas").first.wait_for()
    table.click(position={"x": 60, "y": ROW_HEIGHT * (row + 1.5)})


def test_each_point_and_row_leads_to_its_run_or_images(page, two, store, shows):
    from playwright.sync_api import expect

    by_variant = {group.variant: group for group in two}
    base, wide = by_variant["dense-base"], by_variant["dense-wide"]
    mistakes = page.get_by_text("All mistakes")

    def opens(*runs):
        page.wait_for_url(re.compile(f"open=({'|'.join(run.id for run in runs)})"))
        expect(mistakes).to_be_visible()
        expect(page.locator(".tile").first).to_be_visible()
        page.locator(".st-key-opened-chip button").first.click()
        expect(mistakes).to_have_count(0)

    page.goto("/compare?section=Curves")
    accuracy = float(np.mean([run.history()[0]["validation_accuracy"] for run in base.runs]))
    click_point(page, "compare-accuracy-epoch", 2, accuracy)
    page.wait_for_url(re.compile(r"[?&]epoch=2(&|$)"))
    expect(page.get_by_role("link", name="Epoch 2")).to_be_visible()
    opens(*base.runs)

    page.get_by_role("radio", name="Cost").click()
    found = lineup_of(store.runs(), "test", "accuracy", "dense-base")
    mean = found.comparison.variants.set_index("variant").loc["dense-wide", "mean"]
    seconds = found.costs.set_index("variant").loc["dense-wide", "seconds"]
    click_point(page, "compare-cost", seconds, mean)
    opens(wide.runs[0])

    page.get_by_role("radio", name="Table").click()
    click_row(page, "table-variant-2", 1)
    opens(base.runs[0])
    page.get_by_role("radio", name="One row a run").click()
    click_row(page, "table-run-6", 2)
    opens(wide.runs[2])

    page.get_by_role("radio", name="Pairs").click()
    click_row(page, "pairs-table", 0)
    page.wait_for_url(re.compile(rf"[?&]a={wide.key}&b={base.key}"))
    expect(page.locator(".tile .note").first).to_be_visible()
    piles = duel(wide, base)
    # The topmost bar.
    both = piles.sample_ids("both")
    click_point(page, "compare-piles", len(both) / 2, 0)
    page.wait_for_url(re.compile("pile=both"))
    expect(page.get_by_text(f"{len(both)} images")).to_be_visible()
    shows(page, both[:60])
    row = piles.classes.iloc[0]
    click_point(page, "compare-classes", row["only_a"] / 2, 0)
    page.wait_for_url(re.compile(rf"class={row['class']}"))
    of_class = piles.sample_ids("only_a", int(row["class"]))
    shows(page, of_class)


SHOWN = f"""() => [...new Set(document.querySelector('{CURVES}')._fullData
  .filter(one => one.visible === true && one.legendgroup).map(one => one.legendgroup))].sort().join()"""


def test_the_legend_hides_a_variant_and_shows_one_alone(page, two, store):
    page.goto("/compare?section=Curves")
    page.locator(f"{CURVES} .nsewdrag").first.wait_for()
    toggle = page.locator(f"{CURVES} .legendtoggle")
    assert page.evaluate(SHOWN) == "dense-base,dense-wide"
    toggle.first.click()
    page.wait_for_function(f"({SHOWN})() === 'dense-wide'")
    toggle.first.click()
    page.wait_for_function(f"({SHOWN})() === 'dense-base,dense-wide'")
    toggle.first.dblclick()
    page.wait_for_function(f"({SHOWN})() === 'dense-base'")


@pytest.fixture
def growing(dashboard, store, wait_for):
    """A run of many short epochs, under way; stopped at the latest when the test is over."""
    settings = {"training.max_epochs": 1000, "training.patience": 0, "model.hidden_layers": [32]}
    config = run_config({"name": "digits"}, "dense-base", settings)
    data_dir = dashboard.log.parent / "data"
    executor = LocalExecutor(store, data_dir)
    run = submit(store, executor, config.dataset.load(data_dir), config, seed=0, device="cpu")
    wait_for(lambda: store.run(run.id).state.epoch >= 3)
    yield run
    if store.run(run.id).state.state in ACTIVE:
        control.stop(store, store.run(run.id), run.spec["owner"])
    wait_for(lambda: store.run(run.id).state.state not in ACTIVE)


def test_curves_grow_while_a_run_trains_and_keep_their_zoom(page, growing, store):
    from playwright.sync_api import expect

    page.goto("/compare?section=Curves")
    expect(page.get_by_text("Still under way")).to_be_visible()
    drag = page.locator(f"{CURVES} .nsewdrag").first
    drag.wait_for()
    box = drag.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"(([low, high]) => high - low < ({POINTS})() / 2)(JSON.parse(({RANGE})()))"
    )
    zoomed, seen = page.evaluate(RANGE), page.evaluate(POINTS)
    page.wait_for_function(f"({POINTS})() > {seen}")
    assert page.evaluate(RANGE) == zoomed
    control.stop(store, store.run(growing.id), growing.spec["owner"])
    # Nothing changes by itself any more, so nobody looks again.
    expect(page.get_by_text("Still under way")).to_have_count(0)
