"""The verbs that stay: `petridish dashboard` and `petridish serve`."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from core.cli.options import folder_of_data, opened, with_data, with_runs

if TYPE_CHECKING:
    from core.runs.store import Store


@click.command()
@click.option("--port", type=int, help="Port to use; the first free from 8501.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--base-path", help="Path below which all pages lie, for a proxy that keeps it.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@with_runs
@with_data
def dashboard(
    port: int | None,
    address: str,
    base_path: str | None,
    no_browser: bool,
    runs: Path | None,
    data: Path | None,
) -> None:
    """Open the pages in the browser."""
    open_dashboard(opened(runs), folder_of_data(data), port, address, no_browser, base_path)


@click.command()
@with_runs
@with_data
def serve(runs: Path | None, data: Path | None) -> None:
    """Keep the runner of this machine alive, without pages.

    Runs name their folder of data sets themselves; --data is for those of which a restart has left none.
    """
    from core.jobs import runner
    from core.runs.store import Store, default_root

    # All runs, whoever may see them.
    store = Store(runs or default_root())
    store.require_writable()
    folder = data or os.environ.get("PETRIDISH_DATA")
    if folder:
        # Whole, because workers train in the folders of their runs. By the variable, which every start reads.
        os.environ["PETRIDISH_DATA"] = str(Path(folder).resolve())
    click.echo(f"Serving the runs in {store.root}; end with Ctrl-C.", err=True)
    # A runner that a page started may hold the lock: take over when it ends.
    while not runner.serve(store, forever=True):
        time.sleep(store.observer.waits.runner_poll)


def open_dashboard(
    store: "Store",
    data_dir: Path,
    port: int | None,
    address: str,
    no_browser: bool,
    base_path: str | None = None,
) -> NoReturn:
    """Become the dashboard's process, so that who ends the command ends the pages, and its port is free."""
    from core.jobs.local import python_environment

    # -P: what lies in the current folder must never be imported.
    command = [sys.executable, "-P", "-m", "dashboard.serve", "--address", address]
    command += ["--runs", str(store.root), "--data", str(data_dir)]
    command += [] if port is None else ["--port", str(port)]
    command += [] if base_path is None else ["--base-path", base_path]
    command += [] if no_browser else ["--browser"]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, python_environment())
