"""Unlabelled images: whatever the file, they come in its order, in the network's shape, and what was done is said."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.datasets import csv_blocks, unlabelled
from core.datasets.unlabelled import opened_images
from core.exceptions import InvalidInput

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 1, 4, 4), dtype=np.uint8)
SHAPE = (1, 4, 4)


def table(images=IMAGES, ids=None, label=None):
    names = [f"pix{number}" for number in range(1, images[0].size + 1)]
    lines = [(["ID"] if ids else []) + names + (["label"] if label is not None else [])]
    for row, image in enumerate(images):
        cells = image.ravel().tolist() + ([label] if label is not None else [])
        lines.append(([ids[row]] if ids else []) + cells)
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


def png(pixels):
    """Bytes of an image (C, H, W)."""
    target = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(
        target, "PNG"
    )
    return target.getvalue()


def read(path, shape=SHAPE, **options):
    with opened_images(path, shape, **options) as source:
        blocks = list(source.blocks())
        ids = [one for block in blocks for one in block.ids]
        return ids, np.concatenate([block.images for block in blocks]), source.notes(), blocks


def test_a_table_gives_its_rows_in_order_with_their_ids(tmp_path):
    ids = ["a", "7", "007", "ü", "-3", "a", ""]
    (tmp_path / "e.csv").write_bytes(table(ids=ids))
    found, images, notes, _ = read(tmp_path / "e.csv")
    assert found == ids
    np.testing.assert_array_equal(images, IMAGES)
    assert notes == [
        "1 row has no ID; kept in their order.",
        "1 ID stands there already; all rows were kept in their order.",
    ]


def test_rows_without_an_id_are_numbered_and_a_label_is_left_out(tmp_path):
    (tmp_path / "e.csv").write_bytes(table(label=3))
    found, _, notes, _ = read(tmp_path / "e.csv")
    assert found == list("0123456")
    assert notes == [
        "'e.csv' has no ID column: its rows are numbered from 0.",
        "The label column 'label' was left out: labels are predicted.",
    ]


def test_blocks_are_bounded_and_nothing_is_lost_between_them(tmp_path, monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK_IMAGES", 3)
    monkeypatch.setattr(csv_blocks, "BLOCK", 64)
    (tmp_path / "e.csv").write_bytes(table(ids=list("abcdefg")))
    found, images, _, blocks = read(tmp_path / "e.csv")
    assert [len(block.ids) for block in blocks] == [3, 3, 1]
    assert found == list("abcdefg") and blocks[-1].share == 1.0
    np.testing.assert_array_equal(images, IMAGES)


def test_a_table_to_predict_may_be_longer_than_one_to_import(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "LARGEST_TEXT", 100)
    (tmp_path / "e.csv").write_bytes(table())
    assert len(read(tmp_path / "e.csv")[0]) == 7


def test_a_packed_table_is_read_too(tmp_path):
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(table()))
    np.testing.assert_array_equal(read(tmp_path / "e.csv.gz")[1], IMAGES)


def test_other_sizes_are_brought_to_the_networks_and_said(tmp_path):
    (tmp_path / "e.csv").write_bytes(table())
    _, images, notes, _ = read(tmp_path / "e.csv", (1, 8, 8))
    np.testing.assert_array_equal(images, IMAGES.repeat(2, 2).repeat(2, 3))
    assert notes[-1] == "7 images of another size (4x4) were made 8x8."


def test_a_folder_gives_its_files_by_name_with_colours_brought_over(tmp_path):
    folder = tmp_path / "images"
    (folder / "b").mkdir(parents=True)
    colour = np.random.default_rng(1).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    (folder / "b" / "2.png").write_bytes(png(colour))
    (folder / "1.png").write_bytes(png(IMAGES[0]))
    (folder / "note.txt").write_text("no image")
    ids, images, notes, _ = read(folder)
    assert ids == ["1.png", "b/2.png"]
    np.testing.assert_array_equal(images[0], IMAGES[0])
    left_out = "1 file of another kind was left out: 1 .txt."
    assert notes == [left_out, "1 image in colour was made grey (luma)."]
    ids, images, notes, _ = read(folder, (3, 4, 4))
    np.testing.assert_array_equal(images[0], IMAGES[0].repeat(3, axis=0))
    np.testing.assert_array_equal(images[1], colour)
    assert notes == [left_out, "1 image in grey got three equal channels."]


def test_a_zip_and_a_single_image_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("x/1.png", png(IMAGES[1]))
    (tmp_path / "one.png").write_bytes(png(IMAGES[2]))
    ids, images, _, _ = read(tmp_path / "some.zip")
    assert ids == ["x/1.png"]
    np.testing.assert_array_equal(images[0], IMAGES[1])
    with opened_images(tmp_path / "one.png", SHAPE) as source:
        (block,) = source.blocks()
        assert block.ids == ("one.png",) and source.original_shape == (1, 4, 4)


def test_an_unreadable_image_is_named_or_left_out_on_request(tmp_path):
    (tmp_path / "1.png").write_bytes(png(IMAGES[0]))
    (tmp_path / "2.png").write_bytes(b"no image")
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "'2.png' is damaged or none of PNG, JPEG, BMP, WebP and TIFF. Repair or remove it, or leave such files out "
        "(--skip-unreadable)."
    )
    ids, _, notes, _ = read(tmp_path, skip_unreadable=True)
    assert ids == ["1.png"]
    assert notes == ["1 image file cannot be read and was left out: '2.png'."]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (table()[: table().index(b"\n") + 1], "no row below its header"),
        (b"ID,pix1,pix2,pix3\n1,2,3,4\n", "pixel column"),
        (table() + b"1,2,3\n", "row 8"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(tmp_path, content, words):
    (tmp_path / "e.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        read(tmp_path / "e.csv")


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("no image")
    with pytest.raises(
        InvalidInput, match=r"holds no image: none of its 1 file ends in .*; they are 1 \.txt"
    ):
        read(tmp_path)


def test_files_of_other_kinds_are_counted_by_kind(tmp_path):
    (tmp_path / "1.png").write_bytes(png(IMAGES[0]))
    for name in ("b.gif", "c.HEIC", "d.gif", "README"):
        (tmp_path / name).write_bytes(b"some")
    assert read(tmp_path)[2] == [
        "4 files of other kinds were left out: 2 .gif, 1 no ending, 1 .heic."
    ]


def cut_off_zip():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("1.png", png(IMAGES[1]))
    return target.getvalue()[:-30]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "one.gif",
            b"GIF89a" + bytes(20),
            "is a GIF image. Such images are not read. Save it as PNG.",
        ),
        ("one.heic", bytes(4) + b"ftypheic" + bytes(20), "is an HEIC image"),
        ("one", png(IMAGES[0]), "is an image whose name does not end in .png. Give it that ending"),
        ("some.zip", cut_off_zip(), "is a zip that is cut off or damaged.*Copy or fetch it again"),
    ],
    ids=["gif", "heic", "png without ending", "zip"],
)
def test_what_is_no_table_is_not_told_to_become_one(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=words) as caught:
        read(tmp_path / name)
    assert "CSV" not in str(caught.value)
