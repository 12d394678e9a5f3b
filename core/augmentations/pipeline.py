"""AugmentationPipeline: steps in a row as settings, their JSON, and what a data set's rules say of them.

What the steps do to images is in the families' files; pictures.py applies a pipeline to samples. This module is apart
from base.py because it knows all families.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union

import pydantic
from pydantic import Field

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Augmentation, ImageShape, Mixing
from core.augmentations.expansion import FixedExpansion
from core.augmentations.warp import Affine, Rotation
from core.exceptions import CoreError, InvalidParameter
from core.labels import HORIZONTAL_FLIP, VERTICAL_FLIP, Effect, LabelSpace, Moves
from core.settings import Settings

if TYPE_CHECKING:
    AugmentationConfig = Augmentation
else:
    AugmentationConfig = Annotated[
        Union[tuple(AUGMENTATIONS.values())],  # noqa: UP007 - a union made from the registry
        Field(discriminator="name", title=AUGMENTATIONS.kind),
    ]

SCHEMA_VERSION = 1
"""Raised when a pipeline of this version would mean something else to an earlier one."""

MOST_STEPS = 32

SYMMETRIES: Mapping[Effect, tuple[int, ...]] = {
    "horizontal_flip": (HORIZONTAL_FLIP,),
    "vertical_flip": (VERTICAL_FLIP,),
    "quarter_turn": (1, 3),
}
"""Which symmetries of the square an effect stands for; the identity is left out."""

LARGEST_SMALL_TURN = 45
"""Degrees beyond which a turned image is nearer to its quarter turn than to itself."""

UNKNOWN_CLASSES = (
    "Petridish does not know these classes: see that no class becomes another when mirrored or turned, as a left arrow "
    "does."
)
"""Note of a pipeline that mirrors or turns images of a data set that declares no rules for it."""

_COUNTS_ARE_NOT_MIXED = (
    "mixing gives labels that are shares of classes, and the counts of a mixture are not true"
)


@dataclass(frozen=True)
class Refusal:
    """Why a pipeline cannot be applied to a data set.

    Attributes:
        step: position of the step from 0, or None for the expansion.
        message: a sentence that names the step, the rule and the remedy.
        can_be_forced: whether `is_forced` of the step lifts it.
    """

    step: int | None
    message: str
    can_be_forced: bool


class AugmentationPipeline(Settings):
    """Changes of training images at random, one step after the other; without steps images stay as they are."""

    schema_version: int = Field(
        SCHEMA_VERSION, ge=1, description="Version of the format of these settings."
    )
    expansion: FixedExpansion | None = Field(
        None, description="Fixed copies of every training image, made before the steps."
    )
    steps: tuple[AugmentationConfig, ...] = Field(
        (), max_length=MOST_STEPS, description="Steps in the order in which they are applied."
    )

    @pydantic.field_validator("schema_version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"a later version of Petridish wrote this pipeline (schema {version}; this one reads up to "
                f"{SCHEMA_VERSION}). Update Petridish."
            )
        return version

    @pydantic.field_validator("expansion", mode="before")
    @classmethod
    def _checked_alone(cls, expansion: Any) -> Any:
        # For a setting that may be null, messages of a union's members know no bounds.
        if not isinstance(expansion, Mapping):
            return expansion
        try:
            return FixedExpansion.checked(expansion)
        except CoreError as error:
            raise ValueError(str(error)) from None

    @pydantic.field_validator("steps", mode="before")
    @classmethod
    def _checked_one_by_one(cls, steps: Any) -> Any:
        # Checked here and not by the union, so that a message names the step and not only its position.
        if not isinstance(steps, list | tuple):
            return steps
        return tuple(_checked_step(position, step) for position, step in enumerate(steps))

    @property
    def is_identity(self) -> bool:
        """Whether images stay as they are: no copies, and no step that hits any."""
        return self.expansion is None and not any(step.probability > 0 for step in self.steps)

    @property
    def num_copies(self) -> int:
        """Rows that an epoch visits for each training sample."""
        return 1 if self.expansion is None else self.expansion.num_copies

    @property
    def is_mixing(self) -> bool:
        """Whether labels become shares of classes, (B, K) instead of (B,)."""
        return any(isinstance(step, Mixing) and step.probability > 0 for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, every setting included."""
        return self.model_dump(mode="json")

    def check(self, image_shape: ImageShape, space: LabelSpace) -> None:
        """Make sure that the pipeline can be applied to a data set.

        Args:
            image_shape: C, H, W.
            space: with the data set's rules.

        Raises:
            InvalidParameter: a step does not fit the images, or the labels would no longer be true and the step is not
                forced; the message names step, setting and reason.
        """
        refusals = self.refusals(image_shape, space)
        if refusals:
            raise InvalidParameter(refusals[0].message)

    def refusals(self, image_shape: ImageShape, space: LabelSpace) -> list[Refusal]:
        """Return all reasons for which `check` refuses, in the order of the steps. Steps that hit nothing have none."""
        found: list[Refusal] = []
        for position, place, step in self._active():
            problem = step.problem(image_shape)
            if problem is not None:
                found.append(Refusal(position, f"{place}: {problem}.", can_be_forced=False))
            if "mixing" in step.effects and space.num_counts:
                reason = f"{place} is refused: {_COUNTS_ARE_NOT_MIXED}. Remove it."
                found.append(Refusal(position, reason, can_be_forced=False))
            reasons = _unsafe(step.effects, space)
            if reasons and not step.is_forced:
                reason = (
                    f"{place} is refused for this data set: {reasons[0]}. "
                    "Remove it, or set is_forced to apply it all the same."
                )
                found.append(Refusal(position, reason, can_be_forced=True))
        return found

    def notes(self, space: LabelSpace) -> list[str]:
        """Return, in sentences, which steps change labels and which are forced against the data set's rules.

        Where the data set declares no rules and a step mirrors or turns, `UNKNOWN_CLASSES` comes first.
        """
        found: list[str] = []
        if not space.rules.is_declared and any(
            _mirrors_or_turns(step) for _, _, step in self._active()
        ):
            found.append(UNKNOWN_CLASSES)
        for _, place, step in self._active():
            if step.is_forced:
                found += [
                    f"{place} is forced although {one}." for one in _unsafe(step.effects, space)
                ]
            changed = _changed(step.effects, space.rules.classes, space.num_classes)
            if changed:
                found.append(
                    f"{place} changes labels: {len(changed)} of {space.num_classes} classes become another, "
                    f"such as {_example(step.effects, space, changed[0])}."
                )
            moved = _changed(step.effects, space.rules.counts, space.num_counts)
            if moved:
                names = ", ".join(space.count_names[number] for number in moved)
                found.append(f"{place} changes counts: those of {names} change places.")
        return found

    def _active(self) -> list[tuple[int | None, str, Augmentation | FixedExpansion]]:
        active: list[tuple[int | None, str, Augmentation | FixedExpansion]] = []
        if self.expansion is not None:
            active.append((None, "expansion", self.expansion))
        for position, step in enumerate(self.steps):
            if step.probability > 0:
                active.append((position, _place(position, step.name), step))
        return active


