"""IDX files: pairs however they are called, and every way in which a file can lie."""

import gzip
import struct
import subprocess
import sys

import numpy as np
import pytest

from core.datasets import idx
from core.datasets.raw import ImportOptions, silent
from core.exceptions import InvalidInput


def content(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def images(number: int = 6, side: int = 5) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (number, side, side), dtype=np.uint8)


def labels(number: int = 6) -> np.ndarray:
    return np.arange(number, dtype=np.uint8) % 3


def pair(
    folder, images_name="train-images-idx3-ubyte", labels_name="train-labels-idx1-ubyte", number=6
):
    for name, array in ((images_name, images(number)), (labels_name, labels(number))):
        data = content(array)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder / images_name


def read(path, **options):
    return idx.read(path, ImportOptions(**options), silent)


def refused(path, **options) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(path, **options)
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_pair_gives_its_pixels_and_labels(tmp_path, ending):
    pair(tmp_path, f"train-images-idx3-ubyte{ending}", f"train-labels-idx1-ubyte{ending}")
    raw = read(tmp_path)
    np.testing.assert_array_equal(raw.images[:, 0], images())
    np.testing.assert_array_equal(raw.labels, labels())
    assert raw.images.dtype == np.uint8
    assert raw.labels.dtype == np.int64
    assert raw.parts is None
    assert raw.space.class_names == ("0", "1", "2")


