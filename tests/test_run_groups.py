import pytest

from core.exceptions import UnknownName
from core.run_groups import (
    damaged_sentences,
    default_baseline,
    differing_settings,
    group_settings,
    groups,
    setting_values,
)

RIGHT = [True] * 10


def labels(runs):
    return [group.label for group in groups(runs)]


def test_runs_that_differ_in_their_seed_are_one_group(trained):
    runs = [trained("dense-base", seed, RIGHT) for seed in (2, 0, 1)]
    (group,) = groups(reversed(runs))
    assert group.seeds == (0, 1, 2)
    assert [run.id for run in group.runs] == [runs[place].id for place in (1, 2, 0)]
    assert (group.label, group.variant, group.colour_key) == ("dense-base",) * 3
    assert (group.dataset, group.superseded) == ("digits", ())


def test_of_one_seed_the_newest_finished_run_counts(trained):
    old = trained("dense-base", 0, RIGHT)
    new = trained("dense-base", 0, RIGHT)
    begun = trained("dense-base", 0, RIGHT, state="paused")
    (group,) = groups([old, new, begun])
    assert group.runs == (new,)
    assert group.superseded == (old, begun)


def test_groups_come_in_the_order_of_their_first_run(trained):
    runs = [trained(name, 0, RIGHT) for name in ("dense-deep", "dense-base", "dense-wide")]
    assert labels(reversed(runs)) == ["dense-deep", "dense-base", "dense-wide"]


def test_labels_say_what_sets_groups_of_one_variant_apart(trained):
    rates = [
        trained("dense-base", 0, RIGHT, **{"training.learning_rate": rate})
        for rate in (0.01, 0.001)
    ]
    alone = trained("dense-deep", 0, RIGHT, **{"training.learning_rate": 0.1})
    assert labels([*rates, alone]) == [
        "dense-base, learning rate 0.01",
        "dense-base, learning rate 0.001",
        "dense-deep",
    ]
    assert labels(rates[:1]) == ["dense-base"]


def test_labels_name_at_most_three_settings_and_are_never_alike(trained):
    many = {
        "training.learning_rate": 0.01,
        "training.batch_size": 32,
        "training.patience": 5,
        "training.min_gain": 0.1,
        "training.weight_decay": 0.1,
    }
    runs = [
        trained("dense-base", 0, RIGHT, **(many | {"training.ema_decay": decay}))
        for decay in (0.1, 0.2)
    ]
    found = labels([trained("dense-base", 0, RIGHT), *runs])
    assert all("3 more" in label for label in found)
    assert len(set(found)) == 3


def test_one_group_of_a_variant_keeps_its_colour_and_others_get_their_own(trained):
    changed = trained("dense-base", 0, RIGHT, **{"training.learning_rate": 0.01})
    plain = trained("dense-base", 0, RIGHT)
    first, second = groups([changed, plain])
    assert second.colour_key == "dense-base"
    assert first.colour_key == f"dense-base {first.key}"
    # Alone it is the only one of its variant.
    assert groups([changed])[0].colour_key == "dense-base"


def test_other_data_make_another_group_that_says_so(trained):
    runs = [trained("dense-base", 0, RIGHT, data=data * 64) for data in "ab"]
    assert labels(runs) == ["dense-base, data aaaaaa", "dense-base, data bbbbbb"]
    assert len({group.key for group in groups(runs)}) == 2


def test_a_damaged_run_is_in_no_group_and_is_named(trained, store):
    run = trained("dense-base", 0, RIGHT)
    run.layout.run_json.unlink()
    runs = store.runs()
    assert groups(runs) == []
    assert damaged_sentences(runs) == [f"Run {run.id} left out: damaged, run.json is missing."]


def test_differing_settings_are_those_that_are_not_the_same_everywhere(trained):
    runs = [
        trained("dense-base", 0, RIGHT),
        trained("dense-base", 0, RIGHT, **{"training.learning_rate": 0.01}),
        trained("dense-deep", 0, RIGHT),
    ]
    found = groups(runs)
    assert differing_settings(found) == ["variant", "model.hidden_layers", "training.learning_rate"]
    assert differing_settings(found[:1]) == []
    assert group_settings(found[0])["augmentation"] == "none"
    assert setting_values(found, "training.learning_rate") == {
        "dense-base, learning rate 0.001": "0.001",
        "dense-base, learning rate 0.01": "0.01",
        "dense-deep": "0.001",
    }
    with pytest.raises(UnknownName, match=r"No setting is called 'training\.rate'"):
        setting_values(found, "training.rate")


def test_the_oldest_variant_called_a_base_is_the_baseline_else_the_oldest(trained):
    runs = [trained(variant, 0, RIGHT) for variant in ("dense-deep", "dense-base", "conv-base")]
    assert default_baseline(groups(runs)).variant == "dense-base"
    assert default_baseline(groups([runs[0]])).variant == "dense-deep"
