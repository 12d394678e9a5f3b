"""Who may do what: each request to each run by each role, through the functions that pages and commands call."""

import json
from dataclasses import replace
from typing import get_args

import pytest

from core.exceptions import NotAllowed
from core.jobs import control, permissions, removal
from core.jobs.importing import import_runs
from core.jobs.inline import InlineExecutor
from core.jobs.people import typed_name
from core.jobs.permissions import Change, Request, is_loopback, require, require_to, why_not
from core.jobs.refusals import possible
from core.jobs.submit import submit, submit_all
from core.runs import files, saved

PEOPLE = {"roles": {"root@example.org": "admin", "eve@example.org": "viewer"}}
OWNER, OTHER, ADMIN, VIEWER = "ada", "bo@example.org", "root@example.org", "eve@example.org"


@pytest.fixture
def told_apart(finished_copy):
    """A store whose one run is ada's, and where people have roles."""
    (finished_copy.root / ".people.json").write_text(json.dumps(PEOPLE))
    return finished_copy


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
def test_a_loopback_address_is_reached_from_this_machine_alone(address):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "192.168.0.2", "127.0.0.1.example.org", "", None]
)
def test_any_other_address_may_be_reached_by_others(address):
    assert not is_loopback(address)


@pytest.mark.parametrize("request_", get_args(Request))
def test_owner_and_admin_may_do_everything_others_and_viewers_nothing(told_apart, request_):
    (run,) = told_apart.runs()
    for by in (OWNER, "ADA", ADMIN):
        require(request_, run, by)
    for by in (OTHER, VIEWER, typed_name("ada"), typed_name(None)):
        with pytest.raises(NotAllowed, match=run.id):
            require(request_, run, by)


def test_who_takes_somebody_else_s_run_away_stands_in_its_events(told_apart):
    (run,) = told_apart.runs()
    before = run.layout.events.read_bytes()
    control.allow_export(run, OWNER)
    with pytest.raises(NotAllowed, match=run.id):
        control.allow_export(run, OTHER)
    assert run.layout.events.read_bytes() == before
    control.allow_export(run, ADMIN)
    (event,) = files.parse_rows(run.layout.events.read_bytes().removeprefix(before))[0]
    assert (event["event"], event["by"]) == ("export", ADMIN)


def test_a_refusal_names_the_owner_and_who_asks(told_apart):
    (run,) = told_apart.runs()
    with pytest.raises(NotAllowed) as error:
        require("stop", run, OTHER)
    assert str(error.value) == (
        f"Run {run.id} is of ada; only its owner or an administrator can have it stopped. You are bo@example.org."
    )
    with pytest.raises(NotAllowed, match=r"eve@example\.org may only look on"):
        require("stop", run, VIEWER)


def test_a_damaged_run_is_of_nobody_known_and_only_an_admin_deletes_it(told_apart):
    (run,) = told_apart.runs()
    run.layout.run_json.write_bytes(b"")
    (run,) = told_apart.runs()
    assert run.damaged is not None
    with pytest.raises(NotAllowed, match="is of nobody known"):
        removal.delete(told_apart, run, OWNER)
    removal.delete(told_apart, run, ADMIN)
    assert told_apart.runs() == []


def test_a_damaged_file_of_roles_lets_nobody_change_anything(told_apart):
    (run,) = told_apart.runs()
    (told_apart.root / ".people.json").write_text("{")
    for by in (OWNER, ADMIN, "root"):
        with pytest.raises(NotAllowed, match="The file of people and roles is damaged"):
            removal.delete(told_apart, run, by)
        with pytest.raises(NotAllowed, match="damaged"):
            require_to("submit", told_apart.root, by)
        assert why_not(run, by) == "closed: the file of people and roles is damaged"
    assert run.layout.path.exists()


def test_every_verb_asks(told_apart, data_dir):
    (run,) = told_apart.runs()
    executor = InlineExecutor(told_apart, data_dir)
    before = sorted(path.name for path in told_apart.root.rglob("*"))
    for verb in (
        lambda: control.resume(told_apart, executor, run, OTHER),
        lambda: control.retry(told_apart, executor, run, OTHER),
        lambda: removal.delete(told_apart, run, OTHER),
    ):
        with pytest.raises(NotAllowed, match="is of ada"):
            verb()
    assert sorted(path.name for path in told_apart.root.rglob("*")) == before


def test_running_ones_are_not_stopped_paused_or_killed_by_others(told_apart, spec_of):
    (run,) = told_apart.runs()
    queued = told_apart.create(spec_of(run, owner="ada"), 3)
    for verb in (control.stop, control.pause):
        with pytest.raises(NotAllowed, match="is of ada"):
            verb(told_apart, queued, OTHER)
    with pytest.raises(NotAllowed, match="is of ada"):
        control.kill(told_apart, [queued], OTHER)
    assert list(queued.layout.control_dir.iterdir()) == []


