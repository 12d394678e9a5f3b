"""Downloads from a server on this machine: going on, trying again, giving up with a reason."""

import hashlib
import http.server
import re
import threading

import pytest

from core.datasets.download import download
from core.exceptions import CoreError, InvalidInput

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes
NAME = "file.bin"


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `answers` holds how, one entry a request, the last for all that follow."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = ["whole"]
        self.ranges: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.isdecimal():
            self.send_error(int(answer))
            return
        start = (
            int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and answer != "no ranges" else 0
        )
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        if answer == "damaged":
            body = bytes(len(body))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer == "broken off" else body)

    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def check(path) -> None:
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(CONTENT).digest():
        raise InvalidInput(f"{NAME} is not the wanted file.")


def fetched(server, folder, told=None):
    shares: list[float] = [] if told is None else told
    return download(server.address, NAME, folder, check, shares.append)


def test_a_file_arrives_whole_and_alone(server, tmp_path):
    told: list[float] = []
    path = fetched(server, tmp_path, told)
    assert path == tmp_path / NAME
    assert path.read_bytes() == CONTENT
    assert [one.name for one in tmp_path.iterdir()] == [NAME]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_line_that_breaks_off_is_taken_up_where_it_broke(server, tmp_path):
    server.answers = ["broken off", "whole"]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    first, second = server.ranges
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(CONTENT) // 2


def test_what_an_earlier_call_left_is_gone_on_with(server, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT[:1000])
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_part_that_is_whole_already_is_taken(server, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT)
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT[:1000])
    server.answers = ["no ranges"]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    server.answers = ["damaged", "whole"]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_a_failing_server_is_asked_again(server, tmp_path):
    server.answers = ["503", "whole"]
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_a_file_that_stays_damaged_is_refused_and_not_left_there(server, tmp_path):
    server.answers = ["damaged"]
    with pytest.raises(CoreError, match=r"^file\.bin is not the wanted file\.$"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(server.ranges) == 3


def test_a_file_that_is_not_there_is_told_at_once(server, tmp_path):
    server.answers = ["404"]
    with pytest.raises(CoreError, match=r"^file\.bin: the server answered 404\.$"):
        fetched(server, tmp_path)
    assert len(server.ranges) == 1
    assert not (tmp_path / NAME).exists()


def test_a_server_that_stays_broken_is_told(server, tmp_path):
    server.answers = ["503"]
    with pytest.raises(CoreError, match=r"^file\.bin: the server answered 503\.$"):
        fetched(server, tmp_path)


def test_nobody_listening_is_told(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(
        CoreError, match=r"^file\.bin: the server cannot be reached, or the line broke off\.$"
    ):
        fetched(server, tmp_path)
    assert not (tmp_path / NAME).exists()
