"""What one attempt does when its run, its checkpoints or its disk are not as they should be. Trained in this process."""

import errno
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from core.exceptions import RunStateError
from core.jobs import control
from core.jobs.attempt import LARGEST_LOG
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs import checkpoints, files, history, locks
from core.runs.state import read_state, write_state
from core.runs.store import Store
from core.runs.waits import Waits
from core.variants import run_config

WAITS = {"lock_wait": 0.1, "progress": 0, "beat": 0.05, "disk_retry": 0.01}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs", Waits(**WAITS))


@pytest.fixture
def executor(store, data_dir):
    return InlineExecutor(store, data_dir)


@pytest.fixture
def impatient(store, data_dir):
    """An executor that does not wait for a full disk."""
    return InlineExecutor(Store(store.root, Waits(**WAITS, disk_patience=0)), data_dir)


@pytest.fixture
def queued(store, finished_run, spec_of):
    """A run that would do what `finished_run` did: digits, 3 epochs. It waits."""
    return store.create(spec_of(finished_run), epochs=3)


@pytest.fixture
def at_write(monkeypatch):
    """Have something done just before the nth write of a file of some name."""

    def arrange(name, action, nth=1):
        seen = []

        def fault(path):
            if path.name == name:
                seen.append(path)
                if len(seen) == nth:
                    action()

        monkeypatch.setattr(files, "fault", fault)

    return arrange


@pytest.fixture
def stopped(store, executor, queued, at_write):
    """The run, stopped after 2 of its 3 epochs."""
    at_write("last.json", lambda: request_stop(queued), nth=2)
    executor.submit(queued, attempt=1)
    at_write("nothing", None)
    run = store.run(queued.id)
    assert (run.state.state, run.state.epoch) == ("stopped", 2)
    return run


def request_stop(run):
    files.make_folder(run.layout.control_dir)
    run.layout.stop_request.write_text('{"by": "grace"}')


def events(run, kind):
    rows, bad = files.parse_rows(run.layout.events.read_bytes())
    assert bad == 0
    return [row for row in rows if row["event"] == kind]


def messages(run):
    return [event["message"] for event in events(run, "warning")]


def resumed(store, executor, run):
    control.resume(store, executor, run, by="ada")
    return store.run(run.id)


# Stop and resume.


def test_a_stopped_run_has_results_of_its_best_epoch_and_says_who_stopped_it(stopped):
    assert stopped.state.by == "grace"
    assert stopped.state.reason == "request"
    assert stopped.state.message == "Stopped on request after epoch 2."
    assert files.read_json(stopped.layout.test_json)["epoch"] == stopped.state.best_epoch
    assert len(stopped.predictions("test")) > 0
    assert stopped.state.ended >= stopped.state.started


def test_a_resumed_run_goes_on_after_its_last_epoch(
    store, executor, stopped, finished_run, assert_same_training
):
    run = resumed(store, executor, stopped)
    assert_same_training(run, finished_run)
    assert {number: one["from_epoch"] for number, one in history.attempts(run.layout).items()} == {
        1: 1,
        2: 3,
    }
    rows, _ = files.parse_rows(run.layout.history.read_bytes())
    assert [(row["epoch"], row["attempt"]) for row in rows] == [(1, 1), (2, 1), (3, 2)]
    assert messages(run) == []
    assert run.state.started == stopped.state.started


def test_a_run_that_died_after_its_last_epoch_only_needs_its_results(
    store, executor, queued, finished_run, at_write, assert_same_training
):
    def die():
        raise KeyboardInterrupt

    at_write("test.class.npy", die)
    with pytest.raises(KeyboardInterrupt):
        executor.submit(queued, attempt=1)
    died = store.run(queued.id)
    assert (died.state.state, died.state.epoch) == ("crashed", 3)
    at_write("nothing", None)
    run = resumed(store, executor, died)
    assert_same_training(run, finished_run)
    assert history.attempts(run.layout)[2]["from_epoch"] == 4


