import contextlib
import errno
import os
import stat
import subprocess
import sys

import pytest
from safetensors import SafetensorError

from core.runs import files
from core.runs.checkpoints import (
    drop_previous,
    sha256_of,
    usable,
    write_checkpoint,
    write_weights,
)
from core.runs.layout import RunLayout

OVER = "There is no checkpoint to go on from: training starts again at epoch 1."

DIE_BEFORE_A_RENAME = (
    "import os, sys\n"
    "from pathlib import Path\n"
    "from core.runs.checkpoints import write_checkpoint\n"
    "from core.runs.layout import RunLayout\n"
    "left, rename = int(sys.argv[2]), os.replace\n"
    "def counted(*arguments):\n"
    "    global left\n"
    "    if left == 0:\n"
    "        os._exit(9)\n"
    "    left -= 1\n"
    "    rename(*arguments)\n"
    "os.replace = counted\n"
    "write_checkpoint(RunLayout(Path(sys.argv[1])), lambda path: path.write_bytes(b'state 3' * 100),\n"
    "                 {'epoch': 3, 'attempt': 1})\n"
)


@pytest.fixture
def layout(tmp_path):
    layout = RunLayout(tmp_path / "20260131-142501-9f3a1c")
    files.make_folder(layout.checkpoints_dir)
    return layout


def write(layout, epoch):
    write_checkpoint(
        layout,
        lambda path: path.write_bytes(b"state %d" % epoch * 100),
        {"epoch": epoch, "attempt": 1},
    )


def content(epoch):
    return b"state %d" % epoch * 100


def names(layout):
    return sorted(path.name for path in layout.checkpoints_dir.iterdir())


def test_a_new_run_has_no_checkpoint_and_nothing_to_warn_of(layout):
    assert usable(layout) == (None, [])
    layout.checkpoints_dir.rmdir()
    assert usable(layout) == (None, [])


def test_the_last_checkpoint_is_found_with_its_manifest(layout):
    write(layout, 1)
    write(layout, 2)
    checkpoint, warnings = usable(layout)
    assert warnings == []
    assert checkpoint.path == layout.last_checkpoint
    assert checkpoint.path.read_bytes() == content(2)
    assert checkpoint.epoch == 2
    assert checkpoint.manifest == {
        "run": layout.id,
        "file": "last.pt",
        "bytes": 700,
        "sha256": sha256_of(checkpoint.path),
        "epoch": 2,
        "attempt": 1,
    }
    assert names(layout) == ["last.json", "last.pt", "prev.json", "prev.pt"]
    assert stat.S_IMODE(checkpoint.path.stat().st_mode) == 0o640


def truncate(path):
    os.truncate(path, 350)


def empty(path):
    os.truncate(path, 0)


def zero(path):
    path.write_bytes(b"\0" * path.stat().st_size)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[333] ^= 4
    path.write_bytes(data)


def append(path):
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("damage", [truncate, empty, zero, flip_a_bit, append])
def test_a_damaged_checkpoint_is_not_used_and_the_one_before_is(layout, damage):
    write(layout, 1)
    write(layout, 2)
    damage(layout.last_checkpoint)
    checkpoint, warnings = usable(layout)
    assert (checkpoint.path, checkpoint.epoch) == (layout.prev_checkpoint, 1)
    assert warnings == ["last.pt matches no manifest and is not used."]


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
def test_without_any_whole_checkpoint_training_starts_over_and_says_so(layout, damage):
    write(layout, 1)
    write(layout, 2)
    damage(layout.last_checkpoint)
    damage(layout.prev_checkpoint)
    assert usable(layout) == (
        None,
        [
            "last.pt matches no manifest and is not used.",
            "prev.pt matches no manifest and is not used.",
            OVER,
        ],
    )


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"sha256": 1, "epoch": 1}'])
def test_a_damaged_manifest_costs_its_checkpoint_only(layout, data):
    write(layout, 1)
    write(layout, 2)
    layout.last_checkpoint.with_suffix(".json").write_bytes(data)
    checkpoint, warnings = usable(layout)
    assert (checkpoint.path, checkpoint.epoch) == (layout.prev_checkpoint, 1)
    assert warnings[-1] == "last.pt matches no manifest and is not used."


