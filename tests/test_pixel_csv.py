"""Pixel CSV: tables become images, labels and parts; what does not fit is named."""

import gzip
import json

import numpy as np
import pytest

from core.datasets import pixel_csv
from core.datasets.raw import ImportOptions
from core.exceptions import InvalidInput

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)
LABELS = [0, 1, 2, 2, 1, 0]


def table(images=IMAGES, labels=LABELS, label_name="label", ids=None):
    pixels = [f"pix{number}" for number in range(1, images.shape[2] * images.shape[3] + 1)]
    lines = [[*pixels, label_name] if labels is not None else ["ID", *pixels]]
    for row, image in enumerate(images):
        values = image.ravel().tolist()
        lines.append(
            [*values, labels[row]] if labels is not None else [(ids or range(999))[row], *values]
        )
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


def read(path, **options):
    return pixel_csv.read(path, ImportOptions(**options))


def refusal(path, **options):
    with pytest.raises(InvalidInput) as caught:
        read(path, **options)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some.csv"
    path.write_bytes(table())
    return path


def test_a_table_gives_its_pixels_and_labels(path):
    raw = read(path)
    np.testing.assert_array_equal(raw.images, IMAGES)
    assert raw.images.dtype == np.uint8 and raw.labels.dtype == np.int64
    assert raw.labels.tolist() == LABELS
    assert raw.space.class_names == ("0", "1", "2")
    assert raw.parts is None and raw.counts is None and raw.notes == ()


def test_a_packed_table_gives_the_same(path, tmp_path):
    packed = tmp_path / "some.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read(packed).images, read(path).images)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b",", b";"),
        lambda text: text.replace(b",", b"\t"),
        lambda text: text.replace(b",", b" , "),
        lambda text: b'"' + text.replace(b",", b'","').replace(b"\n", b'"\n"')[:-1],
        lambda text: text.rstrip(b"\n"),
        lambda text: text + b"\n\n",
    ],
    ids=["BOM", "CRLF", "semicolons", "tabs", "spaces", "quotes", "no last end", "empty lines"],
)
def test_a_table_may_be_written_in_several_ways(path, written):
    path.write_bytes(written(path.read_bytes()))
    raw = read(path)
    np.testing.assert_array_equal(raw.images, IMAGES)
    assert raw.labels.tolist() == LABELS