def test_train_and_t10k_are_train_and_test(tmp_path):
    pair(tmp_path, number=6)
    pair(tmp_path, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", number=4)
    raw = read(tmp_path)
    np.testing.assert_array_equal(raw.parts, [0] * 6 + [2] * 4)
    np.testing.assert_array_equal(raw.images[6:, 0], images(4))
    assert raw.notes == (
        "train-images-idx3-ubyte and train-labels-idx1-ubyte are train.",
        "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz are test.",
    )


def test_a_file_names_its_own_pair_only(tmp_path):
    pair(tmp_path)
    other = pair(tmp_path, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", number=4)
    assert len(read(other).labels) == 4
    assert len(read(tmp_path / "train-labels-idx1-ubyte").labels) == 6


@pytest.mark.parametrize(
    ("images_name", "labels_name"),
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz"),
        ("pictures", "classes.gz"),
    ],
)
def test_other_names_are_paired_too(tmp_path, images_name, labels_name):
    path = pair(tmp_path, images_name, labels_name)
    (tmp_path / "README.txt").write_text("about the data")
    assert idx.recognises(tmp_path)
    assert len(read(tmp_path).labels) == len(read(path).labels) == 6


def test_a_file_beside_its_gzipped_twin_is_read_once(tmp_path):
    pair(tmp_path)
    pair(tmp_path, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    assert len(read(tmp_path).labels) == 6


def test_class_names_come_from_a_file(tmp_path):
    path = pair(tmp_path)
    names = tmp_path / "names.txt"
    names.write_text("ant\nbee\ncat\n", encoding="utf-8")
    assert read(path, class_names_path=names).space.class_names == ("ant", "bee", "cat")
    names.write_text("ant\nbee\n", encoding="utf-8")
    assert refused(path, class_names_path=names) == (
        "'names.txt' names 2 classes, but 'train-images-idx3-ubyte' has label 2."
        " Labels count from 0, so one name is needed for each label up to it."
    )


def test_what_is_no_idx_is_not_recognised(tmp_path):
    (tmp_path / "table.csv").write_text("pix1,label\n")
    (tmp_path / "empty").write_bytes(b"")
    assert not idx.recognises(tmp_path)
    assert not idx.recognises(tmp_path / "table.csv")
    assert not idx.recognises(tmp_path / "nowhere")


def test_links_in_a_folder_are_not_followed(tmp_path):
    pair(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    for path in tmp_path.glob("train-*"):
        (folder / path.name).symlink_to(path)
    assert "is a link, and links inside a folder are not followed" in refused(folder)
    assert len(read(folder / "train-images-idx3-ubyte").labels) == 6  # named by the user


def test_wrong_magic_is_refused_with_its_bytes(tmp_path):
    path = pair(tmp_path)
    path.write_bytes(b"\x89PNG" + path.read_bytes()[4:])
    assert refused(path) == (
        "'train-images-idx3-ubyte' is no IDX file of images: it must start with the bytes 00000803; got 89504e47."
    )
    path.write_bytes(b"")
    assert refused(path).endswith("got an empty file.")


def test_a_folder_without_idx_files_is_refused(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    assert refused(folder) == "There is no IDX file in 'data'."


def test_a_lone_file_is_refused_with_the_name_of_its_kind(tmp_path):
    path = pair(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    assert refused(path).startswith("'train-images-idx3-ubyte' has no file of labels beside it;")


def test_lengths_that_do_not_match_are_refused_with_both(tmp_path):
    path = pair(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(content(labels(5)))
    assert refused(path) == (
        "'train-images-idx3-ubyte' holds 6 images, but 'train-labels-idx1-ubyte' 5 labels; they must be one pair."
    )


def test_a_file_that_is_cut_off_is_refused_with_both_sizes(tmp_path):
    path = pair(tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    assert refused(path) == (
        "'train-images-idx3-ubyte' is cut off: its header promises 150 bytes of images (6, 5, 5), but only 143"
        " follow. Fetch it again."
    )
    path.write_bytes(path.read_bytes()[:9])
    assert refused(path) == "'train-images-idx3-ubyte' is cut off in its header. Fetch it again."


def test_a_file_that_goes_on_is_refused(tmp_path):
    path = pair(tmp_path)
    path.write_bytes(path.read_bytes() + b"x")
    assert "goes on after the 150 bytes of images (6, 5, 5) that its header promises" in refused(
        path
    )


def test_sizes_of_zero_are_refused(tmp_path):
    path = pair(tmp_path)
    path.write_bytes(content(np.empty((0, 5, 5))))
    assert refused(path) == "'train-images-idx3-ubyte' holds no images: its sizes are (0, 5, 5)."


def test_pairs_of_two_image_sizes_are_refused_with_both(tmp_path):
    pair(tmp_path)
    pair(tmp_path, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(content(images(6, side=4)))
    assert refused(tmp_path) == (
        "All images of a data set must have one size; got 'train-images-idx3-ubyte' 5x5, 't10k-images-idx3-ubyte' 4x4."
    )


def test_pairs_whose_names_say_nothing_are_refused(tmp_path):
    pair(tmp_path, "a-images", "a-labels")
    pair(tmp_path, "b-images", "b-labels")
    assert (
        "their names do not tell which is train, validation and test: 'a-images', 'b-images'"
        in refused(tmp_path)
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-9], "is cut off: its gzip stream ends too early. Fetch it again."),
        (
            lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
            "is damaged (CRC check failed",
        ),
        (lambda data: data[:10] + b"\xff" * 20 + data[30:], "is damaged ("),
    ],
)
def test_a_broken_gzip_stream_is_refused(tmp_path, damage, message):
    path = pair(tmp_path, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    path.write_bytes(damage(path.read_bytes()))
    assert message in refused(path)


def test_a_header_that_promises_ten_gigabytes_is_refused_before_anything_is_read(tmp_path):
    path = pair(tmp_path)
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1000, 3200, 3200))
    assert refused(path) == (
        "The pixels of an import take at most 2,048 MiB; 1,000 images of 3200x3200 with 1 channel take 9,765 MiB."
        " Take fewer or smaller images."
    )
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2_000_000, 1, 1))
    assert refused(path) == "An import holds at most 1,000,000 images; got 2,000,000."


def test_a_gzip_that_unpacks_to_ten_gigabytes_takes_no_memory(tmp_path):
    """The limit on the address space would stop a reader that unpacked it whole."""
    pair(tmp_path, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    zeros = gzip.compress(bytes(2**26), 1)  # 64 MiB; members of one gzip file follow each other
    path.write_bytes(gzip.compress(content(images())) + zeros * 160)
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from core.datasets import idx; from core.datasets.raw import ImportOptions, silent\n"
        "limit = 2 * 2**30; resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try: idx.read(Path(sys.argv[1]), ImportOptions(), silent)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert told.stdout == (
        "InvalidInput 'train-images-idx3-ubyte.gz' goes on after the 150 bytes of images (6, 5, 5) that its header"
        " promises; it is not what it says it is.\n"
    )


def test_progress_ends_with_everything(tmp_path):
    path = pair(tmp_path)
    told: list[float] = []
    idx.read(path, ImportOptions(), lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_equal_content_has_an_equal_sum_whatever_its_compression(tmp_path):
    data = content(images())
    for name, stored in (
        ("a", data),
        ("b.gz", gzip.compress(data, 1)),
        ("c.gz", gzip.compress(data, 9)),
    ):
        (tmp_path / name).write_bytes(stored)
    sums = {idx.content_sha256(path, 10_000) for path in tmp_path.iterdir()}
    assert len(sums) == 1