def test_a_request_that_comes_after_the_last_epoch_changes_nothing(
    store, executor, queued, at_write
):
    at_write("last.json", lambda: request_stop(queued), nth=3)
    executor.submit(queued, attempt=1)
    assert store.run(queued.id).state.state == "finished"


def test_an_attempt_says_where_its_data_lay(store, executor, queued, data_dir):
    executor.submit(queued, attempt=1)
    host = store.observer.host
    assert history.last_data_dir(queued.layout, host) == str(data_dir.resolve())
    assert history.last_data_dir(queued.layout, "elsewhere") is None


def test_a_cancelled_run_stops_after_its_batch(store, executor, queued, at_write):
    handle = f"{queued.id}-1"
    at_write("history.jsonl", lambda: executor.cancel(handle), nth=2)
    assert executor.submit(queued, attempt=1) == handle
    state = store.run(queued.id).state
    assert (state.state, state.reason) == ("stopped", "terminated")
    assert state.message == "Its process was told to end; stopped after epoch 2."


def test_results_that_cannot_be_made_do_not_turn_a_stop_into_a_failure(
    store, executor, queued, at_write
):
    def damage_and_stop():
        queued.layout.best_weights.write_bytes(b"not what the manifest says")
        request_stop(queued)

    at_write("last.json", damage_and_stop, nth=2)
    executor.submit(queued, attempt=1)
    run = store.run(queued.id)
    assert run.state.state == "stopped"
    (message,) = messages(run)
    assert message == (
        "The results could not be written: The best weights do not match their manifest. "
        "Resume trains again, from the first epoch if need be."
    )


# Damaged checkpoints.


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, os.unlink])
def test_a_damaged_last_checkpoint_makes_the_one_before_count(
    store, executor, stopped, finished_run, assert_same_training, damage
):
    damage(stopped.layout.last_checkpoint)
    run = resumed(store, executor, stopped)
    assert history.attempts(run.layout)[2]["from_epoch"] == 2
    if damage is not os.unlink:
        assert messages(run) == ["last.pt matches no manifest and is not used."]
    assert_same_training(run, finished_run)


def test_a_damaged_manifest_makes_the_checkpoint_before_count(
    store, executor, stopped, finished_run, assert_same_training
):
    stopped.layout.last_checkpoint.with_suffix(".json").write_bytes(b'{"sha256": "')
    run = resumed(store, executor, stopped)
    assert history.attempts(run.layout)[2]["from_epoch"] == 2
    assert any(message.startswith("last.json is no JSON") for message in messages(run))
    assert_same_training(run, finished_run)


def test_without_any_good_checkpoint_the_run_begins_again_and_says_so(
    store, executor, stopped, finished_run, assert_same_training
):
    flip_a_bit(stopped.layout.last_checkpoint)
    truncate(stopped.layout.prev_checkpoint)
    run = resumed(store, executor, stopped)
    assert history.attempts(run.layout)[2]["from_epoch"] == 1
    assert messages(run) == [
        "last.pt matches no manifest and is not used.",
        "prev.pt matches no manifest and is not used.",
        "There is no checkpoint to go on from: training starts again at epoch 1.",
    ]
    assert_same_training(run, finished_run)


def test_a_checkpoint_of_another_torch_is_used_and_the_run_says_that_bits_may_differ(
    store, executor, stopped
):
    path = stopped.layout.last_checkpoint.with_suffix(".json")
    files.write_json(path, files.read_json(path) | {"torch": "1.0"})
    run = resumed(store, executor, stopped)
    assert run.state.state == "finished"
    (message,) = messages(run)
    assert message.startswith("not bit-identical: torch 1.0 -> 2.")


# Fences and locks.


