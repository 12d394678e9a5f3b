import math

import numpy as np
import pandas as pd
import pytest

from core.costs import COST_COLUMNS, run_costs, variant_costs

RIGHT = [True, False] * 5


def test_a_run_tells_what_it_took(trained):
    rows = [
        {"attempt": 1, "epoch": epoch, "epoch_seconds": seconds, "peak_memory": 10 * epoch}
        | {"validation_accuracy": accuracy}
        for epoch, (seconds, accuracy) in enumerate(
            [(9, 0.5), (2, 0.9), (3, 0.9), (4, 0.9), (5, 0.9)], 1
        )
    ]
    run = trained("dense-base", 0, RIGHT, rows=rows)
    found = run_costs(run, run.history(), num_validation=1000)
    assert set(found) == set(COST_COLUMNS)
    assert (found["best_epoch"], found["epochs"], found["plateau_epoch"]) == (2, 5, 3)
    assert (found["epoch_seconds"], found["seconds"], found["peak_memory"]) == (4, 23, 50)
    assert found["parameters"] == 1234


def test_multiply_adds_are_those_of_the_network_of_the_settings(trained):
    run = trained("dense-base", 0, RIGHT, **{"model.hidden_layers": [20, 30]})
    assert run_costs(run, [])["multiply_adds"] == 64 * 20 + 20 * 30 + 30 * 10


@pytest.mark.parametrize("name", ["best_json", "predictions_index"])
def test_what_a_folder_does_not_tell_is_nan(trained, name):
    run = trained("dense-base", 0, RIGHT)
    getattr(run.layout, name).unlink()
    found = run_costs(run, [])
    assert math.isnan(found["multiply_adds"])
    assert math.isnan(found["seconds"]) and math.isnan(found["best_epoch"])
    assert found["epochs"] == 0


def test_a_variant_costs_the_mean_of_its_runs_and_the_largest_memory():
    blank = dict.fromkeys(COST_COLUMNS, np.nan)
    rows = [
        blank | {"variant": "b", "seconds": 1.0, "peak_memory": 5.0},
        blank | {"variant": "a", "seconds": 7.0},
        blank | {"variant": "b", "seconds": 2.0, "peak_memory": 3.0},
    ]
    found = variant_costs(pd.DataFrame(rows))
    assert found["variant"].tolist() == ["b", "a"]
    assert found["seconds"].tolist() == [1.5, 7.0]
    assert found["peak_memory"].iloc[0] == 5.0
    assert np.isnan(found["peak_memory"].iloc[1])
