"""Run groups: runs that differ only in their seed, and what to call groups that share a variant's name.

Apart from what is done with them (`core.lineup`): a page's pickers and curves need groups and no statistics. It leaves out
reading anything but what the runs themselves hold.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.differences import (
    Difference,
    differences,
    differences_from_variant,
    pipeline_words,
    stage_words,
    value_words,
)
from core.exceptions import UnknownName
from core.runs.run import Run

MOST_DIFFERENCES = 3
"""Differing settings that a label names."""


@dataclass(frozen=True)
class Group:
    """Runs of one variant on the same data that differ only in their seed.

    Attributes:
        key: short text that stays the same as long as settings and data do, for addresses.
        variant: name of the variant that they started from.
        label: what tables, charts and sentences call it, no two alike: the variant, and where several groups have the
            same one, what sets this one apart.
        runs: one a seed, by rising seed; of runs with the same seed the newest finished one.
        dataset: name of the data set.
        colour_key: what decides its colour (`core.charts.style.distinct_colours`).
        superseded: runs that give way to another one of the same seed.
    """

    key: str
    variant: str
    label: str
    runs: tuple[Run, ...]
    dataset: str
    colour_key: str
    superseded: tuple[Run, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs, in their order."""
        return tuple(run.seed or 0 for run in self.runs)

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings of all its runs, as JSON."""
        return self.runs[0].config

    @property
    def fingerprint(self) -> str:
        """That of the data that they were trained on."""
        return self.runs[0].spec.get("data_fingerprint", "")


def groups(runs: Iterable[Run]) -> list[Group]:
    """Return runs grouped by data and settings, in the order of their first run's creation; damaged ones left out."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in sorted({run.id: run for run in runs}.values(), key=_age):
        if run.damaged is None:
            settings = run.spec["data_fingerprint"], run.spec["config_sha256"]
            found.setdefault(settings, []).append(run)
    made = []
    for (fingerprint, config), members in found.items():
        by_seed: dict[int, Run] = {}
        for run in members:  # oldest first
            known = by_seed.get(run.seed or 0)
            if known is None or _is_finished(run) >= _is_finished(known):
                by_seed[run.seed or 0] = run
        kept = tuple(by_seed[seed] for seed in sorted(by_seed))
        made.append(
            Group(
                key=hashlib.sha256(f"{fingerprint} {config}".encode()).hexdigest()[:12],
                variant=members[0].variant or "",
                label=members[0].variant or "",
                runs=kept,
                dataset=members[0].dataset or "",
                colour_key=members[0].variant or "",
                superseded=tuple(run for run in members if by_seed[run.seed or 0] is not run),
            )
        )
    return _labelled(made)


def damaged_sentences(runs: Iterable[Run]) -> list[str]:
    """Return a sentence for each damaged run, which no group has."""
    return [f"Run {run.id} left out: damaged, {run.damaged}." for run in runs if run.damaged]


def differing_settings(groups: Sequence[Group]) -> list[str]:
    """Return the dotted paths of the settings that are not the same in all groups, in the order of their config."""
    settings = [group_settings(group) for group in groups]
    paths = dict.fromkeys(path for one in settings for path in one)
    return [path for path in paths if len({_key(one.get(path)) for one in settings}) > 1]


def group_settings(group: Group) -> dict[str, Any]:
    """Return dotted path -> value of all settings of a group.

    Lists are given in words ("128, 64"), each stage as what it changes ("stages.0"), the augmentation as one text.
    """
    found: dict[str, Any] = {"variant": group.variant}
    for part in ("dataset", "model", "training"):
        for name, value in group.config.get(part, {}).items():
            is_plain = value is None or isinstance(value, str | int | float)
            found[f"{part}.{name}"] = value if is_plain else value_words(value)
    for number, stage in enumerate(group.config.get("stages", ())):
        found[f"stages.{number}"] = stage_words(stage)
    found["augmentation"] = pipeline_words(group.config.get("augmentation", {}))
    return found


def setting_values(groups: Sequence[Group], path: str) -> dict[str, str]:
    """Return label -> value in words of one setting of each group, such as to colour or to divide charts by it.

    Raises:
        UnknownName: no group has such a setting.
    """
    settings = {group.label: group_settings(group) for group in groups}
    if not any(path in one for one in settings.values()):
        raise UnknownName("setting", path, {name for one in settings.values() for name in one})
    return {label: value_words(one.get(path)) for label, one in settings.items()}


def default_baseline(groups: Sequence[Group]) -> Group:
    """Return what the others are held against unless told: the oldest variant called a base, or the oldest.

    Args:
        groups: at least one, oldest first.
    """
    return next((group for group in groups if "base" in group.variant.split("-")), groups[0])


def _age(run: Run) -> tuple[float, str]:
    # An id tells the second only, and a suite is queued within one.
    return run.created or 0.0, run.id


def _is_finished(run: Run) -> bool:
    return run.state.state == "finished"


def _labelled(made: Sequence[Group]) -> list[Group]:
    """Give groups of one variant labels that say what sets them apart, and all but one of them another colour."""
    families: dict[str, list[Group]] = {}
    for group in made:
        families.setdefault(group.variant, []).append(group)
    named: dict[str, Group] = {}
    for variant, family in families.items():
        words = _words_apart(family) if len(family) > 1 else [""]
        distances = [_distance(group) for group in family] if len(family) > 1 else [0]
        plainest = distances.index(min(distances))
        for place, (group, apart) in enumerate(zip(family, words, strict=True)):
            label = f"{variant}, {apart}" if apart else variant
            colour_key = variant if place == plainest else f"{variant} {group.key}"
            named[group.key] = replace(group, label=label, colour_key=colour_key)
    return [named[group.key] for group in made]


def _words_apart(family: Sequence[Group]) -> list[str]:
    """Return what sets each of several groups of a variant apart, no two alike."""
    first = family[0].config
    from_first = [{one.path: one for one in differences(first, group.config)} for group in family]
    paths = {path: one for found in from_first for path, one in found.items()}
    words = [_setting_words(found, paths) for found in from_first]
    for part, of_group in (
        ("data", lambda group: group.fingerprint[:6]),
        ("settings", lambda group: group.key[:6]),
    ):
        words = [
            ", ".join(filter(None, [one, f"{part} {of_group(group)}"]))
            if words.count(one) > 1 and len({of_group(other) for other in family}) > 1
            else one
            for group, one in zip(family, words, strict=True)
        ]
    return words


def _setting_words(own: Mapping[str, Difference], paths: Mapping[str, Difference]) -> str:
    parts = []
    for path, one in paths.items():
        if path in own:
            value = own[path].after
        elif any(path.startswith(f"{mine}.") or mine.startswith(f"{path}.") for mine in own):
            continue  # said of the whole, of which this is a part
        else:
            value = one.before
        parts.append(f"{one.what} {value}")
    if len(parts) > MOST_DIFFERENCES:
        parts = [*parts[:MOST_DIFFERENCES], f"{len(parts) - MOST_DIFFERENCES} more"]
    return ", ".join(parts)


def _distance(group: Group) -> int:
    """Return in how many settings a group differs from the variant as it comes; many where that is not known."""
    found = differences_from_variant(group.config)
    return 1000 if found is None else len(found)


def _key(value: Any) -> tuple[str, str]:
    """Return what tells values apart: True is not 1 here, as in JSON."""
    return type(value).__name__, repr(value)
