import pytest

from core.exceptions import InvalidParameter
from core.runs.waits import VARIABLE, Waits


def test_every_wait_has_a_meaning_and_a_bound():
    for name, field in Waits.model_fields.items():
        assert field.description, name
        assert field.metadata, name


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_without_a_wish_the_waits_are_the_declared_ones(monkeypatch, text):
    monkeypatch.delenv(VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    assert Waits.from_environment() == Waits()


def test_the_environment_shortens_some(monkeypatch):
    monkeypatch.setenv(VARIABLE, '{"runner_idle": 1, "stall": 0.5}')
    assert Waits.from_environment() == Waits(runner_idle=1, stall=0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "PETRIDISH_WAITS must hold a JSON object; got '{'."),
        ("[1]", "PETRIDISH_WAITS must hold a JSON object; got '[1]'."),
        (
            '{"stal": 1}',
            "PETRIDISH_WAITS: No setting is called 'stal'. Did you mean 'stall'?",
        ),
        ('{"stall": 0}', "PETRIDISH_WAITS: stall must lie in (0, inf); got 0."),
        ('{"stall": "long"}', "PETRIDISH_WAITS: stall must be a number; got 'long'."),
    ],
)
def test_a_wrong_wish_names_the_variable(monkeypatch, text, message):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InvalidParameter) as raised:
        Waits.from_environment()
    assert str(raised.value) == message
