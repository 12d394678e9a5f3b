"""What every test shares: one thread, so that tests beside each other do not slow each other down.

The numerical libraries read these variables when first imported, hence before any test module.
"""

import os
import shutil

import pytest

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder of data sets that all tests share: each is made once a session."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def store(tmp_path):
    """An empty store of this test's own; its folder `tmp_path / "runs"` is not made yet."""
    from core.runs.store import Store

    return Store(tmp_path / "runs")


@pytest.fixture(scope="session")
def finished_store(tmp_path_factory, data_dir):
    """A store with one finished run: digits, dense-base, seed 0, 3 epochs. Only for reading."""
    from core.jobs.inline import InlineExecutor
    from core.jobs.submit import submit
    from core.runs.store import Store
    from core.variants import run_config

    store = Store(tmp_path_factory.mktemp("finished") / "runs")
    config = run_config(
        {"name": "digits"}, "dense-base", {"training.max_epochs": 3, "training.batch_size": 64}
    )
    dataset = config.dataset.load(data_dir)
    executor = InlineExecutor(store, data_dir)
    run = submit(store, executor, dataset, config, seed=0, owner="ada", device="cpu")
    assert store.run(run.id).state.state == "finished", store.run(run.id).state.message
    return store


@pytest.fixture(scope="session")
def finished_run(finished_store):
    """The run of `finished_store`."""
    (run,) = finished_store.runs()
    return run


@pytest.fixture
def finished_copy(finished_store, tmp_path):
    """A store of this test's own with a copy of the finished run, to write to and to break."""
    from core.runs.store import Store

    shutil.copytree(finished_store.root, tmp_path / "runs")
    return Store(tmp_path / "runs")