def test_a_folder_gives_train_and_unlabelled_rows(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    more = RNG.integers(0, 256, (3, 1, 4, 4), dtype=np.uint8)
    (tmp_path / "evaluate.csv.gz").write_bytes(gzip.compress(table(more, None)))
    raw = read(tmp_path)
    np.testing.assert_array_equal(raw.images, np.concatenate([IMAGES, more]))
    assert raw.labels.tolist() == [*LABELS, -1, -1, -1]
    assert raw.parts.tolist() == [0] * 6 + [3] * 3


def test_labels_of_the_rows_to_evaluate_are_not_used_and_that_is_noted(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    (tmp_path / "evaluate.csv").write_bytes(table(IMAGES[:2], [1, 1]))
    raw = read(tmp_path)
    assert raw.labels.tolist() == [*LABELS, -1, -1]
    assert raw.notes == (
        "'evaluate.csv' has labels, which were not used: its rows count as unlabelled.",
    )


def test_images_larger_than_what_is_kept_in_memory_are_the_same(path, monkeypatch):
    monkeypatch.setattr(pixel_csv, "_IN_MEMORY", 50)
    raw = read(path)
    assert isinstance(raw.images, np.memmap)
    np.testing.assert_array_equal(raw.images, IMAGES)


def test_progress_rises_to_one(path):
    told = []
    pixel_csv.read(path, ImportOptions(), lambda share, what: told.append((share, what)))
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[0][1] == "Reading some.csv" and told[-1][0] == 1.0


@pytest.mark.parametrize("as_json", [False, True])
def test_class_names_come_from_a_file(path, tmp_path, as_json):
    names = ["shirt", "חולצה", "鞋", "coat"]
    file = tmp_path / ("n.json" if as_json else "n.txt")
    file.write_text(json.dumps(names) if as_json else "\n".join(names), encoding="utf-8")
    raw = read(path, class_names_path=file)
    assert raw.space.class_names == tuple(names) and raw.labels.tolist() == LABELS


def test_class_names_beside_the_tables_are_used_and_that_is_noted(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    (tmp_path / "class_names.txt").write_text("a\nb\nc\n")
    raw = read(tmp_path)
    assert raw.space.class_names == ("a", "b", "c")
    assert raw.notes == ("Class names were read from 'class_names.txt'.",)


def test_labels_may_be_names_of_the_class_file_however_accents_are_written(tmp_path):
    (tmp_path / "n.txt").write_text("Ma\u0308ntel\nshoe\n", encoding="utf-8")
    (tmp_path / "t.csv").write_bytes(table(labels=["shoe", "Mäntel", "shoe", "shoe", "1", "0"]))
    raw = read(tmp_path / "t.csv", class_names_path=tmp_path / "n.txt")
    assert raw.labels.tolist() == [1, 0, 1, 1, 1, 0]


def test_a_thousand_classes_are_read(tmp_path):
    images = np.tile(IMAGES, (200, 1, 1, 1))
    (tmp_path / "t.csv").write_bytes(table(images, [row % 1000 for row in range(1200)]))
    raw = read(tmp_path / "t.csv")
    assert raw.space.num_classes == 1000 and raw.labels.max() == 999


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_are_read_as_they_are(tmp_path, value):
    (tmp_path / "t.csv").write_bytes(table(np.full_like(IMAGES, value)))
    assert (read(tmp_path / "t.csv").images == value).all()


def test_one_class_is_read_as_it_is(tmp_path):  # importing refuses it for all kinds
    (tmp_path / "t.csv").write_bytes(table(labels=[3] * 6))
    assert read(tmp_path / "t.csv").labels.tolist() == [3] * 6


BAD_LABELS = {
    "-1": "Labels are whole numbers from 0 to 999; 't.csv', row 3 (line 4), column 'label' holds '-1'."
    " Correct it or remove the row.",
    "1000": "Labels are whole numbers from 0 to 999; 't.csv', row 3 (line 4), column 'label' holds '1000'."
    " Correct it or remove the row.",
    "99999999999": "Labels are whole numbers",
    "1.5": "Labels are whole numbers",
    "": "Each row needs a label; 't.csv', row 3 (line 4), column 'label' is empty."
    " Fill it in, or move the row to evaluate.csv.",
    "shoe": "Labels are whole numbers unless class names are given; 't.csv', row 3 (line 4), column 'label' holds"
    " 'shoe'. Give a file with one class name a line (option class_names_path).",
}  # fmt: skip


@pytest.mark.parametrize("label", BAD_LABELS)
def test_a_label_that_is_none_is_named_with_row_and_column(tmp_path, label):
    (tmp_path / "t.csv").write_bytes(table(labels=[0, 1, label, 2, 1, 0]))
    assert refusal(tmp_path / "t.csv").startswith(BAD_LABELS[label])


def test_a_label_beyond_the_class_names_is_refused(path, tmp_path):
    (tmp_path / "n.txt").write_text("a\nb\n")
    assert refusal(path, class_names_path=tmp_path / "n.txt") == (
        "Labels count from 0, so with the 2 class names in 'n.txt' they go to 1; 'some.csv', row 3 (line 4),"
        " column 'label' holds '2'. Correct it or remove the row."
    )


def test_a_label_that_is_no_class_name_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "n.txt").write_text("shirt\nshoe\n")
    (tmp_path / "t.csv").write_bytes(table(labels=["shirt", "shoee", "shirt", "shoe", "1", "0"]))
    assert refusal(tmp_path / "t.csv", class_names_path=tmp_path / "n.txt") == (
        "A label is a number or one of the 2 class names in 'n.txt'; 't.csv', row 2 (line 3), column 'label' holds"
        " 'shoee'. Did you mean 'shoe'?"
    )


def test_a_table_without_label_column_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(table(labels=None))
    assert refusal(tmp_path / "t.csv").startswith("'t.csv' has no label column")


def test_the_label_column_can_be_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(table(label_name="kind"))
    assert read(tmp_path / "t.csv", label_column="kind").labels.tolist() == LABELS


def test_a_header_without_rows_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(table(IMAGES[:0], []))
    assert refusal(tmp_path / "t.csv") == (
        "'t.csv' holds no rows below its header; a data set needs at least 2. Add rows, one an image."
    )


def test_one_row_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(table(IMAGES[:1], [0]))
    assert refusal(tmp_path / "t.csv").startswith(
        "'t.csv' holds 1 row below its header; a data set needs"
    )


def test_a_row_far_below_is_named_by_its_own_number(tmp_path):
    images = np.tile(IMAGES, (5000, 1, 1, 1))
    text = table(images, [0] * len(images)).split(b"\n")
    text[29_000] = text[29_000].replace(b",", b",x", 1)
    (tmp_path / "t.csv").write_bytes(b"\n".join(text))
    assert "'t.csv', row 29,000 (line 29,001), column 'pix2' holds 'x" in refusal(
        tmp_path / "t.csv"
    )


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(table())

    def grow(share, what):
        with path.open("ab") as file:
            file.write(b"1,2\n")

    with pytest.raises(
        InvalidInput, match=r"'t.csv' changed while it was read, so it was not used"
    ):
        pixel_csv.read(path, ImportOptions(), grow)


def test_images_of_another_size_to_evaluate_are_refused(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    (tmp_path / "evaluate.csv").write_bytes(table(np.zeros((2, 1, 5, 5), np.uint8), None))
    assert refusal(tmp_path) == (
        "Both tables must have images of one size; those of 'evaluate.csv' are 5x5, those for training 4x4."
    )


def test_an_empty_table_to_evaluate_is_refused(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    (tmp_path / "evaluate.csv").write_bytes(table(IMAGES[:0], None))
    assert (
        refusal(tmp_path) == "'evaluate.csv' holds no row below its header. Add rows or remove it."
    )


def test_two_tables_to_train_are_refused(tmp_path):
    (tmp_path / "train.csv").write_bytes(table())
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(table()))
    assert "holds both 'train.csv' and 'train.csv.gz'. Remove one" in refusal(tmp_path)


def test_a_folder_without_table_is_refused(tmp_path):
    assert "holds no train.csv. Put it there, or name the CSV file." in refusal(tmp_path)


def test_a_table_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "outside.csv").write_bytes(table())
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "train.csv").symlink_to(tmp_path / "outside.csv")
    assert refusal(tmp_path / "inside").startswith(
        "'train.csv' is a link, and links inside an import"
    )


@pytest.mark.parametrize("options", [{"size": 64}, {"channels": "rgb"}])
def test_options_that_a_table_cannot_follow_are_refused(path, options):
    assert "Leave out the options size and channels." in refusal(path, **options)


def test_tables_are_recognised(path, tmp_path):
    assert pixel_csv.recognises(path)
    assert not pixel_csv.recognises(tmp_path)
    (tmp_path / "train.csv").write_bytes(b"")
    assert pixel_csv.recognises(tmp_path)
    assert not pixel_csv.recognises(tmp_path / "missing.csv")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert not pixel_csv.recognises(tmp_path / "picture.png")
