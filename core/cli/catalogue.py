"""The verbs of what there is: `petridish datasets` and `petridish variants`."""

from pathlib import Path

import click

from core.cli.options import loaded, with_data, with_json
from core.cli.printing import print_facts


@click.group()
def datasets() -> None:
    """Data sets: what there is to train on."""


@datasets.command("list")
@with_json
def datasets_list(as_json: bool) -> None:
    """List the data sets."""
    from core.datasets import DATASETS

    print_facts(as_json, [{"name": name, "kind": source.kind} for name, source in DATASETS.items()])


@datasets.command("show")
@click.argument("name")
@with_data
@with_json
def datasets_show(name: str, data: Path | None, as_json: bool) -> None:
    """Show a data set's size, classes and splits."""
    from core.datasets import DATASETS
    from core.datasets.statistics import summary

    source = DATASETS[name]
    print_facts(as_json, summary(loaded(name, data), source.kind))


@click.group()
def variants() -> None:
    """Variants and suites: what can be trained."""


@variants.command("list")
@click.option("--dataset", help="Only those that fit this data set.")
@with_data
@with_json
def variants_list(dataset: str | None, data: Path | None, as_json: bool) -> None:
    """List variants and suites."""
    from core.facts import variant_rows

    print_facts(as_json, variant_rows(None if dataset is None else loaded(dataset, data)))


@variants.command("show")
@click.argument("name")
@click.option("--dataset", help="Data set to build it for; the first that fits.")
@with_data
@with_json
def variants_show(name: str, dataset: str | None, data: Path | None, as_json: bool) -> None:
    """Show a variant's layers, parameters and settings, or a suite's runs."""
    from core.config import Variant
    from core.datasets import DATASETS
    from core.facts import suite_facts, variant_facts
    from core.registry import Registry
    from core.variants import SUITES, VARIANTS, Suite

    known: Registry[Variant | Suite] = Registry("variant or suite", {**VARIANTS, **SUITES})
    chosen = known[name]
    if isinstance(chosen, Suite):
        print_facts(as_json, suite_facts(chosen))
    else:
        # One after the other: making a data set takes seconds, and the first often fits.
        candidates = (loaded(each, data) for each in ([dataset] if dataset else DATASETS))
        print_facts(as_json, variant_facts(chosen, candidates))
