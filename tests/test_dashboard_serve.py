"""The server as a process: port, address, end by a signal; and the route of the contact sheets."""

import asyncio
import contextlib
import gc
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import streamlit
import torch
from PIL import Image

from core.datasets.digits import Digits
from core.datasets.pixels import mean_images
from core.datasets.sheet import reduced
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs.store import Store
from core.variants import run_config
from dashboard.serve import PORTS_TRIED, collect_garbage, first_free_port, is_free


def serve(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dashboard.serve", "--runs", str(folder / "runs")]
    command += ["--data", str(folder / "data"), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def address_of(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    found = re.fullmatch(r"Petridish is at (http://127\.0\.0\.1:\d+)\n", server.stdout.readline())
    assert found
    return found[1]


def answer(url: str | urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server and the id of a finished run on digits."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("served")
    store = Store(folder / "runs")
    config = run_config(
        {"name": "digits"},
        "dense-base",
        {"training.max_epochs": 1, "model.hidden_layers": [16]},
    )
    dataset = config.dataset.load(folder / "data")
    run = submit(store, InlineExecutor(store, folder / "data"), dataset, config, seed=0)
    server = serve(folder)
    try:
        yield address_of(server), run.id
    finally:
        server.terminate()
        output, errors = server.communicate(timeout=60)
    assert server.returncode == 0
    assert "Traceback" not in errors and output == ""


def test_the_server_says_that_it_answers(served):
    url, _ = served
    assert answer(f"{url}/api/healthz") == (200, b'{"ok":true}')


def test_a_sheet_of_a_runs_images_is_a_picture(served):
    url, run_id = served
    status, body = answer(f"{url}/api/sheet/{run_id}/test?ids=0,5,359&columns=2&scale=3")
    assert status == 200 and body.startswith(b"\x89PNG")
    assert int.from_bytes(body[16:20], "big") == 2 * 8 * 3
    assert int.from_bytes(body[20:24], "big") == 2 * 8 * 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("ids=", 400),
        ("", 400),
        ("ids=360", 400),
        ("ids=-1", 400),
        ("ids=1;2", 400),
        ("ids=%D9%A1", 400),
        ("ids=" + ",".join("0" * 301), 400),
        ("ids=0&columns=0", 400),
        ("ids=0&scale=17", 400),
        ("ids=0&scale=1,2", 400),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused(served, query, status):
    url, run_id = served
    assert answer(f"{url}/api/sheet/{run_id}/test?{query}")[0] == status


@pytest.mark.parametrize(
    "place", ["20200101-000000-abcdef/test", "..%2f..%2fetc/test", "x/test", "{run}/rest"]
)
def test_what_is_not_there_is_not_found_and_no_path_is_told(served, place):
    url, run_id = served
    status, body = answer(f"{url}/api/sheet/{place.format(run=run_id)}?ids=0")
    assert status in (400, 404)
    assert b"/" not in body and b"Traceback" not in body


@pytest.fixture(scope="module")
def digits(served, tmp_path_factory):
    """The digits, which the server has loaded because somebody looked at the run's images."""
    url, run_id = served
    assert answer(f"{url}/api/sheet/{run_id}/test?ids=0")[0] == 200
    return Digits().load(tmp_path_factory.mktemp("digits"))


def picture(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)))


def test_images_of_mixed_splits_of_a_shown_data_set_are_one_picture(served, digits):
    url, _ = served
    status, body = answer(
        f"{url}/api/images/{digits.fingerprint}?ids=train:4,test:2,validation:0&columns=3"
    )
    assert status == 200
    expected = [
        digits.splits[name].images[row, 0]
        for name, row in (("train", 4), ("test", 2), ("validation", 0))
    ]
    assert np.array_equal(picture(body), np.concatenate(expected, axis=1))


def test_images_are_made_smaller_by_a_whole_factor(served, digits):
    url, _ = served
    _, body = answer(f"{url}/api/images/{digits.fingerprint}?ids=test:0&columns=1&reduce=2")
    assert np.array_equal(picture(body), reduced(digits.splits["test"].images[:1], 2)[0, 0])


@pytest.mark.parametrize("split", ["all", "validation"])
def test_the_mean_images_of_classes_are_a_picture(served, digits, split):
    url, _ = served
    means = mean_images(digits, None if split == "all" else split)
    for name, expected in (("mean", means.mean_pictures), ("spread", means.spread_pictures)):
        status, body = answer(
            f"{url}/api/means/{digits.fingerprint}/{split}/{name}?ids=3,0&columns=2"
        )
        assert status == 200
        both = np.concatenate([expected[3, 0], expected[0, 0]], axis=1)
        assert np.array_equal(picture(body), both)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("ids=", 400),
        ("ids=train", 400),
        ("ids=train:", 400),
        ("ids=train:1077", 400),
        ("ids=rest:0", 400),
        ("ids=train:0:1", 400),
        ("ids=train:-1", 400),
        ("ids=" + ",".join(["train:0"] * 301), 400),
        ("ids=train:0&reduce=9", 400),
        ("ids=train:0&reduce=0", 400),
    ],
)
def test_a_query_for_images_that_breaks_a_rule_is_refused(served, digits, query, status):
    url, _ = served
    assert answer(f"{url}/api/images/{digits.fingerprint}?{query}")[0] == status


