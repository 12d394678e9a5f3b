import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from core.runs import files
from core.runs.layout import RunLayout
from core.runs.state import (
    Observer,
    RunState,
    derive,
    placed,
    read_beat,
    read_state,
    write_state,
)
from core.runs.waits import Waits

NOW = 1_770_000_000.0

OBSERVER = Observer(Waits(), host="ada", boot="boot-1", now=lambda: NOW, monotonic=lambda: 5000.0)

RUNNING = RunState(
    "running", attempt=2, epoch=3, epochs=30, t=NOW - 60, host="ada", boot="boot-1", pid=1
)

STARTING = replace(RUNNING, state="starting", pid=None, t=NOW - 1)

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from core.runs import locks\n"
    "lock = locks.take(Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.fixture
def layout(tmp_path):
    layout = RunLayout(tmp_path / "20260131-142501-9f3a1c")
    files.make_folder(layout.attempts_dir)
    return layout


@pytest.fixture
def worker(layout):
    """Another process that holds the run's lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, layout.alive_lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def seen(layout, written, observer=OBSERVER):
    write_state(layout, written)
    return derive(layout, read_state(layout), observer)


def age(path, seconds):
    """Make a file look as if it was written so long ago."""
    past = time.time() - seconds
    os.utime(path, (past, past))


@pytest.mark.parametrize("state", ["queued", "finished", "failed", "stopped", "paused"])
def test_a_state_without_a_worker_is_shown_as_written(layout, state):
    written = replace(RUNNING, state=state, host="elsewhere", boot="another")
    assert seen(layout, written) == replace(written, more={"schema": 1})


@pytest.mark.parametrize("written", [RUNNING, STARTING])
def test_while_the_lock_is_held_a_run_is_running(layout, worker, written):
    assert seen(layout, written).state == "running"


def test_while_the_lock_is_held_neither_clock_nor_grace_matters(layout, worker):
    written = replace(STARTING, t=NOW - 1_000_000)
    assert seen(layout, written).state == "running"
    assert seen(layout, replace(written, t=NOW + 1_000_000)).state == "running"


def test_a_killed_worker_is_crashed_at_once(layout, worker):
    assert seen(layout, RUNNING).state == "running"
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    state = seen(layout, RUNNING)
    assert (state.state, state.reason) == ("crashed", "died")
    assert state.message == (
        "The worker died; nobody saw how. Resume goes on from its last checkpoint."
    )
    assert state.epoch == 3


@pytest.mark.parametrize(
    ("ended", "reason", "message"),
    [
        (
            {"code": None, "signal": 9},
            "signal",
            "The worker was killed by signal 9 (out of memory?). Resume goes on from its last checkpoint.",
        ),
        (
            {"code": None, "signal": 11},
            "signal",
            "The worker was killed by signal 11. Resume goes on from its last checkpoint.",
        ),
        (
            {"code": 1, "signal": None},
            "exit",
            "The worker ended with code 1; log.txt may say why.",
        ),
    ],
)
def test_a_crash_tells_what_the_runner_saw(layout, ended, reason, message):
    files.write_json(layout.exit(1), {"code": 3, "signal": None})  # of another attempt
    files.write_json(layout.exit(2), ended)
    state = seen(layout, RUNNING)
    assert (state.state, state.reason, state.message) == ("crashed", reason, message)


def test_a_damaged_exit_file_does_not_hide_a_crash(layout):
    layout.exit(2).write_bytes(b"{")
    assert seen(layout, RUNNING).reason == "died"


@pytest.mark.parametrize("written", [RUNNING, STARTING])
def test_after_a_restart_of_the_machine_a_run_is_interrupted(layout, written):
    state = seen(layout, replace(written, boot="boot-0"))
    assert (state.state, state.reason) == ("interrupted", "restart")
    assert state.message == (
        "The machine restarted while the run was under way. Resume goes on from its last checkpoint."
    )


def test_a_worker_may_take_a_while_to_start(layout):
    assert seen(layout, STARTING).state == "starting"
    late = replace(STARTING, t=NOW - OBSERVER.waits.start_grace)
    assert seen(layout, late).state == "crashed"


@pytest.mark.parametrize("place", ["attempt", "exit"])
def test_a_worker_that_has_started_and_gone_gets_no_grace(layout, place):
    files.write_json(getattr(layout, place)(2), {"code": 1, "signal": None})
    assert seen(layout, STARTING).state == "crashed"


def test_files_of_an_earlier_attempt_end_no_grace(layout):
    files.write_json(layout.attempt(1), {})
    files.write_json(layout.exit(1), {"code": 1})
    assert seen(layout, STARTING).state == "starting"


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_jump_of_the_clock_ends_the_grace_and_nothing_else(layout, worker, seconds):
    written = replace(STARTING, t=NOW + seconds)
    assert seen(layout, written).state == "running"
    assert seen(layout, replace(RUNNING, t=NOW + seconds)).state == "running"
    worker.kill()
    worker.wait()
    assert seen(layout, written).state == "crashed"


def test_a_worker_s_last_word_counts_if_it_came_while_we_looked(layout):
    write_state(layout, RUNNING)
    read_before = read_state(layout)
    write_state(layout, replace(RUNNING, state="finished", epoch=30))
    state = derive(layout, read_before, OBSERVER)
    assert (state.state, state.epoch) == ("finished", 30)


def test_a_later_attempt_s_word_counts_if_it_came_while_we_looked(layout):
    write_state(layout, RUNNING)
    read_before = read_state(layout)
    write_state(layout, replace(STARTING, attempt=3))
    state = derive(layout, read_before, OBSERVER)
    assert (state.state, state.attempt) == ("starting", 3)


def test_a_state_file_damaged_while_we_looked_leaves_what_was_read(layout):
    write_state(layout, RUNNING)
    read_before = read_state(layout)
    layout.state_json.write_bytes(b"")
    assert derive(layout, read_before, OBSERVER).state == "crashed"


def test_a_living_worker_that_does_not_move_is_stalled(layout, worker):
    files.write_json(layout.beat, {"changed": 5000.0 - 121})
    state = seen(layout, RUNNING)
    assert (state.state, state.reason) == ("stalled", "no_progress")
    assert state.message == "The worker lives, but nothing has moved for 121 s."
    files.write_json(layout.beat, {"changed": 5000.0 - 119})
    assert seen(layout, RUNNING).state == "running"


def test_a_run_of_long_epochs_is_given_ten_of_them(layout, worker):
    files.write_json(layout.beat, {"changed": 5000.0 - 900, "median_epoch_seconds": 100})
    assert seen(layout, RUNNING).state == "running"
    files.write_json(layout.beat, {"changed": 5000.0 - 1001, "median_epoch_seconds": 100})
    assert seen(layout, RUNNING).state == "stalled"


def test_the_heartbeat_of_an_attempt_before_stalls_no_new_one(layout, worker):
    files.write_json(layout.beat, {"changed": 1.0})
    assert seen(layout, STARTING).state == "running"


@pytest.mark.parametrize(
    "beat",
    [
        b"",
        b"\0" * 512,
        b"[]",
        b'{"changed": "x"}',
        b'{"changed": 1, "median_epoch_seconds": "x"}',
        b'{"changed": 1, "median_epoch_seconds": null}',
    ],
)
def test_a_damaged_heartbeat_stalls_nobody(layout, worker, beat):
    layout.beat.write_bytes(beat)
    assert seen(layout, RUNNING).state == "running"


PLACE = {"host": "ada", "boot": "boot-1", "pid": 4711, "pid_start": NOW - 200, "slot": "cpu-0"}


@pytest.mark.parametrize(
    ("began", "changed", "still"),
    [
        (NOW - 121, None, 121),
        (NOW - 121, 5000 - 130, 121),
        (NOW - 130, 5000 - 121, 121),
        (NOW - 121, 9000, 121),  # the heartbeat is of another boot
        (NOW + 1_000_000, 5000 - 121, 121),  # the clock was set back
        (NOW - 1_000_000, 5000 - 1, None),  # the clock was set ahead
        (NOW - 1, 5000 - 121, None),  # the heartbeat is of an attempt before
        (NOW + 1_000_000, None, None),
        ("x", 5000 - 121, None),
    ],
)
def test_a_worker_that_hangs_before_its_first_state_is_stalled(
    layout, worker, began, changed, still
):
    files.write_json(layout.attempt(2), {**PLACE, "time": began})
    if changed is not None:
        files.write_json(layout.beat, {"changed": changed})
    state = seen(layout, STARTING)
    assert state.state == ("running" if still is None else "stalled")
    if still is not None:
        assert state.reason == "no_progress"
        assert state.message == f"The worker lives, but nothing has moved for {still} s."
    assert {key: getattr(state, key) for key in PLACE} == PLACE


def test_a_starting_worker_is_placed_by_the_file_of_its_own_attempt(layout):
    assert placed(layout, STARTING) == STARTING
    files.write_json(layout.attempt(1), PLACE)
    assert placed(layout, STARTING) == STARTING
    files.write_json(layout.attempt(2), PLACE)
    assert placed(layout, STARTING) == replace(STARTING, **PLACE)
    assert placed(layout, RUNNING) == RUNNING


@pytest.mark.parametrize("key", sorted(PLACE))
def test_half_a_place_is_none(layout, key):
    files.write_json(layout.attempt(2), {one: PLACE[one] for one in PLACE if one != key})
    assert placed(layout, STARTING) == STARTING
    files.write_json(layout.attempt(2), PLACE | {key: True})
    assert placed(layout, STARTING) == STARTING
    layout.attempt(2).write_bytes(b"{")
    assert placed(layout, STARTING) == STARTING


def test_progress_within_the_epoch_is_read_from_the_heartbeat(layout):
    assert read_beat(layout) == {}
    layout.beat.write_bytes(b'{"step": 3, "steps": 10}'.ljust(512))
    assert read_beat(layout) == {"step": 3, "steps": 10}


def test_on_another_host_a_fresh_heartbeat_is_a_living_worker(layout):
    elsewhere = replace(RUNNING, host="grace")
    write_state(layout, elsewhere)
    layout.beat.touch()
    age(layout.state_json, 100_000)
    assert derive(layout, read_state(layout), OBSERVER).state == "running"


def test_on_another_host_an_old_heartbeat_is_a_lost_run(layout):
    write_state(layout, replace(RUNNING, host="grace"))
    layout.beat.touch()
    age(layout.beat, 125)
    age(layout.state_json, 100_000)
    state = derive(layout, read_state(layout), OBSERVER)
    assert (state.state, state.reason) == ("lost", "no_heartbeat")
    assert state.message.startswith(
        "No sign of life from grace for more than 120 s. If that machine is gone"
    )
    assert sorted(path.name for path in layout.path.iterdir()) == ["attempts", "beat", "state.json"]


def test_on_another_host_a_run_that_has_just_been_started_is_not_lost(layout):
    layout.beat.touch()
    age(layout.beat, 100_000)  # of an attempt before
    assert seen(layout, replace(STARTING, host="grace")).state == "starting"
    layout.beat.unlink()
    assert seen(layout, replace(STARTING, host="grace")).state == "starting"
    age(layout.state_json, 125)
    assert derive(layout, read_state(layout), OBSERVER).state == "lost"


def test_wrong_clocks_do_not_matter_on_another_host(layout):
    layout.beat.touch()
    for seconds in (-1_000_000, 1_000_000):
        observer = replace(OBSERVER, now=lambda wrong=seconds: NOW + wrong)
        written = replace(RUNNING, host="grace", t=NOW - 2 * seconds)
        assert seen(layout, written, observer).state == "running"


def test_without_locks_the_heartbeat_decides_on_this_host_too(layout):
    observer = replace(OBSERVER, locks_work=lambda: False)
    write_state(layout, RUNNING)
    layout.beat.touch()
    assert derive(layout, read_state(layout), observer).state == "running"
    age(layout.beat, 125)
    age(layout.state_json, 125)
    assert derive(layout, read_state(layout), observer).state == "crashed"
    restarted = replace(observer, boot="boot-2")
    assert derive(layout, read_state(layout), restarted).state == "interrupted"


def test_locks_are_tried_out_only_for_a_run_of_this_host_that_may_live(layout):
    asked = []

    def ask():
        asked.append(True)
        return True

    observer = replace(OBSERVER, locks_work=ask)
    seen(layout, replace(RUNNING, state="finished"), observer)
    seen(layout, replace(RUNNING, host="grace"), observer)
    assert not asked
    seen(layout, RUNNING, observer)
    assert asked


def test_many_threads_may_look_at_one_run(layout, worker):
    write_state(layout, replace(RUNNING, host="grace"))
    mine = RunLayout(layout.path.with_name("20260131-142501-9f3a1d"))
    files.make_folder(mine.path)
    write_state(mine, RUNNING)
    answers = []

    def look():
        for _ in range(20):
            answers.append(derive(layout, read_state(layout), OBSERVER).state)
            answers.append(derive(mine, read_state(mine), OBSERVER).state)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {"running", "crashed"}
    assert answers.count("running") == answers.count("crashed") == 80


def test_a_crash_that_was_seen_before_the_machine_restarted_stays_a_crash(layout):
    files.write_json(layout.exit(2), {"code": None, "signal": 9})
    state = seen(layout, replace(RUNNING, boot="boot-0"))
    assert (state.state, state.reason) == ("crashed", "signal")
