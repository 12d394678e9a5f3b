import math

import pytest

from core.evaluation.course import Course, smoothed
from core.evaluation.margin import ACCURACY, LOSS


def course_of(accuracies, config=None, num_validation=10_500, **columns):
    rows = []
    for position, value in enumerate(accuracies):
        row = {"epoch": position + 1, "validation_accuracy": value}
        rows.append(row | {name: values[position] for name, values in columns.items()})
    return Course.of(rows, config, num_validation=num_validation)


def test_rows_without_an_epoch_are_left_out_and_the_others_sorted():
    rows = [{"epoch": 2}, {"epoch": None}, {}, {"epoch": True}, {"epoch": 1}, {"epoch": 2, "a": 1}]
    assert Course.of(rows).rows == [{"epoch": 1}, {"epoch": 2, "a": 1}]


def test_what_is_no_finite_number_is_no_value():
    course = course_of([0.1, None, math.nan, math.inf, "0.5", True, 1])
    assert course.values("validation_accuracy") == {1: 0.1, 7: 1.0}


def test_the_best_epoch_is_the_first_of_equals():
    assert course_of([0.1, math.nan, 0.8, 0.8]).best_epoch == 3
    assert course_of([]).best_epoch is None


def test_where_early_stopping_watches_the_loss_it_decides_the_best_epoch():
    config = {"training": {"early_stopping_metric": "validation_loss"}}
    course = course_of([0.5, 0.6, 0.7], config, validation_loss=[1.0, 0.8, 0.9])
    assert (course.metric, course.watched, course.best_epoch) == (ACCURACY, LOSS, 2)


def test_a_run_that_only_counts_is_judged_by_its_loss():
    config = {"training": {"class_loss_weight": 0}}
    course = course_of([0.5, 0.4, 0.3], config, validation_loss=[0.9, 0.8, 0.7])
    assert (course.metric, course.best_epoch) == (LOSS, 3)
    assert course_of([None], None, validation_loss=[0.9]).metric is LOSS


def test_smoothing_takes_three_epochs_and_two_at_the_ends():
    assert smoothed({1: 0.0, 2: 3.0, 4: 6.0, 5: 0.0}) == {1: 1.5, 2: 3.0, 4: 3.0, 5: 3.0}


def test_the_plateau_begins_where_the_smoothed_curve_is_within_a_standard_error_of_its_best():
    # Smoothed: 0.55, 0.633, 0.75, 0.833, 0.85, 0.85, 0.85; one standard error of 0.85 on 10,500 is 0.0035.
    assert course_of([0.5, 0.6, 0.8, 0.85, 0.85, 0.85, 0.85]).plateau_epoch == 5
    # On 40 images a standard error is 5.6 points.
    assert course_of([0.5, 0.6, 0.8, 0.85, 0.85, 0.85, 0.85], None, 40).plateau_epoch == 4


def test_one_lucky_epoch_is_no_plateau():
    assert course_of([0.5, 0.95, 0.5, 0.8, 0.9, 0.9, 0.9, 0.9]).plateau_epoch == 6


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5], [None, None]])
def test_a_short_or_still_rising_curve_has_no_plateau(values):
    assert course_of(values).plateau_epoch is None


def test_the_plateau_of_a_loss_lies_near_its_lowest():
    config = {"training": {"early_stopping_metric": "validation_loss"}}
    losses = [2.0, 1.0, 0.5, 0.5, 0.5, 0.9]
    assert course_of([0.5] * 6, config, validation_loss=losses).plateau_epoch == 4


def test_volatility_is_the_typical_distance_from_the_moving_mean_in_the_later_half():
    still = [0.1, 0.9, 0.1, 0.9, 0.1]
    # Each value of the later half lies 0.03 from its neighbours, hence 0.02 from the mean of the three.
    assert course_of([*still, 0.80, 0.83, 0.80, 0.83, 0.80]).volatility == pytest.approx(0.02)
    assert course_of([*still, 0.5, 0.6, 0.7, 0.8, 0.9]).volatility == pytest.approx(0)


@pytest.mark.parametrize("length", [12, 13, 14, 15])
def test_a_curve_that_goes_up_and_down_is_volatile_whatever_its_length(length):
    values = [0.8 + 0.03 * (place % 2) for place in range(length)]
    assert course_of(values).volatility == pytest.approx(0.02)


def test_one_jump_such_as_that_of_a_new_stage_is_no_volatility():
    assert course_of([0.5] * 10 + [0.7] * 5).volatility == pytest.approx(0)


def test_volatility_of_too_few_epochs_is_undefined():
    assert math.isnan(course_of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]).volatility)
    assert not math.isnan(course_of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]).volatility)


def test_settings_are_those_of_the_last_epoch_s_stage():
    config = {
        "training": {"patience": 4, "max_epochs": 200},
        "stages": [{"changes": {}}, {"changes": {"patience": 2}}],
    }
    course = course_of([0.1, 0.2, 0.3], config, stage=[0, 1, 1])
    assert (course.number("patience"), course.number("max_epochs")) == (2, 200)
    assert course.has_stages and len(course.last_stage.rows) == 2
    assert course_of([0.1], config, stage=[0]).number("patience") == 4


@pytest.mark.parametrize(
    "config",
    [{}, {"training": None, "stages": 3}, {"training": [], "stages": [1]}, {"training": {"a": {}}}],
)
def test_a_config_of_any_form_has_no_settings_at_worst(config):
    course = course_of([0.1], config)
    assert (course.number("patience"), course.setting("patience")) == (0, None)
    assert course.last_stage.rows == course.rows


def test_a_margin_in_words_says_what_it_rests_on():
    course = course_of([0.9])
    assert course.margin_words(ACCURACY, 0.87) == "0.3 points, one standard error on 10,500 images"
    assert course.margin_words(LOSS, 0.5) == "0.0100, 2 % of it"
    assert (
        course_of([0.9], None, None).margin_words(ACCURACY, 0.9) == "0.5 points, an assumed margin"
    )
