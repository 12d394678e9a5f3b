"""What an archive holds and what it leaves at home. That it comes back whole is in test_jobs_importing.py."""

import hashlib
import zipfile
from dataclasses import replace

import orjson
import pytest

from core.exceptions import DamagedRun, RunStateError
from core.runs import archive, files, locks
from core.runs.state import read_state, write_state


@pytest.fixture
def store(finished_copy):
    return finished_copy


@pytest.fixture
def run(store):
    (run,) = store.runs()
    return run


@pytest.fixture
def written(tmp_path):
    """Write an archive; return its members and what was said."""

    def write(*runs, **options):
        path = tmp_path / "runs.zip"
        with path.open("w+b") as file:
            notes = archive.write_zip(file, list(runs), **options)
        with zipfile.ZipFile(path) as members:
            return {name: members.read(name) for name in members.namelist()}, notes

    return write


def test_the_manifest_describes_every_other_file(written, run):
    members, notes = written(run)
    manifest = orjson.loads(members.pop("manifest.json"))
    assert (manifest["format"], manifest["schema"], notes) == ("petridish-runs", 1, [])
    assert manifest["runs"] == [{"id": run.id, "state": "finished", "is_snapshot": False}]
    assert manifest["files"] == {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    assert sorted(name.partition("/")[2] for name in members) == [
        "attempts/0001.json",
        "checkpoints/best.json",
        "checkpoints/best.safetensors",
        "events.jsonl",
        "history.jsonl",
        "predictions/index.json",
        "predictions/train.class.f16",
        "predictions/validation.class.f16",
        "results/test.class.npy",
        "results/test.json",
        "run.json",
        "state.json",
    ]


def test_what_is_this_machine_s_own_stays_here(written, store, run):
    secret = str(store.root)
    for path in (run.layout.log, run.layout.beat):
        path.write_text(secret)
    files.make_folder(run.layout.control_dir)
    run.layout.stop_request.write_text(secret)
    locks.take(run.layout.alive_lock).release()
    (run.layout.path / "notes.txt").write_text(secret)
    files.append_event(run.layout.events, "warning", message=f"{secret}/x/log.txt is 'odd'")
    message = f"RuntimeError: Parent directory {secret}/a does not exist. The log has the details."
    host = store.observer.host
    state = replace(read_state(run.layout), state="failed", message=message, host=host, pid=77)
    write_state(run.layout, state)
    members, _ = written(store.run(run.id))
    whole = b"\n".join(members.values())
    for found in (secret, "control", f'"{host}"', store.observer.boot, "alive"):
        assert found.encode() not in whole, found
    told = orjson.loads(members[f"{run.id}/state.json"])
    assert (
        told["message"]
        == "RuntimeError: Parent directory a does not exist. The log has the details."
    )
    assert (told["host"], told["boot"], told["pid"], told["slot"]) == (None,) * 4
    assert b"log.txt is 'odd'" in members[f"{run.id}/events.jsonl"]
    assert set(orjson.loads(members[f"{run.id}/attempts/0001.json"])) == {
        "attempt",
        "from_epoch",
        "time",
        "device",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot open /home/ada/x y.txt", "cannot open x y.txt"),
        ("'/srv/runs/1/last.pt' is gone", "'last.pt' is gone"),
        ("see ~/secret/place/file", "see file"),
        ("train/validation and 1/2 and a/b/c", "train/validation and 1/2 and a/b/c"),
        ("https://example.org/a/b", "https://example.org/a/b"),
    ],
)
def test_a_text_names_files_without_their_folders(text, expected):
    assert archive._without_folders({"a": [text]}) == {"a": [expected]}


def test_a_run_under_way_is_exported_as_a_snapshot_that_says_so(written, store, run):
    lines = run.layout.history.read_bytes().splitlines(keepends=True)
    best = files.read_json(run.layout.best_json)["epoch"]
    # In the middle of an epoch's end: the record is half written, the row torn, the state an epoch old.
    with run.layout.outputs("validation", "class").open("ab") as file:
        file.write(bytes(777))
    run.layout.history.write_bytes(b"".join(lines) + b'{"attempt":1,"epo')
    here = {"host": store.observer.host, "boot": store.observer.boot, "pid": 77}
    write_state(run.layout, replace(read_state(run.layout), state="running", epoch=2, **here))
    # The last beat is of when the tests began, minutes ago: by it the run would be stalled.
    run.layout.beat.unlink(missing_ok=True)
    lock = locks.take(run.layout.alive_lock)
    try:
        running = store.run(run.id)
        members, notes = written(running)
    finally:
        lock.release()
    assert notes == [f"Run {run.id} is running: the archive holds a snapshot of it after epoch 3."]
    state = orjson.loads(members[f"{run.id}/state.json"])
    assert (state["state"], state["reason"], state["epoch"]) == ("stopped", "exported", 3)
    assert state["message"] == "A snapshot after epoch 3, exported while the run was running."
    assert (state["best_epoch"], state["pid"]) == (best, None)
    assert members[f"{run.id}/history.jsonl"] == b"".join(lines)
    record = 2 * 10 * len(run.predictions("validation"))
    assert len(members[f"{run.id}/predictions/validation.class.f16"]) == 3 * record
    assert f"{run.id}/results/test.json" not in members
    assert orjson.loads(members["manifest.json"])["runs"][0]["is_snapshot"]


def test_a_crashed_run_says_elsewhere_how_it_ended(written, store, run):
    here = {"host": store.observer.host, "boot": store.observer.boot}
    write_state(run.layout, replace(read_state(run.layout), state="running", epoch=3, **here))
    members, notes = written(store.run(run.id))
    state = orjson.loads(members[f"{run.id}/state.json"])
    assert (state["state"], state["reason"], notes) == ("stopped", "died", [])


def test_weights_that_do_not_match_are_left_out_with_a_note(written, run):
    run.layout.best_weights.write_bytes(b"other")
    members, notes = written(run)
    assert notes == [
        f"Run {run.id}: its best weights do not match their manifest and were left out."
    ]
    assert not any("best" in name for name in members)


def test_bad_lines_are_left_out_with_a_note(written, run):
    rows = run.layout.history.read_bytes()
    run.layout.history.write_bytes(b"\0\0\n" + rows)
    members, notes = written(run)
    assert notes == [f"Run {run.id}: 1 damaged lines of its history were left out."]
    assert [orjson.loads(line) for line in members[f"{run.id}/history.jsonl"].splitlines()] == [
        orjson.loads(line) for line in rows.splitlines()
    ]


def test_a_damaged_run_is_not_exported(written, store, run):
    run.layout.outputs("train", "class").write_bytes(b"")
    with pytest.raises(DamagedRun) as raised:
        written(run)
    assert str(raised.value) == (
        f"Run {run.id} cannot be exported: train.class.f16 is shorter than the history says. "
        f"petridish runs fsck {run.id} says more."
    )
    run.layout.run_json.unlink()
    with pytest.raises(RunStateError) as raised:
        written(store.run(run.id))
    assert str(raised.value) == (
        f"Run {run.id} is damaged and cannot be exported: run.json is missing."
    )
