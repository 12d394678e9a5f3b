"""The part "Augmentation" of a script: the steps of a pipeline as plain classes, and the pictures of an epoch.

The steps' methods are taken over as they are; their settings become attributes of a class. What mixes two images has been
refused before (plain_script.py): its labels are no classes any more.
"""

import ast
import inspect
import textwrap
from collections import Counter
from typing import Any

from core.augmentations.base import Augmentation, Mixing
from core.augmentations.draws import StepDraws
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.zoom import zoomed
from core.export.script_sources import Sources, own_source, told
from core.export.script_templates import AUGMENTATION, chosen_lines
from core.labels import LabelSpace

_METHODS = ("draw", "symmetry", "apply")


def augmentation_part(
    pipeline: AugmentationPipeline, space: LabelSpace, features: set[str], sources: Sources
) -> str:
    """Return the steps, `STEPS`, and the class EpochPictures.

    Args:
        pipeline: of the run, without steps that mix images.
        space: its classes and counts, with the data set's rules.
        features: of the script; "steps", "expansion", "moves" and "count_moves" are added where they are needed.
        sources: takes over what the steps use.
    """
    found: list[str] = []
    called: list[str] = []
    seen: Counter[str] = Counter()
    if pipeline.expansion is not None:
        features.add("expansion")
        sources.add(zoomed)
        kinds = ", ".join(f'"{kind}"' for kind in pipeline.expansion.copies)
        found.append(
            f"COPIES = ({kinds},)\n"
            '"""Every image is shown as each of these in each epoch."""\n\n'
            f"ZOOM_PIXELS = {pipeline.expansion.k}"
        )
    for step in pipeline.steps:
        number = seen[step.name]
        seen[step.name] += 1
        if step.probability == 0:
            continue
        assert not isinstance(step, Mixing), f"{step.name} was to be refused before"
        if not called:
            features.add("steps")
            sources.add(StepDraws)
            sources.add_used("Any, ImageShape, NDArray, Numbers, np", Augmentation.__module__)
        kind = type(step).__name__
        called.append(kind if number == 0 else f"{kind}{number + 1}")
        found.append(_step_class(step, called[-1], f"{step.name}-{number}", sources))
    copies = () if pipeline.expansion is None else pipeline.expansion.copies
    has_flips, has_symmetries = any("flip" in one for one in copies), "def symmetry" in str(found)
    if (has_flips or has_symmetries) and (moves := _moves(space, features)):
        found.append(moves)
    for who, is_moving in (("expansion", has_flips), ("step", has_symmetries)):
        features |= {
            f"{who}_{what}" for what in ("moves", "count_moves") if is_moving and what in features
        }
    if called:
        steps = ", ".join(f"{one}()" for one in called)
        found.append(f"STEPS = ({steps}{',' if len(called) == 1 else ''})")
    text = chosen_lines(AUGMENTATION, features)
    base, rest = text.split("# The steps\n")
    parts = (sources.new_text(), base.strip() if called else "", *found, rest.strip())
    return "\n\n\n".join(part for part in parts if part)


def _step_class(step: Augmentation, name: str, place: str, sources: Sources) -> str:
    """Return a step as a class whose attributes are its settings."""
    methods: dict[str, str] = {}
    settings: dict[str, Any] = {"place": place, "probability": step.probability}
    waiting = list(_METHODS)
    while waiting:
        method = waiting.pop(0)
        owner = next(
            one for one in type(step).__mro__ if method in vars(one) or one is Augmentation
        )
        if owner is Augmentation or method in methods:
            continue
        methods[method] = own_source(vars(owner)[method])
        sources.add_used(methods[method], owner.__module__)
        for used in _attributes_of_self(methods[method]):
            if used in type(step).model_fields:
                settings[used] = getattr(step, used)
            else:
                waiting.append(used)
    lines = "\n".join(f"    {key} = {told(value)}" for key, value in settings.items())
    doc = textwrap.indent(f'"""{inspect.cleandoc(type(step).__doc__ or "")}"""', "    ")
    if "\n" in doc:
        doc = doc.removesuffix('"""') + '\n    """'
    body = "\n\n".join(methods.values())
    return f"class {name}(Augmentation):\n{doc}\n\n{lines}\n\n{body}"


def _attributes_of_self(method: str) -> list[str]:
    return [
        node.attr
        for node in ast.walk(ast.parse(textwrap.dedent(method)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]


def _moves(space: LabelSpace, features: set[str]) -> str:
    """Return tables of what the eight symmetries do to classes and counts; "" if they leave all as it is."""
    classes = space.rules.classes.table(space.num_classes)
    counts = space.rules.counts.table(space.num_counts)
    if all(row == classes[0] for row in classes) and all(row == counts[0] for row in counts):
        return ""
    features.add("moves")
    lines = [
        "# What classes and counts become under each of the eight symmetries of the square, numbered s: a horizontal",
        "# flip where s >= 4, and after it s % 4 quarter turns clockwise.",
    ]
    if space.class_counts is not None and "count_loss" in features:
        features.add("count_moves")
    if space.class_counts is not None and _follow_from_counts(space):
        lines += [
            f"COUNT_SOURCES = torch.tensor({[list(row) for row in counts]}).argsort(1)",
            "_label_of = {counts: label for label, counts in enumerate(CLASS_COUNTS)}",
            "CLASS_MOVES = torch.tensor(",
            "    [",
            "        [_label_of[tuple(counts[one] for one in sources)] for counts in CLASS_COUNTS]",
            "        for sources in COUNT_SOURCES.tolist()",
            "    ]",
            ")",
        ]
        return "\n".join(lines)
    lines.append(f"CLASS_MOVES = torch.tensor({[list(row) for row in classes]})")
    if "count_moves" in features:
        lines.append(f"COUNT_SOURCES = torch.tensor({[list(row) for row in counts]}).argsort(1)")
    return "\n".join(lines)


def _follow_from_counts(space: LabelSpace) -> bool:
    """Say whether what becomes of the classes is what becomes of the counts that they imply."""
    assert space.class_counts is not None
    labels = {row: label for label, row in enumerate(space.class_counts)}
    tables = zip(
        space.rules.counts.table(space.num_counts),
        space.rules.classes.table(space.num_classes),
        strict=True,
    )
    for counts, classes in tables:
        sources = sorted(range(len(counts)), key=counts.__getitem__)
        moved = [labels.get(tuple(row[one] for one in sources)) for row in space.class_counts]
        if moved != list(classes):
            return False
    return True
