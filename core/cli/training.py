"""The verbs that start runs: `petridish demo` and `petridish train`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from core.cli.options import folder_of_data, opened, with_data, with_json, with_runs
from core.cli.printing import print_facts
from core.cli.serving import open_dashboard
from core.exceptions import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from core.config import RunConfig
    from core.runs.store import Store


@click.command()
@click.option("--port", type=int, help="Port of the dashboard; the first free from 8501.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--until-done", is_flag=True, help="No dashboard: wait for the runs and sum up.")
@with_runs
@with_data
@with_json
def demo(
    port: int | None,
    no_browser: bool,
    until_done: bool,
    runs: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Train three small variants and open the pages."""
    from core.facts import demo_row
    from core.runs.state import ACTIVE
    from core.variants import SUITES, run_configs

    if as_json and not until_done:
        raise InvalidParameter("--json needs --until-done: a dashboard prints no facts.")
    store, data_dir = opened(runs), folder_of_data(data)
    ids = submitted(
        store, data_dir, run_configs(SUITES["demo"]), [0], suite="demo", reuse=("finished", *ACTIVE)
    )
    if not until_done:
        open_dashboard(store, data_dir, port, "127.0.0.1", no_browser)
    all_finished = wait_for(store, ids)
    summary = [demo_row(store.run(run_id)) for run_id in ids]
    print_facts(as_json, {"runs": summary} if as_json else summary)
    if not all_finished:
        sys.exit(1)


@click.command()
@click.option("--dataset", help="Data set; a suite brings its own.")
@click.option("--variant", "names", multiple=True, help="Variant; may be repeated.")
@click.option("--suite", help="Suite of variants instead.")
@click.option("--seeds", default="0", show_default=True, help="Such as 3, 0-4 or 0,2,5.")
@click.option(
    "--augmentation",
    metavar="FILE.json|NAME",
    help="Pipeline instead of the variant's own: a file, a preset or a saved one; none is a preset.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="GROUP.NAME=VALUE",
    help="Change a setting, such as training.learning_rate=0.01; may be repeated. "
    "'petridish variants show NAME' lists them.",
)
@click.option("--name", help="What you call the runs.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@click.option("--force", is_flag=True, help="Train again what has been trained.")
@click.option(
    "--retries",
    type=int,
    default=0,
    show_default=True,
    help="How often a run goes on by itself after a restart of the machine.",
)
@click.option("--wait", is_flag=True, help="Return when all have ended.")
@with_runs
@with_data
@with_json
def train(
    dataset: str | None,
    names: tuple[str, ...],
    suite: str | None,
    seeds: str,
    augmentation: str | None,
    settings: tuple[str, ...],
    name: str | None,
    device: str,
    force: bool,
    retries: int,
    wait: bool,
    runs: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Queue runs and print their ids, one a line; notes on them go to stderr.

    They train in the background; 'petridish runs list' shows how far they are. On few images the batch size is made smaller
    than the variant's, and a note says so, unless --set training.batch_size names one.
    """
    from core.config import parsed_overrides, parsed_seeds
    from core.datasets import dataset_source
    from core.plans import fitted
    from core.variants import SUITES, run_config, run_configs

    if bool(names) == bool(suite):
        both = "Take either --variant or --suite, not both. " if suite else ""
        raise InvalidParameter(
            f"{both}Name what to train: --variant NAME (may be repeated) or --suite NAME."
        )
    data_dir = folder_of_data(data)
    # Asked for by name here, a slip in it gets a suggestion; a config takes any name for that of an imported set.
    chosen = None if dataset is None else {"name": dataset_source(dataset, data_dir).name}
    store = opened(runs)
    overrides = parsed_overrides(settings)
    if augmentation is not None:
        overrides = {"augmentation": _pipeline(augmentation, store)} | overrides
    if suite:
        configs = run_configs(SUITES[suite], chosen, overrides)
    elif chosen:
        configs = [run_config(chosen, one, overrides) for one in names]
    else:
        raise InvalidParameter("Name the data set: --dataset NAME.")
    wanted_seeds = parsed_seeds(seeds)  # before data are loaded, which may have to be made first
    if "training.batch_size" not in overrides:
        sets = {one.dataset: one.dataset.load(data_dir) for one in configs}
        configs = [fitted(one, len(sets[one.dataset].split("train"))) for one in configs]
    ids = submitted(
        store,
        data_dir,
        configs,
        wanted_seeds,
        hint="; --force trains again",
        name=name,
        suite=suite,
        device=device,
        retries=retries,
        reuse=() if force else ("finished",),
    )
    print_facts(as_json, ids)
    if wait and not wait_for(store, ids):
        sys.exit(1)


def wait_for(store: "Store", run_ids: Sequence[str]) -> bool:
    """Wait until runs have ended, saying each change on stderr; return whether all are finished."""
    from core.jobs.local import wait

    for run in wait(store, run_ids):
        state = run.state
        note = f": {state.message}" if state.message else ""
        click.echo(f"{run.id} {run.title}: {state.state}, epoch {state.epoch}{note}", err=True)
    return all(store.run(run_id).state.state == "finished" for run_id in run_ids)


def _pipeline(text: str, store: "Store") -> dict[str, Any]:
    """Return the pipeline of a file, or the preset or saved one of that name, as plain values."""
    from core.augmentations.pipeline import AugmentationPipeline
    from core.pipelines import pipeline_named

    path = Path(text)
    if path.suffix != ".json" and not path.is_file():
        return pipeline_named(text, store.root).to_json()
    try:
        values = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidParameter(
            f"--augmentation {text}: cannot be read ({error.strerror})."
        ) from None
    except orjson.JSONDecodeError as error:
        raise InvalidParameter(
            f"--augmentation {text}: not a readable JSON file ({error})."
        ) from None
    if not isinstance(values, dict):
        raise InvalidParameter(f"--augmentation {text}: must hold one JSON object.")
    try:
        return AugmentationPipeline.checked(values).to_json()
    except InvalidInput as error:
        raise InvalidParameter(f"--augmentation {text}: {error}") from None


def submitted(
    store: "Store",
    data_dir: Path,
    configs: "list[RunConfig]",
    seeds: list[int],
    hint: str = "",
    **options: Any,
) -> list[str]:
    """Queue runs and return their ids, saying on stderr what is worth knowing of them.

    Args:
        store: where the runs go.
        data_dir: folder of the data sets.
        configs: what to do.
        seeds: each config is run with each.
        hint: what to add where a run is reused.
        options: of `core.jobs.submit.submit_all`.
    """
    from core.jobs.local import LocalExecutor
    from core.jobs.submit import submit_all

    done = submit_all(store, LocalExecutor(store, data_dir), data_dir, configs, seeds, **options)
    for note in done.notes:
        click.echo(note, err=True)
    for run in done.reused:
        click.echo(f"{run.id} does the same and is reused{hint}.", err=True)
    return [run.id for run in done.runs]
