"""Who looks at a page, and what follows: login, typed names, hidden runs, crafted links and values."""

import json
import shutil
import zlib
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

import dashboard
from core.runs.store import Store
from dashboard.widgets.train_link import CLONE

APP = Path(dashboard.__file__).with_name("app.py")
ADA, BO, ROOT = "ada@example.org", "bo@example.org", "root@example.org"
PAGES = ("data", "augment", "train", "runs", "compare", "evaluate", "errors", "predict")
SECRET_NAME = "unpublished idea"


@pytest.fixture
def two(finished, tmp_path):
    """A folder with a run of ada and one of bo; the latter has a telling name, tag and note."""
    source, run = finished
    store = Store(tmp_path / "two")
    for number, owner in enumerate((ADA, BO)):
        folder = store.root / f"2020010{number + 1}-000000-abcdef"
        shutil.copytree(source.root / run.id, folder)
        spec = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(spec | {"id": folder.name, "owner": owner}))
    edit = {"schema": 1, "name": SECRET_NAME, "tags": ["bos-tag"], "note": "bos note"}
    (store.root / "20200102-000000-abcdef" / "edit.json").write_text(json.dumps(edit))
    return store


@pytest.fixture
def people(two):
    """Writes the administrator's file of `two`."""

    def written(**values):
        told = {"roles": {ROOT: "admin"}, **values}
        (two.root / ".people.json").write_text(json.dumps(told))
        return two

    return written


@pytest.fixture
def visit(monkeypatch, data_dir):
    """Returns a function that opens a page as somebody who logged in (None: nobody has)."""

    def opened(store, email, page="runs", **query):
        monkeypatch.setenv("PETRIDISH_RUNS", str(store.root))
        monkeypatch.setenv("PETRIDISH_DATA", str(data_dir))
        monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_idle": 1}')
        app = AppTest.from_file(APP, default_timeout=60)
        app.secrets["auth"] = {"redirect_uri": "http://localhost/oauth2callback", "client_id": "a"}
        app.user = {"is_logged_in": email is not None} | ({"email": email} if email else {})
        app.switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture
def off_loopback():
    """Other machines reach the server."""
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    yield
    config.set_option("server.address", before)


def button(app, label):
    return next(one for one in app.button if one.label == label)


def everything(app):
    """Return all that a page was told to show, as text."""
    return "\n".join(str(one.proto) for one in app.main) + "\n".join(
        str(one.proto) for one in app.sidebar
    )


def table_ids(app):
    return app.dataframe[0].value["id"].tolist()


def test_until_somebody_logs_in_there_is_nothing_but_the_way_in(visit, people):
    app = visit(people(), None)
    assert [one.label for one in app.button] == ["Log in"]
    assert not app.dataframe and SECRET_NAME not in everything(app)


def test_a_student_does_everything_with_their_own_runs_and_only_looks_at_others(visit, people):
    store = people()
    app = visit(store, ADA, runs="20200101-000000-abcdef")
    assert len(table_ids(app)) == 2
    assert not button(app, "Delete").disabled
    app = visit(store, ADA, runs="20200102-000000-abcdef")
    assert button(app, "Delete").disabled
    assert button(app, "Delete").help == (
        "The chosen run cannot be deleted: 1 of bo@example\\.org."
    )
    app = visit(store, ROOT, runs="20200102-000000-abcdef")
    assert not button(app, "Delete").disabled


def test_the_sidebar_says_who_one_is_and_what_that_means(visit, people, words):
    store = people()
    app = visit(store, ADA)
    (said,) = [one for one in app.sidebar.markdown if "person" in one.value]
    assert said.value == ":material/person: ada@example\\.org"
    assert said.help.startswith("student: You may do everything with your own runs")
    assert "Log out" in [one.label for one in app.sidebar.button]


@pytest.mark.parametrize("page", PAGES)
def test_no_link_leads_to_a_hidden_run(visit, people, page):
    store, bos = people(others_runs="hidden"), "20200102-000000-abcdef"
    links = {"run": bos, "runs": bos, "open": bos, "about": bos, CLONE: bos, "tag": "bos-tag"}
    links |= {"a": bos, "b": bos, "owner": BO, "search": SECRET_NAME, "case": bos}
    app = visit(store, ADA, page, **links)
    # The page may repeat what the link itself says, but knows no more.
    assert "bos note" not in everything(app)
    shown = everything(visit(store, ADA, page))
    assert SECRET_NAME not in shown and "bos" not in shown and bos not in shown
    app = visit(store, ADA)
    assert "1 run of others hidden." in [one.value for one in app.sidebar.caption]


