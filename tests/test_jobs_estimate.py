from types import SimpleNamespace

import pytest

from core.exceptions import InvalidParameter
from core.jobs.estimate import (
    Estimate,
    cost_key,
    from_probe,
    from_runs,
    probe,
    probe_config,
    total_seconds,
)
from core.variants import run_config

DIGITS = {"name": "digits"}
ROWS = [
    {"epoch": n + 1, "epoch_seconds": s, "peak_memory": 100 + n} for n, s in enumerate((2, 4, 3))
]


@pytest.fixture
def dense():
    return run_config(DIGITS, "dense-base")


def ended(config, run_id="a", **state):
    """A run as far as an estimate looks at it."""
    state = {"state": "finished", "host": "here", **state}
    config = config.to_json()
    return SimpleNamespace(id=run_id, config=config, damaged=None, state=SimpleNamespace(**state))


def test_what_costs_nothing_does_not_tell_two_configs_apart(dense):
    same = {"training.learning_rate": 0.1, "training.max_epochs": 5, "training.patience": 0}
    assert cost_key(dense.changed(same)) == cost_key(dense) == cost_key(dense.to_json())
    for path, value in (
        ("training.batch_size", 32),
        ("training.ema_decay", 0.9),
        ("model.hidden_layers", [16]),
        ("augmentation", {"steps": [{"name": "shift"}]}),
    ):
        assert cost_key(dense.changed({path: value})) != cost_key(dense), path


def test_finished_runs_of_equal_cost_on_this_machine_give_the_estimate(dense):
    longer = dense.changed({"training.max_epochs": 60})
    runs = [ended(dense), ended(dense, "b", host="other"), ended(dense, "c", state="failed")]
    asked = []
    found, of_longer, none = from_runs(
        [dense, longer, dense.changed({"training.batch_size": 8})],
        runs,
        lambda run: asked.append(run.id) or ROWS,
        "here",
    )
    assert asked == ["a"]
    # The median epoch took 3 s; runs that end by the same rule had 3 epochs.
    assert found == Estimate(90, 9, 3, 102, 1) and found.seconds == 9
    assert of_longer == Estimate(180, None, 3, 102, 1) and of_longer.seconds == 180
    assert none is None


def test_a_run_without_a_finished_epoch_gives_none(dense):
    assert from_runs([dense], [ended(dense)], lambda run: [], "here") == [None]


def test_runs_share_the_slots_and_take_as_long_as_the_longest_at_least():
    short, long = Estimate(10, None, 1, None, 0), Estimate(100, 60, 1, None, 0)
    assert total_seconds([short, long], 2, 2) == 70
    assert total_seconds([short, long], 1, 8) == 60
    assert total_seconds([], 3, 2) == 0


def test_one_probe_answers_for_all_configs_of_equal_cost(dense):
    other = dense.changed({"training.learning_rate": 0.1, "stages": [{}, {}]})
    assert probe_config(other).to_json() == probe_config(dense).to_json()
    assert cost_key(probe_config(other)) == cost_key(dense)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_probe_measures_an_epoch_whether_or_not_one_ends(dense, data_dir, seconds):
    config = probe_config(dense.changed({"training.batch_size": 32, "model.hidden_layers": [16]}))
    found = probe(config, dense.dataset.load(data_dir), seconds)
    assert found["epoch_seconds"] > 0
    assert found["peak_memory"] > 10 * 2**20
    estimate = from_probe(dense, found)
    assert estimate.most_seconds == 30 * found["epoch_seconds"] and estimate.num_runs == 0


def test_a_probe_of_what_cannot_be_trained_says_why(dense, data_dir):
    config = dense.changed(
        {"augmentation": {"steps": [{"name": "horizontal-flip", "probability": 1}]}}
    )
    with pytest.raises(InvalidParameter, match="a mirrored 2"):
        probe(config, dense.dataset.load(data_dir), 0.0)
