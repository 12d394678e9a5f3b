"""Kept splits: whatever is wrong with the folder, the same splits come back."""

import os
import shutil
import sys
import threading

import numpy as np
import pytest

from core.datasets.base import SPLITS, Split
from core.datasets.cache import cached_splits


class Maker:
    """Makes splits and counts how often it was asked."""

    def __init__(self, has_counts: bool = True) -> None:
        self.calls = 0
        self.has_counts = has_counts

    def __call__(self) -> dict[str, Split]:
        self.calls += 1
        generator = np.random.default_rng(0)
        return {
            name: Split(
                generator.integers(0, 256, (5, 1, 4, 4), dtype=np.uint8),
                np.arange(5, dtype=np.int64),
                np.arange(10, dtype=np.uint8).reshape(5, 2) if self.has_counts else None,
            )
            for name in SPLITS
        }


def same(left: dict[str, Split], right: dict[str, Split]) -> bool:
    assert list(left) == list(right)
    for name in left:
        np.testing.assert_array_equal(left[name].images, right[name].images)
        np.testing.assert_array_equal(left[name].labels, right[name].labels)
        assert (left[name].counts is None) == (right[name].counts is None)
        if left[name].counts is not None:
            np.testing.assert_array_equal(left[name].counts, right[name].counts)
    return True


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "not" / "there" / "yet"


@pytest.mark.parametrize("has_counts", [True, False])
def test_splits_are_made_once(folder, has_counts):
    make = Maker(has_counts)
    first, second = cached_splits(folder, make), cached_splits(folder, make)
    assert make.calls == 1
    assert same(first, Maker(has_counts)())
    assert same(second, first)
    assert second["train"].images.dtype == np.uint8
    assert second["train"].labels.dtype == np.int64


def test_the_folder_holds_arrays_and_a_manifest_and_nothing_half_made(folder):
    cached_splits(folder, Maker())
    files = {f"{split}_{part}.npy" for split in SPLITS for part in ("images", "labels", "counts")}
    assert {path.name for path in folder.iterdir()} == files | {"manifest.json"}


def test_kept_pixels_are_mapped_read_only(folder):
    images = cached_splits(folder, Maker())["train"].images
    assert isinstance(images.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 1


@pytest.mark.parametrize("name", ["train_images.npy", "test_labels.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut off", "one bit", "a folder"])
def test_a_damaged_file_is_made_again(folder, name, damage):
    make = Maker()
    cached_splits(folder, make)
    path = folder / name
    whole = path.read_bytes()
    path.unlink()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "cut off":
            path.write_bytes(whole[:-7])
        case "one bit":
            path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        case "a folder":
            path.mkdir()
    assert same(cached_splits(folder, make), Maker()())
    # One bit of the manifest may be of a file's time: that file is hashed and found whole.
    is_harmless = (name, damage) == ("manifest.json", "one bit")
    assert make.calls == 2 or is_harmless
    # It is mended on the disk too, where that is possible.
    calls = make.calls
    assert same(cached_splits(folder, make), Maker()())
    assert make.calls == (calls + 1 if damage == "a folder" else calls)


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b"null", b'{"train_images.npy": 3}'])
def test_a_manifest_of_something_else_is_made_again(folder, manifest):
    make = Maker()
    cached_splits(folder, make)
    (folder / "manifest.json").write_bytes(manifest)
    assert same(cached_splits(folder, make), Maker()())
    assert make.calls == 2


def test_arrays_without_a_manifest_are_half_written_and_made_again(folder):
    make = Maker()
    cached_splits(folder, make)
    (folder / "manifest.json").unlink()
    cached_splits(folder, make)
    assert make.calls == 2
    cached_splits(folder, make)
    assert make.calls == 2


def test_a_folder_that_cannot_be_made_still_gives_the_splits(tmp_path):
    (tmp_path / "file").write_text("in the way")
    splits = cached_splits(tmp_path / "file" / "folder", Maker())
    assert same(splits, Maker()())
    assert not splits["train"].images.flags.writeable


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_a_read_only_folder_still_gives_the_splits(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert same(cached_splits(tmp_path / "folder", Maker()), Maker()())
    finally:
        tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())


def test_splits_in_use_stay_whole_while_others_write_them_again(folder):
    held = cached_splits(folder, Maker())
    (folder / "manifest.json").unlink()
    results: list[dict[str, Split]] = []
    threads = [
        threading.Thread(target=lambda: results.append(cached_splits(folder, Maker())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(same(result, held) for result in results)
    assert not list(folder.glob(".part-*"))


def test_a_copied_folder_is_hashed_and_taken_as_it_is(folder, tmp_path):
    make = Maker()
    cached_splits(folder, make)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    assert same(cached_splits(copy, make), Maker()())
    assert make.calls == 1
