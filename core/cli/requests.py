"""The verbs that ask something of runs: `petridish runs stop`, `pause`, `clone`, `delete`, `rename` and their kin."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from core.cli.options import (
    Command,
    folder_of_data,
    found,
    opened,
    with_data,
    with_json,
    with_runs,
)
from core.cli.printing import print_facts, progress_shown
from core.cli.training import submitted, wait_for
from core.exceptions import InvalidInput

if TYPE_CHECKING:
    from core.runs.run import Run

T = TypeVar("T")


def _with_ids(command: Command) -> Command:
    return click.argument("run_ids", metavar="ID...", nargs=-1, required=True)(command)


def _with_id(command: Command) -> Command:
    return click.argument("run_id", metavar="ID")(command)


def _each(what: Iterable[T], ask: Callable[[T], object]) -> None:
    """Ask for each, and say at the end what was refused: one that cannot does not keep the others from it.

    Raises:
        InvalidInput: the last refusal; those before it have been said.
    """
    refused: list[InvalidInput] = []
    for one in what:
        try:
            ask(one)
        except InvalidInput as error:
            refused.append(error)
    for error in refused[:-1]:
        click.echo(f"petridish: {error}", err=True)
    if refused:
        raise refused[-1]


@click.command("stop")
@_with_ids
@with_runs
def runs_stop(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Stop runs at their next batch; results so far are kept."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    _each(found(store, run_ids), lambda run: control.stop(store, run, by=user_name()))


@click.command("pause")
@_with_ids
@with_runs
def runs_pause(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Pause runs at their next batch; resume goes on."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    _each(found(store, run_ids), lambda run: control.pause(store, run, by=user_name()))


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
    executor = LocalExecutor(store, folder_of_data(data), is_data_dir_asked=data is not None)
    chosen = found(store, run_ids)
    _each(chosen, lambda run: control.resume(store, executor, run, by=user_name()))
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
    executor = LocalExecutor(store, folder_of_data(data), is_data_dir_asked=data is not None)
    chosen = found(store, run_ids)
    _each(chosen, lambda run: control.retry(store, executor, run, by=user_name()))
    if wait and not wait_for(store, [run.id for run in chosen]):
        sys.exit(1)


@click.command("clone")
@_with_id
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="GROUP.NAME=VALUE",
    help="Change a setting, such as training.learning_rate=0.01; may be repeated.",
)
@click.option("--seed", type=int, help="Another seed than the run's own.")
@click.option("--name", help="What you call the new run.")
@click.option("--wait", is_flag=True, help="Return when it has ended.")
@with_runs
@with_data
@with_json
def runs_clone(
    run_id: str,
    settings: tuple[str, ...],
    seed: int | None,
    name: str | None,
    wait: bool,
    runs: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Queue a new run with the settings of one, but for some of them; print its id.

    'petridish runs show ID' lists the settings.
    """
    from core.config import RunConfig, parsed_overrides
    from core.exceptions import RunStateError

    store = opened(runs)
    parent = store.find(run_id)
    if parent.damaged is not None:
        raise RunStateError(f"Run {parent.id} is damaged and cannot be cloned: {parent.damaged}.")
    config = RunConfig.checked(parent.config).changed(parsed_overrides(settings))
    seeds = [parent.spec["seed"] if seed is None else seed]
    # Asked for by name, it is trained again even where nothing differs.
    ids = submitted(
        store, folder_of_data(data), [config], seeds, name=name, parent=parent.id, reuse=()
    )
    print_facts(as_json, ids)
    if wait and not wait_for(store, ids):
        sys.exit(1)


@click.command("kill")
@_with_ids
@with_runs
def runs_kill(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Stop runs, and kill those that have not stopped after 15 s."""
    from core.jobs import control
    from core.runs.host import user_name

    store = opened(runs)
    with progress_shown() as progress:
        control.kill(store, found(store, run_ids), by=user_name(), progress=progress)


@click.command("delete")
@_with_ids
@with_runs
def runs_delete(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Move runs into the trash, where they stay for 7 days."""
    from core.jobs.removal import delete
    from core.runs.host import user_name

    store = opened(runs)
    _each(found(store, run_ids), lambda run: delete(store, run, by=user_name()))


@click.command("restore")
@_with_ids
@with_runs
def runs_restore(run_ids: tuple[str, ...], runs: Path | None) -> None:
    """Bring deleted runs back."""
    from core.jobs.removal import restore
    from core.runs.host import user_name

    store = opened(runs)
    _each(run_ids, lambda run_id: restore(store, run_id, by=user_name()))


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