@pytest.mark.parametrize(
    "place",
    [
        f"images/{'0' * 64}?ids=train:0",
        "images/digits?ids=train:0",
        f"means/{'0' * 64}/all/mean?ids=0",
        "means/{digits}/rest/mean?ids=0",
        "means/{digits}/all/median?ids=0",
    ],
)
def test_a_data_set_that_no_page_shows_is_not_found(served, digits, place):
    url, _ = served
    status, _ = answer(f"{url}/api/{place.format(digits=digits.fingerprint)}")
    assert status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:1:2", ""])
def test_a_request_for_another_host_is_refused(served, digits, host):
    url, run_id = served
    for place in (
        "healthz",
        f"sheet/{run_id}/test?ids=0",
        f"images/{digits.fingerprint}?ids=train:0",
        f"means/{digits.fingerprint}/all/mean?ids=0",
    ):
        request = urllib.request.Request(f"{url}/api/{place}", headers={"Host": host})
        assert answer(request) == (403, b'{"error":"this host is not allowed"}')
    request = urllib.request.Request(f"{url}/api/healthz", headers={"Host": "localhost:1234"})
    assert answer(request)[0] == 200


def test_a_taken_port_that_was_asked_for_is_an_error_of_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = serve(tmp_path, "--port", str(port))
        output, errors = server.communicate(timeout=120)
    assert server.returncode == 2 and output == ""
    (line,) = errors.strip().splitlines()
    assert str(port) in line and "--port" in line


def taken_port(taken):
    """Take the first free port with a socket and return it; another process may be quicker now and then."""
    # As the server does: a port whose last connections are still fading is free.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for _ in range(PORTS_TRIED):
        first = first_free_port("127.0.0.1")
        assert first is not None
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", first))
            taken.listen()
            return first
    raise AssertionError("no port could be taken")


def test_a_taken_port_is_passed_over_when_none_is_asked_for():
    with socket.socket() as taken:
        first = taken_port(taken)
        assert not is_free("127.0.0.1", first)
        second = first_free_port("127.0.0.1")
    assert second is not None and second > first


def test_a_port_that_another_server_takes_in_between_is_passed_over_too(tmp_path):
    with socket.socket() as taken:
        first = taken_port(taken)
        # It looked before the other one came.
        looked = f"from dashboard import serve; serve.first_free_port = lambda address: {first}; "
        command = [sys.executable, "-c", f"{looked}raise SystemExit(serve.main([]))"]
        folders = {"PETRIDISH_RUNS": str(tmp_path / "runs"), "PETRIDISH_DATA": str(tmp_path)}
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | folders,
        )
        try:
            url = address_of(server)
            assert int(url.rpartition(":")[2]) > first
            assert answer(f"{url}/api/healthz") == (200, b'{"ok":true}')
        finally:
            server.terminate()
            server.communicate(timeout=60)


def test_garbage_is_collected_although_python_does_not_look():
    class Tab:
        upload = None

    async def until_gone(seen):
        collecting = asyncio.create_task(collect_garbage(0.01))
        while seen() is not None:
            await asyncio.sleep(0.01)
        collecting.cancel()

    gc.disable()
    try:
        tab = Tab()
        tab.upload = tab
        seen = weakref.ref(tab)
        del tab
        assert seen() is not None
        asyncio.run(asyncio.wait_for(until_gone(seen), 120))
    finally:
        gc.enable()


def test_interrupting_ends_it_without_a_traceback(tmp_path):
    server = serve(tmp_path)
    address_of(server)
    server.send_signal(signal.SIGINT)
    _, errors = server.communicate(timeout=120)
    assert server.returncode in (0, 130)
    assert "Traceback" not in errors


def test_another_address_than_this_machine_is_warned_about(tmp_path):
    server = serve(tmp_path, "--address", "0.0.0.0")
    assert server.stdout is not None
    assert server.stdout.readline().startswith("Petridish is at http://")
    server.terminate()
    _, errors = server.communicate(timeout=120)
    assert "Warning: everyone who reaches 0.0.0.0" in errors
    assert server.returncode == 0


def test_colours_and_limits_hold_wherever_the_server_is_started_from(tmp_path, monkeypatch):
    from dashboard.serve import _config

    # Streamlit reads its own options where it is first asked; the tests after this one want those of the checkout.
    streamlit.get_option("server.address")
    monkeypatch.chdir(tmp_path)
    options = _config("127.0.0.1", 8501, is_local=True)
    assert options["theme.light.primaryColor"] == "#0072B2"
    assert options["server.maxUploadSize"] == 256


