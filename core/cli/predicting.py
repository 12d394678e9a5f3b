"""The verb that answers for new images: `petridish predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.cli.options import folder_of_data, found, opened, with_data, with_json, with_runs
from core.cli.printing import print_facts, progress_shown

if TYPE_CHECKING:
    from core.inference import Averaging

AVERAGING = ("none", "horizontal-flip", "symmetries")


@click.command()
@click.argument("run_ids_and_input", metavar="ID... INPUT", nargs=-1, required=True)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The table to write."
)
@click.option("--force", is_flag=True, help="Replace the table if it exists.")
@click.option("--names", is_flag=True, help="Add a column with the class's name.")
@click.option("--top", type=click.IntRange(1), default=1, help="Most probable classes to name.")
@click.option("--probabilities", is_flag=True, help="Add a column for each class's probability.")
@click.option("--counts", is_flag=True, help="Add a column for each count, where there are counts.")
@click.option(
    "--averaging",
    type=click.Choice(AVERAGING),
    help="Average over views of each image that keep its label; as the runs' settings say by default.",
)
@click.option("--invert", is_flag=True, help="Exchange dark and bright first.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out image files that cannot be read.")
@with_runs
@with_data
@with_json
def predict(
    run_ids_and_input: tuple[str, ...],
    output: Path,
    force: bool,
    names: bool,
    top: int,
    probabilities: bool,
    counts: bool,
    averaging: "Averaging | None",
    invert: bool,
    skip_unreadable: bool,
    runs: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Predict the images of INPUT: a pixel CSV with ID, a folder or zip of images, or one image.

    Of several runs the mean answers. The table has the columns ID and label.
    """
    from core.ensemble import Ensemble
    from core.jobs.predict_task import training_likeness
    from core.results import ResultColumns, predict_file, require_writable

    if len(run_ids_and_input) < 2:
        raise click.UsageError("Name at least one run and then the input.")
    *run_ids, source = run_ids_and_input
    chosen = found(opened(runs), run_ids)
    require_writable(output, force, Path(source))
    data_dir = folder_of_data(data)
    ensemble = Ensemble.load(chosen, data_dir)
    with progress_shown() as progress:
        results = predict_file(
            ensemble,
            Path(source),
            output,
            columns=ResultColumns(names, top, probabilities, counts),
            averaging=averaging,
            training=training_likeness(chosen[0], data_dir),
            skip_unreadable=skip_unreadable,
            is_inverted=invert,
            force=force,
            progress=progress,
            warn=_beware,
        )
    class_names = ensemble.space.class_names
    per_class = [
        {"class": label, "name": class_names[label], "images": int(number)}
        for label, number in enumerate(results.per_class)
    ]
    facts: dict[str, Any] = {
        "output": str(output),
        "runs": [run.id for run in chosen],
        "images": results.num_images,
        "without_answer": results.num_without_answer,
        "seconds": round(results.seconds, 1),
        "warnings": list(results.warnings),
        "notes": list(results.notes),
        "per_class": per_class,
    }
    if not as_json:
        # A data set may have hundreds of classes; people read those that occur.
        facts["per_class"] = [row for row in per_class if row["images"]]
        facts["classes_without_images"] = len(per_class) - len(facts["per_class"])
    print_facts(as_json, facts)


def _beware(sentence: str) -> None:
    # On a screen the progress stands on the line where this would be written.
    line = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{line}Beware: {sentence}", err=True)
