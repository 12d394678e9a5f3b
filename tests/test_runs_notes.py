import csv
import io

import pytest

from core.exceptions import InvalidParameter
from core.runs import saved
from core.runs.notes import ImageNote, note_of, notes, notes_csv, save_note

NOTE = ImageNote(
    "f" * 64, "test", 7, "a shirt\nor not", ("wrong label", "dark"), "fashion", "Shirt"
)


def test_a_note_is_found_again_by_its_image(tmp_path):
    save_note(tmp_path, NOTE, "ada")
    found = note_of(tmp_path, NOTE.fingerprint, "test", 7)
    assert found is not None
    assert (found.note, found.tags, found.by) == (NOTE.note, NOTE.tags, "ada")
    assert note_of(tmp_path, NOTE.fingerprint, "validation", 7) is None
    assert note_of(tmp_path, "e" * 64, "test", 7) is None


def test_the_last_note_on_an_image_is_kept_and_an_empty_one_removes_it(tmp_path):
    save_note(tmp_path, NOTE, "ada")
    save_note(tmp_path, ImageNote("f" * 64, "test", 7, "", ("fine",)), "bob")
    assert [(one.note, one.tags, one.by) for one in notes(tmp_path)] == [("", ("fine",), "bob")]
    assert save_note(tmp_path, ImageNote("f" * 64, "test", 7, "  ", ()), "bob") is None
    assert notes(tmp_path) == []
    assert save_note(tmp_path, ImageNote("f" * 64, "test", 7, "", ()), "bob") is None


def test_notes_are_listed_by_split_and_number_of_one_data_set(tmp_path):
    for split, number in (("validation", 2), ("test", 10), ("test", 9)):
        save_note(tmp_path, ImageNote("f" * 64, split, number, "x", ()), "ada")
    save_note(tmp_path, ImageNote("e" * 64, "test", 1, "other data", ()), "ada")
    found = notes(tmp_path, "f" * 64)
    assert [(one.split, one.sample_id) for one in found] == [
        ("test", 9),
        ("test", 10),
        ("validation", 2),
    ]
    assert len(notes(tmp_path)) == 4


def test_the_table_of_notes_holds_no_formula(tmp_path):
    save_note(tmp_path, ImageNote("f" * 64, "test", 7, "=1+1", ("@tag",), "-data", "+class"), "ada")
    rows = list(csv.DictReader(io.StringIO(notes_csv(notes(tmp_path)).decode())))
    assert rows[0]["note"] == "'=1+1" and rows[0]["tags"] == "'@tag"
    assert rows[0]["dataset"] == "'-data" and rows[0]["class_name"] == "'+class"
    assert rows[0]["sample_id"] == "7"


def test_texts_are_cleaned_and_their_length_is_limited(tmp_path):
    kept = save_note(
        tmp_path, ImageNote("f", "test", 1, "a\u202eb\x00\nc", ("\u202e", "x", "x")), "ada"
    )
    assert kept is not None and (kept.note, kept.tags) == ("ab\nc", ("x",))
    with pytest.raises(
        InvalidParameter, match="note must have at most 2,000 characters; got 2,001"
    ):
        save_note(tmp_path, ImageNote("f", "test", 1, "x" * 2001, ()), "ada")
    with pytest.raises(InvalidParameter, match="tags must be at most 20"):
        save_note(tmp_path, ImageNote("f", "test", 1, "", ("y" * 41,)), "ada")


def test_a_file_that_is_about_no_image_is_passed_over(tmp_path):
    saved.save(tmp_path, "notes", "something else", {"text": "hello"}, "ada")
    assert notes(tmp_path) == []
