"""The group `petridish runs` and its verbs that only look; requests.py asks something of runs, archive.py moves them."""

from pathlib import Path

import click

from core.cli import archive, requests
from core.cli.options import opened, with_json, with_runs
from core.cli.printing import print_facts

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
    from core.jobs.visibility import num_hidden
    from core.jobs.waiting import reasons_to_wait

    store = opened(runs)
    found = store.runs()
    waiting = reasons_to_wait(store, found)
    rows = [run.row() for run in found]
    for row in rows:
        row["message"] = row["message"] or waiting.get(row["id"])
    if hidden := num_hidden(store):
        click.echo(f"{hidden} runs of others are hidden from you.", err=True)
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

    print_facts(as_json, run_facts(opened(runs).find(run_id)))


@runs.command("history")
@click.argument("run_id", metavar="ID")
@with_runs
@with_json
def runs_history(run_id: str, runs: Path | None, as_json: bool) -> None:
    """Show a run's epochs."""
    print_facts(as_json, opened(runs).find(run_id).history(), HISTORY_COLUMNS)


@runs.command("log")
@click.argument("run_id", metavar="ID")
@with_runs
@with_json
def runs_log(run_id: str, runs: Path | None, as_json: bool) -> None:
    """Print a run's log."""
    run = opened(runs).find(run_id)
    log = run.layout.log
    text = log.read_text(errors="replace") if log.exists() else ""
    print_facts(as_json, {"id": run.id, "log": text} if as_json else text.splitlines())


for command in (
    requests.runs_stop,
    requests.runs_pause,
    requests.runs_resume,
    requests.runs_retry,
    requests.runs_clone,
    requests.runs_kill,
    requests.runs_delete,
    requests.runs_restore,
    requests.runs_rename,
    requests.runs_tag,
    requests.runs_note,
    archive.runs_export,
    archive.runs_import,
    archive.runs_fsck,
):
    runs.add_command(command)
