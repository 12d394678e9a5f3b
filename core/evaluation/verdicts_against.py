"""Verdicts on a run against a baseline: better, worse or neither, slower, sooner or later at its plateau, smoothest.

Separate from the verdicts on one run because they need two histories. These are quick answers from two curves with one
seed each: intervals over images and seeds are the business of the comparison's own statistics.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median

from core.evaluation.course import Course
from core.evaluation.margin import ACCURACY, LOSS, SURE, Metric, is_known
from core.evaluation.verdict import Verdict, significant
from core.evaluation.verdicts_ending import still_improving

SLOWER_FACTOR = 1.25
"""Seconds of an epoch over the baseline's from which a run is slower. A choice: timings of one and the same run on a machine
that is shared differ by a tenth or two."""

PLATEAU_EPOCHS = 3
"""Epochs by which two plateaus must differ: smoothing over three epochs blurs anything less."""

SMOOTHER_FACTOR = 0.75
"""Volatility over that of the next smoothest from which a run is the smoothest. A choice: a median of few steps is itself
uncertain by some ten per cent."""


def verdicts_against(course: Course, baseline: Course, *, are_ranked: bool = True) -> list[Verdict]:
    """Return what the rules find in a run's history beside its baseline's; `label` of each names it in sentences.

    Args:
        course: the run.
        baseline: the other one.
        are_ranked: whether to say which of the two runs is better; not where variants are meant, which takes all seeds.
    """
    rules = RULES_AGAINST if are_ranked else [one for one in RULES_AGAINST if one not in RANKING]
    return [verdict for rule in rules if (verdict := rule(course, baseline)) is not None]


def better(course: Course, baseline: Course) -> Verdict | None:
    """Say that the run's best validation value beats the baseline's by more than `SURE` standard errors."""
    return _compared(course, baseline, "better")


def worse(course: Course, baseline: Course) -> Verdict | None:
    """Say that the run's best validation value falls short of the baseline's by more than `SURE` standard errors."""
    return _compared(course, baseline, "worse")


def alike(course: Course, baseline: Course) -> Verdict | None:
    """Say that neither is better: the difference of the best values lies within `SURE` standard errors."""
    return _compared(course, baseline, "alike")


def slower(course: Course, baseline: Course) -> Verdict | None:
    """Say that the run's median epoch takes `SLOWER_FACTOR` times the baseline's or more."""
    mine, other = (_epoch_seconds(one) for one in (course, baseline))
    if mine is None or other is None or mine < SLOWER_FACTOR * other:
        return None
    text = (
        f"{_opening(course)} is slower than {baseline.label}: an epoch takes {significant(mine)} s against "
        f"{significant(other)} s, {significant(mine / other)} times as long (medians; they compare only where both "
        "trained on the same machine)."
    )
    return Verdict("slower", text, None, True)


def plateau_against(course: Course, baseline: Course) -> Verdict | None:
    """Say that the run reaches its plateau `PLATEAU_EPOCHS` or more epochs sooner or later than the baseline.

    Nothing where either was still improving when it ended: that one has reached none.
    """
    mine, other = course.plateau_epoch, baseline.plateau_epoch
    if mine is None or other is None or abs(mine - other) < PLATEAU_EPOCHS:
        return None
    if still_improving(course) is not None or still_improving(baseline) is not None:
        return None
    word = "sooner" if mine < other else "later"
    text = (
        f"{_opening(course)} reaches its plateau {word} than {baseline.label}: in epoch {mine} against {other} "
        "(one seed each)."
    )
    return Verdict(word, text, mine)


def smoother(course: Course, baseline: Course) -> Verdict | None:
    """Say that the run's validation curve is the smoother one; see `smoothest`."""
    found = smoothest([course, baseline])
    return found[1] if found is not None and found[0] == 0 else None


def smoothest(courses: Sequence[Course]) -> tuple[int, Verdict] | None:
    """Return which of several runs has the smoothest validation curve, as its position, and say so.

    It is the one with the smallest `Course.volatility`, if that is at most `SMOOTHER_FACTOR` times the next. None with
    fewer than two runs whose volatility is known, and where they watch different metrics.
    """
    distances = {
        place: course.volatility
        for place, course in enumerate(courses)
        if not math.isnan(course.volatility)
    }
    metrics = {courses[place].watched.name for place in distances}
    if len(distances) < 2 or len(metrics) > 1:
        return None
    first, second = sorted(distances, key=lambda place: distances[place])[:2]
    if distances[first] > SMOOTHER_FACTOR * distances[second] or distances[second] == 0:
        return None
    course, other = courses[first], courses[second]
    metric = course.watched
    among = "than" if len(distances) == 2 else f"of {len(distances)} runs, before"
    degree = "a smoother" if len(distances) == 2 else "the smoothest"
    text = (
        f"{_opening(course)} has {degree} validation {metric.name} {among} {other.label}: it typically lies "
        f"{metric.difference(distances[first])} off its moving mean, against {metric.difference(distances[second])} "
        "(one seed each)."
    )
    return first, Verdict("smoothest", text)


RULES_AGAINST: tuple[Callable[[Course, Course], Verdict | None], ...] = (
    better,
    worse,
    alike,
    slower,
    plateau_against,
    smoother,
)
"""By importance."""

RANKING = (better, worse, alike)
"""Those that say which of two runs is better."""


def _compared(course: Course, baseline: Course, wanted: str) -> Verdict | None:
    """Compare the best validation values, and speak if the outcome is the wanted one."""
    metric = ACCURACY if course.metric is ACCURACY and baseline.metric is ACCURACY else LOSS
    mine, other = _best(course, metric), _best(baseline, metric)
    if mine is None or other is None:
        return None
    (epoch, value), (_, reference) = mine, other
    difference = metric.sign * (value - reference)
    error = math.hypot(course.margin(metric, value), baseline.margin(metric, reference))
    outcome = "alike"
    if abs(difference) > SURE * error:
        outcome = "better" if difference > 0 else "worse"
    if outcome != wanted:
        return None
    values = f"{metric.shown(value)} against {metric.shown(reference)} in the best epochs"
    is_measured = metric is ACCURACY and all(
        is_known(one.num_validation) for one in (course, baseline)
    )
    chance = f"{'the standard error is' if is_measured else 'the margin is taken as'} {metric.difference(error)}"
    opening = f"{_opening(course)} {{}}: validation {metric.name} {values}, a difference of"
    if outcome == "alike":
        text = opening.format(f"and {baseline.label} cannot be told apart")
    else:
        text = opening.format(f"is {outcome} than {baseline.label}")
    text += (
        f" {metric.difference(difference)} where {chance} (one seed each: another may change it)."
    )
    return Verdict(outcome, text, epoch, outcome == "worse")


def _best(course: Course, metric: Metric) -> tuple[int, float] | None:
    values = course.values(metric.key("validation"))
    epoch = max(values, key=lambda one: metric.sign * values[one], default=None)
    return None if epoch is None else (epoch, values[epoch])


def _epoch_seconds(course: Course) -> float | None:
    seconds = [value for value in course.values("epoch_seconds").values() if value > 0]
    return median(seconds) if seconds else None


def _opening(course: Course) -> str:
    """Return a run's label as a sentence begins; a variant's name stays as it is."""
    return "This run" if course.label == Course.label else course.label
