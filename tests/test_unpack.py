"""Unpacking: what a zip may hold, whatever its headers say."""

import contextlib
import io
import stat
import struct
import tracemalloc
import warnings
import zipfile

import pytest

from core.datasets import unpack
from core.datasets.unpack import opened_zip
from core.exceptions import InvalidInput

LARGE = 2**31


def write(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names given twice
        for name, data in members:
            archive.writestr(name, data)
    return path


def contents(path):
    with opened_zip(path) as members:
        return {name: members.read(name, LARGE) for name in members.names}


def refusal(path):
    with pytest.raises(InvalidInput) as caught:
        contents(path)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.zip"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_as_they_were_written(path, method):
    write(path, [("a/", b""), ("a/1.png", b"one" * 100_000), ("ü/2.png", b"")], method)
    with opened_zip(path) as members:
        assert members.names == ["a/1.png", "ü/2.png"]
        assert members.read("a/1.png", LARGE) == b"one" * 100_000
        assert members.read("ü/2.png", LARGE) == b""


def test_names_in_utf8_that_the_zip_does_not_mark_are_read(path):
    # As macOS writes them: UTF-8 without the flag that says so.
    write(path, [("mauß/1.png", b"1")])
    data = bytearray(path.read_bytes())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(sign) + offset
        flags = struct.unpack_from("<H", data, at)[0]
        struct.pack_into("<H", data, at, flags & ~0x800)
    path.write_bytes(data)
    with opened_zip(path) as members:
        assert members.names == ["mauß/1.png"] and members.read("mauß/1.png", 10) == b"1"


def test_backslashes_are_separators(path):
    write(path, [("a\\1.png", b"1")])
    with opened_zip(path) as members:
        assert members.names == ["a/1.png"]


@pytest.mark.parametrize(
    "name", ["../1.png", "a/../../1.png", "/etc/1.png", "\\1.png", "a\\..\\1.png", "C:/1.png", "c:1.png"]
)  # fmt: skip
def test_a_name_that_leads_out_is_refused(path, name):
    write(path, [("a/0.png", b"0"), (name, b"1")])
    shown = name.replace("\\", "/")
    assert refusal(path) == (
        f"'some.zip' holds {shown!r}, a name that leads out of the zip. Names are relative, without a drive and '..'."
        " Make the zip again."
    )


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(path, kind):
    info = zipfile.ZipInfo("a/1.png")
    info.external_attr = (kind | 0o777) << 16
    write(path, [(info, b"/etc/passwd")])
    assert refusal(path).startswith("'some.zip' holds 'a/1.png', a link or a device.")


def test_two_members_of_one_name_are_refused(path):
    write(path, [("a/1.png", b"1"), ("a//1.png", b"2")])
    assert "'some.zip' holds two members 'a/1.png'" in refusal(path)


def test_more_members_than_allowed_are_refused_with_their_number(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_001):
            archive.writestr(f"{number}", b"")
    assert refusal(path) == (
        "A zip holds at most 100,000 members; 'some.zip' holds 100,001. Split it."
    )


def test_a_million_members_are_refused_before_they_are_listed(path):
    # The list of a zip, written by hand: a million times the same empty member.
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    listed = (entry + b"a") * 1_000_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, len(listed), len(local), 0)
    path.write_bytes(local + listed + end)
    del listed
    tracemalloc.start()
    try:
        message = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith("The list of members of 'some.zip' takes more than 16 MiB;")
    assert "at most 100,000 members" in message
    assert peak < 2**20


def test_a_bomb_is_refused_in_bounded_memory(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a/1.png", "w") as file,
    ):
        for _ in range(100):
            file.write(bytes(2**20))
    tracemalloc.start()
    try:
        message = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith("'a/1.png' in 'some.zip' unpacks to more than 200 times its ")
    assert message.endswith("packed bytes, as only a bomb does. Remove it from the zip.")
    assert peak < 40 * 2**20


