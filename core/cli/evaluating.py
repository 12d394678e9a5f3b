"""The verb that judges runs: `petridish evaluate`."""

from pathlib import Path
from typing import Any

import click

from core.cli.options import opened, with_json, with_runs
from core.cli.printing import print_facts

EVALUATION_COLUMNS = (
    "id",
    "split",
    "samples",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "loss",
    "macro_f1",
    "calibration_error",
)


@click.command()
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--split",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="Validation is judged after the best epoch.",
)
@with_runs
@with_json
def evaluate(run_ids: tuple[str, ...], split: str, runs: Path | None, as_json: bool) -> None:
    """Evaluate the best weights of runs."""
    from core.evaluation.summary import evaluation

    store = opened(runs)
    judged: list[dict[str, Any]] = [
        {"id": run.id, "split": split, **evaluation(run.predictions(split))}
        for run in [store.find(run_id) for run_id in run_ids]
    ]
    print_facts(as_json, judged, EVALUATION_COLUMNS)
    if as_json:
        return
    for one in judged:
        click.echo(f"\n{one['id']}, {split}, class by class:")
        names = one["class_names"]
        print_facts(False, [{"name": names[row["class"]], **row} for row in one["per_class"]])
