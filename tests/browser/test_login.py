"""Logging in for real, in Chromium: a small OpenID Connect provider, the dashboard set up as README says, and people.

Other tests hand the server a signed cookie instead. Here nothing of ours is stood in for: discovery, the provider's own
page, its code, the token behind it with its signature, the cookie that Streamlit then sets. The provider's name is
"localhost" and the dashboard's "127.0.0.1", so for the browser they are two sites, as they are in life.
"""

import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pytest

from core.runs.store import Store

pytestmark = pytest.mark.browser

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
for module in ("authlib", "httpx", "joserfc"):
    pytest.importorskip(module, reason=f'{module} is not installed: pip install "streamlit[auth]"')

from joserfc import jwt  # noqa: E402
from joserfc.jwk import RSAKey  # noqa: E402

PATIENCE = 120_000
ADA, BO, EVE = "ada@example.org", "bo@example.org", "eve@example.org"
CLIENT, CLIENT_SECRET = "petridish", "only-the-provider-and-the-server-know-this"
COOKIE_SECRET = "the-secret-of-the-cookies-0123456789abcdef"
LOGIN_PAGE = """<!doctype html><title>Provider</title><form method="post">
<label>Address <input name="email"></label><button>Go on</button></form>"""


@dataclass
class Provider:
    """An OpenID Connect provider that believes every address and can be told to spoil what it hands out.

    Attributes:
        url: its issuer.
        key: signs tokens; its public half is what it publishes.
        asked: code -> what was asked for with it; a code is good for one token.
        claims: what the next tokens say over what they ought to.
        signer: signs the next tokens.
        refused: what was wrong with requests that no honest client makes.
        ended: what was said at each end of a session.
    """

    url: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    signer: RSAKey | None = None
    refused: list[str] = field(default_factory=list)
    ended: list[dict[str, str]] = field(default_factory=list)

    def discovery(self) -> dict[str, object]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def redirect(self, asked: dict[str, str], email: str) -> str:
        """Return where somebody goes who has just said who they are."""
        code = secrets.token_urlsafe()
        self.asked[code] = asked | {"email": email}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, object] | None:
        """Return the answer for a code, or None for a request that is not in order."""
        asked = self.asked.pop(form.get("code", ""), None)
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        checks = {
            "code": asked is not None and form.get("grant_type") == "authorization_code",
            "client": [unquote(part) for part in client] == [CLIENT, CLIENT_SECRET],
            "verifier": asked is not None and asked.get("code_challenge") == challenge,
            "redirect": asked is not None and asked["redirect_uri"] == form.get("redirect_uri"),
        }
        wrong = [name for name, is_right in checks.items() if not is_right]
        self.refused += wrong
        if wrong or asked is None:
            return None
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"sub": f"id of {asked['email']}", "email": asked["email"]}
        claims |= {"email_verified": True, "nonce": asked["nonce"], **self.claims}
        header = {"alg": "RS256", "kid": "one"}
        id_token = jwt.encode(header, claims, self.signer or self.key)
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer"}
        return {**answer, "expires_in": 300, "id_token": id_token}


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the provider of its server."""

    provider: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(self.provider.discovery())
            case "/jwks":
                self._json({"keys": [self.provider.key.as_dict(private=False)]})
            case "/authorize" if query["client_id"] == CLIENT:
                self._answer(200, LOGIN_PAGE.encode(), "text/html")
            case "/end":
                self.provider.ended.append(query)
                self._answer(302, b"", "text/plain", query["post_logout_redirect_uri"])
            case _:
                self._answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if url.path == "/authorize":
            place = self.provider.redirect(dict(parse_qsl(url.query)), form["email"])
            self._answer(302, b"", "text/plain", place)
            return
        token = self.provider.token(form, self.headers["Authorization"])
        self._json(token or {"error": "invalid_grant"}, 200 if token else 400)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str, place: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if place is not None:
            self.send_header("Location", place)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def provider():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.provider = Provider(f"http://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Handler.provider
    server.shutdown()
    server.server_close()
    thread.join()


class Stay(urllib.request.HTTPErrorProcessor):
    """Takes a redirection for an answer."""

    def http_response(self, request, response):
        return response


@dataclass(frozen=True)
class Served:
    """A dashboard where people log in."""

    url: str
    store: Store
    log: Path


@pytest.fixture(scope="module")
def served(browser, provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("login")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        f'cookie_secret = "{COOKIE_SECRET}"\n'
        f'client_id = "{CLIENT}"\n'
        f'client_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    command = [sys.executable, "-m", "dashboard.serve", "--port", str(port)]
    log = folder / "log"
    places = {"PETRIDISH_RUNS": str(folder / "runs"), "PETRIDISH_DATA": str(folder / "data")}
    with log.open("wb") as errors:
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=os.environ | places | {"PETRIDISH_WAITS": '{"runner_idle": 1}'},
        )  # fmt: skip
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            assert said == f"Petridish is at http://127.0.0.1:{port}\n", log.read_text()
            yield Served(said.split()[-1], Store(folder / "runs"), log)
        finally:
            server.terminate()
            server.communicate(timeout=60)
    said = log.read_text()
    assert provider.refused == []
    assert not any(secret in said for secret in (COOKIE_SECRET, CLIENT_SECRET))
    assert ADA not in said


@pytest.fixture
def visitor(browser, served):
    """Returns a function that opens a browser of somebody's own, where nobody has logged in yet."""
    opened = []

    def come():
        context = browser.new_context(viewport={"width": 1280, "height": 720}, base_url=served.url)
        context.set_default_timeout(PATIENCE)
        opened.append(context)
        return context.new_page()

    yield come
    for context in opened:
        context.close()


