"""The page Overview: empty, with the demo finished and under way, its tour, its glossary, its links."""

import ast
import json
import shutil
from pathlib import Path

import pytest

import dashboard
from core.runs.run import config_sha256
from core.runs.store import Store
from core.variants import SUITES
from dashboard.widgets.overview_demo import CONV, DENSE, SHAPES, demo_of
from dashboard.widgets.overview_glossary import GLOSSARY, found
from dashboard.widgets.overview_tour import PART, STEP, STEPS

VIEWS = Path(dashboard.__file__).with_name("views")


@pytest.fixture
def demo(finished, tmp_path):
    """Returns a function that makes runs of the demo, from the finished run: all finished, or queued on another machine."""
    source, run = finished

    def made(state="finished", variants=(CONV, DENSE, SHAPES)):
        for number, variant in enumerate(variants):
            folder = tmp_path / "demo" / f"2020010{number + 1}-000000-abcdef"
            shutil.copytree(source.root / run.id, folder)
            spec = json.loads((folder / "run.json").read_text())
            config = spec["config"] | {"variant": variant}
            spec |= {"id": folder.name, "suite": "demo", "config": config}
            spec |= {"config_sha256": config_sha256(config)}
            (folder / "run.json").write_text(json.dumps(spec))
            told = json.loads((folder / "state.json").read_text()) | {"state": state}
            told |= {"host": "elsewhere"} if state == "queued" else {}
            (folder / "state.json").write_text(json.dumps(told))
        return Store(tmp_path / "demo")

    return made


def links(app):
    return {one.proto.label: one.proto for one in app.get("page_link")}


def labels(app):
    return [button.label for button in app.button]


def test_an_empty_folder_offers_the_demo_and_a_first_run(open_app, tmp_path, words):
    app = open_app(tmp_path / "none", "overview")
    assert "Start the demo" in labels(app)
    assert {"Train a variant", "Bring images of your own", "A suite with five seeds"} <= set(
        links(app)
    )
    assert "**0** runs, 0 finished" in links(app) and "nothing is running" in links(app)
    assert "Here so far" not in words(app)
    assert not (tmp_path / "none").exists()


def test_it_is_the_page_that_opens_first(open_app, tmp_path):
    assert open_app(tmp_path, "overview").title[0].value == "Overview"
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(VIEWS.parent / "app.py", default_timeout=60).run()
    assert app.title[0].value == "Overview"


def test_finished_runs_are_counted_and_lead_to_their_comparison(open_app, finished):
    app = open_app(finished[0].root, "overview")
    shown = links(app)
    assert "**1** run, 1 finished" in shown
    assert shown["Runs without a suite on digits"].query_string == "dataset=digits"
    assert shown["Change one thing of the newest run"].query_string == f"clone={finished[1].id}"
    assert "Is it real?" not in shown


def test_a_finished_demo_opens_its_confusion_and_its_mistakes(open_app, demo):
    store = demo()
    assert demo_of(store.runs()).is_complete
    app = open_app(store.root, "overview")
    assert "Start the demo" not in labels(app)
    conv = demo_of(store.runs()).of(CONV)
    assert f"runs={conv}" in links(app)["What it takes for what"].query_string
    assert "right=no" in links(app)["The images that it gets wrong"].query_string
    assert links(app)["demo on digits"].query_string == "dataset=digits&suite=demo"


def test_the_demo_under_way_is_watched_not_started_again(open_app, demo, words):
    store = demo("queued")
    app = open_app(store.root, "overview")
    assert "Start the demo" not in labels(app)
    assert "Watch the demo learn" in links(app) and "**3** under way" in links(app)
    assert "waiting" in words(app)


def test_runs_under_way_are_named_three_at_most(open_app, demo):
    store = demo("queued", (CONV, DENSE, SHAPES, CONV))
    shown = links(open_app(store.root, "overview"))
    assert "and 1 more under way" in shown
    assert sum("(digits)" in label for label in shown) == 3


def test_the_tour_goes_through_all_pages_and_keeps_its_step_in_the_url(open_app, demo, words):
    store = demo()
    app = open_app(store.root, "overview", part="tour", step="5")
    for number in range(5, 9):
        assert f"Step {number} of 8" in words(app)
        assert "".join(app.query_params["step"]) == str(number)
        (link,) = (one for label, one in links(app).items() if label.startswith("Open "))
        assert not link.disabled and link.label == f"Open {STEPS[number - 1].title} on the demo"
        onward = [button for button in app.button if button.label.startswith("Next: ")]
        assert bool(onward) == (number < 8)
        if onward:
            onward[0].click().run()
            assert not app.exception


def test_the_way_into_the_tour_puts_its_first_step_into_the_url(open_app, tmp_path, words):
    app = open_app(tmp_path, "overview")
    next(one for one in app.button if one.label.startswith("Take the tour")).click().run()
    assert "Step 1 of 8" in words(app)
    assert ["".join(app.query_params[name]) for name in ("part", "step")] == ["tour", "1"]


def test_no_page_that_the_tour_opens_has_a_widget_of_the_name_by_which_the_tour_is_found():
    bound = {
        keyword.value.value
        for path in VIEWS.parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and any(one.arg == "bind" for one in call.keywords)
        for keyword in call.keywords
        if keyword.arg == "key" and isinstance(keyword.value, ast.Constant)
    }
    assert "section" in bound and not bound & {PART, STEP}


def test_the_tour_has_a_step_for_every_page_in_the_order_of_the_sidebar():
    text = VIEWS.with_name("app.py").read_text()
    places = [text.index(f"views/{step.page}.py") for step in STEPS]
    assert places == sorted(places)
    pages = {path.stem for path in VIEWS.glob("*.py")} - {"__init__", "overview"}
    assert {step.page for step in STEPS} == pages


def test_without_the_demo_the_tour_offers_it_and_closes_what_needs_it(open_app, tmp_path, words):
    app = open_app(tmp_path, "overview", part="tour", step="4")
    assert "Start the demo" in labels(app)
    assert links(app)["Open Runs on the demo"].disabled
    app = open_app(tmp_path, "overview", part="tour", step="no number")
    assert "Step 1 of 8" in words(app) and not links(app)["Open Data on the demo"].disabled


def test_the_names_of_the_demos_variants_are_those_of_its_suite():
    assert {entry.variant for entry in SUITES["demo"].entries} == {CONV, DENSE, SHAPES}


def test_the_glossary_is_searched_and_says_when_it_has_no_such_word(open_app, tmp_path, words):
    app = open_app(tmp_path, "overview", part="glossary", find="CALIBRATION")
    assert app.text_input[0].value == "CALIBRATION"
    assert "**calibration**" in words(app) and "**seed**" not in words(app)
    app.text_input[0].set_value("no [such](word)").run()
    assert r"\[such\]" in words(app)


def test_the_glossary_is_in_order_and_finds_words_before_meanings():
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.casefold)
    assert next(iter(found("step")))[0] == "step"
    assert len(found("")) == len(GLOSSARY)
