"""The verbs of what there is: `petridish datasets` and `petridish variants`."""

from pathlib import Path

import click

from core.cli.options import folder_of_data, loaded, with_data, with_json
from core.cli.printing import print_facts, progress_shown


@click.group()
def datasets() -> None:
    """Data sets: what there is to train on."""


@datasets.command("list")
@with_data
@with_json
def datasets_list(data: Path | None, as_json: bool) -> None:
    """List the data sets: built-in, fetched and imported."""
    from core.datasets import DATASETS
    from core.datasets.imported import imported_facts, imported_names

    folder = folder_of_data(data)
    rows = [{"name": name, "kind": source.kind} for name, source in DATASETS.items()]
    rows += [
        {"name": name, "kind": imported_facts(name, folder)["kind"]}
        for name in imported_names(folder)
    ]
    print_facts(as_json, rows)


@datasets.command("show")
@click.argument("name")
@with_data
@with_json
def datasets_show(name: str, data: Path | None, as_json: bool) -> None:
    """Show a data set's size, classes and splits."""
    from core.datasets import dataset_source
    from core.datasets.statistics import summary

    folder = folder_of_data(data)
    source = dataset_source(name, folder)
    facts = summary(source.load(folder), source.kind)
    print_facts(as_json, facts | {"notes": source.notes(folder)})


@datasets.command("fetch")
@click.argument("name")
@click.option("--from", "source", metavar="DIR_OR_URL", help="Where the files are.")
@with_data
def datasets_fetch(name: str, source: str | None, data: Path | None) -> None:
    """Bring a public data set's files here, checked by their SHA-256."""
    from core.datasets.fetching import fetch_dataset

    with progress_shown() as progress:
        fetch_dataset(name, folder_of_data(data), source, progress)


@datasets.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the data set: a-z, 0-9 and '-'.")
@click.option("--kind", help="Kind of the source; recognised by default.")
@click.option("--size", type=int, help="Side to which images are resized, in pixels.")
@click.option("--channels", help="auto, grey or rgb.")
@click.option("--label-column", help="Column of the label: auto, first, last or its name.")
@click.option("--class-names", type=Path, help="Text or JSON file of the class names.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out images that cannot be read.")
@with_data
@with_json
def datasets_import(
    path: Path,
    name: str,
    kind: str | None,
    size: int | None,
    channels: str | None,
    label_column: str | None,
    class_names: Path | None,
    skip_unreadable: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Bring in your own images: a folder, a zip, a pixel CSV, IDX files or an npz."""
    from core.datasets.imported import imported_facts
    from core.datasets.importing import import_dataset
    from core.datasets.raw import ImportOptions
    from core.jobs.permissions import require_to
    from core.runs.host import user_name
    from core.runs.store import default_root

    require_to("import_data", default_root(), user_name())
    chosen = {
        "size": size,
        "channels": channels,
        "label_column": label_column,
        "class_names_path": class_names,
        "skip_unreadable": skip_unreadable,
    }
    options = ImportOptions.checked({key: value for key, value in chosen.items() if value})
    folder = folder_of_data(data)
    with progress_shown() as progress:
        import_dataset(path, name, kind, options, folder, progress)
    facts = imported_facts(name, folder)
    images, channels_found, height, width = facts["shape"]
    print_facts(
        as_json,
        {
            "name": name,
            "kind": facts["kind"],
            "images": images,
            "height": height,
            "width": width,
            "channels": channels_found,
            "classes": len(facts["space"]["class_names"]),
            "notes": facts["notes"],
        },
    )


@datasets.command("remove")
@click.argument("name")
@with_data
def datasets_remove(name: str, data: Path | None) -> None:
    """Delete an imported data set; its runs keep their numbers."""
    from core.datasets.importing import remove_dataset
    from core.jobs.permissions import require_to
    from core.runs.host import user_name
    from core.runs.store import default_root

    require_to("remove_data", default_root(), user_name())
    remove_dataset(name, folder_of_data(data))


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
