import pytest

from core.jobs.permissions import is_loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
def test_a_loopback_address_is_reached_from_this_machine_alone(address):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "192.168.0.2", "127.0.0.1.example.org", "", None]
)
def test_any_other_address_may_be_reached_by_others(address):
    assert not is_loopback(address)
