import errno
import math
import os
import signal
import stat
import subprocess
import sys
import threading

import orjson
import pytest

from core.exceptions import DamagedRun
from core.runs import files


@pytest.fixture
def full_disk(monkeypatch):
    """Makes every write fail as on a full disk."""

    def fail(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "fault", fail)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "state.json"
    files.write_json(path, {"epoch": 1, "text": "x" * 1000})
    files.write_json(path, {"epoch": 2})
    assert files.read_json(path) == {"epoch": 2}
    assert names(tmp_path) == ["state.json"]


def test_files_and_folders_are_readable_by_owner_and_group_only(tmp_path):
    before = os.umask(0o002)
    try:
        files.make_folder(tmp_path / "a" / "b")
        files.write_json(tmp_path / "a" / "b" / "one.json", {})
        files.append_row(tmp_path / "a" / "b" / "rows.jsonl", {})
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"a": 0o750, "b": 0o750, "one.json": 0o640, "rows.jsonl": 0o640}


def test_a_folder_that_is_there_stays(tmp_path):
    files.make_folder(tmp_path / "a")
    (tmp_path / "a" / "one").touch()
    files.make_folder(tmp_path / "a")
    assert names(tmp_path / "a") == ["one"]


def test_a_failing_write_leaves_the_old_file_and_nothing_aside(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    files.write_json(path, {"epoch": 1})

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files, "fault", fail)
    with pytest.raises(OSError, match="Input/output error"):
        files.write_json(path, {"epoch": 2})
    assert files.read_json(path) == {"epoch": 1}
    assert names(tmp_path) == ["state.json"]


def test_a_failing_creation_leaves_nothing(tmp_path, full_disk):
    with pytest.raises(OSError, match="No space left"):
        files.create_json(tmp_path / "0001.json", {})
    assert names(tmp_path) == []


def test_a_write_that_the_disk_takes_only_in_part_is_an_error(tmp_path):
    # A limit on the file size gives real short writes, as a nearly full disk does.
    program = (
        "import errno, resource, sys\n"
        "from pathlib import Path\n"
        "from core.runs import files\n"
        "folder = Path(sys.argv[1])\n"
        "files.append_row(folder / 'rows.jsonl', {'epoch': 1})\n"
        "files.write_json(folder / 'state.json', {'epoch': 1})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))\n"
        "for write in (files.append_row, files.write_json):\n"
        "    name = 'rows.jsonl' if write is files.append_row else 'state.json'\n"
        "    try:\n"
        "        write(folder / name, {'epoch': 2, 'text': 'x' * 100})\n"
        "    except OSError as error:\n"
        "        print(errno.errorcode[error.errno])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ENOSPC", "ENOSPC"]
    assert files.read_json(tmp_path / "state.json") == {"epoch": 1}
    assert names(tmp_path) == ["rows.jsonl", "state.json"]
    data = (tmp_path / "rows.jsonl").read_bytes()
    assert len(data) == 50
    assert files.parse_rows(data) == ([{"epoch": 1}], 0)
    files.end_torn_line(tmp_path / "rows.jsonl")
    files.append_row(tmp_path / "rows.jsonl", {"epoch": 2})
    data = (tmp_path / "rows.jsonl").read_bytes()
    assert files.parse_rows(data) == ([{"epoch": 1}, {"epoch": 2}], 1)


def test_threads_that_replace_one_file_never_mix_their_contents(tmp_path):
    path = tmp_path / "edit.json"
    problems = []

    def write(number):
        try:
            for _ in range(30):
                files.write_json(path, {"note": str(number) * 5000})
        except OSError as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            note = files.read_json(path)["note"]
            assert note == note[0] * 5000
    assert problems == []
    assert names(tmp_path) == ["edit.json"]


def test_one_of_many_processes_creates_a_file(tmp_path):
    path = tmp_path / "attempts" / "0001.json"
    path.parent.mkdir()
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from core.runs import files\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(files.create_json(Path(sys.argv[1]), {'pid': os.getpid()}))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.pid: process.communicate()[0].strip() for process in started}
    assert sorted(answers.values()) == ["False", "False", "False", "True"]
    assert answers[files.read_json(path)["pid"]] == "True"
    assert names(path.parent) == ["0001.json"]


def test_what_was_created_once_is_not_created_again(tmp_path):
    path = tmp_path / "stop.json"
    assert files.create_json(path, {"by": "ada"})
    assert not files.create_json(path, {"by": "grace"})
    assert files.read_json(path) == {"by": "ada"}
    assert names(tmp_path) == ["stop.json"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "state.json is empty"),
        (b"\0" * 100, "state.json is no JSON ("),
        (b'{"state": "runn', "state.json is no JSON ("),
        (b"[1, 2]", "state.json holds no JSON object"),
        (b"null", "state.json holds no JSON object"),
        (b'"text"', "state.json holds no JSON object"),
        (b"\xff\xfe", "state.json is no JSON ("),
        (b"[" * 100_000, "state.json is no JSON ("),
        (b'{"a": NaN}', "state.json is no JSON ("),
    ],
)
def test_a_file_that_is_no_json_object_says_what_it_is(tmp_path, data, message):
    path = tmp_path / "state.json"
    path.write_bytes(data)
    with pytest.raises(DamagedRun) as raised:
        files.read_json(path)
    assert str(raised.value).startswith(message)


