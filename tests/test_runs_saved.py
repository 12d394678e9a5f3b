"""What users keep under names: it comes back as it was, and no name or file does harm."""

import errno
import os
import re
import stat

import orjson
import pytest

from core.exceptions import DamagedRun, InvalidParameter, NewerRun, UnknownName
from core.runs import files
from core.runs.saved import KINDS, LARGEST, load, remove, save, saved, unreadable

VALUE = {"schema_version": 1, "steps": [{"name": "zoom", "k": 2}], "é": None}


def file_of(root, kind="pipelines"):
    (path,) = (root / ".saved" / kind).glob("*.json")
    return path


def names(root, kind="pipelines"):
    return [one.name for one in saved(root, kind)]


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_saved_comes_back(tmp_path, kind):
    entry = save(tmp_path / "runs", kind, " my crop ", VALUE, by="ada")
    assert (entry.name, entry.value, entry.by) == ("my crop", VALUE, "ada")
    assert load(tmp_path / "runs", kind, "my crop") == entry
    assert saved(tmp_path / "runs", kind) == [entry]
    assert unreadable(tmp_path / "runs", kind) == []


def test_saving_again_replaces_and_each_kind_has_its_own_names(tmp_path):
    save(tmp_path, "pipelines", "a", {"one": 1}, by="ada")
    save(tmp_path, "pipelines", "a", {"two": 2}, by="bob")
    save(tmp_path, "slices", "a", {"three": 3}, by="cy")
    (kept,) = saved(tmp_path, "pipelines")
    assert (kept.value, kept.by) == ({"two": 2}, "bob")
    assert load(tmp_path, "slices", "a").value == {"three": 3}


def test_they_are_listed_by_name_whatever_the_case(tmp_path):
    for name in ("zoom", "Affine", "größe", "blur", "Blur"):
        save(tmp_path, "pipelines", name, {}, by="ada")
    assert names(tmp_path) == ["Affine", "Blur", "blur", "größe", "zoom"]


def test_a_name_is_one_however_its_accents_are_spelled(tmp_path):
    save(tmp_path, "notes", "cafe\u0301", {"n": 1}, by="ada")
    assert load(tmp_path, "notes", "caf\u00e9").value == {"n": 1}
    save(tmp_path, "notes", "caf\u00e9\u202e", {"n": 2}, by="ada")
    assert names(tmp_path, "notes") == ["caf\u00e9"]


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "..", "a/b\\c", "con", "-rf *", "%2e%2e", "名前", "😀"]
)
def test_no_name_becomes_a_path(tmp_path, name):
    root = tmp_path / "runs"
    save(root, "pipelines", name, VALUE, by="ada")
    assert load(root, "pipelines", name).value == VALUE
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 1
    assert re.fullmatch(r"runs/\.saved/pipelines/[0-9a-f]{32}\.json", written[0].as_posix())
    remove(root, "pipelines", name)
    assert names(root) == []


@pytest.mark.parametrize(
    ("kind", "name", "length"),
    [
        ("pipelines", "", 0),
        ("pipelines", " \u200b\n\u202e ", 0),
        ("pipelines", "x" * 41, 41),
        ("notes", "x" * 201, 201),
    ],
)
def test_a_name_must_have_a_length(tmp_path, kind, name, length):
    with pytest.raises(InvalidParameter) as raised:
        save(tmp_path, kind, name, {}, by="ada")
    assert str(raised.value) == (
        f"name must have 1 to {KINDS[kind]} characters, control and direction characters not "
        f"counted; got {length}."
    )
    assert not list(tmp_path.iterdir())


def test_the_longest_names_are_kept_whole(tmp_path):
    for kind, most in KINDS.items():
        assert save(tmp_path, kind, "x" * most + "\n", {}, by="ada").name == "x" * most


@pytest.mark.parametrize("act", [save, saved, load, remove, unreadable])
@pytest.mark.parametrize("kind", ["pipeline", "../runs", ""])
def test_another_kind_is_refused(tmp_path, act, kind):
    arguments = {save: ("a", {}, "ada"), load: ("a",), remove: ("a",)}.get(act, ())
    with pytest.raises(UnknownName, match="No kind of saved things is called"):
        act(tmp_path, kind, *arguments)


@pytest.mark.parametrize("act", [load, remove])
def test_an_unknown_name_suggests_the_nearest(tmp_path, act):
    save(tmp_path, "pipelines", "my crop", {}, by="ada")
    with pytest.raises(UnknownName) as raised:
        act(tmp_path, "pipelines", "my drop")
    assert str(raised.value) == ("No saved pipeline is called 'my drop'. Did you mean 'my crop'?")


