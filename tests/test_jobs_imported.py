"""Runs on data sets of the user's own."""

import numpy as np
import pytest

from core.datasets.importing import import_dataset, remove_dataset
from core.datasets.raw import ImportOptions
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.variants import run_config


@pytest.fixture
def own_data(tmp_path):
    """A data folder with `mine`: 60 grey images of three classes."""
    generator = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), 20)
    images = generator.integers(0, 60, (60, 8, 8)) + 80 * labels[:, None, None]
    np.savez(tmp_path / "mine.npz", images=images.astype(np.uint8), labels=labels)
    folder = tmp_path / "own"
    import_dataset(tmp_path / "mine.npz", "mine", None, ImportOptions(), folder)
    return folder


@pytest.fixture
def config():
    settings = {"training.batch_size": 8, "training.max_epochs": 2}
    return run_config({"name": "mine"}, "dense-base", settings)


def test_a_run_trains_on_an_imported_data_set(store, own_data, config):
    executor = InlineExecutor(store, own_data)
    run = submit(store, executor, config.dataset.load(own_data), config, seed=0)
    assert store.run(run.id).state.state == "finished"
    assert len(run.predictions("test")) == 12


def test_a_data_set_removed_while_a_run_waits_is_named_and_the_run_fails(
    store, own_data, config, spec_of
):
    executor = InlineExecutor(store, own_data)
    before = submit(store, executor, config.dataset.load(own_data), config, seed=0)
    waiting = store.create(spec_of(before), epochs=2)
    remove_dataset("mine", own_data)
    executor.submit(waiting, attempt=1)
    state = store.run(waiting.id).state
    assert state.state == "failed"
    assert state.message == (
        "The data set 'mine' is not here (any more): import it again under this name."
    )
