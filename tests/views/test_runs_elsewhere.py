"""The page Runs with a run that is under way on another machine: it is shown, and looking changes nothing to look at."""

import shutil
import time
from dataclasses import replace

import pytest

from core.runs.state import write_state
from core.runs.store import Store


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_run_under_way_elsewhere_is_in_the_table(open_app, finished, tmp_path, state):
    source, run = finished
    shutil.copytree(source.root / run.id, tmp_path / run.id)
    copied = Store(tmp_path).run(run.id)
    under_way = {"state": state, "epoch": 1, "host": "elsewhere", "boot": "b", "t": time.time()}
    write_state(copied.layout, replace(copied.state, **under_way))
    # A page that finds something new at each look draws itself anew for ever: this would not return.
    row = open_app(tmp_path).dataframe[0].value.iloc[0]
    assert list(row["state"]) == [state]
    assert row["epoch"] == "1 of 3"
