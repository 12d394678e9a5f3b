import math

import pytest

from core.evaluation.course import Course
from core.evaluation.verdicts import verdicts
from core.evaluation.verdicts_ending import diverged, still_improving, stop_cause, stopped

TRAINING = {"training": {"patience": 3, "max_epochs": 6, "learning_rate": 0.01}}


def course_of(accuracies, config=TRAINING, state="finished", reason=None, **columns):
    rows = []
    for position, value in enumerate(accuracies):
        row = {"epoch": position + 1, "validation_accuracy": value}
        rows.append(row | {name: values[position] for name, values in columns.items()})
    return Course.of(rows, config, num_validation=10_500, state=state, reason=reason)


def test_fewer_epochs_than_the_limit_mean_early_stopping():
    course = course_of([0.7, 0.8, 0.79, 0.78, 0.77])
    assert stop_cause(course) == "patience"
    verdict = stopped(course)
    assert (verdict.epoch, verdict.is_warning) == (5, False)
    assert verdict.sentence == (
        "Early stopping ended training after epoch 5: validation accuracy had not improved for 3 epochs (the patience)."
    )


def test_where_it_watches_the_loss_early_stopping_says_loss():
    config = {
        "training": {
            "patience": 1,
            "max_epochs": 9,
            "early_stopping_metric": "validation_loss",
        }
    }
    assert stopped(course_of([0.7, 0.8], config, validation_loss=[0.5, 0.6])).sentence == (
        "Early stopping ended training after epoch 2: validation loss had not improved for 1 epoch (the patience)."
    )


def test_all_epochs_mean_the_limit():
    course = course_of([0.5, 0.6, 0.7, 0.8, 0.81, 0.82])
    assert stop_cause(course) == "max_epochs"
    assert stopped(course).sentence == "Training ended at the limit of 6 epochs."


def test_at_the_limit_patience_that_just_ran_out_comes_first():
    assert stop_cause(course_of([0.5, 0.6, 0.8, 0.7, 0.7, 0.7])) == "patience"
    without = {"training": {"patience": 0, "max_epochs": 6}}
    assert stop_cause(course_of([0.5, 0.6, 0.8, 0.7, 0.7, 0.7], without)) == "max_epochs"


def test_of_several_stages_the_last_one_counts():
    config = {
        "training": {"patience": 4, "max_epochs": 200},
        "stages": [{"changes": {}}, {"changes": {"max_epochs": 3}}],
    }
    accuracies, stage = [0.9, 0.8, 0.8, 0.8, 0.8, 0.7, 0.7, 0.8], [0, 0, 0, 0, 0, 1, 1, 1]
    course = course_of(accuracies, config, stage=stage)
    assert stopped(course).sentence == (
        "Training ended after epoch 8: its last stage may have 3 epochs."
    )
    assert stop_cause(course_of(accuracies[:-1], config, stage=stage)) == "patience"


@pytest.mark.parametrize(
    ("state", "reason", "sentence", "is_warning"),
    [
        ("stopped", "request", "Training was stopped on request after epoch 2.", False),
        ("stopped", "terminated", "Training was stopped after epoch 2.", False),
        ("paused", None, "Training is paused after epoch 2.", False),
        ("paused", "disk_full", "Training is paused after epoch 2: the disk is full.", True),
        (
            "failed",
            "nan_loss",
            "Training broke off after epoch 2: the loss was no longer a finite number.",
            True,
        ),
        (
            "failed",
            "gpu_memory",
            "Training broke off after epoch 2: the GPU ran out of memory.",
            True,
        ),
        ("failed", "OSError", "Training broke off after epoch 2: an error (OSError).", True),
        ("failed", None, "Training broke off after epoch 2: an error (unknown).", True),
        ("crashed", "signal", "Training broke off after epoch 2: its process died.", True),
        (
            "interrupted",
            "restart",
            "Training broke off after epoch 2: the machine restarted.",
            True,
        ),
        (
            "lost",
            "no_heartbeat",
            "Training broke off after epoch 2: its machine gives no sign of life.",
            True,
        ),
    ],
)
def test_an_end_before_time_says_what_happened(state, reason, sentence, is_warning):
    verdict = stopped(course_of([0.7, 0.8], state=state, reason=reason))
    assert (verdict.sentence, verdict.is_warning) == (sentence, is_warning)


@pytest.mark.parametrize("state", [None, "queued", "starting", "running", "stalled", "damaged"])
def test_while_it_goes_on_nothing_is_said_of_the_end(state):
    assert stopped(course_of([0.7, 0.8], state=state)) is None