def way_in(page):
    return page.get_by_role("button", name="Log in", exact=True)


def say_who(page, provider, email):
    """Go to the provider and say there who one is."""
    way_in(page).click()
    page.wait_for_url(f"{provider.url}/authorize**")
    page.get_by_label("Address").fill(email)
    page.get_by_role("button", name="Go on").click()


def log_in(page, served, provider, email):
    say_who(page, provider, email)
    page.wait_for_url(f"{served.url}/**")
    # An address becomes a link within the paragraph.
    shown = page.get_by_test_id("stSidebar").locator("p", has_text=email)
    sync_api.expect(shown).to_be_visible()


def cookies(page):
    return {one["name"] for one in page.context.cookies() if "_streamlit_user" in one["name"]}


def test_who_logs_in_owns_the_runs_they_start_and_others_only_look(
    visitor, served, provider, wait_for
):
    expect = sync_api.expect
    page = visitor()
    page.goto("/train?dataset=digits&variants=dense-base")
    expect(way_in(page)).to_be_visible()
    assert page.get_by_role("button", name="Start", exact=True).count() == 0
    log_in(page, served, provider, ADA)
    # The link that one came with still leads where it led.
    page.wait_for_url(f"{served.url}/train?dataset=digits&variants=dense-base")
    field = page.get_by_label("Max epochs", exact=True)
    field.fill("1")
    field.press("Enter")
    page.wait_for_url("**changes=*")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**runs=*")
    (run,) = served.store.runs()
    assert run.spec["owner"] == ADA
    wait_for(lambda: served.store.run(run.id).state.state == "finished")
    delete = page.get_by_role("button", name="Delete", exact=True).first
    expect(delete).to_be_enabled()

    other = visitor()
    other.goto(f"/runs?runs={run.id}")
    assert other.request.get(f"/api/sheet/{run.id}/test?ids=0").status == 403
    log_in(other, served, provider, BO)
    assert other.request.get(f"/api/sheet/{run.id}/test?ids=0").status == 200
    delete = other.get_by_role("button", name="Delete", exact=True).first
    expect(delete).to_be_disabled()
    delete.hover(force=True)
    why = other.get_by_text(f"The chosen run cannot be deleted: 1 of {ADA}.")
    expect(why).to_be_visible()


