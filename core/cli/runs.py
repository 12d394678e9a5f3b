"""The verbs on runs that exist: `petridish runs`."""

import sys
from pathlib import Path

import click

from core.cli.options import folder_of_data, opened, with_data, with_json, with_runs
from core.cli.printing import print_facts
from core.cli.training import wait_for

RUN_COLUMNS = (
    "id",
    "variant",
    "dataset",
    "seed",
    "state",
    "epoch",
    "epochs",
    "best_validation_accuracy",
    "message",
)
HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "epoch_seconds",
)


@click.group()
def runs() -> None:
    """Runs: look at them and control them."""


@runs.command("list")
@with_runs
@with_json
def runs_list(runs: Path | None, as_json: bool) -> None:
    """List all runs, newest first."""
    store = opened(runs)
    rows = [run.row() for run in store.runs()]
    if not rows and not as_json:
        click.echo(f"No runs in {store.root} yet: petridish train --help", err=True)
    print_facts(as_json, rows, RUN_COLUMNS)


@runs.command("show")
@click.argument("run_id", metavar="ID")
@with_runs
@with_json
def runs_show(run_id: str, runs: Path | None, as_json: bool) -> None:
    """Show a run: state, settings, attempts, weights."""
    from core.facts import run_facts

    print_facts(as_json, run_facts(opened(runs).run(run_id)))


@runs.command("history")
@click.argument("run_id", metavar="ID")
@with_runs
@with_json
def runs_history(run_id: str, runs: Path | None, as_json: bool) -> None:
    """Show a run's epochs."""
    print_facts(as_json, opened(runs).run(run_id).history(), HISTORY_COLUMNS)


@runs.command("log")
@click.argument("run_id", metavar="ID")
@with_runs
@with_json
def runs_log(run_id: str, runs: Path | None, as_json: bool) -> None:
    """Print a run's log."""
    log = opened(runs).run(run_id).layout.log
    text = log.read_text(errors="replace") if log.exists() else ""
    print_facts(as_json, {"id": run_id, "log": text} if as_json else text.splitlines())


@runs.command("stop")
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@with_runs
def runs_stop(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Stop runs at their next batch; results so far are kept."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    for run in [store.run(run_id) for run_id in run_ids]:
        control.stop(store, run, by=user_name())


@runs.command("resume")
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--wait", is_flag=True, help="Return when all have ended.")
@with_runs
@with_data
def runs_resume(run_ids: tuple[str, ...], wait: bool, runs: Path | None, data: Path | None) -> None:
    """Go on from the last checkpoint."""
    from core.jobs import control
    from core.jobs.local import LocalExecutor
    from core.runs.host import user_name

    store = opened(runs)
    executor = LocalExecutor(store, folder_of_data(data))
    for run in [store.run(run_id) for run_id in run_ids]:
        control.resume(store, executor, run, by=user_name())
    if wait and not wait_for(store, run_ids):
        sys.exit(1)