def test_without_settings_the_end_of_a_finished_run_is_unknown():
    assert stopped(course_of([0.7, 0.8], {})) is None


def test_a_rise_that_the_limit_cut_off_is_a_warning():
    verdict = still_improving(course_of([0.5, 0.6, 0.7, 0.75, 0.78, 0.80]))
    assert (verdict.epoch, verdict.is_warning) == (6, True)
    assert verdict.sentence == (
        "Validation accuracy was still improving when the limit of epochs ended training: the mean of the last 3 epochs "
        "lies 17.7 points above that of the 3 before. More epochs may help."
    )


def test_a_falling_loss_is_an_improvement():
    config = {"training": {"max_epochs": 2, "early_stopping_metric": "validation_loss"}}
    course = course_of([0.5, 0.5], config, validation_loss=[0.6, 0.4])
    assert still_improving(course).sentence == (
        "Validation loss was still improving when the limit of epochs ended training: the last epoch lies 0.200 below the "
        "one before. More epochs may help."
    )


@pytest.mark.parametrize(
    "accuracies",
    [
        [0.80, 0.80, 0.80, 0.80, 0.80, 0.81],  # 0.33 points of mean, one standard error is 0.39
        [0.9, 0.8, 0.7, 0.7, 0.7, 0.95],
        [0.7, 0.8, 0.9],  # early stopping
    ],
)
def test_no_rise_or_another_end_is_not_still_improving(accuracies):
    assert still_improving(course_of(accuracies)) is None


def test_a_run_that_diverged_is_not_still_improving():
    accuracies = [0.5, 0.6, 0.7, 0.75, 0.78, 0.80]
    assert still_improving(course_of(accuracies, train_loss=[0.5, None, 1, 1, 1, 1])) is None


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_loss_that_is_no_number_is_divergence(value):
    verdict = diverged(course_of([0.7, 0.1], train_loss=[0.5, value]))
    assert (verdict.epoch, verdict.is_warning) == (2, True)
    assert verdict.sentence == (
        "Training diverged: the training loss of epoch 2 is not a finite number. A learning rate below 0.01 may help."
    )
    course = course_of([0.7, 0.1], {}, validation_loss=[0.5, value])
    assert diverged(course).sentence == (
        "Training diverged: the validation loss of epoch 2 is not a finite number."
    )


def test_a_run_that_failed_for_its_loss_diverged_in_the_epoch_that_has_no_row():
    course = course_of([0.7], {}, "failed", "nan_loss", train_loss=[0.5])
    assert diverged(course).sentence == (
        "Training diverged: the loss stopped being a finite number in epoch 2."
    )


def test_a_training_loss_that_rose_for_good_is_divergence():
    verdict = diverged(course_of([0.7] * 4, train_loss=[0.9, 0.5, 0.4, 3.0]))
    assert verdict.epoch == 3
    assert verdict.sentence == (
        "Training diverged: the training loss ended at 3.00, after 0.400 in epoch 3 and 0.900 in epoch 1. "
        "A learning rate below 0.01 may help."
    )


@pytest.mark.parametrize(
    "losses",
    [
        [2.303, 2.304, 2.304],  # it never learnt, which is another matter
        [0.9, 0.4, 3.0, 0.5],  # it recovered
        [0.9, 0.3, 0.5],  # it rose, but is better than at the start
        [0.5],
    ],
)
def test_other_training_losses_are_no_divergence(losses):
    rising = [0.1 * (place + 1) for place in range(len(losses))]
    course = course_of([0.7] * len(losses), train_loss=losses, validation_loss=rising)
    assert diverged(course) is None


def test_without_losses_nothing_is_said_of_divergence():
    assert diverged(course_of([0.7])) is None


def test_of_a_run_that_was_still_improving_no_plateau_is_told():
    accuracies = [0.30, 0.50, 0.70, 0.80, 0.86, 0.87, 0.87, 0.88]
    config = {"training": {"patience": 5, "max_epochs": 8}}
    course = Course.of(course_of(accuracies).rows, config, num_validation=100, state="finished")
    # By the smoothed single epochs there is one; the means of three epochs still rise by more than a margin.
    assert course.plateau_epoch == 5
    rules = [one.rule for one in verdicts(course.rows, config, 100, "finished")]
    assert "still_improving" in rules and "plateau" not in rules
    rules = [one.rule for one in verdicts(course.rows, config, 100, "stopped", "request")]
    assert "plateau" in rules and "still_improving" not in rules