def _checked_step(position: int, step: Any) -> Augmentation:
    if isinstance(step, Augmentation):
        return step
    name = step.get("name") if isinstance(step, Mapping) else None
    if name is None:
        raise ValueError(
            f"step {position + 1} must be an object with the name of an augmentation; got {step!r:.100}."
        )
    try:
        return AUGMENTATIONS[str(name)].checked(step)
    except CoreError as error:
        known = name if isinstance(name, str) and name in AUGMENTATIONS else None
        raise ValueError(f"{_place(position, known)}: {error}") from None


def _place(position: int, name: str | None) -> str:
    return f"step {position + 1}" if name is None else f"step {position + 1} ({name})"


def _mirrors_or_turns(step: Augmentation | FixedExpansion) -> bool:
    """Return whether a step may make an image look like its mirror image or its quarter turn."""
    if isinstance(step, Rotation | Affine):
        return step.degrees > LARGEST_SMALL_TURN
    return any(effect in SYMMETRIES for effect in step.effects)


def _unsafe(effects: tuple[Effect, ...], space: LabelSpace) -> list[str]:
    reasons = [space.rules.unsafe[one] for one in effects if one in space.rules.unsafe]
    return list(dict.fromkeys(reasons))


def _changed(effects: tuple[Effect, ...], moves: Moves, size: int) -> list[int]:
    """Return the numbers that some symmetry among the effects changes, rising."""
    table = moves.table(size)
    symmetries = [number for effect in effects for number in SYMMETRIES.get(effect, ())]
    return [
        number for number in range(size) if any(table[one][number] != number for one in symmetries)
    ]


def _example(effects: tuple[Effect, ...], space: LabelSpace, label: int) -> str:
    table = space.rules.classes.table(space.num_classes)
    for effect in effects:
        for symmetry in SYMMETRIES.get(effect, ()):
            becomes = table[symmetry][label]
            if becomes != label:
                return f"'{space.class_names[label]}' that becomes '{space.class_names[becomes]}'"
    raise AssertionError(f"No symmetry among {effects} changes class {label}.")
