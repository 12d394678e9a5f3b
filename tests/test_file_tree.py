"""File trees: folder and zip give the same files."""

import os
import zipfile

import pytest

from core.datasets.file_tree import is_tree, opened_tree
from core.exceptions import InvalidInput

FILES = ["b/1.png", "a/2.png", "a/deep/er/3.png", "0.txt", "日本/4.png"]
HIDDEN = [".DS_Store", "a/._2.png", "__MACOSX/a/2.png", "a/Thumbs.db", "desktop.ini", ".git/x.png"]


def fill(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def names_of(path):
    with opened_tree(path) as tree:
        assert all(tree.read(name, 100) == name.encode() for name in tree.names)
        return tree.names


def refusal(path):
    with pytest.raises(InvalidInput) as caught, opened_tree(path):
        pass
    return str(caught.value)


def test_a_folder_and_a_zip_give_the_same_files_sorted_and_none_that_is_hidden(tmp_path):
    folder = tmp_path / "folder"
    fill(folder, FILES + HIDDEN)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for name in HIDDEN + FILES:
            archive.write(folder / name, name)
    assert names_of(folder) == names_of(tmp_path / "z.zip") == sorted(FILES)


@pytest.mark.parametrize("to", ["outside", "inside", "nowhere"])
@pytest.mark.parametrize("of", ["file", "folder"])
def test_a_link_is_refused_wherever_it_leads(tmp_path, to, of):
    folder = tmp_path / "folder"
    fill(folder, FILES)
    fill(tmp_path / "other", FILES)
    root = {"outside": tmp_path / "other", "inside": folder, "nowhere": tmp_path / "no"}[to]
    (folder / "a" / "link.png").symlink_to(root / ("b/1.png" if of == "file" else "b"))
    assert refusal(folder) == (
        "'a/link.png' in 'folder' is a link, and links inside an import are not followed."
        " Put the file itself there, or remove the link."
    )


def test_a_file_replaced_by_a_link_after_it_was_listed_is_refused(tmp_path):
    fill(tmp_path / "folder", FILES)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    with opened_tree(tmp_path / "folder") as tree:
        (tmp_path / "folder" / "b" / "1.png").unlink()
        (tmp_path / "folder" / "b" / "1.png").symlink_to(secret)
        with pytest.raises(InvalidInput, match=r"'b/1.png' is a link"):
            tree.read("b/1.png", 100)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    assert refusal(tmp_path).startswith("'1.png' in ")
    assert "is neither a file nor a folder. Remove it." in refusal(tmp_path)


def test_a_name_that_is_no_utf8_is_refused(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system stores only UTF-8 names")
    assert r"The name 'caf\udce9.png' in " in refusal(tmp_path)


def test_a_file_too_large_is_named_with_its_folder(tmp_path):
    fill(tmp_path, FILES)
    with (
        opened_tree(tmp_path) as tree,
        pytest.raises(InvalidInput, match=r"'a/2.png' has more than 3"),
    ):
        tree.read("a/2.png", 3)


def test_what_is_neither_folder_nor_zip_is_refused(tmp_path):
    (tmp_path / "some.zip").write_bytes(b"no zip")
    assert not is_tree(tmp_path / "some.zip") and not is_tree(tmp_path / "missing")
    assert refusal(tmp_path / "some.zip").startswith("'some.zip' is no zip, or damaged (")