def test_the_safe_options_hold():
    from dashboard.serve import _config

    options = _config("127.0.0.1", 8501, is_local=True)
    assert options["server.address"] == "127.0.0.1"
    assert "*" not in options["server.allowedHosts"]
    assert _config("0.0.0.0", 8501, is_local=False)["client.showErrorDetails"] == "none"
    assert json.dumps(options)


def test_below_a_base_path_pages_and_routes_answer_and_nothing_above_does(tmp_path):
    server = serve(tmp_path, "--base-path", "/lab/petridish/")
    assert server.stdout is not None
    url = server.stdout.readline().removeprefix("Petridish is at ").strip()
    assert url.endswith("/lab/petridish/")
    assert b"<html" in answer(f"{url}errors")[1]
    assert answer(f"{url}_stcore/health") == (200, b"ok")
    assert answer(f"{url}api/healthz") == (200, b'{"ok":true}')
    assert answer(f"{url}api/sheet/20200101-000000-abcdef/test?ids=0")[0] == 404
    above = url.removesuffix("lab/petridish/")
    assert [answer(f"{above}{place}")[0] for place in ("", "api/healthz")] == [404, 404]
    server.terminate()
    _, errors = server.communicate(timeout=120)
    # Streamlit's warning that it wants to be restarted, above all.
    assert server.returncode == 0 and errors == ""


@pytest.mark.parametrize("base_path", ["../etc", "a//b", "a b", "a?b"])
def test_a_base_path_that_is_none_is_an_error_of_one_line(tmp_path, base_path):
    server = serve(tmp_path, "--base-path", base_path)
    output, errors = server.communicate(timeout=120)
    assert server.returncode == 2 and output == ""
    (line,) = errors.strip().splitlines()
    assert "--base-path" in line and base_path in line


@contextlib.contextmanager
def session(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Open a page as a browser does; gives the session's id, and the headers with which it may upload."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=60) as response:
        cookie = response.headers["Set-Cookie"].split(";")[0]
    token = cookie.partition("=")[2]
    with connect(
        f"{url.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=["streamlit", token],
        additional_headers={"Cookie": cookie},
        max_size=None,
        open_timeout=120,
        proxy=None,
    ) as line:
        wish = BackMsg()
        wish.rerun_script.query_string = ""
        line.send(wish.SerializeToString())
        said = ForwardMsg()
        while said.WhichOneof("type") != "new_session":
            said = ForwardMsg.FromString(line.recv(120))
        yield said.new_session.initialize.session_id, {"Cookie": cookie, "X-Xsrftoken": token}


def kept_open(pid: int, folder: Path) -> list[str]:
    """Return the files of a folder that a process has open, deleted ones too; none where a machine has no /proc."""
    found = []
    for one in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(one))
    return [one for one in found if one.startswith(str(folder))]


def test_an_upload_over_the_limit_is_refused_by_the_server_and_nothing_of_it_is_left(
    tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    server = serve(tmp_path)
    process, used = psutil.Process(server.pid), []
    multipart = {"Content-Type": "multipart/form-data; boundary=border"}
    head = (
        b'--border\r\nContent-Disposition: form-data; name="file"; filename="runs.zip"\r\n\r\n',
        b"\r\n--border--\r\n",
    )
    chunk, limit = bytes(2**20), 256

    def streamed(num_chunks):
        yield head[0]
        for _ in range(num_chunks):
            used.append(process.memory_info().rss)
            yield chunk
        yield head[1]

    try:
        url = address_of(server)
        with session(url) as (session_id, allowed):

            def upload(name, body, **headers):
                line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
                with contextlib.closing(line):
                    line.request(
                        "PUT",
                        f"/_stcore/upload_file/{session_id}/{name}",
                        body,
                        headers={**allowed, **multipart, **headers},
                        encode_chunked="Transfer-Encoding" in headers,
                    )
                    return line.getresponse().status

            in_chunks = {"Transfer-Encoding": "chunked"}
            assert upload("small", streamed(1), **in_chunks) == 204
            # Who says how much it is, is refused before a byte of it has come.
            assert upload("said", iter(()), **{"Content-Length": str(limit * 2**20 + 1)}) == 413
            # Who does not say it, as soon as it is too much, and at no time is it in memory.
            used.clear()
            assert upload("unsaid", streamed(limit + 2), **in_chunks) == 413
            assert max(used) - used[0] < limit / 2 * 2**20
            _, body = answer(f"{url}/_stcore/metrics")
            (kept,) = re.findall(
                rb'cache_memory_bytes{cache_type="UploadedFileManager".*} (\d+)', body
            )
            assert int(kept) == len(chunk)
            # What was received lies in a file without a name, which goes once nobody has it open.
            end = time.monotonic() + 120
            while kept_open(server.pid, tmp_path / "temporary"):
                assert time.monotonic() < end, "it is still there"
                time.sleep(0.1)
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=120)
    large = [one for one in tmp_path.rglob("*") if one.is_file() and one.stat().st_size > 2**20]
    assert large == []
    assert server.returncode == 0
    assert "Upload rejected" in errors and "Traceback" not in errors
