import errno
import os
import shutil

import pytest

from core.exceptions import RunsFolderError
from core.runs import files
from core.runs.store import Store

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


def created(store, **changes):
    return store.create({**SPEC, **changes}, epochs=30)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def refusal(call, *arguments):
    with pytest.raises(RunsFolderError) as raised:
        call(*arguments)
    return str(raised.value)


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
