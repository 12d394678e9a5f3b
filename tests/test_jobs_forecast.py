"""Forecasts of running and waiting runs, by hand."""

import json
from dataclasses import replace

import pytest

from core.jobs.forecast import epochs_done, forecasts
from core.runs import files
from core.runs.state import RunState, write_state

CPU = ["cpu-0", "cpu-1"]


@pytest.fixture
def made(store, finished_run, spec_of):
    """Make a run in a state, with epochs that took so long."""

    def make(state, epoch=0, seconds=(), owner="ada", epochs=10, **changes):
        config = finished_run.config
        patience = changes.pop("patience", 0)
        training = config["training"] | {"patience": patience} | changes.pop("training", {})
        spec = spec_of(finished_run, owner=owner, config=config | {"training": training})
        run = store.create(spec, epochs)
        host = store.observer.host
        made = RunState(state, epoch=epoch, epochs=epochs, host=host, **changes)
        write_state(run.layout, made)
        for number, value in enumerate(seconds, 1):
            row = {"attempt": 1, "epoch": number, "epoch_seconds": value}
            files.append_row(run.layout.history, row)
        # As a reader on this machine sees it: no worker holds a lock here.
        return replace(store.run(run.id), state=made)

    return make


def told(store, runs, cpu=CPU, gpu=()):
    newest = sorted(runs, key=lambda run: run.id, reverse=True)
    return forecasts(newest, lambda run: run.history(), store.observer.host, cpu, list(gpu))


def test_a_running_run_ends_after_its_remaining_epochs_at_its_recent_pace(store, made):
    run = made("running", 6, [50, 4, 4, 2, 4, 4], slot="cpu-0")
    found = told(store, [run])[run.id]
    assert (found.starts_in, found.ends_in, found.may_end_early) == (0.0, 16.0, False)


def test_the_share_of_the_epoch_under_way_counts(store, made):
    run = made("running", 2, [8, 8], slot="cpu-0")
    files.write_json(run.layout.beat, {"epoch": 3, "step": 25, "steps": 100})
    assert epochs_done(run) == 2.25
    assert told(store, [run])[run.id].ends_in == 62.0


def test_a_first_epoch_is_judged_by_its_samples_a_second(store, made):
    run = made("running", slot="cpu-0", epochs=2, training={"batch_size": 50})
    assert told(store, [run])[run.id].ends_in is None
    beat = {"epoch": 1, "step": 10, "steps": 20, "samples_per_second": 100.0}
    files.write_json(run.layout.beat, beat)
    assert told(store, [run])[run.id].ends_in == 15.0


def test_a_waiting_run_takes_the_pace_of_equal_runs_and_starts_in_the_first_free_slot(store, made):
    equal = made("finished", 10, [3] * 10)
    first = made("running", 4, [2] * 4, slot="cpu-0")
    second = made("running", 8, [5] * 8, slot="cpu-1")
    waiting = [made("queued", t=float(number)) for number in range(3)]
    found = told(store, [equal, first, second, *waiting])
    # 12 s and 10 s are left of those that run; 30 s each of those that wait, at the pace of the three.
    assert [found[run.id].starts_in for run in waiting] == [10.0, 12.0, 40.0]
    assert [found[run.id].ahead for run in waiting] == [0, 1, 2]
    assert equal.id not in found


def test_owners_take_turns_as_the_runner_lets_them(store, made):
    running = made("running", 9, [1] * 9, slot="cpu-0", owner="ada")
    more = [made("queued", t=float(number), owner="ada") for number in range(2)]
    other = made("queued", t=9.0, owner="ben")
    found = told(store, [running, *more, other], cpu=["cpu-0", "cpu-1"])
    assert [found[run.id].ahead for run in (other, *more)] == [0, 1, 2]
    assert found[other.id].starts_in == 0.0


@pytest.fixture
def limited(store):
    """Let everybody but root have so many runs under way at once."""

    def write(running):
        values = {"roles": {"root": "admin"}, "limits": {"running": running}}
        store.require_writable()
        store.layout.people.write_text(json.dumps(values))

    return write


def test_who_may_have_one_run_at_once_waits_for_it_however_many_slots_are_free(
    store, made, limited
):
    limited(1)
    running = made("running", 5, [2] * 5, slot="cpu-0")
    waiting = [made("queued", t=float(number)) for number in range(3)]
    other = made("queued", t=9.0, owner="ben")
    found = told(store, [running, *waiting, other], cpu=["cpu-0", "cpu-1", "cpu-2", "cpu-3"])
    # 10 s are left of what runs; 20 s each of the others, at its pace.
    assert [found[run.id].starts_in for run in waiting] == [10.0, 30.0, 50.0]
    assert found[other.id].starts_in == 0.0
    assert [found[run.id].ahead for run in (other, *waiting)] == [0, 1, 2, 3]


def test_the_limit_counts_runs_without_a_slot_and_holds_for_no_admin(store, made, limited):
    limited(2)
    # One trains inside a program of its owner's.
    made_of_ada = [made("running", 5, [2] * 5, slot=slot) for slot in ("cpu-0", None)]
    waiting = [made("queued", t=float(number)) for number in range(2)]
    roots = [made("queued", t=9.0, owner="root") for _ in range(2)]
    slots = [f"cpu-{number}" for number in range(4)]
    found = told(store, [*made_of_ada, *waiting, *roots], cpu=slots)
    assert [found[run.id].starts_in for run in waiting] == [10.0, 10.0]
    assert [found[run.id].starts_in for run in roots] == [0.0, 0.0]


def test_what_waits_for_a_run_of_its_owner_of_which_nothing_tells_is_not_promised(
    store, made, limited
):
    limited(1)
    running = made("running", slot="cpu-0")
    waiting = made("queued")
    found = told(store, [running, waiting])
    assert (found[waiting.id].starts_in, found[waiting.id].ahead) == (None, 0)


def test_what_nothing_tells_is_none_and_so_is_what_waits_for_it(store, made):
    running = made("running", slot="cpu-0")
    waiting = made("queued")
    found = told(store, [running, waiting], cpu=["cpu-0"])
    assert found[running.id].ends_in is None
    assert (found[waiting.id].starts_in, found[waiting.id].ahead) == (None, 0)


def test_a_run_that_may_stop_early_says_so(store, made):
    run = made("running", 1, [1], slot="cpu-0", patience=3)
    assert told(store, [run])[run.id].may_end_early


def test_runs_of_other_machines_are_left_out(store, made):
    run = made("running", 1, [1])
    elsewhere = replace(run, state=replace(run.state, host="elsewhere"))
    assert told(store, [elsewhere]) == {}


def test_a_thousand_waiting_runs_are_played_at_once(store, made):
    run = made("queued", 1, [1])
    layouts = [store.layout.run(f"20260101-000000-{number:06x}") for number in range(1000)]
    runs = [
        replace(run, layout=layout, state=replace(run.state, epoch=0, t=float(number)))
        for number, layout in enumerate(layouts)
    ]
    found = told(store, [run, *runs], cpu=["cpu-0"])
    # One second an epoch: nine are left of the first, ten of each other.
    assert found[runs[-1].id].starts_in == 9.0 + 10.0 * 999
