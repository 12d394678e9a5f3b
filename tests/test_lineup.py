from itertools import pairwise
from statistics import fmean

import numpy as np
import pytest

from core.evaluation.comparison import comparison
from core.exceptions import DamagedRun, InvalidParameter, RunStateError, UnknownName
from core.lineup import duel, is_best, lineup, lineup_of, results_table
from core.run_groups import groups

RATES = {"dense-base": (0.70, 0.72, 0.74), "dense-deep": (0.80, 0.83, 0.85)}


def right(rate, seed, num_images=200):
    return np.random.default_rng(seed).random(num_images) < rate


@pytest.fixture
def six_runs(trained):
    return [
        trained(variant, seed, right(rate, 10 * seed + len(variant)))
        for variant, rates in RATES.items()
        for seed, rate in enumerate(rates)
    ]


def test_runs_become_a_comparison_with_the_numbers_of_the_statistics(six_runs):
    found = lineup_of(six_runs, baseline="dense-base")
    expected = comparison(
        {
            name: [run.predictions("test") for run in six_runs if run.variant == name]
            for name in RATES
        },
        baseline="dense-base",
    )
    assert found.comparison.variants.equals(expected.variants)
    assert found.comparison.pairs.equals(expected.pairs)
    assert found.sentences == expected.sentences
    assert found.left_out == ()
    assert [group.label for group in found.groups] == found.comparison.variants["variant"].tolist()


def test_costs_are_the_means_of_the_runs_and_what_the_network_takes(six_runs, trained):
    slow = {"attempt": 1, "epoch": 1, "epoch_seconds": 21.0, "peak_memory": 500}
    slow |= {"validation_accuracy": 0.9}
    found = lineup_of([*six_runs, trained("dense-base", 3, right(0.7, 99), rows=[slow])])
    costs = found.costs.set_index("variant").loc["dense-base"]
    assert costs["epochs"] == fmean([2, 2, 2, 1])
    assert costs["seconds"] == fmean([6, 6, 6, 21])
    assert costs["epoch_seconds"] == fmean([3, 3, 3, 21])
    assert costs["peak_memory"] == 500
    assert costs["parameters"] == 1234
    # 64 pixels, the hidden layers, ten classes.
    widths = [64, *six_runs[0].config["model"]["hidden_layers"], 10]
    assert costs["multiply_adds"] == sum(a * b for a, b in pairwise(widths))
    assert np.isnan(costs["plateau_epoch"])


def test_the_table_has_results_costs_and_any_setting(six_runs):
    found = lineup_of(six_runs)
    table = results_table(found, ["model.hidden_layers", "training.learning_rate"])
    assert table["variant"].tolist() == ["dense-deep", "dense-base"]
    assert table["mean"].tolist() == found.comparison.variants["mean"].tolist()
    assert table["training.learning_rate"].tolist() == [0.001, 0.001]
    marks = is_best(found, table)
    assert marks["mean"].tolist() == [True, False]
    assert marks["multiply_adds"].tolist() == [False, True]
    # Equal everywhere, so none is the best; a setting is no result.
    assert not marks[["seconds", "model.hidden_layers", "low"]].any().any()
    with pytest.raises(UnknownName, match=r"No setting is called 'training\.learning_rat'\."):
        results_table(found, ["training.learning_rat"])


@pytest.mark.parametrize("each_run", [False, True])
def test_no_result_is_marked_best_where_variants_cannot_be_told_apart(trained, each_run):
    close = {"dense-base": 0.90, "dense-deep": 0.89}
    runs = [trained(name, seed, right(close[name], seed)) for name in close for seed in range(3)]
    found = lineup_of(runs)
    assert found.comparison.variants["rank_to"].tolist() == [2, 2]
    table = results_table(found, each_run=each_run)
    marks = is_best(found, table)
    results = ["value"] if each_run else ["mean", "median", "rank"]
    assert not marks[results].any().any()
    assert marks["multiply_adds"].any()
    assert table[results[0]].nunique() > 1


def test_the_table_can_have_a_row_a_run(six_runs):
    table = results_table(lineup_of(six_runs), ["variant"], each_run=True)
    assert len(table) == 6
    values = dict(zip(table["run"], table["value"], strict=True))
    assert values == {run.id: run.predictions("test").is_right.mean() for run in six_runs}
    assert table["seed"].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_run_that_still_trains_joins_on_validation_and_is_named_on_test(trained):
    done = trained("dense-base", 0, right(0.7, 1))
    paused = trained("dense-deep", 0, right(0.9, 2), state="paused")
    on_validation = lineup_of([done, paused], "validation")
    assert on_validation.comparison.variants["variant"].tolist() == ["dense-deep", "dense-base"]
    assert on_validation.left_out == (
        "dense-deep, seed 0, is paused and not finished: its best epoch so far, 1, counts.",
    )
    on_test = lineup_of([done, paused])
    assert on_test.comparison.variants["variant"].tolist() == ["dense-base"]
    assert on_test.left_out == (
        f"dense-deep, seed 0 (paused), left out: Run {paused.id} has no outputs on the test split; they are stored when "
        "training ends.",
    )
    assert lineup_of([done, paused], baseline="dense-deep").left_out[-1] == (
        "dense-deep is the baseline and has nothing to compare with."
    )
    with pytest.raises(RunStateError, match=r"None of the chosen runs has predictions on test"):
        lineup_of([paused])


