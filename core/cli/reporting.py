"""The verb that hands runs in: `petridish report`."""

from pathlib import Path

import click

from core.cli.options import folder_of_data, found, opened, with_data, with_json, with_runs
from core.cli.printing import print_facts, progress_shown


@click.command()
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The HTML file to write.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@with_runs
@with_data
@with_json
def report(
    run_ids: tuple[str, ...],
    output: Path,
    force: bool,
    runs: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Write runs to one HTML file that opens without network: settings, curves, comparison, mistakes, hashes."""
    from core.hand_in import write_hand_in
    from core.jobs import control
    from core.runs.host import user_name

    chosen = found(opened(runs), run_ids)
    for run in chosen:
        control.allow_export(run, user_name())
    with progress_shown() as progress:
        made = write_hand_in(chosen, output, folder_of_data(data), force=force, progress=progress)
    size = output.stat().st_size
    if as_json:
        facts = {"file": str(output), "bytes": size, "runs": made.num_runs}
        print_facts(True, facts | {"left_out": list(made.left_out)})
        return
    for sentence in made.left_out:
        click.echo(sentence, err=True)
    number = "1 run" if made.num_runs == 1 else f"{made.num_runs:,} runs"
    click.echo(f"{output}: {number}, {size / 1e6:.1f} MB")
