"""The commands that ask something of runs; what the requests do is tested beside core.jobs.control and its neighbours."""

import subprocess
import sys
import time

import pytest

from core.jobs import control, queue
from core.runs import files
from core.runs.host import user_name
from core.runs.state import RunState, write_state
from core.runs.waits import VARIABLE


@pytest.fixture
def run(finished_copy):
    (run,) = finished_copy.runs()
    return run


@pytest.fixture
def call(petridish, finished_copy):
    def of(*arguments):
        return petridish("runs", *arguments, "--runs", finished_copy.root)

    return of


def test_a_run_is_renamed_tagged_and_noted(call, facts, finished_copy, run):
    assert call("rename", run.id[:8], "mine") == (0, "", "")
    assert call("tag", run.id, "a", "b") == (0, "", "")
    assert call("tag", run.id, "--remove", "a") == (0, "", "")
    assert call("note", run.id, "=1+1") == (0, "", "")
    (row,) = facts("runs", "list", "--runs", finished_copy.root)
    assert (row["name"], row["tags"], row["note"]) == ("mine", ["b"], "=1+1")
    status, _, err = call("note", run.id, "x" * 201)
    assert (status, err) == (
        2,
        "petridish: note must have at most 200 characters; got 201. Shorten it.\n",
    )


def test_a_run_is_deleted_and_restored(call, finished_copy, run):
    assert call("delete", run.id[:9]) == (0, "", "")
    assert finished_copy.runs() == []
    assert call("show", run.id)[0] == 2
    assert call("restore", run.id[:9]) == (0, "", "")
    assert finished_copy.run(run.id).state.state == "finished"
    assert call("restore", run.id) == (
        2,
        "",
        f"petridish: No deleted run is called {run.id!r}.\n",
    )


@pytest.mark.parametrize("verb", ["stop", "pause", "kill", "resume", "retry"])
def test_a_finished_run_is_left_alone(call, run, verb):
    status, out, err = call(verb, run.id)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"petridish: Run {run.id} is finished; only a run ")


def test_a_run_that_failed_is_retried(petridish, processes, occupied_store, finished_run, spec_of):
    run = occupied_store.create(spec_of(finished_run), epochs=3)
    write_state(run.layout, RunState("failed", host=occupied_store.observer.host, t=1.0))
    folders = ["--runs", occupied_store.root, "--data", processes.data_dir]
    assert petridish("runs", "retry", run.id, *folders) == (0, "", "")
    assert occupied_store.run(run.id).state.state == "queued"
    assert petridish("runs", "pause", run.id, *folders[:2]) == (0, "", "")
    processes.until_state(run, "paused")
    assert control.RETRIABLE == ("failed", "crashed", "interrupted")


@pytest.mark.parametrize("verb", ["retry", "resume"])
def test_a_run_goes_on_with_its_own_data_folder_unless_another_is_named(
    petridish, processes, occupied_store, finished_run, spec_of, tmp_path, verb
):
    store, entries = occupied_store, []
    runs = [store.create(spec_of(finished_run, seed=seed), epochs=3) for seed in range(2)]
    for run, more in zip(runs, ([], ["--data", processes.data_dir]), strict=True):
        write_state(run.layout, RunState("failed", host=store.observer.host, t=1.0))
        said = {"host": store.observer.host, "data_dir": str(tmp_path), "from_epoch": 1}
        files.create_json(run.layout.attempt(1), said)
        done = petridish("runs", verb, run.id, "--runs", store.root, *more)
        assert done == (0, "", "")
        entries = queue.entries(store.layout, store.observer.host)
    folders = {entry.run_id: entry.data_dir for entry in entries}
    asked = str(processes.data_dir.resolve())
    assert folders == {runs[0].id: str(tmp_path), runs[1].id: asked}