@pytest.mark.parametrize("value", [{"a": object()}, {1: 2}, {"a": 2**70}])
def test_what_is_no_json_is_refused(tmp_path, value):
    with pytest.raises(InvalidParameter, match="value of 'a' must be plain JSON"):
        save(tmp_path, "slices", "a", value, by="ada")


def test_what_is_too_large_is_refused_and_what_was_kept_stays(tmp_path):
    save(tmp_path, "notes", "a", {"n": 1}, by="ada")
    with pytest.raises(InvalidParameter, match=r"must take at most 1,048,576 bytes; got 1,0"):
        save(tmp_path, "notes", "a", {"text": "x" * LARGEST}, by="ada")
    assert load(tmp_path, "notes", "a").value == {"n": 1}


def test_a_failing_write_leaves_what_was_kept(tmp_path, monkeypatch):
    save(tmp_path, "pipelines", "a", {"n": 1}, by="ada")

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "fault", full)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path, "pipelines", "a", {"n": 2}, by="ada")
    assert load(tmp_path, "pipelines", "a").value == {"n": 1}
    assert [path.name for path in file_of(tmp_path).parent.iterdir()] == [file_of(tmp_path).name]


def test_only_owner_and_group_may_read(tmp_path):
    save(tmp_path / "runs", "pipelines", "a", {}, by="ada")
    assert stat.S_IMODE(file_of(tmp_path / "runs").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "runs" / ".saved").stat().st_mode) == 0o750


def changed(**changes):
    def change(path):
        values = orjson.loads(path.read_bytes())
        path.write_bytes(orjson.dumps({**values, **changes}))

    return change


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "is no JSON"),
        (lambda path: path.write_bytes(b"[1]"), "holds no JSON object"),
        (lambda path: path.write_bytes(b" " * (LARGEST + 1)), "has 1,048,577 bytes"),
        (changed(schema=None), "has no schema"),
        (changed(kind="slices"), "lacks kind, name, value, created or by"),
        (changed(value=[1]), "lacks kind, name, value, created or by"),
        (changed(name=7), "lacks kind, name, value, created or by"),
        (changed(created="now"), "lacks kind, name, value, created or by"),
        (changed(name="<b>other</b>"), "is not the file of the name that it gives"),
    ],
)
def test_a_damaged_file_is_reported_and_hides_no_other(tmp_path, damage, reason):
    save(tmp_path, "pipelines", "broken", VALUE, by="ada")
    path = file_of(tmp_path)
    damage(path)
    save(tmp_path, "pipelines", "whole", VALUE, by="ada")
    assert names(tmp_path) == ["whole"]
    (told,) = unreadable(tmp_path, "pipelines")
    assert told.startswith(f"{path.name} {reason}") and told.endswith(".")
    assert str(tmp_path) not in told
    with pytest.raises(DamagedRun, match=reason):
        load(tmp_path, "pipelines", "broken")
    # It can be replaced, and it can be removed.
    save(tmp_path, "pipelines", "broken", {"n": 1}, by="ada")
    assert load(tmp_path, "pipelines", "broken").value == {"n": 1}
    damage(path)
    remove(tmp_path, "pipelines", "broken")
    assert unreadable(tmp_path, "pipelines") == [] and not path.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_reported_and_not_waited_for(tmp_path, make):
    save(tmp_path, "pipelines", "a", {}, by="ada")
    make(file_of(tmp_path).with_name(f"{'0' * 32}.json"))
    assert names(tmp_path) == ["a"]
    assert unreadable(tmp_path, "pipelines") == [f"{'0' * 32}.json is no file."]


def test_what_a_later_version_wrote_is_reported_and_left_as_it_is(tmp_path):
    save(tmp_path, "pipelines", "a", VALUE, by="ada")
    changed(schema=files.SCHEMA + 1, more="x")(file_of(tmp_path))
    before = file_of(tmp_path).read_bytes()
    assert names(tmp_path) == []
    (told,) = unreadable(tmp_path, "pipelines")
    assert f"has schema {files.SCHEMA + 1}: a later version of Petridish wrote it" in told
    for act in (
        lambda: load(tmp_path, "pipelines", "a"),
        lambda: save(tmp_path, "pipelines", "a", {}, by="bob"),
        lambda: remove(tmp_path, "pipelines", "a"),
    ):
        with pytest.raises(NewerRun):
            act()
    assert file_of(tmp_path).read_bytes() == before


def test_the_runs_are_listed_as_before(store):
    save(store.root, "pipelines", "a", VALUE, by="ada")
    assert store.runs() == []
