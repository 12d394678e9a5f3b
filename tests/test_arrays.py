"""Arrays in .npz files: the shapes and types that are understood, and refusals of all others."""

import io
import os
import zipfile

import numpy as np
import pytest

from core.datasets import arrays
from core.datasets.raw import ImportOptions, silent
from core.exceptions import InvalidInput

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)  # (N, H, W, C)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def read(path, **options):
    return arrays.read(path, ImportOptions(**options), silent)


def saved(tmp_path, **content):
    path = tmp_path / "set.npz"
    np.savez_compressed(path, **content)
    return path


def refused(path, **options) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(path, **options)
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def test_three_layouts_of_images_give_the_same_pixels(tmp_path):
    expected = IMAGES.transpose(0, 3, 1, 2)
    last = read(saved(tmp_path, images=IMAGES, labels=LABELS))
    first = read(saved(tmp_path, images=np.ascontiguousarray(expected), labels=LABELS))
    grey = read(saved(tmp_path, images=IMAGES[..., 0].copy(), labels=LABELS))
    np.testing.assert_array_equal(last.images, expected)
    np.testing.assert_array_equal(first.images, expected)
    np.testing.assert_array_equal(grey.images, expected[:, :1])
    assert last.images.flags.c_contiguous
    assert last.images.dtype == np.uint8
    np.testing.assert_array_equal(last.labels, LABELS)
    assert last.labels.dtype == np.int64
    assert last.space.class_names == ("0", "1", "2")
    assert last.parts is None
    assert last.notes == ()


@pytest.mark.parametrize(
    ("images", "note"),
    [
        (
            IMAGES / np.float32(255),
            "images: floats from 0 to 1 were multiplied by 255 and rounded.",
        ),
        (IMAGES.astype(np.float64), "images: float64 from 0 to 255 became bytes."),
        (IMAGES.astype(">i4"), "images: >i4 from 0 to 255 became bytes."),
        (IMAGES.astype(np.int64), "images: int64 from 0 to 255 became bytes."),
    ],
)
def test_other_numbers_are_converted_with_a_note(tmp_path, images, note):
    raw = read(saved(tmp_path, images=images, labels=LABELS))
    np.testing.assert_array_equal(raw.images, IMAGES.transpose(0, 3, 1, 2))
    assert raw.notes == (note,)


def test_truth_values_become_black_and_white(tmp_path):
    raw = read(saved(tmp_path, images=IMAGES > 127, labels=LABELS))
    np.testing.assert_array_equal(raw.images, (IMAGES > 127).transpose(0, 3, 1, 2) * 255)
    assert raw.notes == ("images: false and true became 0 and 255.",)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (300, np.int16, "image 4 has 300."),
        (-1, np.int16, "image 4 has -1."),
        (np.nan, np.float32, "image 4 has nan."),
        (np.inf, np.float32, "image 4 has inf."),
        (255.5, np.float32, "image 4 has 255.5."),
    ],
)
def test_values_that_are_no_pixels_are_refused_with_their_image(tmp_path, value, dtype, message):
    images = IMAGES.astype(dtype)
    images[4, 2, 1, 0] = value
    assert refused(saved(tmp_path, images=images, labels=LABELS)) == (
        f"'images' must hold pixels from 0 to 255, or from 0.0 to 1.0; {message}"
    )


def test_floats_that_are_neither_shares_nor_whole_are_refused(tmp_path):
    images = IMAGES.astype(np.float32)
    images[3, 0, 0, 0] = 0.5
    assert refused(saved(tmp_path, images=images, labels=LABELS)) == (
        "'images' must hold whole numbers from 0 to 255, or floats from 0.0 to 1.0;"
        " image 3 has 0.5, and the largest value is 255."
    )


