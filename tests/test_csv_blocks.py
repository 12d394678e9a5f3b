"""CSV blocks: whole lines in bounded memory, whatever the file."""

import gzip
import tracemalloc
from collections import deque

import pytest

from core.datasets import csv_blocks
from core.datasets.csv_blocks import opened_table
from core.exceptions import InvalidInput


def lines_of(path, longest_line=1000):
    with opened_table(path) as table:
        blocks = list(table.blocks(longest_line))
    return table.header, b"".join(block.text for block in blocks), blocks


def refusal(path, longest_line=1000):
    with pytest.raises(InvalidInput) as caught:
        lines_of(path, longest_line)
    return str(caught.value)


def test_blocks_hold_whole_lines_and_know_their_line_numbers(tmp_path):
    path = tmp_path / "t.csv"
    body = b"".join(b"%d,%d\n" % (row, row) for row in range(200_000))
    path.write_bytes(b"a,b\n" + body)
    header, text, blocks = lines_of(path)
    assert (header, text) == (b"a,b", body)
    assert len(blocks) > 3 and all(block.text.endswith(b"\n") for block in blocks)
    assert body.split(b"\n")[blocks[2].first_line - 2] == blocks[2].text.split(b"\n")[0]
    assert blocks[-1].share == 1.0


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_windows_and_unix_line_ends_give_the_same_lines(tmp_path, end):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join([b"a,b", b"1,2", b"3,4"]))
    assert lines_of(path)[:2] == (b"a,b", b"1,2\n3,4\n")


def test_gzip_is_known_by_its_content_and_a_mark_of_utf8_is_dropped(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa,b\n1,2\n"))
    assert lines_of(path)[:2] == (b"a,b", b"1,2\n")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"")
    assert refusal(tmp_path / "t.csv").startswith("'t.csv' is empty. A table has a header")


def test_a_gzip_file_of_nothing_is_refused(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b""))
    assert refusal(tmp_path / "t.csv.gz").startswith("'t.csv.gz' is empty.")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("a,b\n1,2\n".encode(encoding))
    message = refusal(tmp_path / "t.csv")
    assert "UTF-16" in message and "Save it as CSV in UTF-8." in message


@pytest.mark.parametrize(
    ("start", "what"), [(b"PK\x03\x04", "a zip or a spreadsheet"), (b"%PDF-1.7", "a PDF")]
)
def test_another_kind_of_file_is_named(tmp_path, start, what):
    (tmp_path / "t.csv").write_bytes(start + b"rest\n")
    assert refusal(tmp_path / "t.csv").startswith(f"'t.csv' is {what}, not a CSV table.")


def test_binary_content_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(bytes(range(256)) * 100)
    assert "'t.csv' is no text: its first line holds zero bytes" in refusal(tmp_path / "t.csv")


def test_lines_that_end_in_a_carriage_return_alone_are_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,b\r1,2\r")
    assert "end in a carriage return alone" in refusal(tmp_path / "t.csv")


@pytest.mark.parametrize("kept", [5, 100, 20_000])
def test_a_gzip_file_that_is_cut_off_is_refused(tmp_path, kept):
    body = b"".join(b"%d,%d\n" % (row, row * 7919 % 1009) for row in range(20_000))
    packed = gzip.compress(b"a,b\n" + body)
    assert len(packed) > kept + 8
    (tmp_path / "t.csv.gz").write_bytes(packed[:kept])
    message = refusal(tmp_path / "t.csv.gz")
    assert message == "'t.csv.gz' is cut off: its gzip data ends early. Copy or fetch it again."


def test_a_damaged_gzip_file_is_refused(tmp_path):
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    packed[-6] ^= 255  # the checksum
    (tmp_path / "t.csv.gz").write_bytes(packed)
    assert "'t.csv.gz' is damaged: its gzip data cannot be unpacked (CRC" in refusal(
        tmp_path / "t.csv.gz"
    )


def test_a_gzip_file_of_ten_gigabytes_is_refused_in_bounded_memory(tmp_path):
    # Members of gzip may follow each other: 100 of 100 MB each.
    member = gzip.compress((b"0," * 499 + b"0\n") * 100_000, compresslevel=9)
    with (tmp_path / "t.csv.gz").open("wb") as file:
        file.write(gzip.compress(b"a,b\n"))
        for _ in range(100):
            file.write(member)
    del member
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as caught, opened_table(tmp_path / "t.csv.gz") as table:
            deque(table.blocks(1000), maxlen=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith("'t.csv.gz' unpacks to more than 200 times its size")
    assert "unpack it yourself" in str(caught.value)
    assert peak < 8 * 2**20


def test_more_text_than_a_table_may_have_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "LARGEST_TEXT", 2**20)
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 2**18)
    with pytest.raises(InvalidInput, match=r"A table has at most .* of text; 't.csv' has more"):
        lines_of(path)


def test_a_line_of_a_gigabyte_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(2**30)
    tracemalloc.start()
    try:
        message = refusal(path, longest_line=500)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith("Line 3 of 't.csv' has more than 500 bytes")
    assert peak < 8 * 2**20


def test_a_header_of_a_gigabyte_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"a" * 10 * 2**20)
        file.truncate(2**30)
    tracemalloc.start()
    try:
        message = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith("Line 1 of 't.csv' has more than 4,194,304 bytes")
    assert peak < 24 * 2**20


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 200_000)
    with (
        pytest.raises(InvalidInput, match=r"'t.csv' changed while it was read"),
        opened_table(path),
        path.open("ab") as file,
    ):
        file.write(b"3,4\n")
