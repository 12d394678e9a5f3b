"""Who is who: roles by the administrator's file, names that are only typed, and what holds without a file."""

import json
import os

import pytest

from core.jobs import people
from core.jobs.people import (
    NO_LIMITS,
    NOBODY,
    DamagedPeople,
    Limits,
    make_people_file,
    people_of,
    person_named,
    read_people,
    typed_name,
)


@pytest.fixture(autouse=True)
def _at_the_machine(monkeypatch):
    monkeypatch.delenv(people.ACCESS_VARIABLE, raising=False)
    monkeypatch.delenv(people.VARIABLE, raising=False)


@pytest.fixture
def write(tmp_path):
    """Writes the administrator's file of `tmp_path`."""

    def written(values):
        text = values if isinstance(values, bytes) else json.dumps(values).encode()
        (tmp_path / ".people.json").write_bytes(text)

    return written


def test_without_a_file_whoever_sits_at_the_machine_is_admin_without_limits(tmp_path):
    person = person_named(tmp_path, "ada")
    assert (person.role, person.is_verified) == ("admin", True)
    assert people_of(tmp_path).limits_of("ada") == NO_LIMITS


def test_without_a_file_who_logs_in_is_a_student_with_the_limits_of_the_contract(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(people.ACCESS_VARIABLE, "login")
    assert person_named(tmp_path, "ada@example.org").role == "student"
    limits = people_of(tmp_path).limits_of("ada@example.org")
    assert limits == Limits(running=1, queued=5, disk_gb=2, minutes=60, epochs=200, upload_mb=256)


def test_without_a_file_and_login_a_typed_name_is_a_student_and_no_name_looks_only(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(people.ACCESS_VARIABLE, "open")
    ada = person_named(tmp_path, typed_name("ada"))
    assert (ada.name, ada.role, ada.is_verified) == ("ada (not verified)", "student", False)
    assert person_named(tmp_path, typed_name("")).role == "viewer"


def test_the_file_gives_roles_whatever_the_letter_case(tmp_path, write):
    write({"roles": {"Ada@Example.org": "admin", "bo": "viewer"}, "default": "student"})
    assert person_named(tmp_path, "ada@example.ORG").role == "admin"
    assert person_named(tmp_path, "bo").role == "viewer"
    assert person_named(tmp_path, "eve").role == "student"


def test_no_typed_name_becomes_that_of_somebody_else(tmp_path, write):
    write({"roles": {"ada": "admin"}, "default": "student"})
    for text in ("ada", " ada ", "ada\u202e", "ada (not verified)", "(not verified)ada"):
        assert typed_name(text).endswith("(not verified)")
        assert person_named(tmp_path, typed_name(text)).role == "student"
    for text in ("", None, "\u202e", " (not verified)", "nobody"):
        assert typed_name(text) == NOBODY


def test_a_typed_name_is_no_more_than_the_default_allows(tmp_path, write):
    write({"roles": {}, "default": "viewer"})
    assert person_named(tmp_path, typed_name("ada")).role == "viewer"
    write({"roles": {}, "default": "admin"})
    assert person_named(tmp_path, typed_name("ada")).role == "student"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"roles": {"ada": "king"}}', "king"),
        (b'{"role": {}}', "role"),
        (b'{"default": "root"}', "default"),
        (b'{"limits": {"epochs": -1}}', "epochs"),
        (b'{"limits": {"epoch": 5}}', "epoch"),
        (b'{"others_runs": "secret"}', "others_runs"),
        (b'{"roles": {"ada (not verified)": "admin"}}', "anybody can type"),
    ],
)
def test_a_damaged_file_closes_everything_and_says_why(tmp_path, write, text, words):
    write(text)
    with pytest.raises(DamagedPeople, match=words) as error:
        read_people(tmp_path)
    assert str(error.value).endswith("The administrator must mend it.")
    assert str(tmp_path) not in str(error.value)
    closed = people_of(tmp_path)
    assert closed.role_of("root") == "viewer" and closed.others_runs == "hidden"


def test_a_folder_in_its_place_is_damage(tmp_path):
    (tmp_path / ".people.json").mkdir()
    with pytest.raises(DamagedPeople, match="cannot be read"):
        read_people(tmp_path)


def test_another_file_can_be_named_and_must_be_there(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere.json"
    monkeypatch.setenv(people.VARIABLE, str(elsewhere))
    with pytest.raises(DamagedPeople, match="it is missing"):
        read_people(tmp_path)
    elsewhere.write_text('{"default": "viewer"}')
    assert person_named(tmp_path, "ada").role == "viewer"


def test_a_change_of_the_file_holds_at_once(tmp_path, write):
    write({"default": "viewer"})
    assert person_named(tmp_path, "ada").role == "viewer"
    write({"default": "student"})
    assert person_named(tmp_path, "ada").role == "student"


def test_a_limit_can_be_another_or_none_and_admins_have_none(tmp_path, write):
    write({"roles": {"ada": "admin"}, "limits": {"epochs": 30, "queued": None}})
    limits = people_of(tmp_path).limits_of("bo")
    assert (limits.epochs, limits.queued, limits.running) == (30, None, 1)
    assert people_of(tmp_path).limits_of("ada") == NO_LIMITS
    write({"limits": None})
    assert people_of(tmp_path).limits_of("bo") == NO_LIMITS


def test_the_file_of_a_server_with_login_names_one_admin_and_is_made_once(tmp_path):
    made = make_people_file(tmp_path / "runs", "root")
    assert made is not None and made.stat().st_mode & 0o777 == 0o640 & ~_umask()
    values = json.loads(made.read_text())
    assert values["roles"] == {"root": "admin"} and values["limits"]["queued"] == 5
    assert person_named(tmp_path / "runs", "ada").role == "student"
    assert make_people_file(tmp_path / "runs", "eve") is None
    assert json.loads(made.read_text()) == values


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
