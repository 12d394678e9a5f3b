import pytest

from core.evaluation.course import Course
from core.evaluation.margin import ACCURACY, LOSS
from core.evaluation.verdicts_gap import causes, gap, gap_split, validation_above_train
from core.variants import VARIANTS

DROPOUT = {"model": {"dropout": 0.3}}
AUGMENTED = {"augmentation": {"steps": [{"name": "zoom", "probability": 0.5}], "expansion": None}}
COUNTING = {"training": {"class_loss_weight": 0, "label_smoothing": 0.1}}


def course_of(config=None, **values):
    """One epoch, after one that is worse."""
    worse = {"epoch": 1, "validation_accuracy": 0.1, "validation_loss": 9.0}
    return Course.of([worse, {"epoch": 2} | values], config, num_validation=10_500)


def test_the_gap_is_that_of_the_best_epoch():
    verdict = gap(course_of(validation_accuracy=0.8724, train_accuracy=0.9262))
    assert (verdict.epoch, verdict.is_warning) == (2, True)
    assert verdict.sentence == (
        "Validation accuracy lies 5.4 points below training accuracy in epoch 2 (87.2 % against 92.6 %)."
    )


def test_the_gap_shows_losses_where_there_are_any():
    course = course_of(
        validation_accuracy=0.85, train_accuracy=0.87, validation_loss=0.402, train_loss=0.213
    )
    verdict = gap(course)
    assert not verdict.is_warning
    assert verdict.sentence == (
        "Validation accuracy lies 2.0 points below training accuracy in epoch 2 "
        "(85.0 % against 87.0 %; losses 0.402 against 0.213)."
    )


def test_where_the_parts_are_known_the_gap_itself_is_no_warning():
    course = course_of(validation_accuracy=0.8724, train_accuracy=0.9262, train_eval_accuracy=0.88)
    assert not gap(course).is_warning


def test_a_gap_within_chance_is_called_so():
    verdict = gap(course_of(validation_accuracy=0.872, train_accuracy=0.870))
    assert verdict.sentence == (
        "Validation and training accuracy differ by no more than chance in epoch 2 (87.2 % against 87.0 %)."
    )


def test_only_what_exceeds_two_standard_errors_is_called_a_difference():
    # One standard error is 0.33 points on 10,500 images; together with the slice's 0.74, 0.81.
    values = {"validation_accuracy": 0.8720, "train_accuracy": 0.8775}
    assert "no more than chance" in gap(course_of(**values)).sentence
    assert " lies 0.8 points below " in gap(course_of(**values | {"train_accuracy": 0.88})).sentence
    clean = {"train_eval_accuracy": 0.8720 + 0.0150}
    assert "overfitting does not show" in gap_split(course_of(**values, **clean)).sentence
    clean = {"train_eval_accuracy": 0.8720 + 0.0170}
    assert "the model's own overfitting" in gap_split(course_of(**values, **clean)).sentence
    assert validation_above_train(course_of(**values | {"train_accuracy": 0.8665})) is None


def test_a_run_that_only_counts_has_its_gap_in_the_loss():
    values = {"validation_accuracy": 0.01, "train_accuracy": 0.01}
    verdict = gap(course_of(COUNTING, **values, validation_loss=0.5, train_loss=0.2))
    assert verdict.is_warning
    assert verdict.sentence == (
        "Validation loss lies 0.300 above training loss in epoch 2 (0.500 against 0.200)."
    )


def test_without_both_values_there_is_no_gap():
    assert gap(course_of(validation_accuracy=0.9)) is None
    assert gap(Course.of([{"epoch": 1, "train_accuracy": 0.5}])) is None
    assert gap_split(course_of(validation_accuracy=0.9, train_accuracy=0.95)) is None


def test_the_gap_falls_into_training_mode_and_the_model_s_own():
    values = {
        "validation_accuracy": 0.8724,
        "train_accuracy": 0.9262,
        "train_eval_accuracy": 0.9410,
    }
    verdict = gap_split(course_of(DROPOUT | AUGMENTED, **values))
    assert (verdict.epoch, verdict.is_warning) == (2, True)
    assert verdict.sentence == (
        "The gap of epoch 2 in parts: training images give 92.6 % while training and 94.1 % in evaluation mode, so dropout, "
        "augmentation and averaging over the epoch cost 1.5 points. What validation (87.2 %) lacks from there, 6.9 points, "
        "give or take 0.6 points, is the model's own overfitting."
    )


def test_parts_within_chance_are_said_to_be_nothing():
    values = {
        "validation_accuracy": 0.8724,
        "train_accuracy": 0.8740,
        "train_eval_accuracy": 0.8750,
    }
    verdict = gap_split(course_of(**values))
    assert not verdict.is_warning
    assert verdict.sentence == (
        "The gap of epoch 2 in parts: training images give 87.4 % while training and 87.5 % in evaluation mode, so averaging "
        "over the epoch cost nothing measurable. Validation (87.2 %) is not measurably worse than that: overfitting "
        "does not show."
    )


def test_evaluation_mode_that_is_worse_than_training_is_said():
    values = {"validation_accuracy": 0.83, "train_accuracy": 0.87, "train_eval_accuracy": 0.83}
    assert gap_split(course_of(DROPOUT, **values)).sentence == (
        "The gap of epoch 2 in parts: training images give 87.0 % while training and 83.0 % in evaluation mode, 4.0 points "
        "worse, so dropout and averaging over the epoch cost nothing measurable. Validation (83.0 %) is not measurably worse "
        "than that: overfitting does not show."
    )


