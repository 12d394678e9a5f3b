"""Verdicts on training against validation: the gap, its parts, and validation that is better than training.

Separate because these need the settings that make training harder than evaluation. Between the curve of training
(dropout and augmentation on, averaged over the epoch) and that of validation stands `train_eval`: a fixed clean slice of
the training images, at the epoch's end, as the network is used.
"""

import math
from collections.abc import Mapping
from typing import Any

from core.evaluation.course import Course, finite, mapping
from core.evaluation.margin import ACCURACY, LOSS, SURE, Metric, margin
from core.evaluation.verdict import Verdict, joined, points, significant

SLICE_SIZE = 2000
"""Images of the fixed slice of training; a data set with fewer has all of its own, and then the margin is too small."""

LARGE_GAP = 0.05
"""Accuracy lost by overfitting from which it is a warning. A choice: between what the Fashion study's dense base
(3.8 points) and its dense net with batch norm (9.8) lose from training to validation."""

LARGE_LOSS_RATIO = 2.0
"""Validation loss over training loss from which it is one, where accuracy does not count. A choice: well below the ratio of
five that made the shapes study give up its plain linear heads."""


def gap(course: Course) -> Verdict | None:
    """Say how much worse validation is than training in the best epoch, as the two curves show it.

    Up to `SURE` margins are chance. Nothing where validation is better by more: that is `validation_above_train`.
    """
    epoch, metric = course.best_epoch, course.metric
    train, clean, validation = course.at(epoch, metric, "train", "train_eval", "validation")
    if train is None or validation is None:
        return None
    lost = metric.sign * (train - validation)
    room = SURE * course.margin(metric, validation)
    if lost < -room:
        return None
    values = f"{metric.shown(validation)} against {metric.shown(train)}"
    if metric is ACCURACY:
        train_loss, validation_loss = course.at(epoch, LOSS, "train", "validation")
        if train_loss is not None and validation_loss is not None:
            values += f"; losses {significant(validation_loss)} against {significant(train_loss)}"
    if lost <= room:
        text = f"Validation and training {metric.name} differ by no more than chance in epoch {epoch} ({values})."
        return Verdict("gap", text, epoch)
    text = (
        f"Validation {metric.name} lies {metric.difference(lost)} {metric.worse_side} training {metric.name} in epoch "
        f"{epoch} ({values})."
    )
    # Where its parts are known, `gap_split` warns of what is the model's own.
    return Verdict("gap", text, epoch, clean is None and _is_large(metric, train, validation))


def gap_split(course: Course) -> Verdict | None:
    """Say which part of the gap of the best epoch is the model's own.

    What training images gain from training to evaluation mode is what dropout, augmentation and averaging over the
    epoch cost; one run cannot tell these apart. What validation loses against evaluation mode is overfitting, if it is
    more than `SURE` standard errors of that difference.
    """
    epoch, metric = course.best_epoch, course.metric
    train, clean, validation = course.at(epoch, metric, "train", "train_eval", "validation")
    if train is None or clean is None or validation is None:
        return None
    cost, own = metric.sign * (clean - train), metric.sign * (clean - validation)
    room = _room(course, metric, clean, validation)
    what = joined([*causes(course, metric), *_averages(course)])
    noise = SURE * margin(metric, clean, SLICE_SIZE)
    even = f", {metric.difference(cost)} worse" if cost < -noise else ""
    if cost > noise:
        first = f"{what} cost {metric.difference(cost)}"
    else:
        first = f"{what} cost nothing measurable"
    if own > SURE * room:
        give = f", give or take {points(room)}" if metric is ACCURACY else ""
        second = (
            f"What validation ({metric.shown(validation)}) lacks from there, {metric.difference(own)}{give}, "
            "is the model's own overfitting."
        )
    else:
        second = (
            f"Validation ({metric.shown(validation)}) is not measurably worse than that: "
            "overfitting does not show."
        )
    text = (
        f"The gap of epoch {epoch} in parts: training images give {metric.shown(train)} while training and "
        f"{metric.shown(clean)} in evaluation mode{even}, so {first}. {second}"
    )
    return Verdict(
        "gap_split", text, epoch, own > SURE * room and _is_large(metric, clean, validation)
    )


