"""The verbs that take runs elsewhere and look after them: `petridish runs export`, `import` and `fsck`."""

import sys
from pathlib import Path

import click

from core.cli.options import folder_of_data, found, opened, with_data, with_json, with_runs
from core.cli.printing import print_facts, progress_shown

FORMATS = ("zip", "csv", "tensorboard", "script", "safetensors", "onnx")
"""The names of `core.export.EXPORTERS`, said again because the help must not import them."""

FINDING_COLUMNS = ("id", "file", "kind", "problem", "repair", "repaired")


@click.command("export")
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "kind",
    type=click.Choice(FORMATS),
    required=True,
    help="An archive for petridish runs import, a table of all histories, event files in a new folder; of one run a "
    "plain PyTorch script that trains it again, or its best weights with a card, in a new folder or OUT.zip.",
)
@click.option("--no-weights", is_flag=True, help="Leave the best weights out of an archive.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@with_runs
def runs_export(
    run_ids: tuple[str, ...],
    out: Path,
    kind: str,
    no_weights: bool,
    force: bool,
    runs: Path | None,
) -> None:
    """Write runs to one file or folder."""
    from core.export import export
    from core.jobs import control
    from core.runs.host import user_name

    chosen = found(opened(runs), run_ids)
    for run in chosen:
        control.allow_export(run, user_name())
    for note in export(kind, chosen, out, weights=not no_weights, force=force):
        click.echo(note, err=True)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_runs
@with_json
def runs_import(file: Path, runs: Path | None, as_json: bool) -> None:
    """Bring in the runs of an archive."""
    from core.jobs.importing import import_runs
    from core.runs.host import user_name

    imported = import_runs(opened(runs), file, user_name())
    rows = [{"id": one.run_id, "imported": one.is_new} for one in imported]
    if as_json:
        print_facts(True, rows)
        return
    for one in imported:
        click.echo(one.run_id if one.is_new else f"{one.run_id} is already here")


@click.command("fsck")
@click.argument("run_ids", metavar="[ID...]", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
@with_runs
@with_data
@with_json
def runs_fsck(
    run_ids: tuple[str, ...], fix: bool, runs: Path | None, data: Path | None, as_json: bool
) -> None:
    """Say what is damaged, of runs, queue and trash; exit status 1 if something stays so."""
    from core.jobs import permissions
    from core.jobs.queue_examination import fsck_queue
    from core.runs.fsck import fsck
    from core.runs.host import user_name

    store = opened(runs)
    named = found(store, run_ids)
    if fix and not named:
        permissions.require_to("mend", store.root, user_name())
    for run in named if fix else ():
        permissions.require("edit", run, user_name())
    chosen = [run.id for run in named] or None
    with progress_shown() as progress:
        # For runs that were named the wait is short, and their names are known.
        checked = fsck(store, chosen, fix, progress if chosen is None else lambda share, what: None)
    if chosen is None:
        checked += fsck_queue(store, folder_of_data(data), fix)
    print_facts(as_json, [one.row() for one in checked], FINDING_COLUMNS)
    if not checked and not as_json:
        click.echo("Nothing is damaged.", err=True)
    if any(one.finding.kind == "damage" and not one.is_repaired for one in checked):
        sys.exit(1)
