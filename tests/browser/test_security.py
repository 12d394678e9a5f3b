"""Script, Markdown and links in every text that somebody can write, on every page in Chromium: they stay text.

A server of this module's own, with an imported data set whose class names are hostile and runs whose files are: no
dialog opens, nothing is asked of another server, no element of theirs comes into being.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from core.datasets.importing import import_dataset
from core.datasets.raw import ImportOptions
from core.jobs.inline import InlineExecutor
from core.jobs.removal import delete
from core.jobs.submit import submit
from core.runs import files, saved
from core.runs.host import user_name
from core.runs.notes import ImageNote, save_note
from core.runs.run import config_sha256
from core.runs.store import Store
from core.variants import run_config

pytestmark = pytest.mark.browser
PATIENCE = 120_000
IDLE = """() => { const app = document.querySelector('[data-testid=stApp]');
  return app?.dataset.testScriptState === 'notRunning' && app?.dataset.testConnectionState === 'CONNECTED'
    && !document.querySelector('[data-testid=stMain] [data-stale=true]') }"""

# Everything that became an element, in shadow trees too: Plotly and components make their own. Of a bare address Markdown
# makes a link whose text is the address itself: it deceives nobody, asks for nothing by itself and may stay. So may a link to
# another of our own pages that names a suite, a tag or a run in its query.
BORN = """() => { const found = [];
  const plain = (one, value) => one.tagName === 'A' && (decodeURIComponent(value) === one.textContent
    || new URL(value, location.href).origin === location.origin);
  const look = (root) => { for (const one of root.querySelectorAll('*')) {
    for (const { name, value } of one.attributes)
      if (/evil\\.example|javascript:|alert\\(/.test(value) && !(name === 'href' && plain(one, value)) && !['value', 'title', 'alt', 'aria-label', 'placeholder',
        'id', 'class', 'for', 'name', 'aria-valuetext', 'aria-description'].includes(name) && !name.startsWith('data-'))
        found.push(`${one.tagName} ${name}=${value.slice(0, 200)}`);
    if (one.shadowRoot) look(one.shadowRoot);
    if (one.tagName === 'SCRIPT' && /alert\\(/.test(one.textContent)) found.push('SCRIPT');
  } };
  look(document);
  return found; }"""


def hostile(place):
    """Return a text that becomes a script, an image, a link or a formula where it is not taken as text."""
    return (
        f"<img src=//evil.example/{place} onerror=alert(1)>"
        f"![i](http://evil.example/{place}.png)[l](javascript:alert(2))<a href='http://evil.example/'>a</a>"
    )[:200]


CLASSES = [
    "<img src=x onerror=alert(1)>",
    "![i](http://evil.example/c.png)",
    "<a href='javascript:alert(3)'>a</a>",
    "</script><script>alert(4)</script>",
]


@dataclass(frozen=True)
class Evil:
    """A served folder of hostile texts."""

    url: str
    ids: tuple[str, str]


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    store, data = Store(folder / "runs"), folder / "data"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (120, 8, 8), np.uint8)
    np.savez(folder / "e<b>vil.npz", images=images, labels=np.arange(120) % 4)
    (folder / "names.json").write_text(json.dumps(CLASSES))
    options = ImportOptions(class_names_path=str(folder / "names.json"))
    import_dataset(folder / "e<b>vil.npz", "evil", None, options, data)
    for seed in (0, 1):
        config = run_config(
            {"name": "evil"}, "dense-base", {"training.max_epochs": 1, "training.batch_size": 16}
        )
        dataset = config.dataset.load(data)
        assert list(dataset.space.class_names) == CLASSES
        submit(store, InlineExecutor(store, data), dataset, config, seed, device="cpu")
    runs = store.runs()
    for number, run in enumerate(runs):
        poison(run.layout, number)
    poison_beside(store, runs[0], dataset)
    broken = store.root / "20200101-000000-abcdef"
    shutil.copytree(runs[0].layout.path, broken)
    state = files.read_json(broken / "state.json")
    state |= {"state": "failed", "reason": hostile("reason"), "message": hostile("message")}
    files.write_json(broken / "state.json", state)
    spec = files.read_json(broken / "run.json") | {"id": broken.name}
    files.write_json(broken / "run.json", spec)
    damaged = store.root / "20200101-000001-abcdef"
    damaged.mkdir()
    (damaged / "run.json").write_text(json.dumps({"schema": hostile("schema")}))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "dashboard.serve", "--runs", str(store.root), "--data", str(data)],
            stdout=subprocess.PIPE, stderr=log, text=True,
            env=os.environ | {"PETRIDISH_WAITS": '{"runner_idle": 1}'},
        )  # fmt: skip
        try:
            said = server.stdout.readline()
            found = re.fullmatch(r"Petridish is at (http://127\.0\.0\.1:\d+)\n", said)
            assert found, (folder / "log").read_text()
            yield Evil(found[1], (runs[0].id, broken.name))
        finally:
            server.terminate()
            server.communicate(timeout=60)


def poison(layout, number):
    """Put hostile texts into every file of a run that somebody can write."""
    spec = files.read_json(layout.run_json)
    config = spec["config"] | ({"variant": hostile("variant")[:100]} if number else {})
    spec |= {"config": config, "config_sha256": config_sha256(config)}
    spec |= {"name": hostile("name"), "owner": hostile("owner"), "suite": hostile("suite")}
    spec["env"] = {"python": hostile("env"), "torch": hostile("torch")}
    files.write_json(layout.run_json, spec)
    edit = {"schema": 1, "tags": [hostile("tag")[:40]], "note": hostile("note")}
    files.write_json(layout.edit_json, edit)
    files.append_event(layout.events, hostile("event"), by=hostile("by"), message=hostile("said"))
    layout.log.write_text(hostile("log"))
    attempt = files.read_json(layout.attempt(1)) | {"host": hostile("host"), "device": hostile("d")}
    files.write_json(layout.attempt(1), attempt)


def poison_beside(store, run, dataset):
    """Put hostile texts into what is kept beside the runs: pipelines, slices, notes on images, the trash."""
    for name in CLASSES:
        saved.save(store.root, "pipelines", name, {"steps": []}, hostile("by"))
        kept = {"fingerprint": dataset.fingerprint, "split": "test", "filters": {"true": "0"}}
        saved.save(store.root, "slices", name, kept, hostile("by"))
    for split, samples in dataset.splits.items():
        for sample_id in range(len(samples)):
            note = ImageNote(
                dataset.fingerprint, split, sample_id, hostile("note"), (hostile("tag")[:40],)
            )
            save_note(store.root, note, hostile("by"))
    thrown = store.root / "20200101-000002-abcdef"
    shutil.copytree(run.layout.path, thrown)
    files.write_json(
        thrown / "run.json", files.read_json(thrown / "run.json") | {"id": thrown.name}
    )
    delete(store, store.run(thrown.name), user_name())


@pytest.fixture
def watched(browser, evil):
    """Returns a function that opens a page of the server and looks for what must not be there."""
    context = browser.new_context(viewport={"width": 1280, "height": 2200}, base_url=evil.url)
    dialogs, foreign = [], []
    context.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((evil.url, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    def looked():
        tab.wait_for_function(IDLE)
        # What a script would have done takes a moment; only what must not come is waited for.
        tab.wait_for_timeout(300)
        assert (dialogs, foreign, tab.evaluate(BORN)) == ([], [], []), tab.url
        assert tab.locator("[data-testid=stException]").count() == 0, tab.url

    def opened(address):
        tab.goto(address)
        tab.locator("h1").first.wait_for()
        looked()
        return tab

    opened.looked = looked
    yield opened
    context.close()


def test_the_look_finds_what_it_is_for(watched):
    tab = watched("/")
    tab.evaluate("""() => { const one = document.createElement('div');
      one.innerHTML = '<a href="http://evil.example/">x</a>'; document.body.append(one) }""")
    with pytest.raises(AssertionError, match=r"A href=http://evil\.example"):
        watched.looked()
    tab.evaluate("() => alert('bait')")
    with pytest.raises(AssertionError, match="bait"):
        watched.looked()


@pytest.mark.parametrize(
    "page",
    ["overview", "data", "augment", "train", "runs", "compare", "evaluate", "errors", "predict"],
)
def test_hostile_texts_stay_texts(watched, evil, page):
    one, broken = evil.ids
    address = {
        "overview": "/",
        "runs": f"/runs?runs={one},{broken}",
        "evaluate": f"/evaluate?run={one}&actual=0",
        "errors": f"/errors?run={one}",
        "predict": f"/predict?run={one}",
    }.get(page, f"/{page}?dataset=evil")
    tab = watched(address)
    drawn = tab.locator(".js-plotly-plot .nsewdrag")
    if drawn.count():
        box = drawn.first.bounding_box()
        # Hover labels are made when they are needed.
        tab.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
        watched.looked()


def test_what_is_said_of_one_run_stays_text(watched, evil):
    tab = watched(f"/runs?runs={evil.ids[0]}")
    tab.get_by_text("Settings and log of").first.click()
    for section in ("Attempts", "Environment", "Events", "Log"):
        tab.get_by_role("radio", name=section, exact=True).or_(
            tab.get_by_role("button", name=section, exact=True)
        ).first.click()
        watched.looked()


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        *(f"/data?dataset=evil&section={one}" for one in ("classes", "splits", "pixels", "duplicates", "map")),
        *(f"/augment?dataset=evil&view={one}" for one in ("strength", "hits", "copies")),
        *(f"/compare?dataset=evil&section={one}" for one in ("curves", "cost", "table", "pairs", "duel", "verdicts")),
        *(f"/evaluate?run=ID&section={one}" for one in ("classes", "roc", "precision-recall", "calibration", "neurons")),
        *(f"/errors?runs=ID&view={one}" for one in ("time", "map")),
        *(f"/errors?runs=ID&about={one}" for one in ("votes", "neighbours", "history", "note")),
        "/predict?view=image",
    ],
)  # fmt: skip
def test_hostile_texts_stay_texts_in_every_section(watched, evil, address):
    watched(address.replace("ID", evil.ids[0]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "/data?dataset=evil",
        "/augment?dataset=evil",
        "/train?dataset=evil",
        "/runs?runs=ID",
        "/compare?dataset=evil",
        "/evaluate?run=ID",
        "/errors?runs=ID",
    ],
)
def test_hostile_texts_stay_texts_behind_every_button_that_opens_something(watched, evil, address):
    tab = watched(address.replace("ID", evil.ids[0]))
    opened = 0
    for one in range((buttons := tab.locator("[data-testid=stPopover] button")).count()):
        if buttons.nth(one).is_visible() and buttons.nth(one).is_enabled():
            buttons.nth(one).click()
            tab.locator("[data-testid=stPopoverBody]").first.wait_for()
            watched.looked()
            tab.keyboard.press("Escape")
            tab.locator("[data-testid=stPopoverBody]").first.wait_for(state="detached")
            opened += 1
    assert opened


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["run", "runs", "dataset", "suite", "tag", "open", "pipeline", "section", "search"]
)
def test_a_hostile_link_stays_text(watched, name):
    from urllib.parse import quote

    page = {
        "run": "evaluate",
        "dataset": "data",
        "suite": "compare",
        "tag": "compare",
        "open": "compare",
    }
    page |= {"pipeline": "augment", "section": "data"}
    watched(f"/{page.get(name, 'runs')}?{name}={quote(hostile('link'), safe='')}")
