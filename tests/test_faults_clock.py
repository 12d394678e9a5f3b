"""A wall clock that jumps by years while a run trains: what is shown while and after, and that the run is the same."""

import os
import time

import orjson
import pytest

from core.jobs.forecast import forecasts
from core.jobs.inline import InlineExecutor
from core.runs import files, records
from core.runs.layout import RUN_ID
from core.runs.store import Store
from core.runs.waits import Waits

YEARS = 10 * 365 * 86_400.0


@pytest.fixture
def clock(monkeypatch):
    """Sets the wall clock of this process ahead or back: `clock(seconds)`; the monotonic one goes on."""
    real = time.time

    def jump(seconds):
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return jump


@pytest.mark.parametrize("seconds", [-YEARS, YEARS])
def test_a_clock_that_jumps_in_mid_training_changes_neither_state_nor_forecast_nor_result(
    tmp_path, data_dir, finished_run, spec_of, clock, monkeypatch, assert_same_training, seconds
):
    store = Store(tmp_path / "runs", Waits(progress=0))
    run = store.create(spec_of(finished_run), epochs=3)
    seen = []

    def look(path):
        if path.name == "last.json":
            clock(seconds)
        if path.name == "state.json" and store.run(run.id).state.epoch == 1:
            now = store.run(run.id)
            (ahead,) = forecasts(
                [now], lambda one: one.history(), now.state.host, ["cpu-0"], []
            ).values()
            seen.append((now.state.state, ahead.starts_in, ahead.ends_in))

    monkeypatch.setattr(files, "fault", look)
    InlineExecutor(store, data_dir).submit(run, 1)
    (state, starts_in, ends_in), *_ = seen
    assert (state, starts_in) == ("running", 0)
    assert 0 <= ends_in < 600
    run = store.run(run.id)
    assert abs(run.history()[2]["time"] - run.history()[0]["time"]) > YEARS / 2
    assert_same_training(run, finished_run)
    assert all(0 <= row["epoch_seconds"] < 600 for row in run.history())


@pytest.mark.parametrize("seconds", [-YEARS, YEARS])
def test_runs_of_another_time_are_listed_read_and_told_apart(
    tmp_path, finished_run, spec_of, clock, seconds
):
    store = Store(tmp_path / "runs")
    first = store.create(spec_of(finished_run), epochs=3)
    clock(seconds)
    second = store.create(spec_of(finished_run), epochs=3)
    assert RUN_ID.fullmatch(second.id)
    newest_first = [run.id for run in store.runs()]
    assert newest_first == sorted([first.id, second.id], reverse=True)
    assert newest_first.index(second.id) == (0 if seconds > 0 else 1)
    for run in store.runs():
        assert (run.state.state, run.damaged) == ("queued", None)
        orjson.dumps(run.row())
        assert run.title


@pytest.mark.parametrize("seconds", [-YEARS, YEARS])
def test_files_of_another_time_mean_the_same(finished_copy, finished_run, seconds):
    run = finished_copy.run(finished_run.id)
    moment = time.time() + seconds
    for path in (run.layout.path, *run.layout.path.rglob("*")):
        os.utime(path, (moment, moment))
    again = finished_copy.run(run.id)
    assert again.state == finished_run.state
    assert again.history() == finished_run.history()
    assert records.attempts(again.layout) == records.attempts(finished_run.layout)
