import errno
import os
import shutil
import subprocess
import sys
import threading
import time

import orjson
import pytest

from core.exceptions import RunsFolderError, UnknownName
from core.runs import files
from core.runs.layout import RUN_ID
from core.runs.run import config_sha256
from core.runs.state import RunState, read_state, write_state
from core.runs.store import VARIABLE, Store, default_root

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

CREATE = f"""
import sys
from pathlib import Path
from core.exceptions import RunsFolderError
from core.runs.store import Store
SPEC = {SPEC!r}
disk = Path(sys.argv[1])
store = Store(disk / "runs")
"""

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from core.runs import locks\n"
    "lock = locks.take(Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def created(store, **changes):
    return store.create({**SPEC, **changes}, epochs=30)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def refusal(call, *arguments):
    with pytest.raises(RunsFolderError) as raised:
        call(*arguments)
    return str(raised.value)


def test_a_missing_folder_holds_no_runs_and_reading_makes_none(store):
    assert store.runs() == []
    with pytest.raises(UnknownName) as raised:
        store.run("20260131-142501-9f3a1c")
    assert str(raised.value) == "No run is called '20260131-142501-9f3a1c'."
    assert not store.root.exists()


def test_the_folder_is_the_variable_s_or_runs(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_root().as_posix() == "runs"
    monkeypatch.setenv(VARIABLE, "")
    assert default_root().as_posix() == "runs"
    monkeypatch.setenv(VARIABLE, "/somewhere/else")
    assert default_root().as_posix() == "/somewhere/else"


def test_a_created_run_is_queued_and_complete(store):
    before = time.time()
    run = created(store, name="first try")
    assert RUN_ID.fullmatch(run.id)
    assert run.state.state == "queued"
    assert (run.state.attempt, run.state.epochs, run.state.by) == (1, 30, "ada")
    assert run.state.host == store.observer.host
    assert run.config == CONFIG
    assert (run.name, run.variant, run.dataset, run.seed) == (
        "first try",
        "dense-base",
        "digits",
        3,
    )
    assert before <= run.created <= time.time()
    assert run.damaged is None
    values = files.read_json(run.layout.run_json)
    assert values["schema"] == 1
    assert values["id"] == run.id
    assert values["config_sha256"] == config_sha256(CONFIG)
    assert run.layout.reserve.stat().st_size == 64 * 1024
    assert tree(store.root) == [
        run.id,
        *(
            f"{run.id}/{name}"
            for name in (
                "attempts",
                "checkpoints",
                "control",
                "predictions",
                "reserve",
                "results",
                "run.json",
                "state.json",
            )
        ),
    ]


def test_runs_are_listed_newest_first(store):
    ids = [created(store).id for _ in range(3)]
    for place, run_id in enumerate(ids):
        later = f"2030010{place + 1}-000000-{run_id[-6:]}"
        values = files.read_json(store.root / run_id / "run.json")
        files.write_json(store.root / run_id / "run.json", values | {"id": later})
        os.rename(store.root / run_id, store.root / later)
        ids[place] = later
    assert [run.id for run in store.runs()] == ids[::-1]


def test_only_folders_named_like_runs_are_runs(store):
    run = created(store)
    for name in (".queue", ".new-20260131-142501-9f3a1c-7", "notes", "20260131-142501-9f3a1c.bak"):
        (store.root / name).mkdir()
    (store.root / "20260131-142501-9f3a1c").write_text("a file")
    assert [one.id for one in store.runs()] == [run.id]
    with pytest.raises(UnknownName):
        store.run("20260131-142501-9f3a1c")


@pytest.mark.parametrize("name", ["..", ".", "", "/", "../runs", ".queue", "x/../y", "a\0b"])
def test_a_text_that_is_no_id_is_never_looked_up(store, name):
    created(store)
    with pytest.raises(UnknownName):
        store.run(name)


def test_a_mistyped_id_gets_a_suggestion(store):
    run = created(store)
    wrong = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    with pytest.raises(UnknownName) as raised:
        store.run(wrong)
    assert str(raised.value) == f"No run is called {wrong!r}. Did you mean {run.id!r}?"


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


def test_a_folder_of_runs_that_is_itself_a_link_is_followed(store, tmp_path):
    run = created(store)
    (tmp_path / "link").symlink_to(store.root)
    assert [one.id for one in Store(tmp_path / "link").runs()] == [run.id]


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


def test_what_users_wrote_takes_the_place_of_the_first_name(store):
    run = created(store, name="mine")
    files.write_json(run.layout.edit_json, {"name": "ours", "tags": ["a"]})
    assert store.run(run.id).name == "ours"
    assert store.run(run.id).edit["tags"] == ["a"]


def test_a_change_is_seen_and_what_has_not_changed_is_not_read_again(store):
    first, second = created(store), created(store)
    assert len(store.runs()) == 2
    # Other bytes, but the same size, file and time: whoever reads again would see damage.
    path = first.layout.run_json
    status = path.stat()
    path.write_bytes(b"#" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    write_state(second.layout, RunState("stopped", epoch=4))
    runs = {run.id: run for run in store.runs()}
    assert runs[first.id].damaged is None
    assert runs[second.id].state.state == "stopped"
    assert Store(store.root).run(first.id).damaged is not None
    os.utime(path)
    assert store.run(first.id).damaged is not None


def test_a_deleted_run_is_gone_and_its_successor_is_read_anew(store):
    run = created(store)
    assert len(store.runs()) == 1
    aside = store.root / ".trash"
    os.rename(run.layout.path, aside)
    assert store.runs() == []
    os.rename(aside, run.layout.path)
    assert [one.id for one in store.runs()] == [run.id]


def test_a_thousand_runs_are_listed_right(store):
    template = created(store)
    values = files.read_json(template.layout.run_json)
    ids = [f"20260131-{number:06d}-{number * 7919 % 16**6:06x}" for number in range(1000)]
    for number, run_id in enumerate(ids):
        folder = store.root / run_id
        folder.mkdir()
        # Written plainly: a thousand times fsync takes long.
        (folder / "run.json").write_bytes(orjson.dumps(values | {"id": run_id, "seed": number}))
        state = ("queued", "finished", "stopped", "failed")[number % 4]
        (folder / "state.json").write_bytes(orjson.dumps({"state": state, "epoch": number}))
    for number in (10, 500):
        (store.root / ids[number] / "state.json").write_bytes(b"")
    runs = store.runs()
    assert [run.id for run in runs] == [template.id, *ids[::-1]]
    assert [run.seed for run in runs[1:]] == list(range(999, -1, -1))
    assert [run.id for run in runs if run.damaged] == [ids[500], ids[10]]
    assert sum(run.state.state == "finished" for run in runs) == 250
    assert [run.row() for run in store.runs()] == [run.row() for run in runs]


def test_sessions_of_one_server_may_list_and_submit_at_once(store):
    created(store)
    problems = []

    def work():
        try:
            for _ in range(5):
                created(store)
                assert all(run.damaged is None for run in store.runs())
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(store.runs()) == 21
    assert [path.name for path in store.root.iterdir() if not RUN_ID.fullmatch(path.name)] == []


def test_a_failure_at_any_write_leaves_nothing_of_the_run(store, monkeypatch):
    store.require_writable()
    written = []
    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", written.append)
        shutil.rmtree(created(store).layout.path)
    assert len(written) == 4  # the probe, the reserve, run.json, state.json
    for failing in range(len(written)):
        left = [None] * failing

        def fail(path, left=left):
            if not left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left.pop()

        with monkeypatch.context() as patch:
            patch.setattr(files, "fault", fail)
            assert refusal(created, store) == (
                "The disk of the runs folder is full. Free some space; nothing was queued."
            )
        assert tree(store.root) == []
        assert store.runs() == []


def test_a_spec_that_json_cannot_hold_leaves_nothing_of_the_run(store):
    store.require_writable()
    with pytest.raises(TypeError):
        created(store, name=object())
    assert tree(store.root) == []


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "The disk of the runs folder is full. Free some space; nothing was queued."),
        (errno.EDQUOT, "The disk of the runs folder is full. Free some space; nothing was queued."),
        (
            errno.EACCES,
            "The runs folder is not writable. Choose another with --runs, or change its permissions.",
        ),
        (
            errno.EROFS,
            "The runs folder is not writable. Choose another with --runs, or change its permissions.",
        ),
        (errno.EIO, "The runs folder cannot be used: Input/output error."),
    ],
)
def test_a_folder_that_cannot_be_written_says_why(store, monkeypatch, number, message):
    def fail(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "fault", fail)
    assert refusal(store.require_writable) == message


