"""The server against strangers: where it listens, whom it answers, and what a login changes. Real processes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from core.runs.store import Store

COOKIE = "_streamlit_user"
SECRET = "the-secret-of-the-cookies-0123456789abcdef"
ADA, BO, ROOT = "ada@example.org", "bo@example.org", "root@example.org"


@dataclass(frozen=True)
class Served:
    """A server with login on a folder where ada and bo have a run each, hidden from each other."""

    url: str
    process: psutil.Process
    store: Store
    runs: dict[str, str]

    def answer(self, place, **headers):
        """Return status and body of a request; `headers` as keywords."""
        request = urllib.request.Request(self.url + place, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def cookie(self, email, secret=SECRET, **claims):
        """Return the header of somebody who logged in."""
        told = {"origin": self.url, "is_logged_in": True, "email": email} | claims
        signed = create_signed_value(secret, COOKIE, json.dumps(told)).decode()
        return {"Cookie": f"{COOKIE}={signed}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory, finished_run, data_dir):
    folder = tmp_path_factory.mktemp("login")
    store = Store(folder / "runs")
    runs = {}
    for number, owner in enumerate((ADA, BO)):
        target = store.root / f"2020010{number + 1}-000000-abcdef"
        shutil.copytree(finished_run.layout.path, target)
        spec = json.loads((target / "run.json").read_text())
        (target / "run.json").write_text(json.dumps(spec | {"id": target.name, "owner": owner}))
        runs[owner] = target.name
    values = {"roles": {ROOT: "admin"}, "others_runs": "hidden"}
    (store.root / ".people.json").write_text(json.dumps(values))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{SECRET}"\n'
        'client_id = "petridish"\nclient_secret = "very-secret"\n'
        'server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"\n'
    )
    command = [sys.executable, "-m", "dashboard.serve", "--runs", store.root]
    command += ["--data", data_dir, "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True,
            env=os.environ | {"PETRIDISH_WAITS": '{"runner_idle": 1}'},
        )  # fmt: skip
        try:
            said = server.stdout.readline()
            assert said == f"Petridish is at http://127.0.0.1:{port}\n", (
                folder / "log"
            ).read_text()
            yield Served(said.split()[-1], psutil.Process(server.pid), store, runs)
        finally:
            server.terminate()
            server.communicate(timeout=60)
    said = (folder / "log").read_text()
    assert "Traceback" not in said and SECRET not in said and "very-secret" not in said


def test_it_listens_on_this_machine_alone(served):
    listening = [one for one in served.process.net_connections("inet") if one.status == "LISTEN"]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def handshake(url, **headers):
    """Ask for the pages' websocket, and return the status of the answer."""
    host = url.removeprefix("http://")
    name, port = host.split(":")
    told = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade"}
    told |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    told |= headers
    text = "".join(f"{key}: {value}\r\n" for key, value in told.items())
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        connection.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{text}\r\n".encode())
        return int(connection.recv(4096).split()[1])


def test_pages_are_for_our_own_origin_and_host(served):
    assert handshake(served.url, Origin=served.url) == 101
    for origin in ("http://evil.example", "https://127.0.0.1.evil.example", "null"):
        assert handshake(served.url, Origin=origin) == 403
    for host in ("evil.example", "127.0.0.1.evil.example"):
        assert handshake(served.url, Host=host, Origin=f"http://{host}") == 403


def test_a_foreign_origin_makes_the_server_ask_nobody_else(served):
    handshake(served.url, Origin="http://evil.example")
    foreign = [one.raddr for one in served.process.net_connections("inet") if one.raddr]
    assert {one.ip for one in foreign} <= {"127.0.0.1"}


def test_images_are_for_those_who_logged_in_and_may_see_the_run(served):
    sheets = {owner: f"/api/sheet/{run_id}/test?ids=0" for owner, run_id in served.runs.items()}
    assert served.answer(sheets[ADA]) == (403, b'{"error":"log in first"}')
    assert served.answer(sheets[ADA], **served.cookie(ADA))[0] == 200
    hidden = served.answer(sheets[BO], **served.cookie(ADA))
    nowhere = served.answer("/api/sheet/20200101-000000-000000/test?ids=0", **served.cookie(ADA))
    # Nothing tells a hidden run from one that is not there.
    assert hidden == nowhere == (404, b'{"error":"no such images"}')
    for owner in (ADA, BO):
        assert served.answer(sheets[owner], **served.cookie(ROOT))[0] == 200


