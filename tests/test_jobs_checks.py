from dataclasses import replace

import numpy as np
import pytest

from core.datasets.base import Split
from core.exceptions import CoreError
from core.jobs.checks import check, notes, notes_of_all
from core.plans import fitted
from core.variants import run_config

SHAPES = {"name": "shapes", "images": 100}
DIGITS = {"name": "digits"}


def refusal(config, data_dir):
    with pytest.raises(CoreError) as raised:
        check(config.dataset.load(data_dir), config, 0)
    return str(raised.value)


@pytest.mark.parametrize(
    ("dataset", "variant", "overrides", "message"),
    [
        (
            SHAPES,
            "shapes-combined",
            {"training.class_loss_weight": 0},
            "training.class_loss_weight must be above 0 unless the classes follow from the counts, or the class head "
            "would never be trained; got 0. Take model shapes-reference with model.class_head=from-counts.",
        ),
        (
            DIGITS,
            "dense-base",
            {"training.class_loss_weight": 0},
            "training.class_loss_weight must be above 0 unless the classes follow from the counts, or the class head "
            "would never be trained; got 0. Take model shapes-reference with model.class_head=from-counts.",
        ),
        (
            DIGITS,
            "dense-batch-norm",
            {"stages": [{}, {"changes": {"batch_size": 1}}]},
            "Batch norm body.2 has a single value per unit in a batch of one, and cannot normalise it; "
            "training.batch_size must be at least 2.",
        ),
        (
            DIGITS,
            "dense-base",
            {"stages": [{}, {"changes": {"batch_size": 5000}}]},
            "training.batch_size must be at most the 1077 training samples of 'digits'; got 5000. Take 32: on the page "
            "Train under 'Batch size', or for several variants under 'Changes for all runs'; on the command line with "
            "--set training.batch_size=32.",
        ),
        (
            SHAPES,
            "shapes-combined",
            {"augmentation": {"steps": [{"name": "mixup", "probability": 1}]}},
            "step 1 (mixup) is refused: mixing gives labels that are shares of classes, and the counts of a mixture "
            "are not true. Remove it.",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(data_dir, dataset, variant, overrides, message):
    assert refusal(run_config(dataset, variant, overrides), data_dir) == message


def test_counts_alone_can_be_trained_where_the_classes_follow_from_them(data_dir):
    config = run_config(SHAPES, "shapes-counts")
    check(config.dataset.load(data_dir), config, 0)


def test_a_batch_may_hold_more_than_the_samples_where_each_is_several_copies(data_dir):
    copies = {"augmentation": {"expansion": {"k": 1, "is_forced": True}}}
    config = run_config(DIGITS, "dense-base", {"training.batch_size": 2000, **copies})
    check(config.dataset.load(data_dir), config, 0)


def test_the_notes_say_what_augmentation_does_to_labels(data_dir):
    config = run_config(SHAPES, "shapes-quarter-turn")
    said = notes(config.dataset.load(data_dir), config)
    assert said[0].startswith("step 1 (quarter-turn) changes labels: ")
    assert "counts" in said[1]


def test_the_notes_say_that_a_weight_of_the_counts_means_nothing_without_counts(data_dir):
    config = run_config(DIGITS, "shapes-combined", {"training.batch_size": 32})
    (note,) = notes(config.dataset.load(data_dir), config)
    assert note == (
        "training.count_loss_weight is 6 and means nothing here: the data set has no counts, and the classes alone are "
        "trained."
    )


def test_the_notes_say_that_few_images_made_the_batches_smaller(data_dir):
    config = run_config(SHAPES, "shapes-combined")
    dataset = config.dataset.load(data_dir)
    said = "Batch size 16 instead of 64: there are only 80 training images."
    assert said in notes(dataset, fitted(config, 80))
    for size in (64, 8):
        others = notes(dataset, config.changed({"training.batch_size": size}))
        assert not [note for note in others if "atch size" in note]


def test_the_notes_name_classes_that_are_never_trained(data_dir):
    config = run_config(DIGITS, "dense-base")
    dataset = config.dataset.load(data_dir)
    assert notes(dataset, config) == []
    train = dataset.split("train")
    kept = np.flatnonzero(~np.isin(train.labels, (3, 8)))
    poor = replace(
        dataset,
        splits={**dataset.splits, "train": Split(train.images[kept], train.labels[kept], None)},
    )
    assert notes(poor, config) == [
        f"The {split} split has 2 of 10 classes that the training split lacks: '3', '8'. They cannot be learnt."
        for split in ("validation", "test")
    ]


def test_a_note_that_not_all_variants_have_names_those_that_have_it():
    said = [("one", ["seen", "turned"]), ("two", ["seen"]), ("three", ["seen", "turned"])]
    assert notes_of_all(said) == ["seen", "in one, three: turned"]
    assert notes_of_all([("one", ["a"]), ("one", ["b"])]) == ["a", "b"]