def test_who_logs_out_is_asked_again_and_the_provider_is_told(visitor, served, provider, wait_for):
    page = visitor()
    page.goto("/")
    log_in(page, served, provider, ADA)
    assert cookies(page)
    page.reload()
    page.get_by_role("button", name="Log out").click()
    sync_api.expect(way_in(page)).to_be_visible()
    wait_for(lambda: cookies(page) == set() and page.url == f"{served.url}/")
    told = provider.ended[-1]
    assert told["client_id"] == CLIENT and told["id_token_hint"]
    page.goto("/runs")
    sync_api.expect(way_in(page)).to_be_visible()


def test_a_token_too_large_for_one_cookie_logs_in_as_well(
    visitor, served, provider, monkeypatch, wait_for
):
    # Streamlit compresses what a cookie says: only what cannot be compressed fills one.
    groups = [secrets.token_hex(16) for _ in range(150)]
    monkeypatch.setattr(provider, "claims", {"groups": groups})
    page = visitor()
    page.goto("/")
    log_in(page, served, provider, ADA)
    assert "_streamlit_user_1" in cookies(page)
    page.get_by_role("button", name="Log out").click()
    sync_api.expect(way_in(page)).to_be_visible()
    wait_for(lambda: cookies(page) == set())


def test_an_address_that_the_provider_has_not_verified_is_no_ones(
    visitor, served, provider, monkeypatch
):
    monkeypatch.setattr(provider, "claims", {"email_verified": False})
    page = visitor()
    page.goto("/")
    log_in(page, served, provider, f"{EVE} (not verified)")


def test_a_token_that_is_not_meant_for_us_or_not_signed_logs_nobody_in(
    visitor, served, provider, monkeypatch
):
    spoiled = {
        "audience": {"aud": "another-client"},
        "audiences": {"aud": ["another-client", "a-third"]},
        "issuer": {"iss": "http://localhost:9"},
        "nonce": {"nonce": "of another login"},
        "time": {"exp": int(time.time()) - 3600},
    }
    page = visitor()
    page.goto("/")
    starts = []
    page.on("request", lambda one: starts.append(one.url) if "/auth/login?" in one.url else None)
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    with monkeypatch.context() as patch:
        patch.setattr(provider, "signer", stranger)
        say_who(page, provider, EVE)
        page.wait_for_url(f"{served.url}/**")
        sync_api.expect(way_in(page)).to_be_visible()
        assert cookies(page) == set()
    # The same way again with the same cookies, but without a window, which takes most of the time.
    for name, claims in {**spoiled, "nothing": {}}.items():
        monkeypatch.setattr(provider, "claims", claims)
        asked = page.request.get(starts[0])
        assert asked.url.startswith(f"{provider.url}/authorize")
        back = page.request.post(asked.url, form={"email": EVE})
        assert back.url == f"{served.url}/"
        # Nothing but the token was wrong: one in order lets the same visitor in.
        assert bool(cookies(page)) is (name == "nothing"), name


def test_at_another_address_of_the_server_there_is_a_way_to_the_one_of_the_login(visitor, served):
    page = visitor()
    page.goto(served.url.replace("127.0.0.1", "localhost"))
    link = page.get_by_role("link", name="Go where people log in")
    sync_api.expect(link).to_have_attribute("href", f"{served.url}/")
    assert way_in(page).count() == 0


@pytest.mark.parametrize(
    "back", ["//evil.example/", "https://evil.example", "/\\evil.example", "/\t/"]
)
def test_the_way_back_never_leaves_the_server(served, back):
    request = urllib.request.Request(
        f"{served.url}/oauth2callback?code=a&state=b", headers={"Cookie": f"petridish_back={back}"}
    )
    with urllib.request.build_opener(Stay).open(request, timeout=60) as answer:
        assert answer.status == 302 and answer.headers["Location"] == "/"


def test_an_answer_that_nobody_asked_for_logs_nobody_in(visitor, served, wait_for):
    page = visitor()
    page.goto("/oauth2callback?code=stolen&state=made-up")
    sync_api.expect(way_in(page)).to_be_visible()
    wait_for(lambda: cookies(page) == set())
