import pytest

from core.exceptions import (
    CoreError,
    DamagedRun,
    InvalidInput,
    NewerRun,
    RunsFolderError,
    TrainingFailed,
    UnknownName,
)


def message(name, known):
    return str(UnknownName("variant", name, known))


def test_an_unknown_name_gets_the_nearest_known_one():
    assert message("resnt9", ["resnet9", "dense"]) == (
        "No variant is called 'resnt9'. Did you mean 'resnet9'?"
    )


def test_upper_case_does_not_hide_the_nearest_name():
    assert message("DENSE", ["resnet9", "dense"]) == (
        "No variant is called 'DENSE'. Did you mean 'dense'?"
    )


def test_where_no_name_is_near_the_known_ones_are_listed_in_order():
    assert message("xyz", ["b", "a"]) == "No variant is called 'xyz'. Known: a, b."


def test_a_long_list_of_known_names_is_cut():
    known = [f"name-{number:02d}" for number in range(30)]
    text = message("zzz", known)
    assert "name-19, ... (30 in all)." in text
    assert "name-20" not in text


def test_without_known_names_there_is_no_hint():
    assert message("x", []) == "No variant is called 'x'."


@pytest.mark.parametrize("error", [UnknownName("run", "x", ()), RunsFolderError("full")])
def test_bad_input_is_told_apart_from_failed_work(error):
    assert isinstance(error, InvalidInput)
    assert not isinstance(DamagedRun("x"), InvalidInput)
    assert not isinstance(TrainingFailed("nan_loss", "x"), InvalidInput)


def test_a_failure_carries_its_reason_and_its_text():
    error = TrainingFailed("nan_loss", "The loss is not finite.")
    assert (error.reason, str(error)) == ("nan_loss", "The loss is not finite.")


def test_a_run_of_a_later_version_is_a_damaged_one_that_says_what_it_holds():
    error = NewerRun("run.json has schema 2", {"schema": 2})
    assert isinstance(error, DamagedRun)
    assert isinstance(error, CoreError)
    assert error.values == {"schema": 2}
    assert str(error) == (
        "run.json has schema 2: a later version of Petridish wrote it; it is only shown"
    )