def test_a_file_larger_than_any_of_ours_is_not_read_whole(tmp_path):
    path = tmp_path / "run.json"
    with path.open("wb") as file:
        file.truncate(files.LARGEST_JSON * 20)  # sparse: it takes no space
    with pytest.raises(DamagedRun) as raised:
        files.read_json(path)
    assert str(raised.value) == "run.json is larger than 64 MiB"


def test_a_missing_file_is_told_apart_from_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read_json(tmp_path / "edit.json")


def test_numbers_that_json_lacks_become_null_and_are_listed():
    row = {"epoch": 1, "train_loss": math.nan, "gradient_norm": math.inf, "note": None, "x": 0.5}
    cleaned = files.without_nan(row)
    assert cleaned == {
        "epoch": 1,
        "train_loss": None,
        "gradient_norm": None,
        "note": None,
        "x": 0.5,
        "nan": ["train_loss", "gradient_norm"],
    }
    assert math.isnan(row["train_loss"])  # the caller's row is left alone
    assert orjson.loads(orjson.dumps(cleaned)) == cleaned


def test_a_row_of_finite_numbers_stays_as_it_is():
    assert files.without_nan({"epoch": 1, "loss": 0.5}) == {"epoch": 1, "loss": 0.5}


def test_bytes_after_the_last_newline_are_a_row_still_being_written():
    assert files.parse_rows(b'{"a":1}\n{"a":2') == ([{"a": 1}], 0)
    assert files.parse_rows(b'{"a":1}') == ([], 0)
    assert files.parse_rows(b"") == ([], 0)


@pytest.mark.parametrize(
    "line", [b"\0" * 64, b"{", b"[1]", b"7", b"null", b"\xff\xff", b'{"a":1}{"a":2}', b"{'a': 1}"]
)
def test_a_line_that_is_no_row_is_skipped_and_counted(line):
    data = b'{"a":1}\n' + line + b'\n{"a":2}\n'
    assert files.parse_rows(data) == ([{"a": 1}, {"a": 2}], 1)


def test_empty_lines_are_nothing():
    assert files.parse_rows(b'\n\n{"a":1}\n  \n') == ([{"a": 1}], 0)


def test_a_torn_line_is_ended_before_the_next_row(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'{"epoch":1}\n{"epoch":2,"tra')
    files.end_torn_line(path)
    files.append_row(path, {"epoch": 2})
    assert files.parse_rows(path.read_bytes()) == ([{"epoch": 1}, {"epoch": 2}], 1)


@pytest.mark.parametrize("data", [b"", b'{"epoch":1}\n'])
def test_a_file_that_ends_in_a_newline_or_is_empty_is_left_alone(tmp_path, data):
    path = tmp_path / "history.jsonl"
    path.write_bytes(data)
    files.end_torn_line(path)
    assert path.read_bytes() == data


def test_a_file_that_is_not_there_has_no_torn_line(tmp_path):
    files.end_torn_line(tmp_path / "history.jsonl")
    files.sync_file(tmp_path / "history.jsonl")
    assert names(tmp_path) == []


def test_an_appended_event_tells_when_and_what(tmp_path):
    path = tmp_path / "events.jsonl"
    files.append_event(path, "stop", by="ada")
    files.append_event(path, "warning", message="line\nbreak")
    rows, bad = files.parse_rows(path.read_bytes())
    assert bad == 0
    assert [row["event"] for row in rows] == ["stop", "warning"]
    assert rows[0]["by"] == "ada"
    assert rows[1]["message"] == "line\nbreak"
    assert rows[0]["time"] <= rows[1]["time"]


def test_a_writer_killed_again_and_again_leaves_the_old_or_the_new(tmp_path):
    path = tmp_path / "state.json"
    files.write_json(path, {"number": 0, "text": "0" * 10_000})
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from core.runs import files\n"
        "number = 0\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    number += 1\n"
        "    files.write_json(Path(sys.argv[1]), {'number': number, 'text': str(number) * 10_000})\n"
    )
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True
        ) as writer:
            writer.stdout.readline()
            first = files.read_json(path)["number"]
            while files.read_json(path)["number"] == first:
                pass
            writer.send_signal(signal.SIGKILL)
        values = files.read_json(path)
        assert values["text"] == str(values["number"]) * 10_000
