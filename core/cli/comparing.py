"""The verb that holds variants against each other: `petridish compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.cli.options import found, opened, with_json, with_runs
from core.cli.printing import print_facts
from core.exceptions import UnknownName

if TYPE_CHECKING:
    from core.runs.run import Run
    from core.runs.store import Store

COMPARISON_COLUMNS = (
    "variant",
    "runs",
    "rank",
    "mean",
    "low",
    "high",
    "best_epoch",
    "seconds",
    "parameters",
)
PAIR_COLUMNS = ("a", "b", "difference", "low", "high", "p", "p_adjusted", "real")


@click.command()
@click.argument("run_ids", metavar="ID...", nargs=-1)
@click.option("--dataset", help="Compare all runs on this data set.")
@click.option(
    "--metric", default="accuracy", show_default=True, help="accuracy, macro_f1, auc or rmse."
)
@click.option("--baseline", metavar="VARIANT", help="Hold the others against this variant.")
@click.option(
    "--split",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="Validation is judged after the best epoch.",
)
@with_runs
@with_json
def compare(
    run_ids: tuple[str, ...],
    dataset: str | None,
    metric: str,
    baseline: str | None,
    split: str,
    runs: Path | None,
    as_json: bool,
) -> None:
    """Compare variants: which is better, and is it real?

    Runs that differ only in their seed count as one variant. What is real is told from three seeds of each on.
    """
    from core.lineup import lineup_of

    if bool(run_ids) == (dataset is not None):
        raise click.UsageError("Name runs by their ids, or a data set with --dataset.")
    store = opened(runs)
    compared = lineup_of(
        found(store, run_ids) if dataset is None else _on(store, dataset), split, metric, baseline
    )
    if as_json:
        print_facts(True, compared.to_json())
        return
    ranks = compared.comparison.variants[["variant", "rank", "rank_to"]].to_dict("records")
    places = {
        row["variant"]: f"{row['rank']}" if row["rank"] == row["rank_to"] else _between(row)
        for row in ranks
    }
    facts = compared.to_json()
    rows = [{**row, "rank": places[row["variant"]]} for row in facts["variants"]]
    images = compared.comparison.num_images
    click.echo(f"{metric} on {images:,} {split} images, 95 % intervals")
    print_facts(False, rows, COMPARISON_COLUMNS)
    if facts["pairs"]:
        click.echo()
        print_facts(False, facts["pairs"], PAIR_COLUMNS)
    click.echo()
    print_facts(False, facts["sentences"])


def _on(store: "Store", dataset: str) -> "list[Run]":
    runs = store.runs()
    chosen = [run for run in runs if run.dataset == dataset]
    if not chosen:
        raise UnknownName("data set with runs", dataset, {run.dataset or "" for run in runs})
    return chosen


def _between(row: dict[Any, Any]) -> str:
    return f"{row['rank']} to {row['rank_to']}"
