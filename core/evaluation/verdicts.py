"""Verdicts: what the history of one run says, each rule a function that gives a finding, or None where it is silent.

Here are all rules in order, and those about the curve itself; `verdicts_ending` has why training ended, and
`verdicts_gap` training against validation. All speak of one run with one seed: they say what happened, not what would
happen again. Against another run: `verdicts_against`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from core.evaluation.course import (
    SMOOTHED_EPOCHS,
    Course,
    Rows,
    finite,
    mapping,
    smoothed,
)
from core.evaluation.margin import ACCURACY
from core.evaluation.verdict import Verdict, epochs, percent
from core.evaluation.verdicts_ending import diverged, still_improving, stopped
from core.evaluation.verdicts_gap import gap, gap_split, validation_above_train

UNSTEADY_MARGINS = 1.0
"""Volatility, in margins, from which a curve is unsteady. If chance in the images were drawn anew at each epoch, it alone
would give 0.55 (0.674, the median of a normal distance, times the root of 2/3, since the mean holds the value itself)."""

DEAD_SHARE_SAID, DEAD_SHARE_LARGE = 0.01, 0.25
"""Shares of a layer's neurons from which dead ones are mentioned, and are a warning. A choice: in the shapes study half
of the features were dead, which capped its accuracy; a quarter is half-way there."""


def verdicts(
    rows: Rows,
    config: Mapping[str, Any] | None = None,
    num_validation: int | None = None,
    state: str | None = None,
    reason: str | None = None,
) -> list[Verdict]:
    """Return what the rules find in a history: warnings first, then by importance; nothing before the first epoch.

    Args:
        rows: of `history.jsonl`, one per epoch; keys may be missing, values null or NaN.
        config: of the run, as JSON: it decides which explanations apply.
        num_validation: images of the validation split, for the margin of chance; None when unknown.
        state: of the run, such as "finished"; None when unknown.
        reason: why it is in that state, such as "nan_loss".
    """
    course = Course.of(rows, config, num_validation=num_validation, state=state, reason=reason)
    if not course.rows:
        return []
    found = [verdict for rule in RULES if (verdict := rule(course)) is not None]
    return sorted(found, key=lambda verdict: not verdict.is_warning)


def best_epoch(course: Course) -> Verdict | None:
    """Say which epoch was best on validation, by accuracy or by what early stopping watches; its weights are kept."""
    epoch, metric = course.best_epoch, course.watched
    if epoch is None:
        return None
    extreme = "highest" if metric is ACCURACY else "lowest"
    text = (
        f"Validation {metric.name} was {extreme} in epoch {epoch} of {course.last_epoch} "
        f"({metric.shown(course.curve[epoch])})"
    )
    after = course.last_epoch - epoch
    if after > 0:
        those = "the last epoch" if after == 1 else f"the last {epochs(after)}"
        text += f"; {those} brought no more"
    return Verdict("best_epoch", f"{text}.", epoch)


def plateau(course: Course) -> Verdict | None:
    """Say from which epoch on validation hardly gained; see `Course.plateau_epoch`.

    Nothing of a run that was still improving when it ended: by single epochs its last ones may lie within one margin,
    while their mean, which chance moves less, still rises by more.
    """
    epoch, metric = course.plateau_epoch, course.watched
    if epoch is None or still_improving(course) is not None:
        return None
    top = max(smoothed(course.curve).values(), key=lambda value: metric.sign * value)
    text = (
        f"The plateau was reached in epoch {epoch} of {course.last_epoch}: in the "
        f"{epochs(course.last_epoch - epoch)} after it validation {metric.name}, smoothed, improved by no more than "
        f"{course.margin_words(metric, top)}."
    )
    return Verdict("plateau", text, epoch)


def volatility(course: Course) -> Verdict | None:
    """Say how steady validation is from epoch to epoch; a warning above `UNSTEADY_MARGINS` margins.

    See `Course.volatility`.
    """
    distance, epoch, metric = course.volatility, course.best_epoch, course.watched
    if math.isnan(distance) or epoch is None:
        return None
    value = course.curve[epoch]
    is_unsteady = distance > UNSTEADY_MARGINS * course.margin(metric, value)
    text = (
        f"Validation {metric.name} is {'unsteady' if is_unsteady else 'steady'}: in the later half it typically lies "
        f"{metric.difference(distance)} off its mean over {epochs(SMOOTHED_EPOCHS)}, where chance in the images means "
        f"{course.margin_words(metric, value)}"
    )
    tail = "; so which epoch is best is partly luck." if is_unsteady else "."
    return Verdict("volatility", text + tail, None, is_unsteady)


def dead_neurons(course: Course) -> Verdict | None:
    """Say how many neurons of a layer are zero on every image of the fixed training slice, in the best epoch.

    Nothing below `DEAD_SHARE_SAID` in every layer; a warning from `DEAD_SHARE_LARGE` in one of them.
    """
    epoch = course.best_epoch or course.last_epoch
    row = next((row for row in course.rows if row["epoch"] == epoch), {})
    found = {str(layer): finite(one) for layer, one in mapping(row.get("dead_share")).items()}
    shares = {layer: share for layer, share in found.items() if share is not None}
    worst = max(shares, key=lambda layer: shares[layer], default=None)
    if worst is None or shares[worst] < DEAD_SHARE_SAID:
        return None
    text = (
        f"In epoch {epoch}, {percent(shares[worst])} of the neurons of layer {worst} are dead: zero on every "
        "training image looked at."
    )
    more = sum(share >= DEAD_SHARE_SAID for share in shares.values()) - 1
    if more:
        text += f" {more} more of {len(shares)} layers {'has' if more == 1 else 'have'} dead ones."
    return Verdict("dead_neurons", text, epoch, shares[worst] >= DEAD_SHARE_LARGE)


RULES: tuple[Callable[[Course], Verdict | None], ...] = (
    diverged,
    best_epoch,
    stopped,
    still_improving,
    gap,
    gap_split,
    validation_above_train,
    dead_neurons,
    volatility,
    plateau,
)
"""By importance, among warnings and among the others."""