def validation_above_train(course: Course) -> Verdict | None:
    """Say that validation is better than training in the best epoch by more than `SURE` margins, and why.

    Accuracy is asked first, then loss. Training mode explains it where the training images in evaluation mode are not
    worse than validation by more than chance; where they are, it is a warning.
    """
    for metric in (ACCURACY, LOSS) if course.metric is ACCURACY else (LOSS,):
        verdict = _above(course, metric)
        if verdict is not None:
            return verdict
    return None


def causes(course: Course, metric: Metric) -> list[str]:
    """Return which settings make training harder than evaluation: "dropout", "augmentation"; for losses also others."""
    augmentation = mapping(course.config.get("augmentation"))
    steps = augmentation.get("steps")
    hits = [
        finite(mapping(step).get("probability")) or 0.0
        for step in (steps if isinstance(steps, list | tuple) else ())
    ]
    found = {
        "dropout": _has_dropout(mapping(course.config.get("model"))),
        "augmentation": augmentation.get("expansion") is not None or any(hit > 0 for hit in hits),
        "label smoothing": metric is LOSS and course.number("label_smoothing") > 0,
        "class weights": metric is LOSS and course.setting("class_weights") == "balanced",
    }
    return [name for name, is_on in found.items() if is_on]


def _above(course: Course, metric: Metric) -> Verdict | None:
    epoch = course.best_epoch
    train, clean, validation = course.at(epoch, metric, "train", "train_eval", "validation")
    if train is None or validation is None:
        return None
    ahead = metric.sign * (validation - train)
    if ahead <= SURE * course.margin(metric, validation):
        return None
    text = (
        f"Validation {metric.name} lies {metric.difference(ahead)} {metric.better_side} training {metric.name} in epoch "
        f"{epoch} ({metric.shown(validation)} against {metric.shown(train)})"
    )
    if clean is None:
        text += ". Why cannot be told: training images were not measured in evaluation mode."
        return Verdict("validation_above_train", text, epoch)
    same = f"in evaluation mode training images give {metric.shown(clean)}"
    if metric.sign * (validation - clean) > SURE * _room(course, metric, clean, validation):
        text += (
            f", and training mode does not explain it: {same}. The validation images may be easier, or some of them may "
            "be among the training images too."
        )
        return Verdict("validation_above_train", text, epoch, True)
    why = joined([*causes(course, metric), *_averages(course)])
    text += f" because of {why} while training: {same}."
    return Verdict("validation_above_train", text, epoch)


def _averages(course: Course) -> list[str]:
    """Return what else sets training apart from evaluation: what is averaged in the one and not in the other."""
    has_batch_norm = mapping(course.config.get("model")).get("has_batch_norm") is True
    found = {
        "batch norm over single batches": has_batch_norm,
        "weights not yet averaged": course.number("ema_decay") > 0,
        "averaging over the epoch": True,
    }
    return [name for name, is_on in found.items() if is_on]


def _has_dropout(settings: Any, is_dropout: bool = False) -> bool:
    """Say whether a model's settings hold a dropout above zero, however deep."""
    match settings:
        case Mapping():
            return any(
                _has_dropout(value, is_dropout or "dropout" in str(name))
                for name, value in settings.items()
            )
        case list() | tuple():
            return any(_has_dropout(value, is_dropout) for value in settings)
        case _:
            return is_dropout and (finite(settings) or 0) > 0


def _room(course: Course, metric: Metric, clean: float, validation: float) -> float:
    """Return one standard error of the difference between the fixed slice and validation."""
    return math.hypot(margin(metric, clean, SLICE_SIZE), course.margin(metric, validation))


def _is_large(metric: Metric, train: float, validation: float) -> bool:
    if metric is ACCURACY:
        return train - validation > LARGE_GAP
    return validation > LARGE_LOSS_RATIO * train
