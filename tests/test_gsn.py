"""The public shapes' files, made here by our own generator: pixels, labels and fixed rows, and every broken row."""

import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import gsn
from core.datasets.raw import ImportOptions, silent
from core.datasets.shapes import TYPE_NAMES, Shapes, label_space
from core.exceptions import InvalidInput

NUM_IMAGES = 100
HEADER = "name,squares,circles,up,right,down,left"


@pytest.fixture(scope="module")
def drawn(data_dir):
    """Images and counts of the generator, all splits together."""
    splits = Shapes(images=NUM_IMAGES).load(data_dir).splits.values()
    images = np.concatenate([split.images for split in splits])
    return images, np.concatenate([split.counts for split in splits])


@pytest.fixture(scope="module")
def original(drawn, tmp_path_factory) -> Path:
    """A folder in the form of the public data set. Only for reading."""
    folder = tmp_path_factory.mktemp("gsn")
    (folder / "images").mkdir()
    rows = [HEADER]
    for number, (image, counts) in enumerate(zip(*drawn, strict=True)):
        name = f"img_{number:05d}.png"
        Image.fromarray(image[0]).convert("RGBA").save(folder / "images" / name)
        rows.append(",".join([name, *map(str, counts)]))
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def folder(original, tmp_path) -> Path:
    """A copy of one's own to break."""
    return shutil.copytree(original, tmp_path / "gsn")


def read(path):
    return gsn.read(path, ImportOptions(), silent)


def refused(path) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(path)
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def zipped(folder: Path, path: Path, below: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"{below}{file.relative_to(folder).as_posix()}")
    return path


def with_line(folder: Path, number: int, line: str) -> None:
    """Replace a line of labels.csv, counted from 1 with the header."""
    table = folder / "labels.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = line
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_pixels_counts_and_labels_are_those_that_were_drawn(original, drawn):
    raw = read(original)
    images, counts = drawn
    np.testing.assert_array_equal(raw.images, images)
    np.testing.assert_array_equal(raw.counts, counts)
    assert set(np.unique(raw.images)) == {0, 255}
    space = label_space()
    assert raw.space == space
    assert [space.class_counts[label] for label in raw.labels] == [tuple(row) for row in counts]
    assert gsn.recognises(original)


def test_the_last_tenth_is_test_where_there_are_not_ten_thousand(original):
    raw = read(original)
    np.testing.assert_array_equal(raw.parts, [0] * 90 + [2] * 10)
    assert raw.notes == ("Rows 0 to 89 are train, rows 90 to 99 are test.",)


def test_of_ten_thousand_rows_the_first_nine_thousand_are_train(folder):
    (line, *_) = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]
    image = (folder / "images" / "img_00000.png").read_bytes()
    values = line.split(",")[1:]
    rows = [HEADER]
    for number in range(10_000):
        (folder / "images" / f"img_{number:05d}.png").write_bytes(image)
        rows.append(",".join([f"img_{number:05d}.png", *values]))
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    raw = read(folder)
    assert np.flatnonzero(raw.parts == 2)[[0, -1]].tolist() == [9000, 9999]
    assert np.count_nonzero(raw.parts == 0) == 9000


@pytest.mark.parametrize("below", ["", "data/"])
def test_a_zip_gives_the_same_as_its_folder(original, tmp_path, below):
    path = zipped(original, tmp_path / "gsn.zip", below)
    assert gsn.recognises(path)
    raw, expected = read(path), read(original)
    np.testing.assert_array_equal(raw.images, expected.images)
    np.testing.assert_array_equal(raw.labels, expected.labels)


def test_a_folder_below_data_is_found(original, tmp_path):
    shutil.copytree(original, tmp_path / "gsn" / "data")
    assert gsn.recognises(tmp_path / "gsn")
    assert len(read(tmp_path / "gsn").labels) == NUM_IMAGES


def test_other_line_ends_and_a_byte_order_mark_are_read(folder):
    table = folder / "labels.csv"
    text = table.read_text(encoding="utf-8").replace("\n", "\r\n")
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert gsn.recognises(folder)
    assert len(read(folder).labels) == NUM_IMAGES


