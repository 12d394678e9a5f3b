"""What to train: one or several variants, a suite, or the settings of a run that is cloned.

It offers what fits the data set and says why the rest does not. It leaves out what is changed of them (`run_form`,
`grid_form`).
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import streamlit as st

from core.augmentations.pipeline import AugmentationPipeline
from core.config import RunConfig
from core.differences import differences_from_variant
from core.exceptions import CoreError, InvalidParameter
from core.jobs.checks import check
from core.plans import fitted, suite_on
from core.runs.run import Run
from core.variants import SUITES, VARIANTS, run_config
from dashboard import data
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY
from dashboard.widgets.dataset_picker import changes, choose_dataset, put_settings
from dashboard.widgets.markdown import escaped
from dashboard.widgets.table import shown_table
from dashboard.widgets.train_link import (
    CHANGES,
    CLONE,
    GRID,
    SEEDS,
    SUITE,
    said,
    said_json,
    say,
    say_json,
)
from dashboard.widgets.train_link import (
    VARIANTS as VARIANTS_KEY,
)

MOST_REASONS = 12
MOST_ROWS = 9


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        configs: what to start from, each with its own augmentation; none where nothing is chosen.
        recipes: the same before their batch sizes were fitted to few images; what differences are told from.
        parent: the run that is cloned, or None.
        suite: the suite, or None.
    """

    configs: tuple[RunConfig, ...]
    recipes: tuple[RunConfig, ...]
    parent: Run | None = None
    suite: str | None = None

    @property
    def origin(self) -> str:
        """What changes are told from, in words."""
        if self.parent is not None:
            return self.parent.title
        names = [config.variant for config in self.configs]
        return names[0] if len(names) == 1 else f"{len(names)} variants"

    @property
    def own(self) -> str:
        """Whose the augmentation of the configs is, in words."""
        if self.parent is not None:
            return "the run's"
        return "the variant's" if len(self.configs) == 1 else "each variant's"


def cloned_run() -> Run | None:
    """Return the run that the URL asks to clone, and put its data set and seed into the URL; None without one.

    Before the choice of the data set, which follows the URL.
    """
    asked = said(CLONE)
    if asked is None:
        return None
    try:
        run = data.store().run(asked)
        if run.damaged is not None:
            raise CoreError(f"Run {run.id} is damaged: {run.damaged}.")
        RunConfig.checked(run.config)
    except CoreError as error:
        st.warning(f"It cannot be cloned. {escaped(error)}", icon=":material/link_off:")
        say(CLONE, None)
        return None
    if said(DATASET_KEY) is None:
        choose_dataset(str(run.dataset))
        # Whoever reads the data set says what is wrong with it.
        with contextlib.suppress(CoreError):
            put_settings(run.config["dataset"])
    if said(SEEDS) is None:
        say(SEEDS, str(run.seed))
    return run


def variant_choice(loaded: data.Loaded, parent: Run | None, key: str) -> Choice:
    """Show the choice and return it; it stands in the URL.

    Args:
        loaded: the data set.
        parent: the run that is cloned, or None.
        key: of the widget.
    """
    if parent is not None:
        _clone_chip(parent, key)
        values = {**parent.config, "dataset": dict(loaded.settings)}
        configs = (RunConfig.checked(values),)
        return Choice(configs, configs, parent=parent)
    fitting, reasons = fitting_variants(loaded)
    wanted, suite = _wanted(fitting, reasons), said(SUITE)
    suites, unfit_suites = _fitting_suites(loaded, fitting)
    if suite is not None and suite not in suites:
        why = unfit_suites.get(suite, "no suite is called that")
        st.warning(
            f"The suite {escaped(suite[:40])} cannot be run here: {escaped(why)}.",
            icon=":material/link_off:",
        )
        suite = None
    configs = () if suite is None else tuple(suite_on(SUITES[suite], _changed_settings(loaded)))
    variants_column, suite_column = st.columns([5, 2], gap="small")
    st.session_state[f"{key}-variants"] = [one.variant for one in configs] if suite else wanted
    variants_column.multiselect(
        "Variants",
        fitting,
        key=f"{key}-variants",
        on_change=lambda: _choose(VARIANTS_KEY, ",".join(st.session_state[f"{key}-variants"])),
        placeholder="Choose at least one",
        disabled=suite is not None,
        help=_why_not(reasons),
    )
    st.session_state[f"{key}-suite"] = suite
    suite_column.selectbox(
        "or a suite",
        suites,
        index=None,
        key=f"{key}-suite",
        on_change=lambda: _choose(SUITE, st.session_state[f"{key}-suite"]),
        placeholder="None",
        help="Runs that belong together. " + (_why_not(unfit_suites) or ""),
    )
    if suite is not None:
        st.caption(escaped(SUITES[suite].description))
        return Choice(_fitted(configs, loaded), configs, suite=suite)
    if len(wanted) == 1:
        st.caption(escaped(VARIANTS[wanted[0]].description))
    elif not wanted:
        st.info("Choose what to train: variants, or a suite.", icon=":material/arrow_upward:")
    recipes = tuple(run_config(loaded.settings, name) for name in wanted)
    return Choice(_fitted(recipes, loaded), recipes)


