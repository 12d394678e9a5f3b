import pytest

from core.differences import differences_from_variant
from core.exceptions import InvalidParameter, UnknownName
from core.plans import (
    MOST_RUNS,
    common_differences,
    fitted,
    fitted_batch_size,
    grid,
    parsed_values,
    suite_on,
)
from core.variants import SUITES, VARIANTS, run_config

DIGITS = {"name": "digits"}


@pytest.fixture
def dense():
    return run_config(DIGITS, "dense-base")


def test_without_values_each_config_is_planned_as_it_is(dense):
    (planned,) = grid([dense], {})
    assert planned.config is dense and planned.values == {} and planned.words == ""


def test_every_combination_of_values_is_planned_with_every_config(dense):
    conv = run_config(DIGITS, "conv-base-padded")
    values = {"training.learning_rate": [0.001, 0.003], "training.batch_size": [32, 64]}
    planned = grid([dense, conv], values)
    seen = [
        (one.config.variant, one.config.training.learning_rate, one.config.training.batch_size)
        for one in planned
    ]
    assert len(set(seen)) == len(seen) == 8
    assert seen[1] == ("dense-base", 0.001, 64)
    assert planned[1].words == "learning rate 0.001, batch size 64"


def test_one_value_is_a_change_for_all_and_sets_nothing_apart(dense):
    values = {"training.max_epochs": [5], "training.learning_rate": [0.1, 0.2, 0.1]}
    planned = grid([dense], values)
    assert [one.config.training.max_epochs for one in planned] == [5, 5]
    assert [one.words for one in planned] == ["learning rate 0.1", "learning rate 0.2"]


def test_too_many_runs_are_refused_before_any_is_made(dense):
    values = {"training.max_epochs": list(range(1, 101))}
    assert len(grid([dense], values, num_seeds=MOST_RUNS // 100)) == 100
    with pytest.raises(InvalidParameter, match=r"At most 500 runs .* these would be 600\. Take"):
        grid([dense], values, num_seeds=6)


def test_a_setting_without_values_or_of_another_model_is_refused(dense):
    with pytest.raises(InvalidParameter, match=r"training\.learning_rate needs at least one value"):
        grid([dense], {"training.learning_rate": []})
    with pytest.raises(UnknownName, match=r"model\.padding"):
        grid([dense], {"model.padding": [0, 1]})
    with pytest.raises(InvalidParameter, match=r"learning_rate must lie in \(0, 10\]; got 99"):
        grid([dense], {"training.learning_rate": [0.1, 99]})


def test_values_are_read_from_a_text():
    assert parsed_values("0.001, 3,, sgd ") == [0.001, 3, "sgd"]
    assert parsed_values("128, 64; 256;", is_list=True) == [[128, 64], [256]]
    assert parsed_values("") == [] == parsed_values(" ; ", is_list=True)


def test_of_a_suite_a_data_set_gets_its_own_entries():
    found = suite_on(SUITES["demo"], {"name": "digits"}, {"training.max_epochs": 2})
    assert [one.variant for one in found] == ["conv-base-padded", "dense-base"]
    assert {(one.training.batch_size, one.training.max_epochs) for one in found} == {(32, 2)}
    (shapes,) = suite_on(SUITES["demo"], {"name": "shapes"})
    assert shapes.to_json()["dataset"]["images"] == 3000
    (shapes,) = suite_on(SUITES["demo"], {"name": "shapes", "images": 400})
    assert shapes.to_json()["dataset"]["images"] == 400


def test_a_data_set_that_a_suite_does_not_name_gets_all_of_it():
    found = suite_on(SUITES["fashion-dense"], DIGITS)
    assert len(found) == len(SUITES["fashion-dense"].entries)
    assert {one.dataset.name for one in found} == {"digits"}


@pytest.mark.parametrize(
    ("num_samples", "size"),
    [(1024, 256), (1023, 128), (108, 16), (64, 16), (63, 8), (16, 4), (5, 4), (3, 2), (1, 1)],
)
def test_a_batch_is_fitted_to_a_quarter_of_few_images(num_samples, size):
    assert fitted_batch_size(256, num_samples) == size


def test_a_batch_size_that_leaves_four_steps_an_epoch_stays_as_it_is(dense):
    assert fitted_batch_size(27, 108) == 27
    assert fitted(dense, 1077) is dense
    (found,) = differences_from_variant(fitted(dense, 108).to_json())
    assert (found.path, found.before, found.after) == ("training.batch_size", "256", "16")


def test_no_variant_is_changed_on_the_data_sets_that_are_built_in():
    sizes = {"digits": 1077, "shapes": 8000, "fashion": 31_500, "fashion-official": 50_000}
    for name, num_samples in sizes.items():
        for variant in VARIANTS:
            config = run_config({"name": name}, variant)
            assert fitted(config, num_samples) is config


def test_what_all_plans_change_leaves_out_what_sets_them_apart(dense):
    values = {"training.learning_rate": [0.1, 0.2], "training.max_epochs": [3]}
    (found,) = common_differences(dense, grid([dense], values))
    assert (found.path, found.after) == ("training.max_epochs", "3")
    assert common_differences(dense, grid([dense], {"training.learning_rate": [0.1, 0.2]})) is None
    assert common_differences(dense, grid([dense], {})) == []
