"""The dashboard's server: `python -m dashboard.serve` starts it, on this machine only unless asked otherwise.

Apart from `app` because it runs once, outside any script: heavy imports before the garbage collector is frozen, the
choice of the port, a clean end. What it answers beside the pages is `routes`'s. It never touches workers: they live on without it.
"""

import argparse
import asyncio
import gc
import os
import re
import signal
import socket
import sys
import threading
import tomllib
import webbrowser
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config, net_util
from streamlit.auth_util import (
    get_origin_from_redirect_uri,
    get_secrets_auth_section,
)

from core.jobs.people import declare_access, make_people_file
from core.jobs.permissions import LOOPBACK_HOSTS, is_loopback
from core.runs.host import user_name
from core.runs.store import VARIABLE as RUNS_VARIABLE
from dashboard.routes import routes_below
from dashboard.way_back import WayBack

FIRST_PORT = 8501
PORTS_TRIED = 100

HERE = Path(__file__).parent
DECLARED = (HERE / "config.toml", HERE.parent / ".streamlit" / "config.toml")
"""Where the declared options lie: in an installed package, in a checkout."""


GARBAGE_SECONDS = 60.0


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Import what pages need, freeze the garbage collector, see to the runner, say where the pages are."""
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    import core.jobs.submit  # noqa: F401
    import dashboard.data
    from core.jobs.local import ensure_runner_if_queued

    store = dashboard.data.whole_store()
    how = dashboard.data.access()
    declare_access(how)
    if how == "login":
        _ready_for_login(store.root)
    # Streamlit would ask another server for this machine's public address whenever a foreign page calls.
    net_util._external_ip = net_util._external_ip or ""
    ensure_runner_if_queued(store)
    # Streamlit collects garbage after every run of a script; what is imported by now need not be looked at each time
    # (with torch 127 ms a run, frozen almost none: streamlit-notes, shared 2-core machine).
    gc.collect()
    gc.freeze()
    address, port = st.get_option("server.address"), st.get_option("server.port")
    below = f"/{base}/" if (base := st.get_option("server.baseUrlPath")) else ""
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}{below}"
    print(f"Petridish is at {url}", flush=True)
    if os.environ.get(_BROWSER) == "1":
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    collecting = asyncio.create_task(collect_garbage(GARBAGE_SECONDS))
    yield {"ready": True}
    collecting.cancel()
    with suppress(asyncio.CancelledError):
        await collecting


async def collect_garbage(seconds: float) -> None:
    """Collect garbage again and again, so long after each time, until cancelled.

    What a closed tab leaves behind hangs in cycles, an upload of 250 MB too, and after a freeze Python hardly ever looks at
    all of them by itself: it waits for as many new objects as make up a quarter of those that were there before.
    """
    while True:
        await asyncio.sleep(seconds)
        # In a thread: the event loop goes on to receive meanwhile.
        await asyncio.to_thread(gc.collect)


def _ready_for_login(root: Path) -> None:
    """See to what a login needs, and say what is missing."""
    made = make_people_file(root, user_name())
    if made is not None:
        print(
            f"Made {made.name} in the runs folder: roles and limits. {user_name()} is admin; add the addresses of others.",
            file=sys.stderr,
            flush=True,
        )
    from dashboard.widgets.identity import login_is_installed

    if get_origin_from_redirect_uri() and not login_is_installed():
        missing = 'nobody can log in yet. Install Authlib and httpx: pip install "streamlit[auth]".'
        print(f"Warning: {missing}", file=sys.stderr, flush=True)


_BROWSER = "PETRIDISH_BROWSER"
_BASE_PATH = re.compile(r"[A-Za-z0-9._~@-]+(/[A-Za-z0-9._~@-]+)*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; return the exit status."""
    parser = argparse.ArgumentParser("python -m dashboard.serve", description="Serve the pages.")
    parser.add_argument("--port", type=int, help="port; the first free from 8501 by default")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--base-path", help="path below which all pages lie, for a proxy that keeps it"
    )
    parser.add_argument("--runs", type=Path, help="runs folder")
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--browser", action="store_true", help="open the pages in a browser")
    options = parser.parse_args(arguments)
    for variable, folder in ((RUNS_VARIABLE, options.runs), ("PETRIDISH_DATA", options.data)):
        if folder is not None:
            os.environ[variable] = str(folder.resolve())
    os.environ[_BROWSER] = "1" if options.browser else "0"
    if options.port is not None and not 1 <= options.port <= 65_535:
        return _complain(f"--port must lie in [1, 65535]; got {options.port}.")
    asked = options.base_path
    base_path = (st.get_option("server.baseUrlPath") if asked is None else asked).strip("/")
    if base_path and (not _BASE_PATH.fullmatch(base_path) or ".." in base_path):
        return _complain(f"--base-path must be names with '/' between them; got {base_path!r}.")
    port = options.port or first_free_port(options.address)
    if port is None or (options.port and not is_free(options.address, options.port)):
        asked = options.port or f"{FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}"
        return _complain(
            f"Port {asked} of {options.address} cannot be used. Name another with --port."
        )
    is_local = is_loopback(options.address)
    if not is_local and not _has_login():
        print(
            f"Warning: everyone who reaches {options.address} can see all runs and start some; there is no login. "
            "Uploads, files of this machine and changes to the runs of others are off.",
            file=sys.stderr,
            flush=True,
        )
    # A login with many claims (groups, say) fills several cookies, all on one line of the request. With the library's own
    # limit of 8,192 bytes the pages would then stay blank, the button to log out with them; uvicorn's is 65,536.
    os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", "65536")
    # uvicorn ends in good order and then raises the signal again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    found = _config(options.address, port, is_local) | {"server.baseUrlPath": base_path}
    if options.port is None:
        # Streamlit looks for itself where nobody names a port, and goes on to the next should another server be quicker.
        del found["server.port"]
    # Whether people log in has been read by now: Streamlit would find other options at its start than it read then, and
    # warn that it wants to be restarted.
    for name, value in found.items():
        config.set_option(name, value)
    app = st.App(
        HERE / "app.py",
        lifespan=lifespan,
        routes=routes_below(base_path),
        middleware=[Middleware(WayBack)],
    )
    try:
        app.run(config=found)
    except KeyboardInterrupt:
        return 130
    return 0