def test_what_an_admin_does_to_a_run_of_others_stands_in_its_events(told_apart):
    (run,) = told_apart.runs()
    removal.delete(told_apart, run, ADMIN)
    removal.restore(told_apart, run.id, ADMIN)
    lines = run.layout.events.read_text().splitlines()
    said = [(row["event"], row.get("by")) for row in map(json.loads, lines)]
    assert said[-2:] == [("delete", ADMIN), ("restore", ADMIN)]


def test_only_the_owner_brings_a_deleted_run_back(told_apart):
    (run,) = told_apart.runs()
    removal.delete(told_apart, run, OWNER)
    with pytest.raises(NotAllowed, match="have it restored"):
        removal.restore(told_apart, run.id, OTHER)
    assert told_apart.runs() == []
    assert removal.restore(told_apart, run.id, OWNER).id == run.id


def test_buttons_say_whose_the_runs_are(told_apart):
    (run,) = told_apart.runs()
    assert possible("delete", [run, run], OTHER) == ([], "2 of ada")
    assert possible("delete", [run], VIEWER) == ([], "1 closed to viewers")
    assert possible("delete", [run], typed_name(None))[1] == (
        "1 closed until you write your name in the sidebar"
    )
    assert possible("delete", [run], OWNER) == ([run], "")


def test_a_viewer_starts_no_run_and_a_student_does(told_apart, data_dir, short_config):
    executor = InlineExecutor(told_apart, data_dir)
    dataset = short_config.dataset.load(data_dir)
    for by in (VIEWER, typed_name(None)):
        with pytest.raises(NotAllowed, match="Starting runs is off"):
            submit(told_apart, executor, dataset, short_config, 0, owner=by)
        with pytest.raises(NotAllowed, match="Starting runs is off"):
            submit_all(told_apart, executor, data_dir, [short_config], [0], owner=by)
    assert len(told_apart.runs()) == 1
    run = submit(told_apart, executor, dataset, short_config, 0, owner=OTHER, device="cpu")
    assert told_apart.run(run.id).spec["owner"] == OTHER


ALLOWED: dict[Change, tuple[str, ...]] = {
    "submit": (ADMIN, OTHER, typed_name("ada")),
    "save": (ADMIN, OTHER, typed_name("ada")),
    "import_runs": (ADMIN, OTHER),
    "import_data": (ADMIN, OTHER),
    "remove_data": (ADMIN,),
    "mend": (ADMIN,),
    "name_paths": (ADMIN,),
}


@pytest.mark.parametrize("change", get_args(Change))
def test_what_is_done_to_no_run_depends_on_the_role_and_on_a_login(told_apart, change):
    everybody = (ADMIN, OTHER, VIEWER, typed_name("ada"), typed_name(None))
    allowed = [
        by for by in everybody if permissions.why_not_to(change, told_apart.root, by) is None
    ]
    assert tuple(allowed) == ALLOWED[change]


def test_a_typed_name_is_told_why_imports_are_off(told_apart):
    with pytest.raises(NotAllowed) as error:
        require_to("import_runs", told_apart.root, typed_name("ada"))
    assert str(error.value) == (
        "Importing runs is off: other machines reach this server, and there is no login. Do it on the machine itself "
        "with the command petridish."
    )


def test_runs_of_somebody_who_logs_in_here_are_imported_by_nobody_else(
    told_apart, store, tmp_path, spec_of
):
    from core.export import export

    (run,) = told_apart.runs()
    store.require_writable()
    (store.root / ".people.json").write_text(json.dumps(PEOPLE | {"roles": {"ada": "student"}}))
    export("zip", [run], tmp_path / "runs.zip")
    with pytest.raises(NotAllowed, match="holds a run of ada"):
        import_runs(store, tmp_path / "runs.zip", OTHER)
    assert store.runs() == [] and [one.name for one in store.root.iterdir()] == [".people.json"]
    (store.root / ".people.json").write_text(json.dumps(PEOPLE))
    assert [one.is_new for one in import_runs(store, tmp_path / "runs.zip", OTHER)] == [True]


def test_what_somebody_keeps_under_a_name_others_do_not_replace(told_apart):
    root = told_apart.root
    saved.save(root, "pipelines", "mine", {}, OWNER)
    permissions.require_to_save(root, "pipelines", "mine", OWNER)
    permissions.require_to_save(root, "pipelines", "mine", ADMIN)
    permissions.require_to_save(root, "pipelines", "another", OTHER)
    with pytest.raises(NotAllowed, match="'mine' was saved by ada"):
        permissions.require_to_save(root, "pipelines", "mi\u202ene ", OTHER)


def test_a_run_without_an_owner_that_is_text_is_of_nobody(told_apart):
    (run,) = told_apart.runs()
    for owner in (None, 7, ["bo@example.org"]):
        assert why_not(replace(run, spec=run.spec | {"owner": owner}), OTHER) == "of nobody known"
