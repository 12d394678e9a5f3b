"""The verbs that ask something of runs: `petridish runs stop`, `pause`, `kill`, `delete`, `rename` and their kin."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.cli.options import Command, folder_of_data, found, opened, with_data, with_runs
from core.cli.training import wait_for

if TYPE_CHECKING:
    from core.runs.run import Run


def _with_ids(command: Command) -> Command:
    return click.argument("run_ids", metavar="ID...", nargs=-1, required=True)(command)


def _with_id(command: Command) -> Command:
    return click.argument("run_id", metavar="ID")(command)


@click.command("stop")
@_with_ids
@with_runs
def runs_stop(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Stop runs at their next batch; results so far are kept."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    for run in found(store, run_ids):
        control.stop(store, run, by=user_name())


@click.command("pause")
@_with_ids
@with_runs
def runs_pause(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Pause runs at their next batch; resume goes on."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    for run in found(store, run_ids):
        control.pause(store, run, by=user_name())


@click.command("resume")
@_with_ids
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
    chosen = found(store, run_ids)
    for run in chosen:
        control.resume(store, executor, run, by=user_name())
    if wait and not wait_for(store, [run.id for run in chosen]):
        sys.exit(1)


@click.command("retry")
@_with_ids
@click.option("--wait", is_flag=True, help="Return when all have ended.")
@with_runs
@with_data
def runs_retry(run_ids: tuple[str, ...], wait: bool, runs: Path | None, data: Path | None) -> None:
    """Give runs that failed or broke off another attempt."""
    from core.jobs import control
    from core.jobs.local import LocalExecutor
    from core.runs.host import user_name

    store = opened(runs)
    executor = LocalExecutor(store, folder_of_data(data))
    chosen = found(store, run_ids)
    for run in chosen:
        control.retry(store, executor, run, by=user_name())
    if wait and not wait_for(store, [run.id for run in chosen]):
        sys.exit(1)


@click.command("kill")
@_with_ids
@with_runs
def runs_kill(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Stop runs, and kill those that have not stopped after 15 s."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    control.kill(store, found(store, run_ids), by=user_name())


@click.command("delete")
@_with_ids
@with_runs
def runs_delete(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Move runs into the trash, where they stay for 7 days."""
    from core.jobs.removal import delete
    from core.runs.host import user_name

    store = opened(runs)
    for run in found(store, run_ids):
        delete(store, run, by=user_name())


@click.command("restore")
@_with_ids
@with_runs
def runs_restore(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Bring deleted runs back."""
    from core.jobs.removal import restore
    from core.runs.host import user_name

    store = opened(runs)
    for run_id in run_ids:
        restore(store, run_id, by=user_name())


@click.command("rename")
@_with_id
@click.argument("name")
@with_runs
def runs_rename(run_id: str, name: str, runs: Path | None) -> None:
    """Call a run by a name; '' gives it its first one back."""
    from core.runs import edits

    run, by = _to_edit(runs, run_id)
    edits.rename(run, name, by)


@click.command("tag")
@_with_id
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take these tags away instead.")
@with_runs
def runs_tag(run_id: str, tags: tuple[str, ...], remove: bool, runs: Path | None) -> None:
    """Add tags to a run."""
    from core.runs import edits

    run, by = _to_edit(runs, run_id)
    edits.tag(run, () if remove else tags, by, remove=tags if remove else ())


@click.command("note")
@_with_id
@click.argument("text")
@with_runs
def runs_note(run_id: str, text: str, runs: Path | None) -> None:
    """Write a note on a run in place of its last one; '' removes it."""
    from core.runs import edits

    run, by = _to_edit(runs, run_id)
    edits.annotate(run, text, by)


def _to_edit(runs: Path | None, text: str) -> "tuple[Run, str]":
    """Return a run that this user may edit, and who that is."""
    from core.jobs import permissions
    from core.runs.host import user_name

    run, by = opened(runs).find(text), user_name()
    permissions.require("edit", run, by)
    return run, by
