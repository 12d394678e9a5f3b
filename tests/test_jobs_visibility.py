"""The runs folder as one person sees it, for pages and commands."""

import json
import shutil

import pytest

from core.exceptions import UnknownName
from core.jobs.people import typed_name
from core.jobs.visibility import num_hidden, shown_to
from core.runs.host import user_name
from core.runs.store import Store


@pytest.fixture
def two(finished_run, tmp_path):
    """A store where runs of others are hidden, with a run of ada and one of bo."""
    store = Store(tmp_path / "two")
    for number, owner in enumerate(("ada", "bo")):
        folder = store.root / f"2020010{number + 1}-000000-abcdef"
        shutil.copytree(finished_run.layout.path, folder)
        spec = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(spec | {"id": folder.name, "owner": owner}))
    values = {"roles": {"root": "admin"}, "others_runs": "hidden"}
    (store.root / ".people.json").write_text(json.dumps(values))
    return store


def test_everybody_sees_their_own_and_an_admin_all(two):
    assert [run.spec["owner"] for run in shown_to(two, "ada").runs()] == ["ada"]
    assert [run.spec["owner"] for run in shown_to(two, "bo").runs()] == ["bo"]
    assert shown_to(two, typed_name("ada")).runs() == []
    assert shown_to(two, "root") is two
    assert num_hidden(shown_to(two, "ada")) == 1 and num_hidden(two) == 0


def test_a_hidden_run_is_as_if_it_were_not_there(two):
    bos, adas = two.runs()
    shown = shown_to(two, "ada")
    for text in (bos.id, bos.id[:8]):
        with pytest.raises(UnknownName) as error:
            shown.find(text)
        # Neither its id nor that it exists is told.
        assert str(error.value) == f"No run is called {text!r}. Did you mean {adas.id!r}?"
    assert shown.find(adas.id[:8]).id == adas.id
    assert shown.locks_work is two.locks_work


def test_a_damaged_run_is_hidden_where_those_of_others_are(two):
    bos, _ = two.runs()
    bos.layout.run_json.write_bytes(b"")
    assert [run.damaged for run in shown_to(two, "bo").runs()] == []
    assert len(two.runs()) == 2


def test_while_roles_cannot_be_read_nobody_sees_the_runs_of_others(two):
    (two.root / ".people.json").write_text("")
    assert [run.spec["owner"] for run in shown_to(two, "ada").runs()] == ["ada"]
    assert [run.spec["owner"] for run in shown_to(two, "bo").runs()] == ["bo"]


def test_commands_leave_hidden_runs_out_and_say_so(two, petridish, monkeypatch):
    bos, adas = two.runs()
    # The command knows whoever runs these tests, and no variable makes it believe otherwise.
    spec = json.loads(adas.layout.run_json.read_text())
    adas.layout.run_json.write_text(json.dumps(spec | {"owner": user_name()}))
    values = {"roles": {"bo": "admin"}, "others_runs": "hidden"}
    two.layout.people.write_text(json.dumps(values))
    monkeypatch.setenv("LOGNAME", "bo")
    status, out, err = petridish("runs", "list", "--runs", two.root)
    assert status == 0 and adas.id in out and bos.id not in out
    assert err == "1 runs of others are hidden from you.\n"
    for verb in ("show", "history", "log", "delete"):
        status, out, err = petridish("runs", verb, bos.id, "--runs", two.root)
        assert (status, out) == (2, "") and "No run is called" in err
    assert bos.layout.path.exists()
