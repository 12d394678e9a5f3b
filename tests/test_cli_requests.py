"""The commands that ask something of runs; what the requests do is tested beside core.jobs.control and its neighbours."""

import pytest

from core.jobs import control
from core.runs.state import RunState, write_state


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