def test_runs_on_other_data_are_left_out_by_name(trained):
    runs = [trained(name, 0, right(0.7, 1)) for name in RATES]
    other = trained("dense-wide", 0, right(0.7, 3), data="e" * 64)
    found = lineup_of([*runs, other])
    assert set(found.comparison.variants["variant"]) == set(RATES)
    (sentence,) = found.left_out
    assert sentence.startswith("dense-wide left out: dense-wide and dense-base were trained on ")
    # The baseline decides which data count.
    assert lineup_of([*runs, other], baseline="dense-wide").comparison.variants[
        "variant"
    ].tolist() == ["dense-wide"]


def test_damaged_runs_and_damaged_results_are_left_out_by_name(trained, store):
    good = trained("dense-base", 0, right(0.7, 1))
    broken = trained("dense-deep", 0, right(0.7, 2))
    broken.layout.test_outputs("class").write_bytes(b"")
    damaged = trained("dense-deep", 1, right(0.7, 3))
    damaged.layout.run_json.write_text("{")
    found = lineup_of(store.runs())
    assert found.comparison.variants["variant"].tolist() == [good.variant]
    assert found.left_out[0].startswith(f"Run {damaged.id} left out: damaged, ")
    assert found.left_out[1].startswith(f"dense-deep, seed 0, left out: Run {broken.id}: results/")
    assert len(found.left_out) == 2


def test_runs_with_fewer_test_images_are_compared_on_what_all_share(trained):
    few, many = trained("dense-base", 0, right(0.7, 1, 60)), trained("dense-deep", 0, right(0.9, 2))
    found = lineup_of([few, many])
    assert found.comparison.num_images == 60
    assert "Compared on the 60 images that all runs share, of up to 200." in found.sentences
    values = dict(zip(found.runs["run"], found.runs["value"], strict=True))
    assert values[many.id] == many.predictions("test").is_right[:60].mean()


def test_predictions_and_histories_come_from_the_readers_given(six_runs):
    asked = []

    def read(run, split):
        asked.append((run.id, split))
        if run.seed == 2:
            raise DamagedRun("gone.")
        return run.predictions(split)

    found = lineup(groups(six_runs), read=read, read_history=lambda run: [])
    assert {(run.id, "test") for run in six_runs} <= set(asked)
    assert found.comparison.variants["runs"].tolist() == [2, 2]
    assert found.costs["epochs"].tolist() == [0, 0]
    assert "dense-base, seed 2, left out: gone." in found.left_out


def test_wrong_questions_are_answered_with_the_rule(six_runs):
    with pytest.raises(UnknownName, match="No split to compare on is called 'train'"):
        lineup_of(six_runs, "train")
    with pytest.raises(
        UnknownName, match=r"No metric is called 'acuracy'\. Did you mean 'accuracy'"
    ):
        lineup_of(six_runs, metric="acuracy")
    with pytest.raises(UnknownName, match="No variant among these is called 'dense-bas'"):
        lineup_of(six_runs, baseline="dense-bas")
    with pytest.raises(InvalidParameter, match="at least one run that is not damaged; got none"):
        lineup_of([])


def test_a_baseline_named_by_its_variant_must_be_one_group(trained):
    rates = {"training.learning_rate": 0.01}
    runs = [
        trained("dense-base", 0, right(0.7, 1)),
        trained("dense-base", 0, right(0.8, 2), **rates),
    ]
    with pytest.raises(InvalidParameter, match=r"2 groups are of variant dense-base\. Name one: "):
        lineup_of(runs, baseline="dense-base")
    found = lineup_of(runs, baseline="dense-base, learning rate 0.01")
    assert found.comparison.baseline == "dense-base, learning rate 0.01"


def test_json_has_the_promised_keys_and_no_undefined_numbers(six_runs):
    found = lineup_of(six_runs, baseline="dense-base").to_json()
    assert list(found) == ["metric", "baseline", "variants", "pairs", "sentences"]
    assert found["variants"][0] == {
        "variant": "dense-deep",
        "runs": 3,
        "mean": pytest.approx(
            fmean(r.predictions("test").is_right.mean() for r in six_runs[3:]), abs=1e-12
        ),
        "low": found["variants"][0]["low"],
        "high": found["variants"][0]["high"],
        "best_epoch": 1,
        "seconds": 6.0,
        "parameters": 1234,
    }


def test_a_duel_asks_all_seeds_or_one(six_runs):
    base, deep = groups(six_runs)
    found = duel(base, deep)
    assert found.num_seeds == (3, 3)
    single = duel(base, deep, seed=1)
    assert single.num_seeds == (1, 1)
    first, second = (six_runs[place].predictions("test").is_right for place in (1, 4))
    assert single.sample_ids("only_a") == np.flatnonzero(first & ~second).tolist()
    with pytest.raises(InvalidParameter, match="dense-base has no run with seed 7; it has 0, 1, 2"):
        duel(base, deep, seed=7)


def test_a_duel_on_two_data_sets_is_refused(trained):
    one = trained("dense-base", 0, right(0.7, 1))
    other = trained("dense-deep", 0, right(0.7, 1), data="e" * 64)
    with pytest.raises(
        InvalidParameter, match=r"different images or splits of digits\. Choose two"
    ):
        duel(*groups([one, other]))