def test_a_worker_with_a_successor_leaves_with_76_and_writes_nothing_more(
    store, executor, queued, at_write
):
    def supersede():
        files.create_json(queued.layout.attempt(2), {"attempt": 2, "from_epoch": 1})

    at_write("last.json", supersede, nth=1)
    handle = executor.submit(queued, attempt=1)
    assert executor.poll(handle).code == 76
    rows, _ = files.parse_rows(queued.layout.history.read_bytes())
    assert [row["epoch"] for row in rows] == [1]
    assert checkpoints.usable(queued.layout)[0].epoch == 1
    state = read_state(queued.layout)
    assert (state.state, state.epoch) == ("running", 0)
    assert not queued.layout.test_json.exists()
    assert [event["event"] for event in files.parse_rows(queued.layout.events.read_bytes())[0]] == [
        "running"
    ]


@pytest.mark.parametrize("name", ["history.jsonl", "last.json"])
def test_a_worker_whose_run_waits_for_a_later_attempt_writes_nothing_more_either(
    store, executor, queued, at_write, name
):
    def take_over():
        # As somebody resumes a run whose machine gave no sign of life.
        later = replace(read_state(queued.layout), state="queued", attempt=2, host="elsewhere")
        write_state(queued.layout, later)

    at_write(name, take_over, nth=1)
    handle = executor.submit(queued, attempt=1)
    assert executor.poll(handle).code == 76
    state = read_state(queued.layout)
    assert (state.state, state.attempt, state.host) == ("queued", 2, "elsewhere")
    rows, _ = files.parse_rows(queued.layout.history.read_bytes())
    assert [row["epoch"] for row in rows] == [1]
    assert queued.layout.last_checkpoint.exists() == (name == "last.json")
    assert not queued.layout.test_json.exists()


def test_a_successor_at_the_very_end_keeps_results_and_state_from_being_written(
    store, executor, queued, at_write
):
    def supersede():
        files.create_json(queued.layout.attempt(2), {"attempt": 2, "from_epoch": 1})

    at_write("last.json", supersede, nth=3)
    handle = executor.submit(queued, attempt=1)
    assert executor.poll(handle).code == 76
    assert not queued.layout.test_json.exists()
    assert read_state(queued.layout).state == "running"


def test_a_successor_after_the_results_keeps_the_state_from_being_written(
    store, executor, queued, at_write
):
    def supersede():
        files.create_json(queued.layout.attempt(2), {"attempt": 2, "from_epoch": 1})

    at_write("test.json", supersede)
    handle = executor.submit(queued, attempt=1)
    assert executor.poll(handle).code == 76
    assert read_state(queued.layout).state == "running"
    assert queued.layout.prev_checkpoint.exists()


def test_of_one_attempt_only_the_first_worker_trains(queued):
    files.create_json(queued.layout.attempt(1), {"attempt": 1})
    done = run_worker(queued)
    assert done.returncode == 76
    assert "a later attempt has taken over" in done.stderr
    assert read_state(queued.layout) == queued.state


def test_a_worker_that_comes_after_its_successor_leaves_at_once(queued):
    files.create_json(queued.layout.attempt(2), {"attempt": 2})
    assert run_worker(queued).returncode == 76
    assert not queued.layout.attempt(1).exists()
    assert read_state(queued.layout) == queued.state


def test_a_worker_whose_run_is_locked_leaves_with_75_and_writes_nothing(queued):
    lock = locks.take(queued.layout.alive_lock)
    try:
        done = run_worker(queued)
    finally:
        lock.release()
    assert done.returncode == 75
    assert "alive.lock is held" in done.stderr
    assert not queued.layout.attempt(1).exists()
    assert read_state(queued.layout) == queued.state


def test_a_worker_whose_slot_is_taken_leaves_with_75(store, queued):
    lock = locks.take(store.layout.slot_lock(store.observer.host, "cpu-0"))
    try:
        done = run_worker(queued, "--slot", "cpu-0")
    finally:
        lock.release()
    assert done.returncode == 75
    assert "cpu-0.lock is held" in done.stderr


def run_worker(run, *arguments):
    command = [sys.executable, "-m", "core.jobs.worker", "--run", run.layout.path, "--attempt", "1"]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PETRIDISH_WAITS": '{"lock_wait": 0.1}'},
    )


