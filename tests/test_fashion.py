"""Fashion-MNIST from Debian's package, where it is installed: fetched, checked, and in both presets."""

import gzip
import http.server
import shutil
import threading
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from core.datasets import fashion
from core.datasets.fashion import FILES, SOURCES, Fashion, FashionOfficial, fetch
from core.exceptions import CoreError, InvalidInput

PACKAGE = next((Path(one) for one in SOURCES if one.startswith("/") and Path(one).is_dir()), None)
needs_package = pytest.mark.skipif(
    PACKAGE is None, reason="Debian's dataset-fashion-mnist is not installed"
)
NAMES = [file.name for file in FILES]


@pytest.fixture(scope="module")
def fetched_dir(tmp_path_factory):
    """A data folder with the files. Only for reading, but splits are kept there."""
    folder = tmp_path_factory.mktemp("fashion")
    fetch(folder, PACKAGE)
    return folder


@pytest.fixture(scope="module")
def official(fetched_dir):
    """All images and labels, read as the format says and by nothing of ours."""

    def values(name: str, header: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((PACKAGE / name).read_bytes())[header:], np.uint8)

    images = [values(NAMES[number], 16).reshape(-1, 28, 28) for number in (0, 2)]
    labels = [values(NAMES[number], 8) for number in (1, 3)]
    return np.concatenate(images), np.concatenate(labels)


def partial_copy(folder: Path, names=NAMES) -> Path:
    folder.mkdir()
    for name in names:
        shutil.copy(PACKAGE / name, folder)
    return folder


@pytest.mark.parametrize("source", [Fashion(), FashionOfficial()])
def test_without_files_the_command_is_named(tmp_path, source):
    with pytest.raises(
        InvalidInput,
        match=r"^Fashion-MNIST is not here yet, or not whole\."
        r" Fetch it once: petridish datasets fetch fashion$",
    ):
        source.load(tmp_path)


def test_settings_round_trip_through_json():
    for source in (Fashion(split_seed=1), FashionOfficial(split_seed=1)):
        assert type(source).checked(source.model_dump(mode="json")) == source
        for setting, field in type(source).model_fields.items():
            assert field.description.endswith("."), setting


@needs_package
def test_fetching_copies_four_files_and_leaves_nothing_else(fetched_dir):
    files = {path.name for path in (fetched_dir / "fashion").iterdir()}
    assert files - {".lock"} == set(NAMES)


@needs_package
def test_the_reference_preset_has_the_rows_of_scikit_learns_two_calls(fetched_dir, official):
    images, labels = official
    order = np.random.RandomState(42).permutation(70_000)
    rest, test = train_test_split(np.arange(52_500), test_size=0.2, random_state=42)
    train, validation = train_test_split(rest, test_size=0.25, random_state=42)
    dataset = Fashion().load(fetched_dir)
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        split, rows = dataset.split(name), order[np.sort(rows)]
        np.testing.assert_array_equal(split.images[:, 0, 2:-2, 2:-2], images[rows])
        np.testing.assert_array_equal(split.labels, labels[rows])
        assert split.images.sum() == images[rows].sum()  # the border is black
    assert [len(split) for split in dataset.splits.values()] == [31_500, 10_500, 10_500]
    assert dataset.image_shape == (1, 32, 32)
    unlabelled = Fashion().unlabelled(fetched_dir)
    np.testing.assert_array_equal(unlabelled[:, 0, 2:-2, 2:-2], images[order[52_500:]])


@needs_package
def test_the_official_preset_keeps_the_official_test_images(fetched_dir, official):
    images, labels = official
    dataset = FashionOfficial().load(fetched_dir)
    train, validation = train_test_split(
        np.arange(60_000), test_size=10_000, random_state=42, stratify=labels[:60_000]
    )
    rows = {
        "train": np.sort(train),
        "validation": np.sort(validation),
        "test": np.arange(60_000, 70_000),
    }
    for name, chosen in rows.items():
        np.testing.assert_array_equal(dataset.split(name).images[:, 0], images[chosen])
        np.testing.assert_array_equal(dataset.split(name).labels, labels[chosen])
    assert np.bincount(dataset.split("validation").labels).tolist() == [1000] * 10


@needs_package
def test_a_trouser_is_a_trouser(fetched_dir):
    """Trousers are the narrowest clothes, so names and labels are in one order."""
    dataset = FashionOfficial().load(fetched_dir)
    split = dataset.split("test")
    widths = [
        (split.images[split.labels == label][:, 0].mean(axis=(0, 1)) > 40).sum()
        for label in range(10)
    ]
    assert dataset.space.class_names[int(np.argmin(widths))] == "Trouser"


