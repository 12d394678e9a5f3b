import errno
import os
from dataclasses import replace

import pytest

from core.exceptions import DamagedRun, NewerRun
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.state import (
    ACTIVE,
    DERIVED,
    RESUMABLE,
    WRITTEN,
    RunState,
    read_state,
    write_state,
)

NOW = 1_770_000_000.0

RUNNING = RunState(
    "running", attempt=2, epoch=3, epochs=30, t=NOW - 60, host="ada", boot="boot-1", pid=1
)


@pytest.fixture
def layout(tmp_path):
    layout = RunLayout(tmp_path / "20260131-142501-9f3a1c")
    files.make_folder(layout.attempts_dir)
    return layout


def test_a_state_survives_its_file(layout):
    state = replace(RUNNING, reason="x", message="ü", best_epoch=2, best_validation_accuracy=0.5)
    write_state(layout, state)
    assert read_state(layout) == replace(state, more={"schema": 1})
    assert files.read_json(layout.state_json)["schema"] == 1


def test_keys_of_others_are_kept_when_the_state_is_written_again(layout):
    values = RUNNING.to_json() | {"mood": "good", "nested": {"a": [1]}}
    files.write_json(layout.state_json, values)
    write_state(layout, replace(read_state(layout), state="finished"))
    assert files.read_json(layout.state_json) == values | {"state": "finished"}


def test_a_state_of_a_later_version_is_refused_but_says_what_it_holds(layout):
    values = RUNNING.to_json() | {"schema": 2}
    files.write_json(layout.state_json, values)
    with pytest.raises(NewerRun) as raised:
        read_state(layout)
    assert str(raised.value).startswith("state.json has schema 2: a later version")
    assert raised.value.values == values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": "resting"}, "state.json: state is 'resting'"),
        ({"state": "crashed"}, "state.json: state is 'crashed'"),
        ({"state": None}, "state.json: state is None"),
        ({"state": ["running"]}, "state.json: state is ['running']"),
        ({"epoch": "3"}, "state.json: epoch is '3'"),
        ({"epoch": 2.5}, "state.json: epoch is 2.5"),
        ({"attempt": True}, "state.json: attempt is True"),
        ({"attempt": None}, "state.json: attempt is None"),
        ({"pid": 1.0}, "state.json: pid is 1.0"),
        ({"t": "now"}, "state.json: t is 'now'"),
        ({"host": 3}, "state.json: host is 3"),
        ({"best_validation_accuracy": "1"}, "state.json: best_validation_accuracy is '1'"),
        ({"schema": "1"}, "state.json: schema is '1'"),
        ({"schema": None}, "state.json: schema is None"),
        ({"schema": True}, "state.json: schema is True"),
    ],
)
def test_a_value_of_the_wrong_type_is_damage(layout, changes, message):
    files.write_json(layout.state_json, RUNNING.to_json() | changes)
    with pytest.raises(DamagedRun) as raised:
        read_state(layout)
    assert str(raised.value) == message


def test_a_huge_wrong_value_makes_no_huge_message(layout):
    files.write_json(layout.state_json, RUNNING.to_json() | {"epoch": "x" * 100_000})
    with pytest.raises(DamagedRun) as raised:
        read_state(layout)
    assert len(str(raised.value)) == 200


def test_a_missing_state_is_damage(layout):
    with pytest.raises(DamagedRun, match=r"^state\.json is missing$"):
        read_state(layout)
    files.write_json(layout.state_json, {})
    with pytest.raises(DamagedRun, match=r"^state\.json: state is None$"):
        read_state(layout)


def test_a_state_without_later_keys_is_understood(layout):
    files.write_json(layout.state_json, {"state": "queued"})
    assert read_state(layout) == RunState("queued")


def test_on_a_full_disk_the_reserve_makes_room_for_the_state(layout, monkeypatch):
    layout.reserve.write_bytes(b"\0" * 1000)

    def fail(path):
        if layout.reserve.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "fault", fail)
    write_state(layout, RUNNING)
    assert read_state(layout).state == "running"
    assert not layout.reserve.exists()


def test_without_a_reserve_a_full_disk_is_an_error_and_the_old_state_stays(layout, monkeypatch):
    write_state(layout, RUNNING)

    def fail(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "fault", fail)
    with pytest.raises(OSError, match="No space left"):
        write_state(layout, replace(RUNNING, state="finished"))
    assert read_state(layout).state == "running"


def test_a_state_is_either_written_or_derived_and_no_resumable_one_is_active():
    assert not set(WRITTEN) & set(DERIVED)
    assert set(ACTIVE) | set(RESUMABLE) <= set(WRITTEN) | set(DERIVED)
    assert not set(ACTIVE) & set(RESUMABLE)
