import numpy as np
import pytest


@pytest.fixture
def four_runs(trained):
    rng = np.random.default_rng(0)
    return [
        trained(name, seed, rng.random(100) < rate)
        for name, rate in (("dense-base", 0.6), ("dense-deep", 0.9))
        for seed in (0, 1)
    ]


def test_a_comparison_has_the_promised_keys_and_the_numbers_of_the_runs(facts, store, four_runs):
    found = facts("compare", *[run.id for run in four_runs], "--runs", store.root)
    assert set(found) == {"metric", "baseline", "variants", "pairs", "sentences"}
    assert (found["metric"], found["baseline"]) == ("accuracy", None)
    deep, base = found["variants"]
    assert set(deep) == {
        *("variant", "runs", "mean", "low", "high", "best_epoch", "seconds", "parameters")
    }
    assert (deep["variant"], base["variant"], deep["runs"]) == ("dense-deep", "dense-base", 2)
    means = [run.predictions("test").is_right.mean() for run in four_runs]
    assert base["mean"] == pytest.approx(np.mean(means[:2]))
    assert (base["best_epoch"], base["seconds"], base["parameters"]) == (1, 6.0, 1234)
    (pair,) = found["pairs"]
    assert set(pair) == {"a", "b", "difference", "low", "high", "p", "p_adjusted", "real"}
    assert pair["difference"] == pytest.approx(np.mean(means[2:]) - np.mean(means[:2]))
    assert pair["real"] is False
    assert "to compare the variants takes at least 3 seeds of each." in found["sentences"][0]


def test_all_runs_of_a_data_set_are_compared_with_a_baseline(facts, store, four_runs):
    there = ("--runs", store.root)
    chosen = facts(
        "compare", *[run.id[:-1] for run in four_runs], "--baseline", "dense-base", *there
    )
    assert chosen == facts("compare", "--dataset", "digits", "--baseline", "dense-base", *there)
    assert chosen["baseline"] == chosen["pairs"][0]["b"] == "dense-base"


def test_another_metric_and_split(facts, store, four_runs):
    found = facts(
        *("compare", "--dataset", "digits", "--metric", "macro_f1", "--split", "validation"),
        *("--runs", store.root),
    )
    assert found["metric"] == "macro_f1"


def test_in_words_it_has_a_table_the_pairs_and_the_sentences(petridish, store, four_runs):
    status, out, err = petridish("compare", "--dataset", "digits", "--runs", store.root)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "accuracy on 100 test images, 95 % intervals"
    assert lines[1].split()[:4] == ["variant", "runs", "rank", "mean"]
    assert lines[2].startswith("dense-deep  2     1 to 2  0.")
    assert lines[5].split()[:3] == ["a", "b", "difference"]
    assert lines[-1].startswith("dense-deep against dense-base: +")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name runs by their ids, or a data set with --dataset."),
        (["2025", "--dataset", "digits"], "Name runs by their ids, or a data set with --dataset."),
        (["--dataset", "digit"], "No data set with runs is called 'digit'. Did you mean 'digits'?"),
        (
            ["--dataset", "digits", "--metric", "acc"],
            "No metric is called 'acc'. Did you mean 'auc'?",
        ),
        (
            ["--dataset", "digits", "--baseline", "conv"],
            "No variant among these is called 'conv'. Known: dense-base, dense-deep.",
        ),
    ],
)
def test_wrong_usage_is_one_line(petridish, store, four_runs, arguments, message):
    assert petridish("compare", *arguments, "--runs", store.root) == (
        2,
        "",
        f"petridish: {message}\n",
    )
