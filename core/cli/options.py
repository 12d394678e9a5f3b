"""What several commands share: the options --runs, --data and --json, and what they stand for."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from core.datasets.base import Dataset
    from core.runs.run import Run
    from core.runs.store import Store

Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path)


def with_runs(command: Command) -> Command:
    """Give a command the option `--runs`."""
    return click.option("--runs", type=FOLDER, help="Runs folder; $PETRIDISH_RUNS, else 'runs'.")(
        command
    )


def with_data(command: Command) -> Command:
    """Give a command the option `--data`."""
    return click.option(
        "--data", type=FOLDER, help="Folder of data sets; $PETRIDISH_DATA, else your cache folder."
    )(command)


def with_json(command: Command) -> Command:
    """Give a command the option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def opened(runs: Path | None) -> "Store":
    """Return the store that `--runs` names, as the machine's user sees it; its folder need not exist."""
    from core.jobs.visibility import shown_to
    from core.runs.host import user_name
    from core.runs.store import Store, default_root

    return shown_to(Store(runs or default_root()), user_name())


def found(store: "Store", texts: Iterable[str]) -> "list[Run]":
    """Return the runs whose ids begin with these texts, each once.

    Raises:
        InvalidInput: a text begins no id or several, so that none of the runs is touched.
    """
    return list({run.id: run for run in map(store.find, texts)}.values())


def folder_of_data(data: Path | None) -> Path:
    """Return the folder that `--data` names; it need not exist."""
    from core.datasets.base import default_data_dir

    return data or default_data_dir()


def loaded(name: str, data: Path | None) -> "Dataset":
    """Return a data set with its default settings.

    Raises:
        UnknownName: no data set is called that.
    """
    from core.datasets import dataset_source

    folder = folder_of_data(data)
    return dataset_source(name, folder).load(folder)
