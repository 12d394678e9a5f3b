"""The server's own addresses: contact sheets of images, plotly.js, a sign of life; who asks is asked before each answer.

Apart from `serve`, which starts and ends the server, and outside any script: an image is fetched by the browser alone.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import (
    _get_signed_cookie_with_chunks,
    _parse_decoded_user_cookie,
    gather_user_info,
    is_host_allowed,
)

from core.datasets.base import SPLITS
from core.exceptions import CoreError
from core.jobs.people import NOBODY
from core.runs.host import user_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_IMAGES = 300
LARGEST_SCALE = 16

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


def for_people(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that answers, where people log in, only those who have; and not for foreign hosts."""

    @functools.wraps(endpoint)
    def checked(request: Request) -> Response:
        from dashboard import data

        if data.access() == "login" and name_in(request) == NOBODY:
            return _refusal(403, "log in first")
        return endpoint(request)

    return for_allowed_hosts(checked)


def name_in(request: Request) -> str:
    """Return who asks, as `dashboard.data.person` does for pages; without a login nobody can be told from a request."""
    from dashboard import data

    how = data.access()
    if how != "login":
        return user_name() if how == "machine" else NOBODY
    claims: dict[str, Any] = dict(gather_user_info(request.headers))
    cookie = _get_signed_cookie_with_chunks(request.cookies, USER_COOKIE_NAME)
    origin = get_origin_from_redirect_uri()
    if cookie and origin:
        claims |= _parse_decoded_user_cookie(cookie, origin)
    return data.login_name(claims)


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
    """Answer with one PNG of a run's images: query `ids` (1 to 300 sample ids), `columns`, `scale`, `reduce`.

    Status 404 when the run, the split or its images are not there, 400 when the query breaks a rule. A plain function,
    so that Starlette runs it beside the event loop.
    """
    from dashboard import data

    split = request.path_params["split"]
    if split not in SPLITS:
        return _refusal(404, "no such split")
    try:
        store = data.store(name_in(request))
        images = data.images(store.run(request.path_params["run_id"]), split)
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


ROUTES = [
    Route("/api/healthz", for_allowed_hosts(health)),
    Route("/api/plotly.js", for_allowed_hosts(plotly_library)),
    Route("/api/sheet/{run_id}/{split}", for_people(run_sheet)),
    Route("/api/images/{fingerprint}", for_people(dataset_sheet)),
    Route("/api/means/{fingerprint}/{split}/{picture}", for_people(mean_sheet)),
]


def routes_below(base_path: str) -> list[Route]:
    """Return the routes for a server all of whose addresses begin with a path; nothing is added for "".

    Streamlit puts its own addresses there by itself, and those of others where they say.
    """
    before = f"/{base_path}" if base_path else ""
    return [Route(f"{before}{route.path}", route.endpoint) for route in ROUTES]
