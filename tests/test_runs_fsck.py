"""What fsck says of a run that was broken by hand, and what it mends."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import orjson
import pytest

from core.runs import files, locks, trash
from core.runs.examination import Finding, examine
from core.runs.fsck import fsck
from core.runs.state import read_state, write_state

DAY = 24 * 3600


@pytest.fixture
def store(finished_copy):
    return finished_copy


@pytest.fixture
def run(store):
    (run,) = store.runs()
    return run


def rows(checked):
    return [(one.finding.file, one.finding.kind, one.finding.problem) for one in checked]


def make_old(path):
    then = time.time() - DAY - 60
    os.utime(path, (then, then))


def test_a_sound_run_has_no_findings(store, run):
    assert fsck(store) == []
    assert fsck(store, [run.id], fix=True) == []


def broken_history(run, **changes):
    first, *rest = run.layout.history.read_bytes().splitlines(keepends=True)
    return b"".join([orjson.dumps(orjson.loads(first) | changes) + b"\n", *rest])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("run.json", b"", "run.json is empty"),
        ("run.json", b'{"schema": 2}', "run.json has schema 2: a later version of Petridish wrote it; it is only shown"),
        ("state.json", b"[]", "state.json holds no JSON object"),
        ("state.json", b'{"state": "asleep"}', "state.json: state is 'asleep'"),
        ("edit.json", b'{"tags": "all"}', "tags is 'all': name, tags and note are not shown"),
        ("attempts/0001.json", b"{}", "from_epoch is None"),
        ("attempts/0001.exit.json", b'{"code": "0"}', "code is '0'"),
        ("checkpoints/best.json", b"{}", "its bytes do not match the manifest best.json"),
        ("results/test.class.npy", b"\x93NUMPY", None),
    ],
)  # fmt: skip
def test_a_file_that_says_nothing_sensible_is_named(store, run, name, content, problem):
    (run.layout.path / name).write_bytes(content)
    found = [
        one for one in fsck(store) if one.finding.file in (name, "checkpoints/best.safetensors")
    ]
    assert found
    assert problem in (None, found[0].finding.problem)
    assert found[0].finding.repair is None


def test_a_changed_config_does_not_match_its_hash(store, run):
    spec = files.read_json(run.layout.run_json)
    spec["config"]["training"]["learning_rate"] = 0.5
    files.write_json(run.layout.run_json, spec)
    assert rows(fsck(store)) == [
        ("run.json", "damage", "run.json: the config does not match its hash")
    ]


@pytest.mark.parametrize("name", ["last.pt", "best.safetensors"])
def test_a_flipped_bit_of_a_checkpoint_is_found(store, run, name):
    path = run.layout.checkpoints_dir / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = rows(fsck(store))
    problems = {
        "last.pt": "it matches no manifest, and resume does not use it",
        "best.safetensors": "its bytes do not match the manifest best.json",
    }
    assert found[0] == (f"checkpoints/{name}", "damage", problems[name])
    assert [file for file, _, _ in found[1:]] == ["checkpoints/last.json"] * (name == "last.pt")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("checkpoints/best.json", "its manifest best.json is missing"),
        ("checkpoints/best.safetensors", "the weights that it describes are missing"),
        ("checkpoints/last.pt", "the checkpoint that it describes is not there"),
        ("predictions/index.json", "it is missing"),
        ("predictions/train.class.f16", "it holds 0 of the 3 epochs that the history names"),
        ("results/test.json", "it is missing, though the run is finished"),
    ],
)
def test_a_missing_file_is_named(store, run, name, problem):
    (run.layout.path / name).unlink()
    assert [one[1:] for one in rows(fsck(store))] == [("damage", problem)]


def test_outputs_shorter_than_the_history_are_counted(store, run):
    path = run.layout.outputs("validation", "class")
    os.truncate(path, path.stat().st_size - 1)
    assert rows(fsck(store)) == [
        (
            "predictions/validation.class.f16",
            "damage",
            "it holds 2 of the 3 epochs that the history names",
        )
    ] + [one for one in rows(fsck(store)) if one[0] == "predictions/index.json"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"attempt":1,"epo{"attempt":1,"epoch":3}\n', "line 2 is no JSON"),
        (b"\0\0\0\0\n", "line 2 is no JSON"),
        (b"[1]\n", "line 2 is no JSON object"),
        (b'{"attempt":1}\n', "line 2 is not the row of an epoch"),
        (b'{"attempt":1,"epoch":1,"train_loss":"low"}\n', "line 2 says that train_loss is 'low'"),
        (b'{"attempt":1,"epoch":1,"dead_share":{"a":"b"}}\n', "line 2 has no numbers in dead_share"),
    ],
)  # fmt: skip
def test_a_bad_line_of_the_history_is_named_by_its_number(store, run, line, problem):
    first, *rest = run.layout.history.read_bytes().splitlines(keepends=True)
    run.layout.history.write_bytes(b"".join([first, line, *rest]))
    assert ("history.jsonl", "damage", problem) in rows(fsck(store, fix=True))
    assert run.layout.history.read_bytes().splitlines(keepends=True)[1] == line


def test_an_epoch_without_a_row_is_named(store, run):
    lines = run.layout.history.read_bytes().splitlines(keepends=True)
    run.layout.history.write_bytes(lines[0] + lines[2])
    assert rows(fsck(store)) == [
        ("history.jsonl", "damage", "rows of epochs are missing, such as 2")
    ]


def test_a_torn_last_line_is_cut_and_only_on_request(store, run):
    whole = run.layout.history.read_bytes()
    run.layout.history.write_bytes(whole + b'{"attempt":1,"epo')
    (found,) = fsck(store)
    assert (found.finding.problem, found.finding.repair) == (
        "the last line is torn", "cut the torn line"
    )  # fmt: skip
    assert not found.is_repaired
    assert run.layout.history.read_bytes() != whole
    assert [one.is_repaired for one in fsck(store, fix=True)] == [True]
    assert run.layout.history.read_bytes() == whole
    assert fsck(store) == []


def test_a_whole_last_line_without_its_end_is_kept(store, run):
    whole = run.layout.history.read_bytes()
    run.layout.history.write_bytes(whole[:-1])
    (found,) = fsck(store, [run.id], fix=True)
    assert (found.finding.repair, found.is_repaired) == ("end the line", True)
    assert run.layout.history.read_bytes() == whole


def test_what_a_killed_process_left_is_removed_when_it_is_a_day_old(store, run):
    new = run.layout.path / "state.json.1-2.tmp"
    old = run.layout.checkpoints_dir / "last.pt.tmp"
    left = store.root / ".new-20260131-142501-9f3a1c-7"
    fresh = store.root / ".new-import-7-8"
    for folder in (left, fresh):
        (folder / "attempts").mkdir(parents=True)
    for path in (new, old):
        path.write_bytes(b"x")
    make_old(old)
    make_old(left)
    found = {(one.finding.place, one.finding.file): one for one in fsck(store, fix=True)}
    assert {key: (one.finding.repair, one.is_repaired) for key, one in found.items()} == {
        (run.id, "state.json.1-2.tmp"): (None, False),
        (run.id, "checkpoints/last.pt.tmp"): ("remove the file", True),
        (left.name, None): ("remove the folder", True),
        (fresh.name, None): (None, False),
    }
    assert [path.exists() for path in (new, old, left, fresh)] == [True, False, False, True]


def test_what_does_not_belong_is_named_and_left(store, run):
    (run.layout.path / "notes.txt").write_text("mine")
    (store.root / "backup").mkdir()
    (run.layout.path / "link").symlink_to(store.root)
    found = {
        (one.finding.place, one.finding.file, one.finding.kind) for one in fsck(store, fix=True)
    }
    assert found == {
        (run.id, "notes.txt", "notice"),
        (run.id, "link", "damage"),
        ("backup", None, "notice"),
    }
    assert (run.layout.path / "notes.txt").exists() and (run.layout.path / "link").is_symlink()


def test_a_link_in_place_of_a_run_is_not_followed(store, run, tmp_path):
    os.rename(run.layout.path, tmp_path / run.id)
    run.layout.path.symlink_to(tmp_path / run.id)
    assert examine(run.layout, store.observer) == [
        Finding(run.id, None, "damage", "a link stands where the run should be")
    ]


def test_a_state_that_contradicts_the_lock_is_a_notice(store, run):
    lock = locks.take(run.layout.alive_lock)
    assert rows(fsck(store)) == [
        ("state.json", "notice", f"it says finished, but process {os.getpid()} holds the lock of the run's worker")
    ]  # fmt: skip
    lock.release()
    host = {"host": store.observer.host, "boot": store.observer.boot}
    write_state(run.layout, replace(read_state(run.layout), state="running", **host))
    assert rows(fsck(store)) == [
        (
            "state.json",
            "notice",
            "it says running, but no worker holds the lock: the run shows as crashed; resume goes on",
        )
    ]


def test_a_run_that_a_worker_holds_is_not_touched(store, run):
    run.layout.history.write_bytes(run.layout.history.read_bytes() + b'{"torn')
    events = run.layout.events.read_bytes()
    run.layout.events.write_bytes(events + b"{")
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from core.runs import locks\n"
            "locks.take(Path(sys.argv[1])); print(flush=True); sys.stdin.read()",
            run.layout.alive_lock,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        worker.stdout.readline()
        before = run.layout.history.read_bytes()
        assert [one.finding.repair for one in fsck(store, fix=True)] == [None]
        assert run.layout.history.read_bytes() == before
        worker.stdin.close()
    assert [one.is_repaired for one in fsck(store, fix=True)] == [True, True]
    assert run.layout.events.read_bytes() == events


def test_each_run_is_announced(store, run):
    seen = []
    fsck(store, progress=lambda share, what: seen.append((share, what)))
    assert seen == [(0, run.id)]


def test_what_was_written_aside_in_our_own_folders_is_found_and_removed(store, run):
    old, new = (store.layout.saved_dir("notes") / f"{name}.json.1-2.tmp" for name in "ab")
    files.make_folder(old.parent)
    for path in (old, new):
        path.write_bytes(b"{")
    make_old(old)
    place, name = ".saved", "notes/{}.json.1-2.tmp"
    killed, unclear = (
        "a process that was killed left it",
        "somebody is making it, or was killed",
    )
    found = [one.finding for one in fsck(store, fix=True)]
    assert found == [
        Finding(place, name.format("a"), "leftover", killed, "remove the file"),
        Finding(place, name.format("b"), "leftover", unclear),
    ]
    assert (old.exists(), new.exists()) == (False, True)


def test_the_trash_is_looked_through_and_left_alone(store, run):
    now = time.time_ns()
    gone = trash.discard(run.layout, now - 9 * DAY * 10**9)
    (store.layout.trash_dir / "odd").mkdir()
    assert rows(fsck(store, fix=True)) == [
        (
            gone.path.name,
            "notice",
            "it was deleted 9 days ago; the next deletion or start of a runner removes it",
        ),
        ("odd", "notice", "it is no deleted run"),
    ]
    assert gone.path.is_dir()


@pytest.mark.parametrize("left", [["prev.json"], ["prev.pt"], ["prev.pt", "prev.json"]])
def test_a_finished_run_keeps_no_checkpoint_before_the_last_and_loses_nothing_with_it(
    store, run, left
):
    # As a worker leaves it that dies after its last word, while it removes them.
    for name in left:
        path = run.layout.last_checkpoint.with_name(name)
        path.write_bytes(run.layout.last_checkpoint.with_suffix(path.suffix).read_bytes() + b" ")
        make_old(path)
    found = rows(fsck(store))
    assert [(file, kind) for file, kind, _ in found] == [
        (f"checkpoints/{name}", "leftover") for name in left
    ]
    fsck(store, fix=True)
    assert fsck(store) == []
    assert store.run(run.id).damaged is None


def test_without_a_whole_last_checkpoint_the_one_before_it_is_not_taken_for_a_leftover(store, run):
    last, prev = run.layout.last_checkpoint, run.layout.prev_checkpoint
    for suffix in (".pt", ".json"):
        last.with_suffix(suffix).rename(prev.with_suffix(suffix))
        make_old(prev.with_suffix(suffix))
    fsck(store, fix=True)
    assert prev.exists() and prev.with_suffix(".json").exists()