def test_who_may_see_a_run_sees_it_by_the_same_look(visit, people):
    store = people(others_runs="hidden")
    shown = everything(visit(store, BO, "runs", runs="20200102-000000-abcdef"))
    assert SECRET_NAME in shown and "bos note" in shown and "20200102-000000-abcdef" in shown


def test_crafted_values_reach_no_run_of_others(visit, people):
    store, bos, adas = (
        people(others_runs="hidden"),
        "20200102-000000-abcdef",
        "20200101-000000-abcdef",
    )
    (before,) = {run.layout.path.stat().st_mtime_ns for run in store.runs() if run.id == bos}
    for rows in ([0, 1, 2, 10**9], [-1], []):
        app = visit(store, ADA)
        app.session_state[f"table-{zlib.crc32(adas.encode())}"] = {
            "selection": {"rows": rows, "columns": [], "cells": []}
        }
        app.run()
        assert not app.exception
        # The value was heard: it is about the one row that there is.
        assert app.query_params.get("runs") == (adas if rows else None)
        assert bos not in str(app.query_params.get("runs"))
        assert SECRET_NAME not in everything(app) and bos not in everything(app)
    store.run(bos)
    (after,) = {run.layout.path.stat().st_mtime_ns for run in store.runs() if run.id == bos}
    assert before == after


@pytest.mark.parametrize(
    "runs", ["../../etc", "x" * 5000, "20200101-000000-abcdef/../x", "\u0000", ",,,"]
)
@pytest.mark.parametrize("page", ["runs", "compare", "evaluate"])
def test_a_link_that_names_no_run_is_said_so_or_ignored(visit, people, page, runs):
    app = visit(people(), ADA, page, run=runs, runs=runs, open=runs, a=runs, b=runs, p=runs)
    assert not app.exception


def test_a_request_made_behind_the_buttons_is_refused_too(visit, people):
    from core.exceptions import NotAllowed
    from core.jobs.removal import delete

    store = people()
    app = visit(store, ADA, runs="20200101-000000-abcdef")
    # Roles change while the page is open: the button is on, the request refused.
    people(default="viewer")
    button(app, "Delete").click().run()
    assert "Run 20200101\\-000000\\-abcdef cannot be deleted" in app.error[0].value
    assert len(store.runs()) == 2
    with pytest.raises(NotAllowed):
        delete(store, store.run("20200102-000000-abcdef"), ADA)


def test_a_damaged_file_of_roles_is_said_and_everything_is_off(visit, two, words):
    (two.root / ".people.json").write_text("{")
    app = visit(two, ROOT, runs="20200101-000000-abcdef")
    assert "The file of people and roles is damaged" in words(app)
    app = visit(two, ADA, runs="20200101-000000-abcdef")
    assert table_ids(app) == ["20200101-000000-abcdef"]
    assert button(app, "Delete").disabled
    assert "closed\\: the file of people and roles is damaged" in button(app, "Delete").help


def test_without_a_login_a_name_must_be_written_first(open_app, off_loopback, two, words):
    app = open_app(two.root, runs="20200101-000000-abcdef")
    assert "Other machines reach this server, without a login" in words(app)
    delete = button(app, "Delete")
    assert delete.disabled and "write your name in the sidebar" in delete.help
    app.sidebar.text_input[0].set_value(ADA).run()
    # A written name is not the person of that name.
    delete = button(app, "Delete")
    assert delete.disabled and "1 of ada@example\\.org" in delete.help
    said = [one.value for one in app.sidebar.markdown]
    assert ":material/person: ada@example\\.org \\(not verified\\)" in said


def test_without_a_login_the_runs_of_a_written_name_are_its_own(open_app, off_loopback, two):
    path = two.root / "20200101-000000-abcdef" / "run.json"
    spec = json.loads(path.read_text()) | {"owner": "ada (not verified)"}
    path.write_text(json.dumps(spec))
    app = open_app(two.root, runs="20200101-000000-abcdef")
    app.sidebar.text_input[0].set_value("ada").run()
    assert not button(app, "Delete").disabled


def test_at_the_machine_itself_nothing_changes(open_app, two):
    app = open_app(two.root, runs="20200102-000000-abcdef")
    assert not button(app, "Delete").disabled
    assert not app.sidebar.text_input and not app.sidebar.markdown and not app.warning


def test_an_upload_is_as_large_as_the_limit_of_the_person(visit, people):
    store = people(limits={"upload_mb": 3})
    for email, largest in ((ADA, 3), (ROOT, 256)):
        app = visit(store, email)
        (upload,) = [one for one in app.get("file_uploader") if one.label == "Archive of runs"]
        assert upload.proto.max_upload_size_mb == largest