def test_a_small_gap_of_the_model_s_own_is_no_warning():
    values = {"validation_accuracy": 0.87, "train_accuracy": 0.90, "train_eval_accuracy": 0.91}
    assert not gap_split(course_of(**values)).is_warning


def test_the_parts_of_a_loss_name_what_changes_only_losses():
    values = {"validation_loss": 0.5, "train_loss": 0.4, "train_eval_loss": 0.2}
    verdict = gap_split(course_of(COUNTING, **values))
    assert verdict.is_warning
    assert verdict.sentence == (
        "The gap of epoch 2 in parts: training images give 0.400 while training and 0.200 in evaluation mode, so label "
        "smoothing and averaging over the epoch cost 0.200. What validation (0.500) lacks from there, 0.300, is the model's "
        "own overfitting."
    )


def test_dropout_explains_validation_above_training():
    values = {
        "validation_accuracy": 0.8621,
        "train_accuracy": 0.8398,
        "train_eval_accuracy": 0.8914,
    }
    verdict = validation_above_train(course_of(DROPOUT, **values))
    assert (verdict.epoch, verdict.is_warning) == (2, False)
    assert verdict.sentence == (
        "Validation accuracy lies 2.2 points above training accuracy in epoch 2 (86.2 % against 84.0 %) because of dropout "
        "and averaging over the epoch while training: in evaluation mode training images give 89.1 %."
    )
    assert gap(course_of(DROPOUT, **values)) is None


def test_validation_above_training_that_training_mode_does_not_explain_is_a_warning():
    values = {
        "validation_accuracy": 0.8621,
        "train_accuracy": 0.8398,
        "train_eval_accuracy": 0.8402,
    }
    verdict = validation_above_train(course_of(DROPOUT, **values))
    assert verdict.is_warning
    assert verdict.sentence == (
        "Validation accuracy lies 2.2 points above training accuracy in epoch 2 (86.2 % against 84.0 %), and training mode "
        "does not explain it: in evaluation mode training images give 84.0 %. The validation images may be easier, or some of "
        "them may be among the training images too."
    )


def test_without_evaluation_mode_the_reason_stays_open():
    values = {"validation_accuracy": 0.8621, "train_accuracy": 0.8398}
    assert validation_above_train(course_of(DROPOUT, **values)).sentence == (
        "Validation accuracy lies 2.2 points above training accuracy in epoch 2 (86.2 % against 84.0 %). Why cannot be told: "
        "training images were not measured in evaluation mode."
    )


def test_a_loss_below_training_s_is_explained_too():
    values = {"validation_accuracy": 0.85, "train_accuracy": 0.86}
    values |= {"validation_loss": 1.5, "train_loss": 1.8, "train_eval_loss": 1.2}
    assert validation_above_train(course_of(DROPOUT, **values)).sentence == (
        "Validation loss lies 0.300 below training loss in epoch 2 (1.50 against 1.80) because of dropout and averaging over "
        "the epoch while training: in evaluation mode training images give 1.20."
    )


@pytest.mark.parametrize(
    "values",
    [
        {"validation_accuracy": 0.871, "train_accuracy": 0.870},
        {"validation_accuracy": 0.8, "train_accuracy": 0.9},
        {"validation_accuracy": 0.9},
    ],
)
def test_validation_that_is_not_better_needs_no_explanation(values):
    assert validation_above_train(course_of(**values)) is None


@pytest.mark.parametrize(
    ("config", "accuracy", "loss"),
    [
        ({}, [], []),
        ({"model": {"dropout": [0.0, 0.2]}}, ["dropout"], ["dropout"]),
        ({"model": {"heads": [{"channel_dropout": 0.5}]}}, ["dropout"], ["dropout"]),
        ({"model": {"dropout": 0.0, "padding": 1}}, [], []),
        (AUGMENTED, ["augmentation"], ["augmentation"]),
        ({"augmentation": {"expansion": {"copies": 4}}}, ["augmentation"], ["augmentation"]),
        ({"augmentation": {"steps": [{"probability": 0.0}], "expansion": None}}, [], []),
        (
            {"training": {"label_smoothing": 0.1, "class_weights": "balanced"}},
            [],
            ["label smoothing", "class weights"],
        ),
    ],
)
def test_the_settings_decide_what_makes_training_harder(config, accuracy, loss):
    course = Course.of([], config)
    assert (causes(course, ACCURACY), causes(course, LOSS)) == (accuracy, loss)


def test_averaged_weights_and_batch_norm_are_named():
    config = {"model": {"has_batch_norm": True}, "training": {"ema_decay": 0.99}}
    values = {"validation_accuracy": 0.9, "train_accuracy": 0.8, "train_eval_accuracy": 0.9}
    assert "so batch norm over single batches, weights not yet averaged and averaging over" in (
        gap_split(course_of(config, **values)).sentence
    )


def test_the_settings_of_every_variant_are_understood():
    for name, variant in VARIANTS.items():
        config = {
            "model": variant.model.model_dump(mode="json"),
            "augmentation": variant.augmentation.to_json(),
        }
        known = causes(Course.of([], config), ACCURACY)
        assert ("augmentation" in known) != variant.augmentation.is_identity, name
        assert "dropout" in known or "dropout" not in name, name
    assert causes(Course.of([], {"model": VARIANTS["dense-base"].model.model_dump()}), LOSS) == []
