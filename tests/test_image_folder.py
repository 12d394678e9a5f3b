"""Image folder: names become labels and parts, images one array; what does not fit is named."""

import io
import json
import struct
import unicodedata
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from core.datasets import image_folder
from core.datasets.raw import ImportOptions
from core.exceptions import InvalidInput

RNG = np.random.default_rng(0)


def grey(side=8):
    return RNG.integers(0, 256, (side, side), dtype=np.uint8)


def colour(height=8, width=8):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(pixels, format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def fill(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(content) if isinstance(content, np.ndarray) else content)
    return root


def read(path, **options):
    return image_folder.read(path, ImportOptions(**options))


def refusal(path, **options):
    with pytest.raises(InvalidInput) as caught:
        read(path, **options)
    return str(caught.value)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pictures"


def test_each_folder_is_a_class(root):
    images = {"dog/1.png": grey(), "cat/1.png": grey(), "dog/deep/2.png": grey()}
    raw = read(fill(root, images))
    expected = [images["cat/1.png"], images["dog/1.png"], images["dog/deep/2.png"]]
    np.testing.assert_array_equal(raw.images[:, 0], expected)
    assert raw.images.shape == (3, 1, 8, 8) and raw.images.dtype == np.uint8
    assert raw.labels.tolist() == [0, 1, 1] and raw.labels.dtype == np.int64
    assert raw.space.class_names == ("cat", "dog")
    assert raw.parts is None and raw.counts is None and raw.notes == ()


@pytest.mark.parametrize("around", ["", "outer/", "outer/inner/"])
def test_a_zip_gives_the_same_as_the_folder_however_it_is_wrapped(root, tmp_path, around):
    fill(root, {"dog/1.png": colour(), "cat/1.png": colour(), ".DS_Store": b"x"})
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for path in sorted(root.rglob("*.*"), reverse=True):
            archive.write(path, around + str(path.relative_to(root)))
        archive.writestr("__MACOSX/" + around + "dog/._1.png", b"x")
    folder, packed = read(root), read(tmp_path / "z.zip")
    np.testing.assert_array_equal(folder.images, packed.images)
    assert folder.labels.tolist() == packed.labels.tolist()
    assert folder.space == packed.space and packed.notes == ()


@pytest.mark.parametrize(
    "folders", [("train", "validation", "test"), ("Training", "val", "Testing"), ("train", "valid", "test")]
)  # fmt: skip
def test_folders_of_parts_are_parts_and_no_classes(root, folders):
    files = {f"{folder}/{name}/1.png": grey() for folder in folders for name in ("cat", "dog")}
    raw = read(fill(root, files))
    assert raw.space.class_names == ("cat", "dog")
    part_of = {folder: part for part, folder in enumerate(folders)}
    expected = [part_of[name.split("/")[0]] for name in sorted(files)]
    assert raw.parts.tolist() == expected and raw.parts.dtype == np.uint8


def test_a_test_folder_without_classes_and_a_folder_of_unlabelled_images_have_no_labels(root):
    files = {"train/a/1.png": grey(), "train/b/1.png": grey(), "test/1.png": grey()}
    raw = read(fill(root, {**files, "unlabelled/x/1.png": grey()}))
    assert raw.parts.tolist() == [3, 0, 0, 3] and raw.labels.tolist() == [-1, 0, 1, -1]
    assert raw.space.class_names == ("a", "b")


def test_a_class_may_be_called_train_beside_others(root):
    raw = read(fill(root, {"train/1.png": grey(), "bus/1.png": grey()}))
    assert raw.space.class_names == ("bus", "train") and raw.parts is None


def test_class_names_may_be_in_any_script_and_accents_in_any_form(root):
    names = ["Ärmel", "كلب", "猫", "собака", "שלום", "🐕"]
    files = {f"{unicodedata.normalize('NFD', name)}/1.png": grey() for name in names}
    raw = read(fill(root, {**files, "Ärmel/2.png": grey()}))
    assert raw.space.class_names == tuple(sorted(names))
    counts = dict(zip(raw.space.class_names, np.bincount(raw.labels).tolist(), strict=True))
    assert counts == {name: 2 if name == "Ärmel" else 1 for name in names}


def test_classes_that_are_numbers_are_in_their_order(root):
    raw = read(fill(root, {f"{number}/1.png": grey() for number in (10, 9, 0, 2)}))
    assert raw.space.class_names == ("0", "2", "9", "10")


def test_a_thousand_classes_are_read_and_more_are_refused(root):
    data = png(grey())
    fill(root, {f"class {number:04d}/1.png": data for number in range(1000)})
    raw = read(root)
    assert raw.space.num_classes == 1000 and raw.labels.tolist() == list(range(1000))
    fill(root, {"one more/1.png": data})
    assert "1,001 classes; at most 1,000" in refusal(root)


def test_class_names_of_a_file_decide_order_and_missing_classes(root, tmp_path):
    (tmp_path / "n.txt").write_text("dog\nbird\ncat\n")
    fill(root, {"cat/1.png": grey(), "dog/1.png": grey()})
    raw = read(root, class_names_path=tmp_path / "n.txt")
    assert raw.space.class_names == ("dog", "bird", "cat") and raw.labels.tolist() == [2, 0]


def test_folders_that_are_numbers_are_labels_of_the_class_names(root, tmp_path):
    (tmp_path / "n.json").write_text(json.dumps(["dog", "bird", "cat"]))
    fill(root, {"2/1.png": grey(), "0/1.png": grey()})
    raw = read(root, class_names_path=tmp_path / "n.json")
    assert raw.space.class_names == ("dog", "bird", "cat") and raw.labels.tolist() == [0, 2]


def test_a_folder_that_is_no_class_of_the_file_is_refused_with_the_nearest(root, tmp_path):
    (tmp_path / "n.txt").write_text("dog\ncat\n")
    fill(root, {"cats/1.png": grey(), "dog/1.png": grey()})
    assert refusal(root, class_names_path=tmp_path / "n.txt") == (
        "'pictures' has the class 'cats', which is none of the 2 in 'n.txt'. Did you mean 'cat'?"
    )


@pytest.mark.parametrize("folder", ["", "images/", "a/b/"])
def test_a_table_gives_the_labels(root, folder):
    fill(root, {f"{folder}{number}.png": grey() for number in range(4)})
    (root / "some.csv").write_text("name,label\n0.png,shoe\n2.png,shirt\n1,shoe\n")
    raw = read(root)
    assert raw.space.class_names == ("shirt", "shoe")
    assert raw.labels.tolist() == [1, 1, 0, -1]
    assert raw.parts.tolist() == [0, 0, 0, 3]
    assert raw.notes == ("1 image that 'some.csv' does not name: unlabelled.",)


@pytest.mark.parametrize(
    "text",
    [
        "label;file\r\n1;0.png\r\n0;1.png\r\n",
        '"filename","class"\n"0.png","1"\n"1.png","0"\n',
        "\ufeffid\tsize\tlabel\n0\t8\t1\n1\t8\t0\n",
    ],
)
def test_a_table_may_be_written_in_several_ways(root, text):
    fill(root, {"images/0.png": grey(), "images/1.png": grey()})
    (root / "some.csv").write_text(text, encoding="utf-8", newline="")
    raw = read(root)
    assert raw.labels.tolist() == [1, 0] and raw.space.class_names == ("0", "1")


def test_the_label_column_of_a_table_can_be_named(root):
    fill(root, {"0.png": grey(), "1.png": grey()})
    (root / "some.csv").write_text("name,kind\n0.png,a\n1.png,b\n")
    assert read(root, label_column="kind").space.class_names == ("a", "b")


def test_a_table_of_something_else_beside_class_folders_is_no_matter(root):
    fill(root, {"a/0.png": grey(), "b/1.png": grey(), "notes.csv": b"x,y\n1,2\n"})
    assert read(root).space.class_names == ("a", "b")


def table_refusal(root, text):
    fill(root, {"images/0.png": grey(), "images/1.png": grey(), "some.csv": text.encode()})
    return refusal(root)


def test_images_that_a_table_names_but_are_not_there_are_listed(root):
    rows = "".join(f"{number}.png,a\n" for number in range(14))
    assert table_refusal(root, "name,label\n" + rows) == (
        "12 of the images that 'some.csv' names are not there: '2.png' (row 3), '3.png' (row 4), '4.png' (row 5),"
        " '5.png' (row 6), '6.png' (row 7), '7.png' (row 8), '8.png' (row 9), '9.png' (row 10), '10.png' (row 11),"
        " '11.png' (row 12) and 2 more. Names are relative to the table. Add the images or remove the rows."
    )


def test_a_name_that_leads_out_of_the_folder_is_no_image(root, tmp_path):
    fill(tmp_path, {"secret.png": grey()})
    assert "not there: '../secret.png' (row 1)" in table_refusal(
        root, "name,label\n../secret.png,a\n"
    )


def test_an_image_named_twice_is_refused(root):
    message = table_refusal(root, "name,label\n0.png,a\n1.png,b\n0.png,b\n")
    assert message == (
        "'some.csv', row 3, names the image 'images/0.png' a second time. Remove one of the rows."
    )


def test_a_row_without_label_is_refused(root):
    message = table_refusal(root, "name,label\n0.png,a\n1.png,\n")
    assert message == "'some.csv', row 2, has no label. Fill in column 'label' or remove the row."


def test_a_row_of_another_length_is_refused(root):
    message = table_refusal(root, "name,label\n0.png,a\n1.png,b,c\n")
    assert message.startswith(
        "Each row must have the 2 values that the header names; 'some.csv', row 2, has 3."
    )


def test_two_tables_are_refused(root):
    fill(root, {"other.csv": b"name,label\n0.png,a\n"})
    message = table_refusal(root, "name,label\n0.png,a\n")
    assert message.startswith(
        "Both 'other.csv' and 'some.csv' have a column of names and one of labels."
    )


def test_images_without_class_are_listed(root):
    fill(root, {"1.png": grey(), "a/1.png": grey(), "b/1.png": grey()})
    assert refusal(root) == (
        "Each image lies in the folder of its class; of 'pictures', 1 lie in none: '1.png'."
        " Make one folder per class, or add a CSV table with the columns name and label."
    )


def test_a_folder_without_images_is_refused(root):
    fill(root, {"a/1.gif": b"GIF89a", "b/notes.txt": b"x"})
    assert refusal(root).startswith(
        "'pictures' holds no image: none of its 2 files ends in .png, .jpg,"
    )


def test_other_files_are_left_out_and_that_is_noted(root):
    fill(root, {"a/1.png": grey(), "b/1.png": grey(), "README.md": b"x", "b/2.gif": b"x"})
    assert read(root).notes == (
        "Files that are no images were left out, 2: 'README.md', 'b/2.gif'.",
    )


def test_all_grey_gives_one_channel_and_one_colour_image_gives_three(root):
    fill(root, {f"a/{number}.png": grey() for number in range(3)})
    fill(root, {"b/1.png": np.repeat(grey()[:, :, None], 3, axis=2)})
    before = read(root)
    assert before.images.shape == (4, 1, 8, 8)
    fill(root, {"b/2.png": colour()})
    raw = read(root)
    assert raw.images.shape == (5, 3, 8, 8)
    for channel in range(3):
        np.testing.assert_array_equal(raw.images[:4, channel], before.images[:, 0])


def test_channels_can_be_chosen(root):
    fill(root, {"a/1.png": grey(), "b/1.png": colour()})
    made_grey = read(root, channels="grey")
    assert made_grey.images.shape == (2, 1, 8, 8)
    assert made_grey.notes == ("1 image in colour made grey (luma).",)
    (root / "b" / "1.png").unlink()
    fill(root, {"b/1.png": grey()})
    assert read(root, channels="rgb").images.shape == (2, 3, 8, 8)


def test_mixed_sizes_become_the_most_frequent_one_and_that_is_noted(root):
    exact = colour(8, 12)
    fill(root, {"a/1.png": exact, "a/2.png": colour(8, 12), "a/3.png": colour(4, 6)})
    fill(root, {"b/1.png": colour(16, 24), "b/2.png": colour(9, 9)})
    raw = read(root)
    assert raw.images.shape == (5, 3, 8, 12)
    np.testing.assert_array_equal(raw.images[0], exact.transpose(2, 0, 1))
    assert raw.notes == (
        "3 images of other sizes (6x4 to 24x16, width x height) made 12x8, the most frequent size:"
        " 1 enlarged by repeating pixels, 1 shrunk, bilinear, 1 resized, bilinear; 1 changed their proportions.",
    )


def test_all_images_become_a_chosen_size(root):
    small = colour(8, 8)
    fill(root, {"a/1.png": small, "b/1.png": colour(32, 32)})
    raw = read(root, size=16)
    assert raw.images.shape == (2, 3, 16, 16)
    np.testing.assert_array_equal(raw.images[0], small.transpose(2, 0, 1).repeat(2, 1).repeat(2, 2))
    assert "height) made 16x16: 1 enlarged by repeating pixels, 1 shrunk, bilinear." in raw.notes[0]


def test_large_photographs_need_a_chosen_size(root):
    fill(root, {"a/1.png": colour(600, 800), "b/1.png": colour(600, 800)})
    assert refusal(root) == (
        "Images are 4 to 512 pixels high and wide; most of these are 600 high and 800 wide."
        " Choose a size to which they are resized (option size)."
    )
    assert read(root, size=64).images.shape == (2, 3, 64, 64)


def test_exif_turns_images_upright_before_sizes_are_counted(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = png(colour(16, 8), "JPEG", exif=exif)
    fill(root, {"a/1.jpg": turned, "b/1.jpg": turned})
    raw = read(root)
    assert raw.images.shape == (2, 3, 8, 16)
    assert raw.notes == ("2 images: turned upright as EXIF data say (first 'a/1.jpg').",)


def test_what_was_done_to_images_is_noted_with_the_first_name(root):
    wide = grey().astype(np.uint16) * 257
    fill(root, {"a/1.png": png(wide), "b/1.png": grey()})
    raw = read(root)
    assert raw.notes == ("1 image: 16 bits a value, scaled to 8 (first 'a/1.png').",)


def test_a_jpeg_that_is_called_png_is_read_without_a_word(root):
    fill(root, {"a/1.png": png(grey(), "JPEG"), "b/1.PNG": grey()})
    raw = read(root)
    assert len(raw.images) == 2 and raw.notes == ()


@pytest.mark.parametrize("value", [0, 255])
def test_constant_images_are_read_as_they_are(root, value):
    flat = np.full((8, 8), value, np.uint8)
    assert (read(fill(root, {"a/1.png": flat, "b/1.png": flat})).images == value).all()


def test_one_class_is_read_as_it_is(root):  # importing refuses it for all kinds
    raw = read(fill(root, {"a/1.png": grey(), "a/2.png": grey()}))
    assert raw.space.class_names == ("a",) and raw.labels.tolist() == [0, 0]


def damaged(root):
    whole = png(colour(64, 64))
    return fill(
        root,
        {
            "a/1.png": colour(64, 64),
            "a/cut.png": whole[: len(whole) // 2],
            "a/empty.jpg": b"",
            "b/text.png": b"no image",
            "b/2.png": colour(64, 64),
        },
    )


def test_images_that_cannot_be_read_are_listed_and_refused(root):
    message = refusal(damaged(root))
    assert message.startswith(
        "3 of 5 image files cannot be read: 'a/empty.jpg' is empty; 'b/text.png' is damaged or"
    )
    assert "'a/cut.png' is damaged or cut off: " in message
    assert message.endswith(
        "Repair or remove them, or leave them out by the option skip_unreadable."
    )


def test_images_that_cannot_be_read_are_left_out_by_option_and_that_is_noted(root):
    raw = read(damaged(root), skip_unreadable=True)
    assert raw.labels.tolist() == [0, 1] and raw.images.shape == (2, 3, 64, 64)
    assert raw.notes == (
        "3 of 5 image files cannot be read and were left out: 'a/empty.jpg', 'b/text.png', 'a/cut.png'.",
    )


def test_of_many_that_cannot_be_read_ten_are_named(root):
    fill(root, {f"a/{number:02d}.png": b"no image" for number in range(25)})
    message = refusal(root)
    assert message.startswith("25 of 25 image files") and message.count("'a/") == 10
    assert "; and 15 more." in message


def test_nothing_readable_is_refused_whatever_the_option(root):
    fill(root, {"a/1.png": b"no image"})
    assert refusal(root, skip_unreadable=True).startswith(
        "1 of 1 image files cannot be read: 'a/1.png'"
    )


def test_a_header_of_sixty_thousand_pixels_a_side_is_refused_by_name(root):
    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    size = struct.pack(">2I5B", 60_000, 60_000, 8, 0, 0, 0, 0)
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b""))
    fill(root, {"a/1.png": grey(), "b/bomb.png": header})
    assert "'b/bomb.png' has more than 50,000,000 pixels" in refusal(root)


def test_a_link_in_the_folder_is_refused(root, tmp_path):
    fill(root, {"a/1.png": grey(), "b/1.png": grey()})
    fill(tmp_path, {"outside.png": grey()})
    (root / "a" / "2.png").symlink_to(tmp_path / "outside.png")
    assert refusal(root).startswith("'a/2.png' in 'pictures' is a link, and links inside an import")


def test_a_name_in_a_zip_that_leads_out_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a/../../1.png", png(grey()))
    assert refusal(tmp_path / "z.zip").startswith(
        "'z.zip' holds 'a/../../1.png', a name that leads out"
    )


def test_a_bomb_in_a_zip_is_refused_even_where_unreadable_images_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", png(grey()))
        archive.writestr("b/1.png", bytes(10 * 2**20))
    message = refusal(tmp_path / "z.zip", skip_unreadable=True)
    assert message.startswith("'b/1.png' in 'z.zip' unpacks to more than 200 times its ")


def test_an_image_that_changes_while_the_folder_is_read_is_read_whole_or_refused(root):
    fill(root, {"a/1.png": grey(), "b/1.png": grey()})

    def remove(share, what):
        (root / "b" / "1.png").unlink(missing_ok=True)

    with pytest.raises(InvalidInput, match=r"'b/1.png' cannot be read: No such file"):
        image_folder.read(root, ImportOptions(), remove)


def test_progress_rises_to_one(root):
    told = []
    fill(root, {"a/1.png": grey(), "b/1.png": grey()})
    image_folder.read(root, ImportOptions(), lambda share, what: told.append(share))
    assert told == sorted(told) and told[-1] == 1.0


def test_folders_and_zips_of_images_are_recognised(root, tmp_path):
    assert not image_folder.recognises(tmp_path / "missing")
    fill(root, {"a/1.txt": b"x"})
    assert not image_folder.recognises(root)
    fill(root, {"a/1.png": grey()})
    assert image_folder.recognises(root)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a/1.png", b"x")
    assert image_folder.recognises(tmp_path / "z.zip")
    (tmp_path / "t.csv").write_text("a,b\n")
    assert not image_folder.recognises(tmp_path / "t.csv")