def test_other_forms_of_the_same_pixels_are_read(folder, drawn):
    """Whatever the channels, alpha is never averaged in."""
    path = folder / "images" / "img_00000.png"
    for mode in ("RGB", "L", "LA", "1"):
        Image.fromarray(drawn[0][0, 0]).convert(mode).save(path)
        np.testing.assert_array_equal(read(folder).images[0], drawn[0][0])


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "labels.csv").write_text("name,label\n1.png,cat\n")
    (tmp_path / "file.zip").write_bytes(b"no zip")
    assert not gsn.recognises(tmp_path)
    assert not gsn.recognises(tmp_path / "labels.csv")
    assert not gsn.recognises(tmp_path / "file.zip")
    assert not gsn.recognises(tmp_path / "nowhere")
    assert refused(tmp_path) == (
        f"{tmp_path.name!r} holds no labels.csv with the header {HEADER}, neither at its top nor below one folder."
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "img_00003.png,3,6,0,0,0,0",
            "labels.csv, line 5: the counts must be whole numbers, of exactly two types, and sum to 10;"
            " got squares 3, circles 6, up 0, right 0, down 0, left 0.",
        ),
        ("img_00003.png,10,0,0,0,0,0", "labels.csv, line 5: the counts must be"),
        ("img_00003.png,3,3,4,0,0,0", "labels.csv, line 5: the counts must be"),
        ("img_00003.png,-1,11,0,0,0,0", "labels.csv, line 5: the counts must be"),
        ("img_00003.png,5.5,4.5,0,0,0,0", "labels.csv, line 5: the counts must be"),
        ("img_00003.png,three,7,0,0,0,0", "labels.csv, line 5: the counts must be"),
        ("img_00003.png,3,7,0,0,0", "labels.csv, line 5: 7 values must stand there; got 6."),
        (
            "img_00001.png,3,7,0,0,0,0",
            "labels.csv, line 5: img_00001.png stands in line 3 already.",
        ),
        (
            "../secret.png,3,7,0,0,0,0",
            "labels.csv, line 5: the name must be that of a file in images/, of letters, digits, '.', '-' and '_';"
            " got '../secret.png'.",
        ),
        ("img_99999.png,3,7,0,0,0,0", "images/img_99999.png is missing."),
    ],
)
def test_a_broken_row_is_refused_with_its_line(folder, line, message):
    with_line(folder, 5, line)
    assert refused(folder).startswith(message)


def test_a_header_alone_is_refused(folder):
    (folder / "labels.csv").write_text(HEADER + "\n")
    assert refused(folder) == "labels.csv has a header but no rows."


def test_labels_in_another_encoding_are_refused(folder):
    with (folder / "labels.csv").open("ab") as file:
        file.write(b"\xe4,1,9,0,0,0,0\n")
    assert refused(folder) == "labels.csv is not text in UTF-8."


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_all_broken_images_are_told_by_name_five_of_them(folder):
    images = folder / "images"
    whole = (images / "img_00000.png").read_bytes()
    (images / "img_00000.png").write_bytes(b"")
    (images / "img_00001.png").write_bytes(whole[: len(whole) // 2])
    (images / "img_00002.png").write_bytes(b"GIF89a" + whole)
    (images / "img_00003.png").write_bytes(png_header(60_000, 60_000))
    Image.new("L", (27, 28)).save(images / "img_00004.png")
    Image.new("RGB", (28, 28), "red").save(images / "img_00005.png")
    (images / "img_00006.png").unlink()
    message = refused(folder)
    assert "images/img_00000.png is empty; " in message
    assert "; images/img_00001.png is damaged or cut off: " in message
    assert "; images/img_00002.png is damaged or none of " in message
    assert "; images/img_00003.png has more than 50,000,000 pixels" in message
    assert "; images/img_00004.png must be 28x28 pixels; got 27x28; and 2 more." in message


def test_a_coloured_image_is_refused(folder):
    Image.new("RGB", (28, 28), "red").save(folder / "images" / "img_00007.png")
    assert refused(folder) == "images/img_00007.png must be grey: red, green and blue differ."


def test_links_are_not_followed(folder, tmp_path):
    path = folder / "images" / "img_00000.png"
    path.rename(tmp_path / "elsewhere.png")
    path.symlink_to(tmp_path / "elsewhere.png")
    assert "'images/img_00000.png' in 'gsn' is a link" in refused(folder)


def test_progress_ends_with_everything(original):
    told: list[float] = []
    gsn.read(original, ImportOptions(), lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_header_names_the_types_in_the_order_of_the_generator():
    assert ",".join(("name", *TYPE_NAMES)) == HEADER
