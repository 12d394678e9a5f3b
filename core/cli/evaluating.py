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
CLASS_COLUMNS = (
    "name",
    "class",
    "precision",
    "recall",
    "f1",
    "support",
    "auc",
    "average_precision",
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
        names = one["class_names"]
        click.echo(f"\n{one['id']}, {split}, class by class:")
        rows = [{"name": names[row["class"]], **row} for row in one["per_class"]]
        print_facts(False, rows, CLASS_COLUMNS)
        click.echo("averages:")
        print_facts(False, one["averages"])
        if one["confused_pairs"]:
            click.echo("taken most often for another:")
            words = [
                {"true": names[row["true"]], "for": names[row["predicted"]], **_shares(row)}
                for row in one["confused_pairs"]
            ]
            print_facts(False, words)
        if one["per_pair"]:
            click.echo("pair by pair:")
            print_facts(False, one["per_pair"])
        if one["counts"]:
            click.echo("counts, in figures:")
            overall = {
                "type": "overall",
                "rmse": one["counts"]["rmse"],
                "mae": one["counts"]["mae"],
            }
            print_facts(False, [*one["counts"]["per_type"], overall])


def _shares(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("count", "share_of_true", "low", "high")}
