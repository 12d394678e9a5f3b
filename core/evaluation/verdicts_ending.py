"""Verdicts on how training ended: diverged, stopped and by what, cut off while it still improved.

Separate because they ask the run's state and settings as much as its curve. A finished run's state does not say whether
early stopping or the limit of epochs ended it, so that is worked out from the history.
"""

from statistics import fmean
from typing import Literal

from core.evaluation.course import Course, finite
from core.evaluation.margin import LOSS
from core.evaluation.verdict import Verdict, epochs, significant

DIVERGED_FACTOR = 1.5
"""Last training loss over the lowest from which, if it is also no better than the first, training diverged. A choice:
the losses of neighbouring epochs differ by hundredths of themselves, that of a network blown up by whole factors."""

IMPROVING_EPOCHS = 3
"""Epochs whose mean is compared with that of as many before; of fewer than six epochs, half of them."""

BROKEN_OFF = {
    "crashed": "its process died",
    "interrupted": "the machine restarted",
    "lost": "its machine gives no sign of life",
}
"""States of a run whose training nobody ended on purpose, and what happened."""

FAILED = {
    "nan_loss": "the loss was no longer a finite number",
    "gpu_memory": "the GPU ran out of memory",
}
"""Reasons of a failed run in words; others are errors of many kinds."""


def stop_cause(course: Course) -> Literal["patience", "max_epochs"] | None:
    """Return what ended a finished run; None for any other, and where its settings are not known.

    Fewer epochs than the last stage's limit mean early stopping. At the limit it is early stopping too where the
    patience had just run out (small gains that `min_gain` would not count are taken for gains here).
    """
    limit, patience = course.number("max_epochs"), course.number("patience")
    if course.state != "finished" or limit == 0:
        return None
    last = course.last_stage
    if len(last.rows) < limit:
        return "patience"
    best = last.best_epoch
    is_exhausted = best is not None and 0 < patience <= last.last_epoch - best
    return "patience" if is_exhausted else "max_epochs"


def stopped(course: Course) -> Verdict | None:
    """Say why training ended; nothing while it goes on or waits its turn. A warning where nobody wanted it."""
    last, name = course.last_epoch, course.watched.name
    after = f"after epoch {last}"
    cause = stop_cause(course)
    if cause == "patience":
        text = (
            f"Early stopping ended training {after}: validation {name} had not improved for "
            f"{epochs(int(course.number('patience')))} (the patience)."
        )
        return Verdict("stopped", text, last)
    if cause == "max_epochs":
        limit = epochs(int(course.number("max_epochs")))
        if course.has_stages:
            text = f"Training ended {after}: its last stage may have {limit}."
        else:
            text = f"Training ended at the limit of {limit}."
        return Verdict("stopped", text, last)
    if course.state == "stopped":
        how = " on request" if course.reason == "request" else ""
        return Verdict("stopped", f"Training was stopped{how} {after}.", last)
    if course.state == "paused":
        why = ": the disk is full" if course.reason == "disk_full" else ""
        return Verdict("stopped", f"Training is paused {after}{why}.", last, bool(why))
    if course.state == "failed":
        why = FAILED.get(course.reason or "", f"an error ({course.reason or 'unknown'})")
    elif course.state in BROKEN_OFF:
        why = BROKEN_OFF[course.state]
    else:
        return None
    return Verdict("stopped", f"Training broke off {after}: {why}.", last, True)


def still_improving(course: Course) -> Verdict | None:
    """Say that the limit of epochs cut off a rise.

    That is so if the mean of the last `IMPROVING_EPOCHS` epochs of the last stage beats that of as many before them by
    more than one margin. A run that diverged only recovers.
    """
    if stop_cause(course) != "max_epochs" or diverged(course) is not None:
        return None
    metric = course.watched
    values = list(course.last_stage.curve.values())
    width = min(IMPROVING_EPOCHS, len(values) // 2)
    if width == 0:
        return None
    now, before = fmean(values[-width:]), fmean(values[-2 * width : -width])
    gain = metric.sign * (now - before)
    if gain <= course.margin(metric, now):
        return None
    compared = (
        "the last epoch lies {} the one before"
        if width == 1
        else f"the mean of the last {width} epochs lies {{}} that of the {width} before"
    ).format(f"{metric.difference(gain)} {metric.better_side}")
    text = (
        f"Validation {metric.name} was still improving when the limit of epochs ended training: {compared}. "
        "More epochs may help."
    )
    return Verdict("still_improving", text, course.last_epoch, True)


def diverged(course: Course) -> Verdict | None:
    """Say that training blew up: a loss that is not finite, or a training loss that rose for good.

    The latter is a last training loss of more than `DIVERGED_FACTOR` times the lowest that is also no better than that
    of the first epoch. A rising validation loss alone is overfitting, and no divergence.
    """
    found = _not_finite(course) or _risen(course)
    if found is None:
        return None
    epoch, what = found
    rate = course.number("learning_rate")
    remedy = f" A learning rate below {rate:g} may help." if rate > 0 else ""
    return Verdict("diverged", f"Training diverged: {what}.{remedy}", epoch, True)


def _not_finite(course: Course) -> tuple[int, str] | None:
    for row in course.rows:
        for split, words in (("train", "training"), ("validation", "validation")):
            key = LOSS.key(split)
            if key in row and finite(row[key]) is None:
                epoch = row["epoch"]
                return epoch, f"the {words} loss of epoch {epoch} is not a finite number"
    if course.reason == "nan_loss":
        epoch = course.last_epoch + 1
        return epoch, f"the loss stopped being a finite number in epoch {epoch}"
    return None


def _risen(course: Course) -> tuple[int, str] | None:
    losses = course.values(LOSS.key("train"))
    if not losses:
        return None
    first, last = losses[min(losses)], losses[max(losses)]
    lowest = min(losses, key=lambda epoch: losses[epoch])
    if last < first or last <= DIVERGED_FACTOR * losses[lowest]:
        return None
    return lowest, (
        f"the training loss ended at {significant(last)}, after {significant(losses[lowest])} in epoch {lowest} and "
        f"{significant(first)} in epoch {min(losses)}"
    )
