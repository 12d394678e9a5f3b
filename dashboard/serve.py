"""The dashboard's server: `python -m dashboard.serve` starts it, on this machine only unless asked otherwise.

Apart from `app` because it runs once, outside any script: heavy imports before the garbage collector is frozen, the
routes of the contact sheets, the choice of the port, a clean end. It never touches workers: they live on without it.
"""

import argparse
import functools
import gc
import os
import signal
import socket
import sys
import threading
import tomllib
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from core.datasets.base import SPLITS
from core.exceptions import CoreError
from core.jobs.permissions import LOOPBACK_HOSTS, is_loopback
from core.runs.store import VARIABLE as RUNS_VARIABLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_PORT = 8501
PORTS_TRIED = 100
MOST_IMAGES = 100
LARGEST_SCALE = 16

HERE = Path(__file__).parent
DECLARED = (HERE / "config.toml", HERE.parent / ".streamlit" / "config.toml")
"""Where the declared options lie: in an installed package, in a checkout."""


Endpoint = Callable[[Request], Response]


def for_allowed_hosts(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that refuses requests for other hosts than `server.allowedHosts`, as the websocket does.

    A foreign page may let its own name point to this machine (DNS rebinding) and then reads what we answer; the name
    still stands in the request.
    """

    @functools.wraps(endpoint)
    def checked(request: Request) -> Response:
        if not is_host_allowed(request.headers.get("host")):
            return _refusal(403, "this host is not allowed")
        return endpoint(request)

    return checked


def health(_request: Request) -> Response:
    """Say that the server answers."""
    return JSONResponse({"ok": True})


def plotly_library(_request: Request) -> Response:
    """Answer with the installed package's plotly.js, for figures that grow (`widgets.live_figure_component`)."""
    import plotly

    return FileResponse(
        Path(plotly.__file__).parent / "package_data" / "plotly.min.js",
        media_type="text/javascript",
        # The address names the version.
        headers={"Cache-Control": "private, max-age=31536000, immutable"},
    )


def run_sheet(request: Request) -> Response:
    """Answer with one PNG of a run's images: query `ids` (1 to 100 sample ids), `columns`, `scale`, `reduce`.

    Status 404 when the run, the split or its images are not there, 400 when the query breaks a rule. A plain function,
    so that Starlette runs it beside the event loop.
    """
    from dashboard import data

    split = request.path_params["split"]
    if split not in SPLITS:
        return _refusal(404, "no such split")
    try:
        images = data.images(data.store().run(request.path_params["run_id"]), split)
    except CoreError:
        return _refusal(404, "no such images")
    ids = _numbers(request.query_params.get("ids", ""), 0, len(images) - 1)
    if ids is None or len(ids) > MOST_IMAGES:
        return _refusal(400, f"ids must be 1 to {MOST_IMAGES} sample ids of the split")
    return _sheet(images[ids], request)


def dataset_sheet(request: Request) -> Response:
    """Answer with one PNG of images of a data set that a page shows; `ids` are of the form "train:15".

    The data set is named by its fingerprint. Status and the rest of the query are those of `run_sheet`.
    """
    import numpy as np

    from dashboard import data

    found = data.shown_dataset(request.path_params["fingerprint"])
    if found is None:
        return _refusal(404, "no such data set")
    names = request.query_params.get("ids", "").split(",")
    if len(names) > MOST_IMAGES:
        return _refusal(400, f"ids must be 1 to {MOST_IMAGES} images, such as train:15")
    chosen = []
    for name in names:
        split, _, text = name.partition(":")
        images = found.dataset.splits[split].images if split in SPLITS else ()
        number = _numbers(text, 0, len(images) - 1)
        if number is None or len(number) != 1:
            return _refusal(400, f"ids must be 1 to {MOST_IMAGES} images, such as train:15")
        chosen.append(images[number[0]])
    return _sheet(np.stack(chosen), request)


def mean_sheet(request: Request) -> Response:
    """Answer with one PNG of the mean images of a shown data set's classes, or of their spread; `ids` are labels."""
    from dashboard import data

    found = data.shown_dataset(request.path_params["fingerprint"])
    split, picture = request.path_params["split"], request.path_params["picture"]
    if found is None or split not in (*SPLITS, "all") or picture not in ("mean", "spread"):
        return _refusal(404, "no such images")
    labels = _numbers(request.query_params.get("ids", ""), 0, found.dataset.space.num_classes - 1)
    if labels is None or len(labels) > MOST_IMAGES:
        return _refusal(400, f"ids must be 1 to {MOST_IMAGES} labels")
    means = data.statistic("mean_images", found, None if split == "all" else split)
    pictures = means.mean_pictures if picture == "mean" else means.spread_pictures
    return _sheet(pictures[labels], request)


def _sheet(images: "NDArray[np.uint8]", request: Request) -> Response:
    """Answer with images (N, C, H, W) as the query wants them laid out."""
    from core.datasets.sheet import reduced, sheet

    columns = _numbers(request.query_params.get("columns", "10"), 1, MOST_IMAGES)
    scale = _numbers(request.query_params.get("scale", "1"), 1, LARGEST_SCALE)
    factor = _numbers(request.query_params.get("reduce", "1"), 1, min(images.shape[2:]))
    if not columns or not scale or not factor or len(columns) + len(scale) + len(factor) != 3:
        return _refusal(400, "columns, scale or reduce is out of range")
    # A run's data never changes and a data set is named by its fingerprint, so the answer is good for ever.
    return Response(
        sheet(reduced(images, factor[0]), columns[0], scale[0]),
        media_type="image/png",
        headers={"Cache-Control": "private, max-age=3600, immutable"},
    )


def _numbers(text: str, low: int, high: int) -> list[int] | None:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return numbers if all(low <= number <= high for number in numbers) else None


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Import what pages need, freeze the garbage collector, see to the runner, say where the pages are."""
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    import core.jobs.submit  # noqa: F401
    import dashboard.data
    from core.jobs.local import ensure_runner_if_queued

    ensure_runner_if_queued(dashboard.data.store())
    # Streamlit collects garbage after every run of a script; what is imported by now need not be looked at each time
    # (with torch 127 ms a run, frozen almost none: streamlit-notes, shared 2-core machine).
    gc.collect()
    gc.freeze()
    address, port = st.get_option("server.address"), st.get_option("server.port")
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}"
    print(f"Petridish is at {url}", flush=True)
    if os.environ.get(_BROWSER) == "1":
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    yield {"ready": True}


_BROWSER = "PETRIDISH_BROWSER"

app = st.App(
    Path(__file__).with_name("app.py"),
    lifespan=lifespan,
    routes=[
        Route("/api/healthz", for_allowed_hosts(health)),
        Route("/api/plotly.js", for_allowed_hosts(plotly_library)),
        Route("/api/sheet/{run_id}/{split}", for_allowed_hosts(run_sheet)),
        Route("/api/images/{fingerprint}", for_allowed_hosts(dataset_sheet)),
        Route("/api/means/{fingerprint}/{split}/{picture}", for_allowed_hosts(mean_sheet)),
    ],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; return the exit status."""
    parser = argparse.ArgumentParser("python -m dashboard.serve", description="Serve the pages.")
    parser.add_argument("--port", type=int, help="port; the first free from 8501 by default")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on")
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
    port = options.port or first_free_port(options.address)
    if port is None or (options.port and not is_free(options.address, options.port)):
        asked = options.port or f"{FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}"
        return _complain(
            f"Port {asked} of {options.address} cannot be used. Name another with --port."
        )
    is_local = is_loopback(options.address)
    if not is_local:
        print(
            f"Warning: everyone who reaches {options.address} can see and start runs; there is no login.",
            file=sys.stderr,
            flush=True,
        )
    # uvicorn ends in good order and then raises the signal again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        app.run(config=_config(options.address, port, is_local))
    except KeyboardInterrupt:
        return 130
    return 0


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
        "server.allowedHosts": list(LOOPBACK_HOSTS) if is_local else ["*"],
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type" if is_local else "none",
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        # Python's own collections suffice. After each look of a polling page this one took 8 ms of CPU, most of it for
        # 1,000 runs in memory, which no freezing at the start reaches (busy 2-core machine).
        "runner.postScriptGC": False,
    }


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