@pytest.mark.parametrize(
    "content",
    [
        {
            "train_images": IMAGES[:3],
            "train_labels": LABELS[:3, None],
            "val_images": IMAGES[3:4],
            "val_labels": LABELS[3:4, None],
            "test_images": IMAGES[4:],
            "test_labels": LABELS[4:, None],
        },
        {
            "x_test": IMAGES[4:],
            "y_test": LABELS[4:],
            "x_train": IMAGES[:4],
            "y_train": LABELS[:4],
        },
    ],
)
def test_arrays_by_part_fix_the_parts(tmp_path, content):
    raw = read(saved(tmp_path, **content))
    np.testing.assert_array_equal(raw.images, IMAGES.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(raw.labels, LABELS)
    assert list(raw.parts) == (
        [0, 0, 0, 1, 2, 2] if "val_images" in content else [0, 0, 0, 0, 2, 2]
    )


def test_labels_of_text_become_classes_in_alphabetical_order(tmp_path):
    names = np.array(["mouse", "кошка", "dog", "mouse", "кошка", "dog"])
    raw = read(saved(tmp_path, images=IMAGES, labels=names))
    assert raw.space.class_names == ("dog", "mouse", "кошка")
    np.testing.assert_array_equal(raw.labels, [1, 2, 0, 1, 2, 0])


def test_class_names_come_from_the_file_or_beside_it(tmp_path):
    path = saved(tmp_path, images=IMAGES, labels=LABELS, class_names=np.array(["a", "b", "c"]))
    assert read(path).space.class_names == ("a", "b", "c")
    names = tmp_path / "names.json"
    names.write_text('["x", "y", "z"]', encoding="utf-8")
    assert read(path, class_names_path=names).space.class_names == ("x", "y", "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"pictures": IMAGES, "labels": LABELS},
            "'set.npz' must hold the arrays 'images' and 'labels'; got 'labels', 'pictures'."
            " Write it with numpy.savez(path, images=..., labels=...).",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES},
            "'set.npz' holds 'x_test' but no 'y_test'.",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, :4], "y_test": LABELS},
            "All images of a data set must have one size; got x_train (6, 5, 4, 3), x_test (6, 4, 4, 3).",
        ),
        (
            {"images": IMAGES.reshape(6, -1), "labels": LABELS},
            "'images' must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; got (6, 60).",
        ),
        (
            {"images": np.zeros((6, 5, 4, 4), np.uint8), "labels": LABELS},
            "'images' must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; got (6, 5, 4, 4)."
            " Leave the alpha channel out.",
        ),
        (
            {"images": np.zeros((6, 3, 8, 3), np.uint8), "labels": LABELS},
            "'images' must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; got (6, 3, 8, 3).",
        ),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "There are no images in it."),
        ({"images": IMAGES.astype("S3"), "labels": LABELS}, "'images' must hold numbers; got |S3."),
        (
            {"images": IMAGES, "labels": LABELS[:5]},
            "'images' holds 6 images, but 'labels' 5 labels.",
        ),
        (
            {"images": IMAGES, "labels": np.eye(6)},
            "'labels' must have shape (N,); got (6, 6). One column for each class? Save labels.argmax(axis=1).",
        ),
        (
            {"images": IMAGES, "labels": LABELS / 2},
            "'labels' must hold whole numbers or text; got float64.",
        ),
        (
            {"images": IMAGES, "labels": LABELS - 1},
            "Labels must be whole numbers from 0 to 999; 'set.npz' has -1 at image 0.",
        ),
        (
            {"images": IMAGES, "labels": LABELS * 500},
            "Labels must be whole numbers from 0 to 999; 'set.npz' has 1000 at image 2.",
        ),
        (
            {"images": IMAGES, "labels": LABELS, "class_names": np.array(["a", "b"])},
            "'class_names' names 2 classes, but the labels go up to 2.",
        ),
        (
            {"images": IMAGES, "labels": LABELS, "class_names": np.array(["a", "b", "a"])},
            "'class_names': classes 0 and 2 have the same name, 'a'.",
        ),
        (
            {"images": IMAGES.transpose(3, 2, 1, 0), "labels": LABELS[:3]},
            "'images' is in Fortran order; save numpy.ascontiguousarray of it instead.",
        ),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, content, message):
    assert refused(saved(tmp_path, **content)) == message


def test_python_objects_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    path = saved(tmp_path, images=IMAGES, labels=np.array([Trap()] * 6, dtype=object))
    assert refused(path) == (
        "'labels' holds Python objects, which are never loaded, because that can run code."
        " Make it an array of numbers before saving it."
    )
    assert not (tmp_path / "trapped").exists()


def test_a_damaged_file_is_refused(tmp_path):
    path = saved(tmp_path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path).startswith("'set.npz' is damaged or no .npz file (")
    path.write_bytes(b"")
    assert refused(path).startswith("'set.npz' is damaged or no .npz file (")


def test_one_turned_bit_is_noticed(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    whole = bytearray(path.read_bytes())
    whole[whole.index(IMAGES[2].tobytes())] ^= 1
    path.write_bytes(whole)
    assert "Bad CRC-32" in refused(path)


def with_header(path, descr: str, shape: tuple[int, ...], values: bytes = b"") -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    labels = io.BytesIO()
    np.save(labels, LABELS)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + values)
        archive.writestr("labels.npy", labels.getvalue())


def test_a_header_that_promises_ten_gigabytes_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "set.npz"
    with_header(path, "|u1", (1000, 3200, 3200))
    assert refused(path).startswith("The pixels of an import take at most 2,048 MiB; 1,000 images")


def test_values_that_end_too_early_are_refused(tmp_path):
    path = tmp_path / "set.npz"
    with_header(path, "|u1", (6, 5, 4), bytes(50))
    assert refused(path) == (
        "'images' is cut off: (6, 5, 4) of uint8 are promised, but the values end in image 2."
    )


def test_only_npz_files_are_recognised(tmp_path):
    assert arrays.recognises(saved(tmp_path, images=IMAGES, labels=LABELS))
    assert not arrays.recognises(tmp_path)
    assert not arrays.recognises(tmp_path / "other.npz")