def test_a_file_where_the_folder_should_be_is_said(tmp_path):
    (tmp_path / "runs").write_text("a file")
    message = "The runs folder is no folder. Choose another with --runs."
    assert refusal(Store(tmp_path / "runs").require_writable) == message
    assert refusal(Store(tmp_path / "runs" / "inner").require_writable) == message
    assert refusal(Store(tmp_path / "runs").runs) == (
        "The runs folder cannot be read: Not a directory."
    )


def test_a_missing_folder_is_made_with_its_parents(tmp_path):
    store = Store(tmp_path / "a" / "b" / "runs")
    store.require_writable()
    assert tree(tmp_path) == ["a", "a/b", "a/b/runs"]


def test_on_a_disk_with_little_room_no_run_starts(on_small_disk):
    program = f"""{CREATE}
try:
    store.create(SPEC, epochs=1)
except RunsFolderError as error:
    print(error)
print([path.name for path in store.root.iterdir()])
try:
    (disk / "ballast").write_bytes(bytes(5 * 2**20))
except OSError:
    pass
try:
    store.create(SPEC, epochs=1)
except RunsFolderError as error:
    print(error)
print([path.name for path in store.root.iterdir()])
"""
    assert on_small_disk("size=4m", program).splitlines() == [
        "The disk of the runs folder has 4 MiB left; a run needs at least 200 MiB. Free some space.",
        "[]",
        "The disk of the runs folder is full. Free some space; nothing was queued.",
        "[]",
    ]