@needs_package
def test_both_presets_are_the_same_again_and_differ_by_seed(fetched_dir):
    for source in (Fashion, FashionOfficial):
        first = source().load(fetched_dir).fingerprint
        assert source().load(fetched_dir).fingerprint == first
        assert source(split_seed=1).load(fetched_dir).fingerprint != first


@needs_package
def test_plain_files_are_as_good_as_gzipped_ones(tmp_path, fetched_dir):
    folder = partial_copy(tmp_path / "plain")
    for name in NAMES:
        (folder / name.removesuffix(".gz")).write_bytes(
            gzip.decompress((folder / name).read_bytes())
        )
        (folder / name).unlink()
    fetch(tmp_path, folder)
    expected = FashionOfficial().load(fetched_dir).fingerprint
    assert FashionOfficial().load(tmp_path).fingerprint == expected


@needs_package
def test_a_folder_that_lacks_a_file_is_told_and_the_others_are_kept(tmp_path):
    folder = partial_copy(tmp_path / "three", NAMES[:3])
    with pytest.raises(
        InvalidInput,
        match=r"^Fashion-MNIST could not be fetched\. folder 'three': t10k-labels-idx1-ubyte\.gz is not there\.",
    ):
        fetch(tmp_path, folder)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "fashion").glob("*.gz")}
    assert set(times) == set(NAMES[:3])
    fetch(tmp_path, PACKAGE)
    for name, time in times.items():
        assert (tmp_path / "fashion" / name).stat().st_mtime_ns == time


@needs_package
def test_another_content_is_refused_and_not_kept(tmp_path):
    folder = partial_copy(tmp_path / "wrong")
    shutil.copy(folder / NAMES[3], folder / NAMES[1])
    with pytest.raises(
        InvalidInput,
        match=r"train-labels-idx1-ubyte\.gz there is not the file of Fashion-MNIST \(its SHA-256 differs\)\.",
    ):
        fetch(tmp_path, folder)
    assert {path.name for path in (tmp_path / "fashion").iterdir()} == {".lock", NAMES[0]}


@needs_package
def test_a_file_that_was_damaged_later_is_noticed_and_replaced(tmp_path):
    fetch(tmp_path, PACKAGE)
    path = tmp_path / "fashion" / NAMES[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InvalidInput, match=r"^Fashion-MNIST is not here yet, or not whole\."):
        Fashion().load(tmp_path)
    fetch(tmp_path, PACKAGE)
    assert path.read_bytes() == (PACKAGE / NAMES[0]).read_bytes()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(
        InvalidInput, match=r"^'nowhere' is no folder and no address \(http:// or https://\)\.$"
    ):
        fetch(tmp_path, tmp_path / "nowhere")


def test_a_second_process_is_told_to_wait(tmp_path):
    (tmp_path / "fashion").mkdir()
    with (
        filelock.FileLock(tmp_path / "fashion" / ".lock"),
        pytest.raises(InvalidInput, match=r"^Fashion-MNIST is being fetched by another process\."),
    ):
        fetch(tmp_path, sources=())


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def address(tmp_path):
    """A server on this machine, over the folder `tmp_path / "served"`."""
    (tmp_path / "served").mkdir()
    handler = partial(SilentHandler, directory=tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/served"
    server.shutdown()
    thread.join()
    server.server_close()


@needs_package
def test_an_address_is_downloaded_from(tmp_path, address):
    served = tmp_path / "served" / "served"
    partial_copy(served)
    told: list[float] = []
    fetch(tmp_path, address, lambda share, what: told.append(share))
    assert {path.name for path in (tmp_path / "fashion").iterdir()} == {".lock", *NAMES}
    assert told == sorted(told)
    assert told[-1] == 1.0


@needs_package
def test_sources_are_tried_in_order_and_what_one_gave_is_not_asked_again(tmp_path, address):
    partial_copy(tmp_path / "first", NAMES[:2])
    partial_copy(tmp_path / "served" / "served", NAMES[2:])
    sources = (str(tmp_path / "not there"), str(tmp_path / "first"), address)
    assert fetch(tmp_path, sources=sources) == tmp_path / "fashion"
    assert len(FashionOfficial().load(tmp_path).split("test")) == 10_000


def test_when_no_source_helps_each_says_why(tmp_path, address):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CoreError) as caught:
        fetch(tmp_path, sources=(str(tmp_path / "empty"), address))
    assert str(caught.value) == (
        "Fashion-MNIST could not be fetched. folder 'empty': train-images-idx3-ubyte.gz is not there."
        f" {address}: train-images-idx3-ubyte.gz: the server answered 404."
        " What arrived is kept; try again, or name a folder that holds the four files."
    )
    assert [path.name for path in fashion.fashion_folder(tmp_path).iterdir()] == [".lock"]


def test_the_sources_are_those_of_the_documentation_in_order():
    assert [source.split("/")[2] for source in SOURCES] == [
        "share",
        "share",
        "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "github.com",
    ]
