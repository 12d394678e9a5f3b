"""Limits of one person: each refusal names its limit, and admins have none."""

import json

import pytest

from core.exceptions import NotAllowed
from core.jobs import control, queue, quotas
from core.jobs.inline import InlineExecutor
from core.jobs.runner import Child, Runner
from core.jobs.submit import submit, submit_all
from core.runs import files
from core.runs.run import Run


@pytest.fixture
def limited(finished_copy):
    """Writes the limits of a store whose one run is ada's, and returns the store."""

    def written(**limits):
        everything = dict.fromkeys(
            ("running", "queued", "disk_gb", "minutes", "epochs", "upload_mb")
        )
        values = {"roles": {"root": "admin"}, "limits": everything | limits}
        (finished_copy.root / ".people.json").write_text(json.dumps(values))
        return finished_copy

    return written


def test_more_epochs_than_allowed_are_refused_by_name(limited, data_dir, short_config):
    store = limited(epochs=200)
    quotas.require_room(store, "ada", [200])
    with pytest.raises(NotAllowed) as error:
        quotas.require_room(store, "ada", [1, 201])
    assert str(error.value) == (
        "max_epochs must be at most 200, the limit of epochs of a run here; got 201. An administrator can raise it."
    )
    quotas.require_room(store, "root", [1000])


def test_a_grid_that_would_fill_the_queue_is_refused_whole(
    limited, data_dir, short_config, spec_of
):
    store = limited(queued=2, running=1)
    (run,) = store.runs()
    executor = InlineExecutor(store, data_dir)
    with pytest.raises(NotAllowed) as error:
        submit_all(store, executor, data_dir, [short_config], [0, 1, 2, 3], owner="ada")
    assert str(error.value) == (
        "You have 0 runs that wait or train and want 4 more; the limit is 2 queued runs beside 1 running. "
        "Wait until some have ended. An administrator can raise it."
    )
    assert len(store.runs()) == 1
    for _ in range(3):
        quotas.require_room(store, "ada", [1])
        store.create(spec_of(run), 3)
    with pytest.raises(NotAllowed, match="You have 3 runs that wait or train"):
        quotas.require_room(store, "ada", [1])
    # What others wait for is their own business.
    quotas.require_room(store, "bo", [1])


def test_a_stopped_run_is_not_resumed_beyond_the_limit(limited, data_dir, spec_of):
    store = limited(queued=1, running=1)
    (run,) = store.runs()
    state = json.loads(run.layout.state_json.read_text())
    run.layout.state_json.write_text(json.dumps(state | {"state": "stopped"}))
    for _ in range(2):
        store.create(spec_of(run), 3)
    with pytest.raises(NotAllowed, match="the limit is 1 queued runs beside 1 running"):
        control.resume(store, InlineExecutor(store, data_dir), store.run(run.id), "ada")


def test_a_full_share_of_the_disk_is_refused_by_name(limited, data_dir, short_config):
    store = limited(disk_gb=0.000001)
    with pytest.raises(NotAllowed, match=r"the limit of disk space is 1e-06 GB\. Delete some"):
        quotas.require_room(store, "ada", [1])
    quotas.require_room(store, "bo", [1])


def test_an_upload_too_large_is_refused_by_name(limited):
    store = limited(upload_mb=1)
    quotas.require_upload(store.root, "ada", [500_000, 500_000])
    with pytest.raises(NotAllowed, match=r"The upload has 2 MB; the limit of an upload is 1 MB"):
        quotas.require_upload(store.root, "ada", [1_500_000])
    assert quotas.most_upload_mb(store.root, "ada", 256) == 1
    assert quotas.most_upload_mb(store.root, "root", 256) == 256


def test_a_person_trains_as_many_runs_at_once_as_allowed(limited):
    store = limited(running=2)
    assert quotas.may_start("ada", {"ada": 1}, store.root)
    assert not quotas.may_start("ada", {"ada": 2, "bo": 0}, store.root)
    assert quotas.may_start("bo", {"ada": 2}, store.root)
    assert quotas.may_start("root", {"root": 9}, store.root)
    (store.root / ".people.json").write_text("{")
    assert not quotas.may_start("root", {"root": 1}, store.root)
    (store.root / ".people.json").unlink()
    assert quotas.may_start("ada", {"ada": 9}, store.root)


def test_the_runner_starts_no_second_run_of_somebody_who_may_train_one(limited, spec_of):
    store = limited(running=1)
    (run,) = store.runs()
    host = store.observer.host
    for owner in ("ada", "ada", "bo"):
        waiting = store.create(spec_of(run, owner=owner), 3)
        queue.enqueue(store.layout, waiting.id, 1, owner, host, "cpu", "")
    first, second, bos = queue.entries(store.layout, host)
    runner = Runner(store, available_memory=lambda: 2**40)
    runner.cpu_slots = ("cpu-0", "cpu-1", "cpu-2")
    assert runner._next([first, second])[0] == first
    runner.children = [Child(None, first, "cpu-0")]
    assert runner._next([second]) is None
    assert runner._next([second, bos])[0] == bos
    limited(running=2)
    assert runner._next([second])[0] == second


def test_what_earlier_attempts_took_counts(limited):
    store = limited(minutes=60)
    (run,) = store.runs()
    spent = sum(row["epoch_seconds"] for row in run.history())
    assert quotas.seconds_left(run.layout, "ada") == pytest.approx(3600 - spent)
    assert quotas.seconds_left(run.layout, "root") is None
    files.append_row(run.layout.history, {"attempt": 1, "epoch": 4, "epoch_seconds": 4000.0})
    assert quotas.seconds_left(run.layout, "ada") == 0


def test_a_run_whose_time_is_up_stops_and_keeps_its_results(limited, data_dir, short_config):
    store = limited(minutes=0.0005)
    executor = InlineExecutor(store, data_dir)
    config = short_config.model_copy(
        update={"training": short_config.training.model_copy(update={"max_epochs": 500})}
    )
    dataset = config.dataset.load(data_dir)
    run: Run = submit(store, executor, dataset, config, seed=0, owner="bo", device="cpu")
    state = store.run(run.id).state
    assert (state.state, state.reason) == ("stopped", "time_limit")
    assert (
        "it has reached the limit of 0.0005 minutes a run. Its results are kept." in state.message
    )
    assert state.epoch < 500
    # Before the first epoch's end there are no results to keep.
    assert run.layout.test_json.exists() == bool(state.epoch)


def test_a_run_that_used_up_its_time_is_not_resumed_but_by_an_admin(limited, data_dir):
    store = limited(minutes=60)
    (run,) = store.runs()
    state = json.loads(run.layout.state_json.read_text())
    run.layout.state_json.write_text(json.dumps(state | {"state": "stopped"}))
    files.append_row(run.layout.history, {"attempt": 1, "epoch": 4, "epoch_seconds": 3600.0})
    executor = InlineExecutor(store, data_dir)
    with pytest.raises(NotAllowed, match="has reached the limit of 60 minutes a run"):
        control.resume(store, executor, store.run(run.id), "ada")
    control.resume(store, executor, store.run(run.id), "root")
    assert store.run(run.id).state.attempt == 2