def test_a_beginning_of_an_id_will_do_where_it_is_one_run_s(call, finished_copy, run, spec_of):
    other = finished_copy.create(spec_of(run), epochs=3)
    ids = sorted([run.id, other.id])
    assert call("show", run.id[:-2])[0] == 0
    assert call("history", run.id[:-1])[0] == 0
    assert call("note", run.id[:2], "x")[0] == 2
    status, _, err = call("delete", run.id[:4])
    assert (status, err) == (
        2,
        f"petridish: run {run.id[:4]!r} must be the beginning of one id only; it begins {ids[0]}, {ids[1]}.\n",
    )
    assert call("show", "3000")[2].startswith("petridish: No run is called '3000'.")


def test_a_refusal_does_not_keep_the_others_from_what_was_asked(call, finished_copy, run, spec_of):
    other = finished_copy.create(spec_of(run), epochs=3)
    write_state(other.layout, RunState("running", host="elsewhere", t=1.0))
    last = finished_copy.create(spec_of(run), epochs=3)
    write_state(last.layout, RunState("stopped"))
    status, out, err = call("pause", run.id, last.id)
    assert (status, out) == (2, "")
    assert [line.split()[:3] for line in err.splitlines()] == [
        ["petridish:", "Run", one.id] for one in (run, last)
    ]
    status, out, err = call("delete", other.id, run.id, last.id)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"petridish: Run {other.id} is ")
    assert [one.id for one in finished_copy.runs()] == [other.id]


def test_a_clone_is_a_new_run_that_waits_with_other_settings(
    petridish, facts, processes, occupied_store, finished_run, spec_of
):
    parent = occupied_store.create(spec_of(finished_run, owner="bob"), epochs=3)
    write_state(parent.layout, RunState("finished"))
    folders = ["--runs", occupied_store.root, "--data", processes.data_dir]
    changes = ["--set", "training.learning_rate=0.01", "--set", "training.max_epochs=2"]
    status, out, err = petridish("runs", "clone", parent.id, *changes, "--name", "twin", *folders)
    assert (status, err) == (0, "")
    clone = occupied_store.run(out.strip())
    assert (clone.state.state, clone.spec["parent"], clone.name) == ("queued", parent.id, "twin")
    changed = {**parent.config["training"], "learning_rate": 0.01, "max_epochs": 2}
    assert clone.config == parent.config | {"training": changed}
    assert (clone.seed, clone.state.epochs) == (parent.seed, 2)
    assert clone.spec["owner"] == user_name()
    # Nothing need differ: whoever clones wants to train.
    (again,) = facts("runs", "clone", parent.id, "--seed", "7", *folders)
    assert occupied_store.run(again).seed == 7
    status, _, err = petridish("runs", "clone", parent.id, "--set", "training.x=1", *folders)
    assert (status, err.count("\n")) == (2, 1)
    assert "training.x" in err
    parent.layout.run_json.write_bytes(b"{")
    status, _, err = petridish("runs", "clone", parent.id, *folders)
    assert status == 2
    assert err.startswith(f"petridish: Run {parent.id} is damaged and cannot be cloned: run.json ")


def test_killing_says_that_it_waits(petridish, occupied_store, finished_run, spec_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, '{"kill_after": 0.5}')
    run = occupied_store.create(spec_of(finished_run), epochs=3)
    host, boot = occupied_store.observer.host, occupied_store.observer.boot
    write_state(run.layout, RunState("running", host=host, boot=boot, t=time.time(), pid=1))
    holder = "import sys, time; from core.runs import locks; locks.take(sys.argv[1]); print(flush=True); time.sleep(600)"
    holder = holder.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    command = [sys.executable, "-c", holder, str(run.layout.alive_lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        status, _, err = petridish("runs", "kill", run.id, "--runs", occupied_store.root)
        process.kill()
    assert status == 2
    assert "waiting for 1 run to stop\n" in err
    # Lock and process id do not agree: it is nobody whom we may kill.
    assert f"Run {run.id} cannot be killed" in err
