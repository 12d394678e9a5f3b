import pytest

from core.datasets import DATASETS
from core.evaluation.verdicts import verdicts
from core.exceptions import IncompatibleModel
from core.facts import (
    demo_row,
    final_accuracy,
    fits,
    group_verdicts,
    run_facts,
    run_verdicts,
    suite_facts,
    variant_facts,
    variant_rows,
)
from core.jobs.attempt import weights_sha256
from core.run_groups import groups
from core.runs import files
from core.variants import SUITES, VARIANTS


@pytest.fixture(scope="module")
def digits(data_dir):
    return DATASETS["digits"].checked({}).load(data_dir)


@pytest.fixture(scope="module")
def shapes(data_dir):
    return DATASETS["shapes"].checked({"images": 300}).load(data_dir)


def test_facts_of_a_run_are_its_row_and_more(finished_run):
    from safetensors.torch import load_file

    facts = run_facts(finished_run)
    row = finished_run.row()
    assert {key: facts[key] for key in row} == row
    assert set(facts) - set(row) == {
        "config",
        "attempts",
        "path",
        "weights_sha256",
        "parameters",
        "verdicts",
    }
    assert facts["config"] == finished_run.config
    assert facts["path"] == str(finished_run.layout.path)
    weights = load_file(finished_run.layout.best_weights)
    assert facts["weights_sha256"] == weights_sha256(weights)
    assert facts["parameters"] == sum(one.numel() for one in weights.values())
    (attempt,) = facts["attempts"]
    assert set(attempt) == {"attempt", "host", "pid", "device", "from_epoch", "exit"}
    assert (attempt["attempt"], attempt["device"], attempt["from_epoch"]) == (1, "cpu", 1)
    assert attempt["exit"] is None  # inline: no runner saw it end


def test_verdicts_of_a_run_rest_on_its_history_state_and_number_of_validation_images(finished_run):
    rows = finished_run.history()
    num_validation = len(finished_run.predictions("validation"))
    expected = verdicts(rows, finished_run.config, num_validation, "finished")
    assert run_verdicts(finished_run, rows) == expected
    shown = run_facts(finished_run)["verdicts"]
    assert [one["sentence"] for one in shown] == [verdict.sentence for verdict in expected]
    assert all(set(one) == {"rule", "sentence", "epoch", "is_warning"} for one in shown)
    (ending,) = [one for one in shown if one["rule"] == "stopped"]
    assert ending["sentence"] == "Training ended at the limit of 3 epochs."


def test_verdicts_survive_a_damaged_index(finished_copy):
    (run,) = finished_copy.runs()
    for damage in (b"", b"[]", b'{"splits": 1}', b'{"splits": {"validation": {"samples": null}}}'):
        run.layout.predictions_index.write_bytes(damage)
        assert run_verdicts(run, run.history())


def test_an_attempt_s_exit_is_what_the_runner_saw(finished_copy):
    (run,) = finished_copy.runs()
    files.write_json(run.layout.exit(1), {"code": None, "signal": 9})
    files.write_json(run.layout.attempt(2), {"from_epoch": 3})
    first, second = run_facts(run)["attempts"]
    assert first["exit"] == {"code": None, "signal": 9}
    assert (second["attempt"], second["host"], second["exit"]) == (2, None, None)


def test_facts_of_a_damaged_run_are_what_is_left_of_it(finished_copy):
    (run,) = finished_copy.runs()
    run.layout.run_json.write_bytes(b"")
    run.layout.best_json.write_bytes(b"")
    run.layout.attempt(1).write_bytes(b"")
    facts = run_facts(finished_copy.run(run.id))
    assert facts["damaged"] == "run.json is empty"
    assert facts["config"] == {}
    assert facts["weights_sha256"] is facts["parameters"] is None
    assert facts["attempts"][0]["host"] is None


def test_the_final_accuracy_is_that_of_the_best_weights_on_test(finished_run, finished_copy):
    accuracy = final_accuracy(finished_run)
    assert accuracy == float(finished_run.predictions("test").is_right.mean())
    (copy,) = finished_copy.runs()
    copy.layout.test_json.unlink()
    assert final_accuracy(copy) is None


def test_a_row_of_the_demo_sums_a_run_up(finished_run):
    row = demo_row(finished_run)
    assert list(row) == ["id", "dataset", "variant", "state", "test_accuracy", "seconds"]
    assert row["state"] == "finished"
    assert row["test_accuracy"] == final_accuracy(finished_run)
    assert row["seconds"] >= 0


