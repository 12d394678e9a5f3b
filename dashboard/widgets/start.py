"""Starting runs from a page: how many there are, what stands against them, what was done before, and the queue."""

from collections.abc import Sequence

import orjson
import streamlit as st

from core.config import RunConfig
from core.differences import setting_words
from core.exceptions import CoreError
from core.jobs.checks import check, notes, notes_of_all
from core.jobs.estimate import cost_key
from core.jobs.local import LocalExecutor
from core.jobs.retries import MOST_RETRIES
from core.jobs.submit import equal_run, submit_all
from core.plans import Planned
from core.runs.run import Run, config_sha256
from dashboard import data
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_table import URL_KEY
from dashboard.widgets.variant_choice import Choice

MOST_SAID = 4
MOST_IN_LINK = 60
"""Runs that the page of runs is opened with: a link has only so much room."""


def number_of_runs(planned: Sequence[Planned], num_variants: int, num_seeds: int) -> None:
    """Say how many runs there will be, and of what."""
    parts = [_counted(num_variants, "variant")]
    for path in planned[0].values:
        number = len({repr(one.values[path]) for one in planned})
        parts.append(f"{number} values of {setting_words(path.rpartition('.')[2])}")
    parts.append(_counted(num_seeds, "seed"))
    st.markdown(f"**{_counted(len(planned) * num_seeds, 'run')}**: {' × '.join(parts)}")


def problems(planned: Sequence[Planned], seeds: Sequence[int]) -> tuple[bool, list[str]]:
    """Name what stands against the runs; return whether they can be queued, and what is worth knowing of them."""
    wrong: dict[str, str] = {}
    said: list[tuple[str, list[str]]] = []
    for one in planned:
        fingerprint = data.dataset(one.config.dataset.model_dump(mode="json")).fingerprint
        # Seeds rise: if the last one is allowed, all of them are.
        found, sentences = _checks(fingerprint, _checked_by(one.config), seeds[-1], one.config)
        if found is not None:
            wrong.setdefault(found, one.config.variant)
        said.append((one.config.variant, sentences))
    for text, variant in list(wrong.items())[:MOST_SAID]:
        of = f"**{escaped(variant)}**: " if len(planned) > 1 else ""
        st.error(f"{of}{escaped(text)}", icon=":material/error:")
    if len(wrong) > MOST_SAID:
        st.caption(f"{len(wrong) - MOST_SAID} more of the settings cannot be run.")
    return not wrong, notes_of_all(said)


def worth_knowing(notes: Sequence[str]) -> None:
    """Show what is allowed and worth knowing."""
    for text in notes[:MOST_SAID]:
        st.caption(f":material/info: {escaped(text[0].upper() + text[1:])}")
    if len(notes) > MOST_SAID:
        st.caption(f"{len(notes) - MOST_SAID} more such remarks stand in the runs.")


def finished_before(planned: Sequence[Planned], seeds: Sequence[int]) -> list[Run]:
    """Return the finished runs that did the same, at most one per config and seed."""
    finished: dict[str, list[Run]] = {}
    for run in data.store().runs():
        if run.state.state == "finished" and run.damaged is None:
            finished.setdefault(run.spec["config_sha256"], []).append(run)
    found: list[Run] = []
    for one in planned if finished else ():
        alike = finished.get(config_sha256(one.config.to_json()), [])
        if alike:
            loaded = data.dataset(one.config.dataset.model_dump(mode="json"))
            before = [equal_run(alike, loaded, one.config, seed) for seed in seeds]
            found += [run for run in before if run is not None]
    return found


def start_buttons(
    planned: Sequence[Planned], seeds: Sequence[int], choice: Choice, key: str
) -> None:
    """Show the button that queues the runs; where some were done before, the choice to reuse them.

    Args:
        planned: what to do.
        seeds: a run of each.
        choice: what it started from; a cloned run becomes the parent.
        key: of the widget.
    """
    name = st.text_input(
        "Name of the runs (optional)",
        key=f"{key}-name",
        max_chars=120,
        placeholder=choice.configs[0].variant
        if len(choice.configs) == 1
        else "Each variant's name",
        help="What lists call them. Where a setting takes several values, the value is added.",
    )
    retries = st.number_input(
        "Retries after a restart",
        min_value=0,
        max_value=MOST_RETRIES,
        key=f"{key}-retries",
        help="How often a run that a restart of the machine interrupted goes on by itself, from its last checkpoint. "
        "With 0 it waits until you resume it.",
    )
    closed = why_not("submit")
    if closed:
        st.info(escaped(closed), icon=":material/lock:")
    before = finished_before(planned, seeds)
    number = len(planned) * len(seeds)
    new = number - len(before)
    if before:
        many = f"{len(before)} of {number} runs were" if number > 1 else "This run was"
        st.info(
            f"{many} done before with equal settings, seed and data.", icon=":material/history:"
        )
        label = "Open what is there" if not new else f"Start {new}, reuse {len(before)}"
        is_off = bool(closed and new)
        if st.button(label, type="primary", width="stretch", key=f"{key}-reuse", disabled=is_off):
            _start(planned, seeds, choice, name, retries, again=False)
        if st.button("Run again", key=f"{key}-again", width="stretch", disabled=bool(closed)):
            _start(planned, seeds, choice, name, retries, again=True)
    elif st.button(
        "Start" if new == 1 else f"Start {new:,} runs",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        key=f"{key}-start",
        disabled=bool(closed),
    ):
        _start(planned, seeds, choice, name, retries, again=False)


def _start(
    planned: Sequence[Planned],
    seeds: Sequence[int],
    choice: Choice,
    name: str | None,
    retries: int,
    *,
    again: bool,
) -> None:
    """Queue the runs and go to the page that shows them.

    Raises:
        InvalidInput: settings, data and runs folder do not allow it; nothing was queued.
    """
    with st.spinner("Checking the settings and the data ..."):
        submitted = submit_all(
            data.store(),
            LocalExecutor(data.store(), data.data_dir()),
            data.data_dir(),
            [one.config for one in planned],
            seeds,
            reuse=() if again else ("finished",),
            names=[_name(one, name) for one in planned],
            suite=choice.suite,
            owner=data.person().name,
            parent=None if choice.parent is None else choice.parent.id,
            retries=retries,
        )
    ids = ",".join(run.id for run in submitted.runs[:MOST_IN_LINK])
    st.switch_page("views/runs.py", query_params={URL_KEY: ids})


def _name(one: Planned, name: str | None) -> str | None:
    """Return what lists call a run: the user's name, and what sets it apart in a grid; None for the variant's name."""
    if not one.words:
        return name or None
    return f"{name or one.config.variant}, {one.words}"


def _checked_by(config: RunConfig) -> bytes:
    """Return what of a config the checks look at, so that those of a grid over learning rates are made once."""
    sizes = sorted(training.batch_size for training in config.stage_configs)
    # The variant, because the notes say where the batch size is not its own.
    named = [config.variant, sizes, config.training.class_loss_weight]
    return cost_key(config) + orjson.dumps(named)


@st.cache_data(max_entries=2048, show_spinner=False)
def _checks(
    fingerprint: str, checked_by: bytes, seed: int, _config: RunConfig
) -> tuple[str | None, list[str]]:
    """Return what forbids a run, and what is worth knowing of it."""
    dataset = data.dataset(_config.dataset.model_dump(mode="json"))
    try:
        check(dataset, _config, seed)
    except CoreError as error:
        return str(error), []
    return None, notes(dataset, _config)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
