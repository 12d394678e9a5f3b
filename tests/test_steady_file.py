"""Steady files: regular, unchanged, bounded."""

import os

import pytest

from core.datasets.steady_file import read_whole, steady_file
from core.exceptions import InvalidInput


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"abc")
    assert read_whole(path, 3) == b"abc"


def test_a_larger_file_is_refused(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"abcd")
    with pytest.raises(InvalidInput, match=r"^'some.txt' has more than 3 bytes"):
        read_whole(path, 3)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"abc")
    message = "'some.txt' changed while it was read, so it was not used"
    with (
        pytest.raises(InvalidInput, match=message),
        steady_file(path),
        path.open("ab") as other,
    ):
        other.write(b"d")


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path):
    path, other = tmp_path / "some.txt", tmp_path / "other.txt"
    path.write_bytes(b"abc")
    other.write_bytes(b"abc")
    with pytest.raises(InvalidInput, match=r"changed while it was read"), steady_file(path):
        os.replace(other, path)


def test_a_file_that_is_removed_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"abc")
    with pytest.raises(InvalidInput, match=r"changed while it was read"), steady_file(path):
        path.unlink()


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    with pytest.raises(InvalidInput) as caught, steady_file(tmp_path / "no.txt"):
        pass
    assert str(caught.value) == "'no.txt' cannot be read: No such file or directory."


def test_a_pipe_does_not_hold_up_the_reader(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with (
        pytest.raises(InvalidInput, match=r"'pipe.csv' is not a regular file"),
        steady_file(tmp_path / "pipe.csv"),
    ):
        pass


def test_a_link_is_followed_only_where_it_is_allowed(tmp_path):
    (tmp_path / "some.txt").write_bytes(b"abc")
    (tmp_path / "link.txt").symlink_to(tmp_path / "some.txt")
    assert read_whole(tmp_path / "link.txt", 10) == b"abc"
    with pytest.raises(InvalidInput, match=r"'link.txt' is a link"):
        read_whole(tmp_path / "link.txt", 10, follow=False)
