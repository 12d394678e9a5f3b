"""Class names from files: forms that are read, marks that are taken out, and refusals."""

import pytest

from core.datasets import class_names
from core.exceptions import InvalidInput


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  T-shirt/top\t ", "T-shirt/top"),
        ("a\x00b\x1b[31mc\nd", "a b [31mc d"),
        ("abc\u202efdp.exe", "abcfdp.exe"),
        ("नमस्\u200dते", "नमस्\u200dते"),  # a joiner, which this script needs
        ("x" * 300, "x" * 200),
        ("\ud800", ""),
    ],
)
def test_a_name_is_made_safe_to_show(given, expected):
    assert class_names.cleaned(given) == expected


@pytest.mark.parametrize(
    ("file_name", "content"),
    [
        ("names.txt", "猫\nчаша\nT-shirt\n".encode()),
        ("names.txt", "猫\r\nчаша\r\n\r\nT-shirt".encode("utf-8-sig")),
        ("names.txt", "猫\nчаша\nT-shirt".encode("utf-16")),
        ("names.json", '["猫", "чаша", "T-shirt"]'.encode()),
    ],
)
def test_text_and_json_give_the_same_names(tmp_path, file_name, content):
    path = tmp_path / file_name
    path.write_bytes(content)
    assert class_names.from_file(path) == ("猫", "чаша", "T-shirt")


@pytest.mark.parametrize(
    ("file_name", "content", "message"),
    [
        ("n.txt", b"\xff\x00\xc4", "'n.txt' is not text in UTF-8. Save it as UTF-8."),
        (
            "n.txt",
            b"a\nb\na",
            "The class names in 'n.txt': classes 0 and 2 have the same name, 'a'.",
        ),
        ("n.json", b'["a", ""]', "The class names in 'n.json': class 1 has an empty name."),
        ("n.json", b'{"a": 0}', "'n.json' must hold a JSON list of names, in label order."),
        ("n.json", b"[1, 2]", "'n.json' must hold a JSON list of names, in label order."),
        ("n.txt", b"a" * 2**21, "'n.txt' has more than 1,048,576 bytes"),
        (
            "n.txt",
            b"\n".join(b"%d" % one for one in range(1001)),
            "The class names in 'n.txt' has 1,001 classes; at most 1,000 can be told apart.",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, file_name, content, message):
    path = tmp_path / file_name
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        class_names.from_file(path)
    assert str(caught.value).startswith(message)


def test_broken_json_is_refused(tmp_path):
    path = tmp_path / "n.json"
    path.write_bytes(b'["a",')
    with pytest.raises(InvalidInput, match=r"^'n\.json' is no JSON \("):
        class_names.from_file(path)


def test_classes_without_names_are_called_by_their_numbers():
    assert class_names.for_labels(3, None, "'x'") == ("0", "1", "2")
