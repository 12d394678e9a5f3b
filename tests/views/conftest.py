"""What the page tests share: runs folders with and without a finished run, and the app on one of them."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

import dashboard
from core.config import RunConfig
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs.run import Run
from core.runs.store import Store
from core.variants import run_config

APP = Path(dashboard.__file__).with_name("app.py")


@pytest.fixture(autouse=True)
def _access_of_each_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app says how it learns who asks, for this process and those that it starts; the next test begins anew."""
    monkeypatch.setenv("PETRIDISH_ACCESS", "machine")


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., RunConfig]:
    """Return a function that gives the config of a run of seconds, with other training settings."""

    def made(**training: object) -> RunConfig:
        overrides = {"training.max_epochs": 3, "model.hidden_layers": [32]}
        overrides |= {f"training.{name}": value for name, value in training.items()}
        return run_config({"name": "digits"}, "dense-base", overrides)

    return made


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    data_dir: Path,
    tiny_config: Callable[..., RunConfig],
    only_read: Callable[[Path], contextlib.AbstractContextManager[None]],
) -> Iterator[tuple[Store, Run]]:
    """A runs folder with one finished run. Tests only read it."""
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("runs"))
    config = tiny_config()
    dataset = config.dataset.load(data_dir)
    run = submit(store, InlineExecutor(store, data_dir), dataset, config, seed=3)
    run = store.run(run.id)
    assert run.state.state == "finished", run.state
    with only_read(run.layout.path):
        yield store, run


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Callable[..., AppTest]:
    """Return a function that opens a page of the app on a runs folder, with the given query."""

    def opened(folder: Path, page: str = "runs", **query: str) -> AppTest:
        monkeypatch.setenv("PETRIDISH_RUNS", str(folder))
        monkeypatch.setenv("PETRIDISH_DATA", str(data_dir))
        monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_idle": 1}')
        app = AppTest.from_file(APP, default_timeout=60)
        app.switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture(scope="session")
def words() -> Callable[[AppTest], str]:
    """Return a function that gives what a page says, as one text."""

    def said(app: AppTest) -> str:
        kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.header)
        return "\n".join(element.value for kind in kinds for element in kind)

    return said


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Return a function that waits until a condition holds, and fails when it never does."""

    def waited(condition: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.2)

    return waited