def test_a_manifest_without_an_epoch_is_none(layout):
    write(layout, 1)
    manifest = files.read_json(layout.last_checkpoint.with_suffix(".json"))
    files.write_json(layout.last_checkpoint.with_suffix(".json"), manifest | {"epoch": "1"})
    checkpoint, warnings = usable(layout)
    assert checkpoint is None
    assert warnings[-1] == OVER


def test_checkpoints_under_each_other_s_names_are_told_by_their_hash(layout):
    write(layout, 1)
    write(layout, 2)
    last, prev, aside = layout.last_checkpoint, layout.prev_checkpoint, layout.path / "aside"
    os.replace(last, aside)
    os.replace(prev, last)
    os.replace(aside, prev)
    checkpoint, warnings = usable(layout)
    assert (checkpoint.path, checkpoint.epoch) == (prev, 2)
    assert checkpoint.path.read_bytes() == content(2)
    assert warnings == []


def test_a_checkpoint_of_another_run_is_not_used(layout, tmp_path):
    write(layout, 1)
    other = RunLayout(tmp_path / "20260131-142501-000000")
    files.make_folder(other.checkpoints_dir)
    write(other, 5)
    layout.last_checkpoint.write_bytes(other.last_checkpoint.read_bytes())
    assert usable(layout)[0] is None


def test_a_checkpoint_that_has_gone_is_missed(layout):
    write(layout, 1)
    layout.last_checkpoint.unlink()
    assert usable(layout) == (None, [OVER])
    layout.last_checkpoint.with_suffix(".json").unlink()
    assert usable(layout) == (None, [])
    files.append_row(layout.history, {"attempt": 1, "epoch": 1})
    assert usable(layout) == (None, [OVER])


def test_a_checkpoint_that_cannot_be_read_costs_only_itself(layout):
    write(layout, 1)
    write(layout, 2)
    layout.last_checkpoint.unlink()
    layout.last_checkpoint.mkdir()
    checkpoint, warnings = usable(layout)
    assert (checkpoint.path, checkpoint.epoch) == (layout.prev_checkpoint, 1)
    assert warnings == ["last.pt cannot be read: Is a directory."]


@pytest.mark.parametrize(
    ("renames", "epoch"),
    [(0, 2), (1, 2), (2, 2), (3, 2), (4, 3)],
)
def test_a_death_between_any_two_steps_leaves_a_usable_checkpoint(layout, renames, epoch):
    write(layout, 1)
    write(layout, 2)
    done = subprocess.run([sys.executable, "-c", DIE_BEFORE_A_RENAME, layout.path, str(renames)])
    assert done.returncode == (9 if renames < 4 else 0)
    checkpoint, _ = usable(layout)
    assert checkpoint.epoch == epoch
    assert checkpoint.path.read_bytes() == content(epoch)
    # The next attempt writes on, whatever was left.
    write(layout, 4)
    write(layout, 5)
    assert usable(layout)[0].epoch == 5
    assert usable(layout)[1] == []
    layout.last_checkpoint.unlink()
    assert usable(layout)[0].epoch == 4


class Death(BaseException):
    """Ends a write between two steps, as SIGKILL does."""


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(5))
def test_a_second_death_in_the_epoch_done_again_costs_no_more(layout, monkeypatch, first, second):
    write(layout, 1)
    write(layout, 2)
    rename = os.replace
    for deaths in (first, second):
        left = [None] * deaths

        def counted(*arguments, left=left):
            if not left:
                raise Death
            left.pop()
            rename(*arguments)

        with monkeypatch.context() as patch, contextlib.suppress(Death):
            patch.setattr(os, "replace", counted)
            write(layout, 3)
        assert usable(layout)[0].epoch >= 2
    write(layout, 4)
    assert usable(layout)[0].epoch == 4


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_death_in_the_very_first_checkpoint_starts_over(layout, renames):
    # Without a checkpoint before it there are two renames: the state's and its manifest's.
    done = subprocess.run([sys.executable, "-c", DIE_BEFORE_A_RENAME, layout.path, str(renames)])
    assert done.returncode == (9 if renames < 2 else 0)
    checkpoint, _ = usable(layout)
    assert (checkpoint is None) == (renames < 2)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
        KeyboardInterrupt(),
    ],
)
def test_a_save_that_fails_leaves_the_checkpoints_of_before(layout, error):
    write(layout, 1)
    write(layout, 2)
    before = {path.name: path.read_bytes() for path in layout.checkpoints_dir.iterdir()}

    def fail(path):
        path.write_bytes(b"half a sta")
        raise error

    # What waits for space on a full disk knows OSError and RuntimeError.
    expected = OSError if isinstance(error, SafetensorError) else type(error)
    for save in (write_checkpoint, write_weights):
        with pytest.raises(expected):
            save(layout, fail, {"epoch": 3, "attempt": 1})
    after = {path.name: path.read_bytes() for path in layout.checkpoints_dir.iterdir()}
    assert after == before