def test_on_a_disk_that_fills_up_on_the_way_nothing_half_made_is_left(on_small_disk):
    program = f"""{CREATE}
try:
    store.create(SPEC, epochs=1)
except RunsFolderError as error:
    print(error)
print([path.name for path in store.root.iterdir()])
print(store.runs())
"""
    # Of places for files, not of bytes, there are too few.
    assert on_small_disk("size=300m,nr_inodes=8", program).splitlines() == [
        "The disk of the runs folder is full. Free some space; nothing was queued.",
        "[]",
        "[]",
    ]


def test_a_read_only_disk_shows_its_runs_and_takes_no_more(on_small_disk):
    program = f"""{CREATE}
import subprocess
from dataclasses import replace
from core.runs.state import write_state
run = store.create(SPEC, epochs=1)
state = replace(run.state, state="running", boot=store.observer.boot)
write_state(run.layout, state)
subprocess.run(["mount", "-o", "remount,ro", "disk", str(disk)], check=True)
print([(one.seed, one.state.state, one.damaged) for one in store.runs()])
try:
    store.create(SPEC, epochs=1)
except RunsFolderError as error:
    print(error)
"""
    assert on_small_disk("size=300m", program).splitlines() == [
        "[(3, 'crashed', None)]",
        "The runs folder is not writable. Choose another with --runs, or change its permissions.",
    ]


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


def test_who_lives_is_asked_of_the_lock_in_every_listing(store):
    run = created(store)
    state = read_state(run.layout)
    mine = {"host": store.observer.host, "boot": store.observer.boot, "t": 0.0}
    write_state(run.layout, RunState("running", epochs=state.epochs, **mine))
    assert store.runs()[0].state.state == "crashed"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, run.layout.alive_lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        worker.stdout.readline()
        assert store.runs()[0].state.state == "running"
        worker.kill()
    assert store.runs()[0].state.state == "crashed"
    assert Store(store.root, boot="another").runs()[0].state.state == "interrupted"
    assert Store(store.root, host="elsewhere").runs()[0].state.state == "running"
    assert store.locks_work