def test_what_is_no_login_of_ours_is_none(served):
    sheet = f"/api/sheet/{served.runs[ADA]}/test?ids=0"
    for headers in (
        served.cookie(ADA, secret="another"),
        served.cookie(ADA, is_logged_in=False),
        served.cookie(ADA, is_logged_in="true"),
        served.cookie(ADA, origin="http://evil.example"),
        {"Cookie": f'{COOKIE}="{ADA}"'},
        {"Cookie": f"{COOKIE}=" + "A" * 5000},
    ):
        assert served.answer(sheet, **headers) == (403, b'{"error":"log in first"}')
    # An address that the provider has not checked is only a claim.
    assert served.answer(sheet, **served.cookie(ADA, email_verified=False))[0] == 404
    assert served.answer(sheet, **served.cookie(ROOT, email_verified=False))[0] == 404


@pytest.mark.parametrize(
    "place",
    [
        "/.streamlit/secrets.toml",
        "/app/static/../.streamlit/secrets.toml",
        "/app/static/secrets.toml",
        "/static/..%2f..%2f.streamlit%2fsecrets.toml",
        "/media/../.streamlit/secrets.toml",
        "/component/..%2f..%2f.streamlit%2fsecrets.toml",
        "/runs/.people.json",
        "/.people.json",
        "/api/sheet/..%2f..%2f.streamlit/secrets.toml?ids=0",
        "/api/sheet/../../.streamlit/secrets.toml?ids=0",
    ],
)
def test_no_address_gives_a_file_of_the_server(served, place):
    _, body = served.answer(place, **served.cookie(ROOT))
    assert SECRET.encode() not in body and b"others_runs" not in body


def test_an_upload_outside_a_session_of_ours_is_refused(served):
    place = "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/00000000-0000-0000-0000-000000000001"
    request = urllib.request.Request(
        served.url + place,
        b"--x\r\ncontent-disposition: form-data; name=a; filename=a\r\n\r\nb\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        method="PUT",
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=60)
    with error.value:
        assert error.value.code in (400, 403)


def test_the_options_on_which_safety_depends_hold_whatever_is_declared(tmp_path, monkeypatch):
    from dashboard import serve

    (tmp_path / "config.toml").write_text(
        "[server]\nenableCORS = false\nenableXsrfProtection = false\nenableStaticServing = true\n"
        'address = "0.0.0.0"\nallowedHosts = ["*"]\n[client]\nshowErrorDetails = "full"\n'
    )
    monkeypatch.setattr(serve, "DECLARED", (tmp_path / "config.toml",))
    for address, is_local in (("127.0.0.1", True), ("0.0.0.0", False)):
        options = serve._config(address, 8501, is_local)
        assert options["server.address"] == address
        assert options["server.enableCORS"] and options["server.enableXsrfProtection"]
        assert not options["server.enableStaticServing"]
        assert options["client.showErrorDetails"] == ("type" if is_local else "none")
        assert options["server.allowedHosts"] == (
            ["127.0.0.1", "localhost", "::1"] if is_local else ["*"]
        )


def test_the_first_start_with_a_login_makes_the_file_of_roles(tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        '[auth]\nredirect_uri = "http://127.0.0.1:1/oauth2callback"\ncookie_secret = "x"\n'
    )
    command = [sys.executable, "-m", "dashboard.serve", "--runs", str(tmp_path / "runs")]
    command += ["--data", str(tmp_path / "data"), "--address", "0.0.0.0"]
    server = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    server.stdout.readline()
    server.terminate()
    _, errors = server.communicate(timeout=60)
    assert "Made .people.json in the runs folder" in errors
    # With a login, nobody needs to be warned of its absence.
    assert "Warning: everyone who reaches" not in errors
    values = json.loads(Path(tmp_path / "runs" / ".people.json").read_text())
    assert list(values["roles"].values()) == ["admin"] and values["default"] == "student"
