import os
import subprocess
import sys
import threading
import time

import orjson
import pytest

from core.exceptions import UnknownName
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


def test_a_folder_of_runs_that_is_itself_a_link_is_followed(store, tmp_path):
    run = created(store)
    (tmp_path / "link").symlink_to(store.root)
    assert [one.id for one in Store(tmp_path / "link").runs()] == [run.id]


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
