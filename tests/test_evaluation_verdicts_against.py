from dataclasses import replace

import pytest

from core.evaluation.course import Course
from core.evaluation.verdicts_against import (
    alike,
    better,
    plateau_against,
    slower,
    smoother,
    smoothest,
    verdicts_against,
    worse,
)


def course_of(label, accuracies, num_validation=10_500, config=None, **columns):
    rows = []
    for position, value in enumerate(accuracies):
        row = {"epoch": position + 1, "validation_accuracy": value}
        rows.append(row | {name: values[position] for name, values in columns.items()})
    return Course.of(rows, config, num_validation=num_validation, label=label)


BASE = course_of("dense-base", [0.7, 0.8210])


def test_a_difference_beyond_two_standard_errors_is_better_or_worse():
    course = course_of("conv-base", [0.8, 0.8724, 0.85])
    verdict = better(course, BASE)
    assert (verdict.rule, verdict.epoch, verdict.is_warning) == ("better", 2, False)
    assert verdict.sentence == (
        "conv-base is better than dense-base: validation accuracy 87.2 % against 82.1 % in the best epochs, a difference of "
        "5.1 points where the standard error is 0.5 points (one seed each: another may change it)."
    )
    verdict = worse(BASE, course)
    assert verdict.is_warning
    assert verdict.sentence == (
        "dense-base is worse than conv-base: validation accuracy 82.1 % against 87.2 % in the best epochs, a difference of "
        "5.1 points where the standard error is 0.5 points (one seed each: another may change it)."
    )
    assert worse(course, BASE) is better(BASE, course) is alike(course, BASE) is None


def test_a_difference_within_two_standard_errors_is_neither():
    verdict = alike(course_of("dense-deep", [0.8300]), BASE)
    assert verdict.sentence == (
        "dense-deep and dense-base cannot be told apart: validation accuracy 83.0 % against 82.1 % in the best epochs, a "
        "difference of 0.9 points where the standard error is 0.5 points (one seed each: another may change it)."
    )
    assert better(course_of("dense-deep", [0.8300]), BASE) is None


def test_without_numbers_of_images_the_margin_is_an_assumption():
    verdict = better(course_of("a", [0.9], None), course_of("b", [0.8], None))
    assert "where the margin is taken as 0.7 points" in verdict.sentence


def test_runs_that_only_count_are_compared_by_loss():
    config = {"training": {"class_loss_weight": 0}}
    one = course_of("counting", [0.0], config=config, validation_loss=[0.3])
    two = course_of("combined", [0.5], validation_loss=[0.4])
    assert better(one, two).sentence == (
        "counting is better than combined: validation loss 0.300 against 0.400 in the best epochs, a difference of 0.100 "
        "where the margin is taken as 0.0100 (one seed each: another may change it)."
    )


def test_slower_means_a_longer_median_epoch():
    wide = course_of("dense-wide", [0.5] * 3, epoch_seconds=[90.0, 21.0, 21.0])
    base = course_of("dense-base", [0.5] * 3, epoch_seconds=[10.0, 10.0, 30.0])
    assert slower(wide, base).sentence == (
        "dense-wide is slower than dense-base: an epoch takes 21.0 s against 10.0 s, 2.10 times as long (medians; they "
        "compare only where both trained on the same machine)."
    )
    assert slower(base, wide) is None
    a_little = course_of("dense-wide", [0.5], epoch_seconds=[12.0])
    assert slower(a_little, base) is None
    assert slower(course_of("unmeasured", [0.5]), base) is None


def test_a_plateau_three_epochs_away_is_sooner_or_later():
    early = course_of("combined", [0.5] + [0.8] * 7)
    late = course_of("single", [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8])
    verdict = plateau_against(early, late)
    assert (verdict.rule, verdict.epoch) == ("sooner", 3)
    assert verdict.sentence == (
        "combined reaches its plateau sooner than single: in epoch 3 against 7 (one seed each)."
    )
    assert plateau_against(late, early).sentence == (
        "single reaches its plateau later than combined: in epoch 7 against 3 (one seed each)."
    )
    assert plateau_against(early, early) is None
    assert plateau_against(early, BASE) is None


def test_a_run_that_was_still_improving_has_reached_no_plateau_to_compare():
    accuracies = [0.30, 0.50, 0.70, 0.80, 0.86, 0.87, 0.87, 0.88]
    early = course_of("combined", [0.8] * 8, 100)
    late = course_of("single", accuracies, 100, {"training": {"patience": 5, "max_epochs": 8}})
    assert plateau_against(early, late).rule == "sooner"
    cut_off = replace(late, state="finished")
    assert plateau_against(early, cut_off) is None and plateau_against(cut_off, early) is None


def jumping(label, jump):
    return course_of(label, [0.8 + 1.5 * jump * (place % 2) for place in range(12)])


def test_the_smoothest_of_several_runs_is_named_with_the_next():
    courses = [jumping("base", 0.010), jumping("dropout", 0.004), jumping("sgd", 0.02)]
    place, verdict = smoothest([*courses, BASE])
    assert place == 1
    assert verdict.sentence == (
        "dropout has the smoothest validation accuracy of 3 runs, before base: it typically lies 0.4 points off its moving mean, "
        "against 1.0 points (one seed each)."
    )


def test_of_two_runs_one_is_smoother():
    one, two = jumping("dropout", 0.004), jumping("base", 0.01)
    assert smoother(one, two).sentence == (
        "dropout has a smoother validation accuracy than base: it typically lies 0.4 points off its moving mean, against "
        "1.0 points (one seed each)."
    )
    assert smoother(two, one) is None


@pytest.mark.parametrize(
    "courses",
    [
        [],
        [jumping("alone", 0.01)],
        [jumping("a", 0.010), jumping("b", 0.011)],
        [jumping("still", 0), jumping("too", 0)],
        [BASE, jumping("b", 0.011)],
    ],
)
def test_without_a_clear_difference_none_is_the_smoothest(courses):
    assert smoothest(courses) is None


def test_all_rules_against_a_baseline_together():
    fast = [0.80, 0.8724, 0.87, 0.871, 0.872]
    course = course_of("this run", fast, epoch_seconds=[20.0] * 5)
    base = course_of("dense-base", [0.7] * 5, epoch_seconds=[10.0] * 5)
    found = verdicts_against(course, base)
    assert [verdict.rule for verdict in found] == ["better", "slower"]
    assert found[0].sentence.startswith("This run is better than dense-base: ")


@pytest.mark.parametrize("rows", [[], [{"epoch": 1}], [{"epoch": 1, "validation_accuracy": None}]])
def test_an_empty_history_says_nothing_on_either_side(rows):
    assert verdicts_against(Course.of(rows), BASE) == []
    assert verdicts_against(BASE, Course.of(rows)) == []
