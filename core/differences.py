"""How the settings of two runs differ, setting by setting and in words; also of a run from the variant it started from.

Apart from `core.config`, which knows settings and no words for them, because pages and the command line say the same.
It leaves out what a difference does to the result.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.config import RunConfig
from core.exceptions import CoreError
from core.variants import run_config


class Difference(NamedTuple):
    """One setting that differs.

    Attributes:
        path: dotted, as the command line names it; entries of lists by their position from 0.
        what: the setting in words: "learning rate", "stage 2, weight decay".
        before: the value it had, in words; "none" where there was none.
        after: the value it has.
    """

    path: str
    what: str
    before: str
    after: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two configs as JSON knows them, in the order of their groups.

    Where the data set or the network is another one, that alone is said of it: its settings have no counterpart.
    """
    found: list[Difference] = []
    for group, what in (("dataset", "data set"), ("model", "network"), ("training", "")):
        old, new = before.get(group, {}), after.get(group, {})
        if old.get("name") != new.get("name"):
            found.append(_difference(f"{group}.name", what, old.get("name"), new.get("name")))
        else:
            found += _settings(group, "", old, new)
    found += _stages(before.get("stages", ()), after.get("stages", ()))
    return found + _augmentations(before.get("augmentation", {}), after.get("augmentation", {}))


def differences_from_variant(config: Mapping[str, Any]) -> list[Difference] | None:
    """Return where a run's config differs from its variant on the same data set, however that was made.

    None when this version has no such variant, or cannot read the config.
    """
    try:
        # What an earlier version did not know of has its default.
        known = RunConfig.checked(config)
        plain = run_config({"name": known.dataset.name}, known.variant)
    except CoreError:
        return None
    return differences(plain.to_json(), known.to_json())


def setting_words(name: str) -> str:
    """Return a setting's name as a sentence says it: "num_blocks" is "number of blocks", "has_batch_norm" "batch norm"."""
    for prefix, word in (("num_", "number of "), ("is_", ""), ("has_", "")):
        if name.startswith(prefix):
            name = word + name.removeprefix(prefix)
    return name.replace("_", " ")


def value_words(value: Any) -> str:
    """Return a setting's value as a sentence says it."""
    if value is None or value in ([], ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value_words(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def pipeline_words(pipeline: Mapping[str, Any]) -> str:
    """Return an augmentation in words: "4 fixed copies, horizontal flip (50 %), cutout"; steps that hit nothing left out."""
    expansion = pipeline.get("expansion")
    parts = [f"{len(expansion.get('copies', ()))} fixed copies"] if expansion else []
    for step in pipeline.get("steps", ()):
        share = step.get("probability", 1)
        name = str(step.get("name")).replace("-", " ")
        if share > 0:
            parts.append(name if share == 1 else f"{name} ({100 * share:g} %)")
    return ", ".join(parts) or "none"


def stage_words(stage: Mapping[str, Any]) -> str:
    """Return what a stage changes, in words: "optimizer sgd, weight decay 0"."""
    changes = stage.get("changes", {})
    words = [f"{setting_words(name)} {value_words(value)}" for name, value in changes.items()]
    return ", ".join(words) or "as the run"


def _settings(
    group: str, prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[Difference]:
    return [
        _difference(f"{group}.{name}", f"{prefix}{setting_words(name)}", old.get(name), value)
        for name, value in _both(old, new)
        if old.get(name) != value
    ]


def _stages(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Difference]:
    if len(old) != len(new):
        return [Difference("stages", "stages", _all_stages(old), _all_stages(new))]
    found: list[Difference] = []
    for number, (one, other) in enumerate(zip(old, new, strict=True)):
        place, prefix = f"stages.{number}", f"stage {number + 1}, "
        if one.get("starts_from") != other.get("starts_from"):
            before, after = one.get("starts_from"), other.get("starts_from")
            found.append(_difference(f"{place}.starts_from", f"{prefix}starts from", before, after))
        changes = one.get("changes", {}), other.get("changes", {})
        for name, _ in _both(*changes):
            before, after = (part.get(name, "as the run") for part in changes)
            if before != after:
                what = f"{prefix}{setting_words(name)}"
                found.append(_difference(f"{place}.changes.{name}", what, before, after))
    return found


def _all_stages(stages: Sequence[Mapping[str, Any]]) -> str:
    if not stages:
        return "one"
    return f"{len(stages)} ({'; '.join(stage_words(stage) for stage in stages)})"


def _augmentations(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return what differs step by step where the steps are the same kinds, else the whole in words."""
    before, after = (list(pipeline.get("steps", ())) for pipeline in (old, new))
    has_copies = bool(old.get("expansion")), bool(new.get("expansion"))
    kinds = [[step.get("name") for step in steps] for steps in (before, after)]
    if kinds[0] != kinds[1] or has_copies[0] != has_copies[1]:
        words = pipeline_words(old), pipeline_words(new)
        return [Difference("augmentation", "augmentation", *words)]
    found: list[Difference] = []
    if all(has_copies):
        place = "augmentation.expansion"
        found += _settings(place, "fixed copies, ", old["expansion"], new["expansion"])
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        name = str(other.get("name")).replace("-", " ")
        prefix = f"augmentation step {number + 1} ({name}), "
        found += _settings(f"augmentation.steps.{number}", prefix, one, other)
    return found


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, new.get(name)) for name in dict.fromkeys([*new, *old])]


def _difference(path: str, what: str, before: Any, after: Any) -> Difference:
    return Difference(path, what, value_words(before), value_words(after))