def chosen_variants(choice: Choice) -> None:
    """Show what sets the chosen variants apart, and what the suite or few images change of them."""
    rows = []
    for config in choice.configs:
        found = differences_from_variant(config.to_json()) or []
        changed = [
            f"{one.what}: {one.after}" for one in found if not one.path.startswith("dataset")
        ]
        about = VARIANTS[config.variant].description
        rows.append({"Variant": config.variant, "About": about, "Here": "; ".join(changed)})
    has_changes = any(row["Here"] for row in rows)
    shown_table(
        rows,
        "chosen-variants",
        most_rows=MOST_ROWS,
        column_order=["Variant", "About", *(["Here"] if has_changes else [])],
        column_config={
            "Variant": st.column_config.TextColumn(width=150),
            "About": st.column_config.TextColumn(
                "What sets it apart", width=260 if has_changes else 510
            ),
            "Here": st.column_config.TextColumn(
                "Changed here",
                help="What the suite, or the size of the data set, changes of the variant.",
                width=250,
            ),
        },
        alt="The chosen variants, what sets each apart, and what the suite or the data set changes of it.",
    )


def fitting_variants(loaded: data.Loaded) -> tuple[list[str], dict[str, str]]:
    """Return the variants whose network fits a data set as it comes, and why each other one does not.

    The one that the demo pairs with the data set stands first.
    """
    return _fitting(loaded.fingerprint, orjson.dumps(loaded.settings))


@lru_cache(maxsize=16)
def _fitting(_fingerprint: str, settings: bytes) -> tuple[list[str], dict[str, str]]:
    loaded = data.loaded(orjson.loads(settings))
    fitting, reasons = [], {}
    for name in VARIANTS:
        try:
            config = run_config(loaded.settings, name)
            # Only what no setting of the form mends is a reason: neither a batch larger than the data nor a flip that
            # changes what an image shows.
            least = config.training.model_copy(update={"batch_size": 2})
            plain = {"training": least, "stages": (), "augmentation": AugmentationPipeline()}
            check(loaded.dataset, config.model_copy(update=plain), seed=0)
            fitting.append(name)
        except CoreError as error:
            reasons[name] = str(error)
    demo = SUITES["demo"].entries
    shown = [one.variant for one in demo if one.dataset["name"] == loaded.settings["name"]]
    return sorted(fitting, key=lambda name: name not in shown[:1]), reasons


def _fitted(recipes: Sequence[RunConfig], loaded: data.Loaded) -> tuple[RunConfig, ...]:
    """Return the recipes with batch sizes for as many images as there are."""
    if not recipes:
        return ()
    # A suite may take a data set with settings of its own, whose split is another one.
    sets = {one.dataset: data.dataset(one.dataset.model_dump(mode="json")) for one in recipes}
    return tuple(fitted(one, len(sets[one.dataset].split("train"))) for one in recipes)


def _wanted(fitting: Sequence[str], reasons: Mapping[str, str]) -> list[str]:
    """Return the variants that the URL names, the first that fits without any; say why others are left out."""
    asked = said(VARIANTS_KEY)
    if asked is None:
        return list(fitting[:1])
    names = [name for name in dict.fromkeys(asked.split(",")) if name]
    for name in names:
        if name not in fitting:
            why = reasons.get(name, "No variant is called that.")
            st.warning(
                f"{escaped(name[:40])} is left out: {escaped(why)}", icon=":material/link_off:"
            )
    return [name for name in names if name in fitting]


def _fitting_suites(
    loaded: data.Loaded, fitting: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    found, reasons = [], {}
    for name, suite in SUITES.items():
        own = [one for one in suite.entries if one.dataset["name"] == loaded.settings["name"]]
        missing = [one.variant for one in own or suite.entries if one.variant not in fitting]
        if missing:
            reasons[name] = f"{missing[0]} does not fit"
        else:
            found.append(name)
    return found, reasons


def _changed_settings(loaded: data.Loaded) -> dict[str, Any]:
    # A suite may want settings of its own, which only those that somebody chose go before.
    return {"name": loaded.settings["name"], **changes(dict(loaded.settings))}


def _clone_chip(parent: Run, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Clone of {escaped(parent.title)}",
            icon=":material/close:",
            key=f"{key}-clone",
            help=f"Id {parent.id}. Press to choose variants instead.",
            on_click=_choose,
            args=(VARIANTS_KEY, parent.variant),
        )
        st.caption(
            "The form has that run's settings and its seed: change one thing, and what differs is the effect of it."
        )


def _choose(key: str, text: str | None) -> None:
    """Start from something else: what was changed of the one before goes along where it can be said of all variants."""
    if key == VARIANTS_KEY and text and "," in text:
        _carry_changes()
    for left in (CLONE, SUITE, CHANGES):
        say(left, None)
    if key == SUITE:
        say(VARIANTS_KEY, None)
    say(key, text)


def _carry_changes() -> None:
    """Make changed settings of training changes for all runs; those of one network belong to its variant."""
    try:
        changed = said_json(CHANGES)
    except InvalidParameter:
        return  # of a link that cannot be read
    carried = {path: [value] for path, value in changed.items() if path.startswith("training.")}
    if carried:
        say_json(GRID, {**carried, **said_json(GRID)})
    if len(carried) < len(changed):
        st.toast("Changes of the network or the stages were dropped: they belong to one variant.")


def _why_not(reasons: Mapping[str, str]) -> str | None:
    """Return why something is left out, for the help of its choice."""
    if not reasons:
        return None
    lines = [f"- **{escaped(name)}**: {escaped(reason)}" for name, reason in reasons.items()]
    more = [f"- and {len(lines) - MOST_REASONS} more"] if len(lines) > MOST_REASONS else []
    return "\n".join(["Not offered for this data set:", "", *lines[:MOST_REASONS], *more])