def test_variants_and_suites_are_listed_with_what_they_are():
    rows = variant_rows(None)
    assert [row["name"] for row in rows] == [*VARIANTS, *SUITES]
    assert {row["kind"] for row in rows} == {"variant", "suite"}
    assert all(row["description"] for row in rows)


def test_for_a_data_set_only_what_fits_is_listed(digits, shapes):
    names = {row["name"] for row in variant_rows(digits)}
    assert "conv-base-padded" in names
    assert "demo" in names
    assert "conv-base" not in names  # nothing is left of 8x8 pixels
    assert "shapes-net" not in names  # the digits imply no counts
    assert {row["name"] for row in variant_rows(shapes)} >= {"conv-base", "shapes-net"}


@pytest.mark.parametrize("name", list(VARIANTS))
def test_facts_of_a_variant_add_up(name, digits, shapes):
    facts = variant_facts(VARIANTS[name], [digits, shapes])
    assert list(facts) == [
        "name",
        "description",
        "dataset",
        "parameters",
        "multiply_adds",
        "model",
        "training",
        "stages",
        "augmentation",
        "layers",
    ]
    assert facts["dataset"] in ("digits", "shapes")
    keys = {"layer", "kind", "output_shape", "parameters", "multiply_adds"}
    assert set(facts["layers"][0]) == keys
    for total in ("parameters", "multiply_adds"):
        assert sum(layer[total] for layer in facts["layers"]) == facts[total] > 0


def test_a_variant_whose_augmentation_a_data_set_refuses_does_not_fit_it(digits, shapes):
    assert not fits(VARIANTS["shapes-horizontal-flip"], digits)
    assert fits(VARIANTS["shapes-horizontal-flip"], shapes)


def test_data_sets_behind_the_first_that_fits_are_not_made(digits):
    def candidates():
        yield digits
        raise AssertionError("asked for another")

    assert variant_facts(VARIANTS["dense-base"], candidates())["dataset"] == "digits"


def test_a_variant_that_fits_nothing_says_why(digits):
    with pytest.raises(IncompatibleModel, match="needs at least"):
        variant_facts(VARIANTS["conv-base"], [digits])


def test_facts_of_a_suite_name_its_runs():
    facts = suite_facts(SUITES["demo"])
    assert list(facts) == ["name", "description", "runs"]
    assert [run["variant"] for run in facts["runs"]] == [
        "conv-base-padded",
        "dense-base",
        "shapes-net",
    ]
    assert facts["runs"][2]["dataset"] == {"name": "shapes", "images": 3000}


def test_verdicts_of_a_variant_say_in_how_many_seeds_and_stand_beside_the_baseline(trained):
    def rows(*accuracies, seconds=1.0):
        return [
            {"attempt": 1, "step": 10 * epoch, "stage": 0, "epoch_seconds": seconds, "epoch": epoch}
            | {"validation_accuracy": accuracy, "train_accuracy": accuracy, "samples": 64}
            for epoch, accuracy in enumerate(accuracies, start=1)
        ]

    is_right = [True, False] * 30
    slow = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    base = [trained("dense-base", 0, is_right, rows=rows(*slow))]
    wide = [
        trained("dense-wide", seed, is_right, rows=rows(*accuracies, seconds=9.0))
        for seed, accuracies in enumerate([slow, [0.8, 0.8, 0.8, 0.8, 0.8, 0.8], slow])
    ]
    group, baseline = groups(wide)[0], groups(base)[0]
    alone = group_verdicts(group, None)
    assert alone == group_verdicts(group, group)
    by_rule = {one.verdict.rule: one for one in alone}
    assert max(one.num_seeds for one in alone) == 3
    for rule, one in by_rule.items():
        of_seeds = [
            verdict
            for run in wide
            for verdict in run_verdicts(run, run.history())
            if verdict.rule == rule
        ]
        assert (one.verdict, one.num_seeds) == (of_seeds[0], len(of_seeds))
    warnings = [one.verdict.is_warning for one in alone]
    assert warnings == sorted(warnings, reverse=True)
    beside = [one for one in group_verdicts(group, baseline) if one.verdict.rule not in by_rule]
    # The only run of the baseline stands beside each seed.
    assert beside and all("dense-base" in one.verdict.sentence for one in beside)
    assert max(one.num_seeds for one in beside) <= 3
    # Which variant is better, all seeds say together: one beside another might say the contrary.
    assert not {"better", "worse", "alike"} & {one.verdict.rule for one in beside}
