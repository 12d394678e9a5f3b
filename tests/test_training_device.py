import pytest
import torch

from core.exceptions import InvalidParameter, UnknownName
from core.training.device import choose, make_deterministic, set_threads


def test_the_cpu_is_there_when_asked_for():
    choice = choose("cpu")
    assert choice.device == torch.device("cpu")
    assert choice.reason == "cpu was asked for."


def test_auto_gives_a_device_that_works_and_says_why():
    choice = choose("auto")
    assert torch.ones(2, device=choice.device).sum().item() == 2
    assert choice.reason.endswith(".")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_refused_with_a_remedy():
    with pytest.raises(
        InvalidParameter, match=r"^Device 'cuda' is not available .* Take auto or cpu\.$"
    ):
        choose("cuda")


def test_an_unknown_device_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"^No device is called 'cdua'\. Did you mean 'cuda'\?$"):
        choose("cdua")


def test_the_thread_budget_is_what_was_asked_for():
    before = torch.get_num_threads()
    try:
        set_threads(2)
        assert torch.get_num_threads() == 2
    finally:
        set_threads(before)


def test_nothing_is_switched_for_the_cpu():
    make_deterministic(torch.device("cpu"))
    assert not torch.are_deterministic_algorithms_enabled()
