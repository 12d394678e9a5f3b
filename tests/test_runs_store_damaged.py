import os
import shutil
import subprocess
import sys

import pytest

from core.runs import files
from core.runs.run import config_sha256
from core.runs.state import RunState, write_state

CONFIG = {"dataset": {"name": "digits"}, "variant": "dense-base", "model": {}, "training": {}}

SPEC = {
    "name": None,
    "owner": "ada",
    "config": CONFIG,
    "data_fingerprint": "f00d",
    "seed": 3,
    "suite": None,
    "resources": {"device": "cpu", "slots": 1, "threads": 1},
}


def created(store, **changes):
    return store.create({**SPEC, **changes}, epochs=30)


def test_a_link_out_of_the_folder_is_damaged_and_not_followed(store, tmp_path):
    run = created(store)
    outside = tmp_path / "20260131-142501-9f3a1c"
    shutil.copytree(run.layout.path, outside)
    (store.root / outside.name).symlink_to(outside)
    (store.root / "20260131-142501-9f3a1d").symlink_to(run.layout.path)
    inside_link, link = store.run("20260131-142501-9f3a1d"), store.run(outside.name)
    assert link.damaged == f"The path {outside.name!r} leads out of the runs folder."
    assert link.spec == {}
    # A link to a run of this folder is that run under a name that is not its own.
    assert inside_link.damaged == f"run.json belongs to {run.id!r}, not to this folder"
    assert {one.id: one.damaged is None for one in store.runs()} == {
        run.id: True,
        link.id: False,
        inside_link.id: False,
    }


def rewrite(**changes):
    def change(layout):
        values = files.read_json(layout.run_json) | changes
        values["config_sha256"] = changes.get("config_sha256", config_sha256(values["config"]))
        files.write_json(layout.run_json, values)

    return change


def put(name, data):
    return lambda layout: (layout.path / name).write_bytes(data)


def sparse(layout):
    with layout.run_json.open("wb") as file:
        file.truncate(files.LARGEST_JSON + 1)


def no_folder_inside(layout):
    layout.run_json.unlink()
    layout.run_json.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda layout: layout.run_json.unlink(), "run.json is missing"),
        (lambda layout: layout.state_json.unlink(), "state.json is missing"),
        (
            lambda layout: shutil.rmtree(layout.path) or layout.path.mkdir(),
            "run.json is missing; state.json is missing",
        ),
        (put("run.json", b""), "run.json is empty"),
        (put("state.json", b""), "state.json is empty"),
        (put("state.json", b"[]"), "state.json holds no JSON object"),
        (put("state.json", b'{"state": "running"'), "state.json is no JSON ("),
        (put("state.json", b"\0" * 300), "state.json is no JSON ("),
        (put("run.json", b"7"), "run.json holds no JSON object"),
        (put("run.json", b"{}"), "run.json: schema is None"),
        (sparse, "run.json is larger than 64 MiB"),
        (no_folder_inside, "it cannot be read: Is a directory"),
        (rewrite(schema="1"), "run.json: schema is '1'"),
        (rewrite(schema=True), "run.json: schema is True"),
        (rewrite(seed="3"), "run.json: seed is '3'"),
        (rewrite(owner=None), "run.json: owner is None"),
        (rewrite(name=["x"]), "run.json: name is ['x']"),
        (rewrite(suite={}), "run.json: suite is {}"),
        (rewrite(created=1e300), "run.json: created is 1e+300"),
        (rewrite(created=-5), "run.json: created is -5"),
        (rewrite(resources=[]), "run.json: resources is []"),
        (rewrite(config={}), "run.json: the config names no data set or no variant"),
        (
            rewrite(config=CONFIG | {"dataset": "digits"}),
            "run.json: the config names no data set or no variant",
        ),
        (
            rewrite(config=CONFIG | {"dataset": {"name": 5}}),
            "run.json: the config names no data set or no variant",
        ),
        (
            rewrite(config=CONFIG | {"variant": None}),
            "run.json: the config names no data set or no variant",
        ),
        (rewrite(config_sha256="0" * 64), "run.json: the config does not match its hash"),
        (
            rewrite(id="20260131-142501-9f3a1c"),
            "run.json belongs to '20260131-142501-9f3a1c', not to this folder",
        ),
        (rewrite(owner="x" * 1000, seed=None), "run.json: seed is None"),
    ],
)
def test_a_damaged_run_is_listed_with_the_reason_and_the_others_load(store, damage, reason):
    whole, broken = created(store), created(store)
    damage(broken.layout)
    runs = {run.id: run for run in store.runs()}
    assert runs[whole.id].damaged is None
    assert runs[broken.id].damaged.startswith(reason)
    assert store.run(broken.id).damaged == runs[broken.id].damaged
    row = runs[broken.id].row()
    assert row["state"] == row["reason"] == "damaged"
    assert row["message"] == row["damaged"] == runs[broken.id].damaged
    assert runs[broken.id].title == f"damaged run {broken.id}"
    assert str(store.root) not in row["damaged"]


@pytest.mark.parametrize("name", ["run.json", "state.json"])
def test_a_run_of_a_later_version_is_shown_and_never_rewritten(store, name):
    run = created(store)
    path = run.layout.path / name
    state = RunState("finished", epoch=9, epochs=9, best_epoch=7, best_validation_accuracy=0.5)
    write_state(run.layout, state)
    files.write_json(path, files.read_json(path) | {"schema": 2, "later": True})
    before = {one.name: one.read_bytes() for one in run.layout.path.glob("*.json")}
    (shown,) = store.runs()
    assert shown.damaged == (
        f"{name} has schema 2: a later version of Petridish wrote it; it is only shown"
    )
    row = shown.row()
    assert (row["dataset"], row["variant"], row["seed"]) == ("digits", "dense-base", 3)
    assert (row["epoch"], row["best_epoch"]) == (9, 7)
    assert {one.name: one.read_bytes() for one in run.layout.path.glob("*.json")} == before


def test_a_run_of_a_later_version_that_we_cannot_understand_stops_nobody(store):
    for values in ({"schema": 9}, {"schema": 9, "config": [], "state": "dreaming"}):
        run = created(store)
        for path in (run.layout.run_json, run.layout.state_json):
            files.write_json(path, values)
    for shown in store.runs():
        assert "later version" in shown.damaged
        assert shown.row()["dataset"] is None


@pytest.mark.parametrize("data", [b"", b"[]", b'{"name": 5}', b'{"name": {"a": 1}}', b"\0"])
def test_a_damaged_edit_file_is_no_loss(store, data):
    run = created(store, name="mine")
    run.layout.edit_json.write_bytes(data)
    assert store.run(run.id).damaged is None
    assert store.run(run.id).name == "mine"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_a_run_that_may_not_be_read_is_damaged_and_the_others_load(store, tmp_path):
    hidden, shown = created(store), created(store)
    for path in (store.root, *store.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    hidden.layout.state_json.chmod(0o600)
    tmp_path.chmod(0o755)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from core.runs.store import Store\n"
        "os.chdir(sys.argv[1])\n"
        "os.setgid(65534)\n"
        "os.setuid(65534)\n"
        "store = Store(Path('/'))\n"
        "store.layout = type(store.layout)(Path('.'))\n"
        "for run in store.runs():\n"
        "    print(run.id, run.damaged)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, store.root], capture_output=True, text=True
    )
    assert dict(line.split(" ", 1) for line in done.stdout.splitlines()) == {
        hidden.id: "it cannot be read: Permission denied",
        shown.id: "None",
    }, done.stderr