# Failures.


def test_a_loss_that_is_no_number_fails_the_run_and_keeps_the_last_good_checkpoint(
    store, executor, data_dir
):
    settings = {
        "training.optimizer": "sgd",
        "training.learning_rate": 10,
        "training.schedule": "linear",
        "training.warmup_share": 0.9,
        "training.max_epochs": 30,
        "training.patience": 0,
    }
    config = run_config({"name": "digits"}, "dense-base", settings)
    run = submit(store, executor, config.dataset.load(data_dir), config, 0, device="cpu")
    run = store.run(run.id)
    assert (run.state.state, run.state.reason) == ("failed", "nan_loss")
    epoch = run.state.epoch
    assert epoch >= 1
    assert run.state.message.startswith(
        f"The loss was not a finite number in epoch {epoch + 1}, batch "
    )
    assert run.state.message.endswith("training.learning_rate was 10. Take a smaller one.")
    assert checkpoints.usable(run.layout)[0].epoch == epoch


def test_changed_data_fail_the_run_before_it_trains(store, executor, finished_run, spec_of):
    run = store.create(spec_of(finished_run, data_fingerprint="0" * 64), epochs=3)
    executor.submit(run, attempt=1)
    state = store.run(run.id).state
    assert (state.state, state.reason) == ("failed", "data_changed")
    assert state.message == (
        "The data set 'digits' is no longer the one that was submitted; start a new run on it."
    )
    assert not run.layout.history.exists()


def test_a_bug_is_one_line_in_the_state_and_a_traceback_in_the_log(
    store, executor, queued, at_write, capsys
):
    def fail():
        raise ValueError("first line\nsecond line")

    at_write("history.jsonl", fail)
    executor.submit(queued, attempt=1)
    state = store.run(queued.id).state
    assert (state.state, state.reason) == ("failed", "ValueError")
    assert state.message == "ValueError: first line. The log has the details."
    assert "second line" in capsys.readouterr().err


def test_the_message_of_a_failed_write_tells_no_path(store, executor, queued, at_write):
    def fail():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/home/ada/secret")

    at_write("history.jsonl", fail)
    executor.submit(queued, attempt=1)
    state = store.run(queued.id).state
    assert (state.state, state.reason) == ("failed", "PermissionError")
    assert state.message == "PermissionError: Permission denied. The log has the details."


def test_a_config_that_was_changed_on_disk_is_damaged_and_not_trained(store, executor, queued):
    spec = files.read_json(queued.layout.run_json)
    spec["config"]["training"]["learning_rate"] = 0.5
    files.write_json(queued.layout.run_json, spec)
    executor.submit(queued, attempt=1)
    assert read_state(queued.layout).state == "failed"
    assert not queued.layout.history.exists()


# Full disks.


def full(*names):
    """Return a fault: the disk has no room for files of these names."""

    def fault(path):
        if path.name in names:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)

    return fault


@pytest.mark.parametrize(
    "name",
    [
        "validation.class.f16",
        "history.jsonl",
        "best.safetensors",
        "best.json",
        "last.pt",
        "last.json",
        "state.json",
        "test.class.npy",
        "test.json",
    ],
)
def test_a_disk_that_is_full_for_a_while_only_delays_the_run(
    store, executor, queued, finished_run, monkeypatch, assert_same_training, name
):
    tries = []

    def fault(path):
        # The state of the start is written before anything can wait.
        if path.name == name and queued.layout.history.exists():
            tries.append(path)
            if len(tries) <= 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)

    monkeypatch.setattr(files, "fault", fault)
    executor.submit(queued, attempt=1)
    run = store.run(queued.id)
    assert_same_training(run, finished_run)
    rows, bad = files.parse_rows(queued.layout.history.read_bytes())
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert bad == 0
    assert messages(run) == ["The disk is full; trying for 600 s before the run pauses."]