def test_a_full_disk_leaves_the_checkpoints_of_before(layout, monkeypatch):
    write(layout, 1)
    monkeypatch.setattr(files, "fault", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(layout, 2)
    assert usable(layout)[0].epoch == 1
    assert names(layout) == ["last.json", "last.pt"]


def full_disk(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("failing", ["last.pt", "last.json"])
def test_a_disk_that_fills_up_on_the_way_leaves_something_usable(layout, monkeypatch, failing):
    write(layout, 1)
    write(layout, 2)

    def fail(path):
        if path.name == failing:
            full_disk(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", fail)
        with pytest.raises(OSError, match="No space left"):
            write(layout, 3)
    assert usable(layout)[0].epoch == 2
    write(layout, 3)
    assert usable(layout) == (usable(layout)[0], [])
    assert usable(layout)[0].epoch == 3


def test_best_weights_lie_beside_their_manifest(layout):
    write_weights(layout, lambda path: path.write_bytes(b"weights"), {"epoch": 4, "parameters": 7})
    assert layout.best_weights.read_bytes() == b"weights"
    assert files.read_json(layout.best_json) == {
        "run": layout.id,
        "file": "best.safetensors",
        "bytes": 7,
        "sha256": sha256_of(layout.best_weights),
        "epoch": 4,
        "parameters": 7,
    }
    assert stat.S_IMODE(layout.best_weights.stat().st_mode) == 0o640


def test_a_finished_run_keeps_one_checkpoint(layout):
    write(layout, 1)
    write(layout, 2)
    drop_previous(layout)
    drop_previous(layout)
    assert names(layout) == ["last.json", "last.pt"]
    assert usable(layout)[0].epoch == 2


def test_what_libraries_write_is_readable_by_owner_and_group_only(finished_run):
    layout = finished_run.layout
    for path in (layout.best_weights, layout.last_checkpoint):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_checkpoint_of_a_finished_run_is_whole(finished_run):
    checkpoint, warnings = usable(finished_run.layout)
    assert warnings == []
    assert checkpoint.epoch == finished_run.state.epoch
    assert not finished_run.layout.prev_checkpoint.exists()
    best = files.read_json(finished_run.layout.best_json)
    assert best["sha256"] == sha256_of(finished_run.layout.best_weights)


def test_a_really_full_disk_is_met_as_an_error_that_waits_for_space_know(on_small_disk):
    program = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from core.runs import files
from core.runs.checkpoints import usable, write_checkpoint, write_weights
from core.runs.layout import RunLayout

layout = RunLayout(Path(sys.argv[1]) / "20260131-142501-9f3a1c")
files.make_folder(layout.checkpoints_dir)
small, large = ({"w": torch.zeros(number)} for number in (1000, 2_000_000))
saves = (
    (write_checkpoint, lambda values: lambda path: torch.save(values, path)),
    (write_weights, lambda values: lambda path: save_file(values, path)),
)
for write, save in saves:
    write(layout, save(small), {"epoch": 1, "attempt": 1})
before = {path.name: path.read_bytes() for path in layout.checkpoints_dir.iterdir()}
for write, save in saves:
    try:
        write(layout, save(large), {"epoch": 2, "attempt": 1})
    except (OSError, RuntimeError) as error:
        print("refused")
print(before == {path.name: path.read_bytes() for path in layout.checkpoints_dir.iterdir()})
checkpoint, warnings = usable(layout)
print(checkpoint.epoch, warnings)
print(torch.load(checkpoint.path, weights_only=True)["w"].shape)
"""
    assert on_small_disk("size=4m", program).splitlines() == [
        "refused",
        "refused",
        "True",
        "1 []",
        "torch.Size([1000])",
    ]
