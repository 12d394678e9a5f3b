"""The page Data in a browser: a bar opens its images, a link shows the same, files come in, hostile ones do not."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.datasets.classes import class_counts
from core.datasets.samples import of_class, sample_table
from core.datasets.shapes import Shapes

pytestmark = pytest.mark.browser
SMALL = "dataset=shapes&settings=images:400"

BAR = """label => {
  const plot = document.querySelector('.js-plotly-plot'), place = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  const trace = plot._fullData.find(one => one.type === 'bar');
  const at = trace.customdata.findIndex(one => one[0] === label);
  return [place.left + xaxis._offset + xaxis.d2p(trace.x[at]), place.top + yaxis._offset + yaxis.d2p(trace.y[at] / 2)];
}"""


SAMPLES = "tiles => tiles.map(tile => tile.getAttribute('data-sample'))"


def named(table):
    return [
        f"{split}:{sample_id}"
        for split, sample_id in zip(table["split"], table["sample_id"], strict=True)
    ]


def pictures(folders, num_images=8, side=12):
    """Return a zip of PNGs in folders, as bytes; each picture is of its own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for place, name in enumerate(folders):
            for number in range(num_images):
                pixels = np.zeros((side, side, 3), np.uint8)
                pixels[number, place + 1 :] = (200, 30 * number, 90)
                png = io.BytesIO()
                Image.fromarray(pixels).save(png, "PNG")
                archive.writestr(f"{name}/{number}.png", png.getvalue())
    return file.getvalue()


@pytest.fixture(scope="module")
def small(dashboard):
    """The data set of the links above."""
    return Shapes(images=400).load(dashboard.log.parent / "data")


def test_a_click_on_a_bar_shows_as_many_images_as_it_says_and_the_link_shows_them_again(
    page, small, shows
):
    from playwright.sync_api import expect

    counts = class_counts(small)
    label = int(counts["count"].idxmax())
    expected = of_class(small, label)
    page.goto(f"/data?{SMALL}&section=Classes")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    expect(page.locator(".tile").first).to_be_visible()
    page.wait_for_timeout(300)  # plotly binds its events after it has drawn
    x, y = page.evaluate(BAR, label)
    page.mouse.move(x + 2, y + 2)
    page.mouse.move(x, y)
    expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(x, y)
    page.wait_for_url(re.compile(rf"[?&]look=class(:|%3A){label}(&|$)"))
    shows(page, named(expected))
    expect(page.locator("p", has_text=re.compile(f"^{len(expected)} images$"))).to_be_visible()

    other = page.context.new_page()
    other.goto(page.url)
    shows(other, named(expected))


def test_pages_and_arrow_keys_lead_through_the_images_and_the_link_keeps_both(page, small, shows):
    from playwright.sync_api import expect

    expected = named(sample_table(small, "train", range(len(small.splits["train"]))))
    page.goto(f"/data?{SMALL}&section=Splits")
    shows(page, expected[:60])
    page.get_by_role("button", name="Page 2", exact=True).click()
    expect(page.locator(".tile").first).to_have_attribute("data-sample", expected[60])
    page.wait_for_url(re.compile(r"[?&]page=2(&|$)"))
    page.locator(".tile").nth(2).click()
    across = page.evaluate(
        """() => { const tiles = [...document.querySelectorAll('*')].map(one => one.shadowRoot)
          .filter(root => root && root.querySelector('.tile'))[0].querySelectorAll('.tile');
          return [...tiles].filter(one => one.offsetTop === tiles[0].offsetTop).length }"""
    )
    steps = {"ArrowRight": 1, "ArrowDown": across, "ArrowLeft": -1, "ArrowUp": -across}
    at = 62
    for key, step in steps.items():
        page.keyboard.press(key)
        at += step
        name = expected[at].replace(":", " ")
        expect(page.locator(".facts")).to_contain_text(name)
        expect(page.locator(".tile[aria-selected=true]")).to_have_attribute(
            "data-sample", expected[at]
        )
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(rf"[?&]image={expected[at + 1].replace(':', '(:|%3A)')}(&|$)"))
    page.reload()
    expect(page.locator(".tile[aria-selected=true]")).to_have_attribute(
        "data-sample", expected[at + 1]
    )
    shows(page, expected[60:120])


def test_the_pictures_of_the_tiles_are_the_samples_themselves(page, small):
    page.goto(f"/data?{SMALL}")
    page.locator(".tile").first.wait_for()
    ids = page.locator(".tile").evaluate_all(SAMPLES)
    link = f"/api/images/{small.fingerprint}?ids={','.join(ids)}&columns=10"
    answer = page.request.get(link)
    sheet = np.asarray(Image.open(io.BytesIO(answer.body())))
    assert len(ids) == 32
    for place, name in enumerate(ids):
        row, column = divmod(place, 10)
        split, _, sample_id = name.partition(":")
        tile = sheet[row * 28 : row * 28 + 28, column * 28 : column * 28 + 28]
        assert np.array_equal(tile, small.splits[split].images[int(sample_id), 0])


def upload(page, name, data, mime="application/zip"):
    from playwright.sync_api import expect

    page.goto("/data?dataset=digits")
    expect(page.locator(".tile").first).to_be_visible()
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": mime, "buffer": data}
    )
    named = page.get_by_role("textbox", name="Name of the data set")
    expect(named).to_have_value(name.partition(".")[0])
    page.get_by_role("button", name="Import", exact=True).last.click()


def test_an_uploaded_zip_of_folders_is_imported_shown_and_removed(page, dashboard):
    from playwright.sync_api import expect

    upload(page, "pets.zip", pictures(["cats", "<b>dogs", "öäü"]))
    page.wait_for_url(re.compile(r"[?&]dataset=pets(&|$)"))
    expect(page.get_by_text("12 x 12, colour")).to_be_visible()
    expect(page.locator(".tile").first).to_be_visible()
    assert (dashboard.log.parent / "data" / "imported" / "pets").is_dir()
    assert not any((dashboard.log.parent / "data" / "uploads").iterdir())
    page.get_by_role("button", name=re.compile("^Notes")).click()
    expect(page.get_by_text("Read from pets.zip as image-folder.")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto("/data?dataset=pets&section=Classes")
    expect(page.get_by_text("<b>dogs").first).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url(re.compile(r"[?&]dataset=shapes(&|$)"))
    assert not (dashboard.log.parent / "data" / "imported" / "pets").exists()


def test_a_hostile_upload_is_refused_with_its_message_and_leaves_nothing(page, dashboard):
    from playwright.sync_api import expect

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../outside.png", b"x")
    upload(page, "evil.zip", file.getvalue())
    refused = page.get_by_role("alert").filter(has_text="outside.png")
    expect(refused).to_be_visible()
    folder = dashboard.log.parent / "data"
    assert not (folder / "imported" / "evil").exists()
    assert not any((folder / "uploads").iterdir())
    page.get_by_role("button", name="Put away").click()
    expect(refused).to_have_count(0)