@pytest.mark.parametrize(
    "name", ["history.jsonl", "best.safetensors", "last.pt", "last.json", "test.class.npy"]
)
def test_a_disk_that_stays_full_pauses_the_run_and_resume_goes_on(
    store, executor, impatient, queued, finished_run, monkeypatch, assert_same_training, name
):
    monkeypatch.setattr(files, "fault", full(name))
    impatient.submit(queued, attempt=1)
    paused = store.run(queued.id)
    assert (paused.state.state, paused.state.reason) == ("paused", "disk_full")
    epoch = 3 if name == "test.class.npy" else 0
    assert paused.state.message == (
        f"The disk is full. Free some space and resume; nothing up to epoch {epoch} is lost."
    )
    monkeypatch.setattr(files, "fault", full())
    assert_same_training(resumed(store, executor, paused), finished_run)


@pytest.mark.parametrize("name", ["last.pt", "last.json"])
def test_however_often_a_full_disk_is_tried_no_finished_epoch_is_lost(
    store, executor, queued, finished_run, monkeypatch, assert_same_training, name
):
    writes = []

    def fault(path):
        if path.name.startswith(name):
            writes.append(path)
            if len(writes) > 6:
                request_stop(queued)
            if len(writes) > 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)

    monkeypatch.setattr(files, "fault", fault)
    executor.submit(queued, attempt=1)
    stopped = store.run(queued.id)
    assert (stopped.state.state, stopped.state.epoch) == ("stopped", 2)
    assert checkpoints.usable(stopped.layout)[0].epoch == 2
    monkeypatch.setattr(files, "fault", full())
    run = resumed(store, executor, stopped)
    assert history.attempts(run.layout)[2]["from_epoch"] == 3
    assert_same_training(run, finished_run)


def test_a_run_that_waits_for_space_can_be_stopped(store, executor, queued, monkeypatch):
    tries = []

    def fault(path):
        if path.name == "last.pt":
            tries.append(path)
            if len(tries) == 2:
                request_stop(queued)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)

    monkeypatch.setattr(files, "fault", fault)
    executor.submit(queued, attempt=1)
    state = store.run(queued.id).state
    assert (state.state, state.epoch) == ("stopped", 0)


def test_a_run_given_up_for_lack_of_space_has_its_reserve_again_after_resume(
    store, executor, impatient, queued, monkeypatch
):
    monkeypatch.setattr(files, "fault", full("last.pt"))
    impatient.submit(queued, attempt=1)
    queued.layout.reserve.unlink()
    monkeypatch.setattr(files, "fault", full())
    run = resumed(store, executor, store.run(queued.id))
    assert run.layout.reserve.stat().st_size == 64 * 1024


# The log.

FLOOD = """
import sys
from pathlib import Path
from core.jobs.attempt import Attempt
from core.runs.layout import RunLayout
attempt = Attempt(RunLayout(Path(sys.argv[1])), 1, None, None, None, None, None, owns_output=True)
for number in range(30):
    print("x" * 2**20, flush=True)
    attempt.limit_log()
print("this is left out", file=sys.stderr)
"""


def test_a_flooded_log_ends_with_a_note(queued):
    with queued.layout.log.open("ab") as log:
        command = [sys.executable, "-c", FLOOD, queued.layout.path]
        subprocess.run(command, stdout=log, stderr=log, check=True)
    text = queued.layout.log.read_text()
    note = "The log has reached 20 MB; what follows is left out.\n"
    assert text.endswith(note)
    assert text.count(note) == 1
    assert LARGEST_LOG < len(text) < LARGEST_LOG + 2**21


def test_a_finished_run_cannot_be_resumed(store, executor, queued):
    executor.submit(queued, attempt=1)
    with pytest.raises(RunStateError) as raised:
        control.resume(store, executor, queued, by="ada")
    assert str(raised.value) == (
        f"Run {queued.id} is finished; only a run that is paused, stopped, failed, crashed, "
        "interrupted or lost can be resumed."
    )
    assert history.attempts(queued.layout).keys() == {1}