def test_a_small_blank_file_is_no_bomb(path):
    write(path, [("a/1.bmp", bytes(500_000))])
    with opened_zip(path) as members:
        assert len(members.read("a/1.bmp", LARGE)) == 500_000


def test_a_member_that_hides_its_size_is_read_no_further_than_it_says(path):
    write(path, [("a/1.png", bytes(10_000_000))])
    data = path.read_bytes()
    size = struct.pack("<I", 10_000_000)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", 10)))
    assert refusal(path).startswith("'a/1.png' in 'some.zip' is damaged (")


def test_a_total_beyond_the_limit_is_refused_from_the_headers(path):
    write(path, [("a/1.png", bytes(1000)), ("a/2.png", bytes(1001))])
    data = path.read_bytes()
    for number in (1000, 1001):
        data = data.replace(struct.pack("<I", number), struct.pack("<I", 2**30 + 2 * number))
    path.write_bytes(data)
    assert refusal(path) == (
        "A zip unpacks to at most 2 GiB; 'some.zip' unpacks to more. Split it, or import a folder."
    )


def test_a_total_beyond_the_limit_is_counted_while_unpacking(path, monkeypatch):
    write(path, [("a/1.png", bytes(1000)), ("a/2.png", bytes(1000))])
    with opened_zip(path) as members:
        monkeypatch.setattr(unpack, "LARGEST_UNPACKED", 1999)
        members.read("a/1.png", LARGE)
        members.read("a/1.png", LARGE)  # again, which does not count twice
        with pytest.raises(InvalidInput, match=r"'some.zip' unpacks to more"):
            members.read("a/2.png", LARGE)


def test_members_that_overlap_are_refused(path):
    # Many entries of the list that point to the same packed bytes.
    local_file = io.BytesIO()
    with zipfile.ZipFile(local_file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", b"x" * 10_000)
    data = local_file.getvalue()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    listed = b"".join(entry[:-1] + bytes([letter]) for letter in b"abcdefgh")
    record = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 8, 8, len(listed), start, 0)
    path.write_bytes(data[:start] + listed + record)
    assert refusal(path).startswith("The members of 'some.zip' overlap")


def test_a_member_larger_than_asked_for_is_refused(path):
    write(path, [("a/1.png", bytes(1000))])
    with (
        opened_zip(path) as members,
        pytest.raises(InvalidInput, match=r"unpacks to more than 999 bytes"),
    ):
        members.read("a/1.png", 999)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_method_of_packing_is_named(path, method):
    write(path, [("a/1.png", b"1" * 1000)], method)
    name = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA"}[method]
    assert f"'a/1.png' in 'some.zip' is packed by the method {name}" in refusal(path)


def test_an_encrypted_member_is_named(path):
    write(path, [("a/1.png", b"1")])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "'a/1.png' in 'some.zip' is encrypted" in refusal(path)


def test_a_damaged_member_is_named(path):
    write(path, [("a/1.png", b"some text" * 100)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"some text") + 5] ^= 255
    path.write_bytes(data)
    assert refusal(path).startswith("'a/1.png' in 'some.zip' is damaged (Bad CRC-32")


@pytest.mark.parametrize("kept", [0, 10, 100, -1, -30])
def test_a_zip_that_is_cut_off_is_refused(path, kept):
    write(path, [("a/1.png", bytes(range(256)) * 100)])
    path.write_bytes(path.read_bytes()[:kept])
    assert refusal(path).startswith("'some.zip' is no zip, or damaged (")


def test_a_changed_byte_anywhere_gives_a_message_or_the_same_bytes(path):
    write(path, [("a/1.png", bytes(range(256))), ("b/2.png", b"two")])
    data = path.read_bytes()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        with contextlib.suppress(InvalidInput):
            assert {*contents(path).values()} <= {bytes(range(256)), b"two"}


def test_a_zip_that_changes_while_it_is_read_is_refused(path):
    write(path, [("a/1.png", b"1")])
    with (
        pytest.raises(InvalidInput, match=r"'some.zip' changed while it was read"),
        opened_zip(path),
        path.open("ab") as file,
    ):
        file.write(b"1")
