import pytest

from core.exceptions import InvalidParameter, NewerRun, UnknownName
from core.runs import edits, files


@pytest.fixture
def store(finished_copy):
    return finished_copy


@pytest.fixture
def run(store):
    (run,) = store.runs()
    return run


def test_a_name_is_shown_from_the_next_look_on_and_an_empty_one_gives_the_first_back(store, run):
    edits.rename(run, "  my\x00 run\u202e ", by="ada")
    assert store.run(run.id).name == "my run"
    edits.rename(run, "", by="ada")
    assert store.run(run.id).name == run.name
    events, _ = files.parse_rows(run.layout.events.read_bytes())
    assert [(one["event"], one["by"], one["keys"]) for one in events[-2:]] == [
        ("edit", "ada", ["name"]),
        ("edit", "ada", ["name"]),
    ]


def test_a_note_replaces_the_last_one_and_its_lines_become_one(store, run):
    edits.annotate(run, "diverged\nat 0.1", by="ada")
    assert store.run(run.id).note == "diverged at 0.1"
    edits.annotate(run, "", by="ada")
    assert store.run(run.id).note is None


def test_tags_are_added_once_and_taken_away(store, run):
    edits.tag(run, ["baseline", "lecture 3"], by="ada")
    edits.tag(run, ["baseline", "Baseline"], by="ada")
    assert store.run(run.id).tags == ["baseline", "lecture 3", "Baseline"]
    edits.tag(run, [], by="ada", remove=["baseline", "never there"])
    assert store.run(run.id).row()["tags"] == ["lecture 3", "Baseline"]


def test_each_edit_leaves_the_others_and_unknown_keys_as_they_are(store, run):
    files.write_json(run.layout.edit_json, {"schema": 1, "colour": "red"})
    edits.rename(run, "mine", by="ada")
    edits.tag(run, ["a"], by="ada")
    edits.annotate(run, "b", by="ada")
    assert files.read_json(run.layout.edit_json) == {
        "schema": 1, "colour": "red", "name": "mine", "tags": ["a"], "note": "b"
    }  # fmt: skip


def test_what_changes_nothing_writes_nothing(run):
    edits.annotate(run, "", by="ada")
    edits.tag(run, [], by="ada")
    assert not run.layout.edit_json.exists()
    edits.rename(run, "mine", by="ada")
    before = run.layout.edit_json.stat().st_mtime_ns
    edits.rename(run, "mine", by="ada")
    assert run.layout.edit_json.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda run: edits.rename(run, "x" * 201, "ada"), "name must have at most 200 characters; got 201. Shorten it."),
        (lambda run: edits.annotate(run, "x" * 300, "ada"), "note must have at most 200 characters; got 300. Shorten it."),
        (lambda run: edits.tag(run, ["x" * 41], "ada"), "tag must have at most 40 characters; got 41. Shorten it."),
        (lambda run: edits.tag(run, ["\u202e"], "ada"), "tag must have at least one character that can be shown; got none."),
        (
            lambda run: edits.tag(run, [str(number) for number in range(21)], "ada"),
            "tags must be at most 20 of a run; got 21. Remove some first.",
        ),
    ],
)  # fmt: skip
def test_what_is_too_long_or_empty_is_refused(run, edit, message):
    with pytest.raises(InvalidParameter) as raised:
        edit(run)
    assert str(raised.value) == message
    assert not run.layout.edit_json.exists()


def test_a_damaged_file_of_edits_is_replaced_and_a_later_version_s_is_not(store, run):
    run.layout.edit_json.write_text('{"tags": "all"}')
    assert (store.run(run.id).tags, store.run(run.id).note) == ([], None)
    edits.rename(run, "mine", by="ada")
    assert files.read_json(run.layout.edit_json) == {"schema": 1, "name": "mine"}
    files.write_json(run.layout.edit_json, {"schema": 2, "name": "theirs"})
    with pytest.raises(NewerRun):
        edits.rename(run, "mine", by="ada")
    assert files.read_json(run.layout.edit_json)["name"] == "theirs"


def test_a_run_that_somebody_has_just_deleted_cannot_be_edited_and_stays_deleted(store, run):
    run.layout.path.rename(store.root / "elsewhere")
    with pytest.raises(UnknownName) as raised:
        edits.rename(run, "mine", by="ada")
    assert str(raised.value) == f"No run is called {run.id!r}."
    assert not run.layout.path.exists()