def _has_login() -> bool:
    # As `dashboard.data.login_is_on`, which must not be imported before the server's options are set.
    return bool(get_secrets_auth_section()) or bool(st.get_option("server.trustedUserHeaders"))


def is_free(address: str, port: int) -> bool:
    """Return whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def first_free_port(address: str) -> int | None:
    """Return the first free port from 8501 on, or None after a hundred taken ones."""
    ports = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    return next((port for port in ports if is_free(address, port)), None)


def _config(address: str, port: int, is_local: bool) -> dict[str, Any]:
    """Return all options: those declared, and over them those on which safety depends, wherever we are started from."""
    return _declared() | {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.allowedHosts": [*LOOPBACK_HOSTS, *_host_of_login()] if is_local else ["*"],
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type" if is_local else "none",
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        # Python's own collections suffice. After each look of a polling page this one took 8 ms of CPU, most of it for
        # 1,000 runs in memory, which no freezing at the start reaches (busy 2-core machine).
        "runner.postScriptGC": False,
    }


def _host_of_login() -> list[str]:
    """Return the name under which people reach a server that only its proxy reaches."""
    origin = get_origin_from_redirect_uri()
    host = urlsplit(origin).hostname if origin else None
    return [host] if host else []


def _declared() -> dict[str, Any]:
    """Return the options of `.streamlit/config.toml` by dotted name.

    Streamlit reads that file by itself only where it is started in the checkout; colours would depend on it.
    """
    found: dict[str, Any] = {}

    def take(values: dict[str, Any], path: str) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                take(value, f"{path}{name}.")
            else:
                found[f"{path}{name}"] = value

    for file in DECLARED:
        if file.is_file():
            take(tomllib.loads(file.read_text()), "")
            break
    return found


def _complain(message: str) -> int:
    print(f"petridish: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
