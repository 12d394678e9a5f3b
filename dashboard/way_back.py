"""The way back after a login: to the link with which somebody came, which Streamlit forgets.

Apart from `serve`, which starts the server, because this looks at its requests.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import get_origin_from_redirect_uri


class WayBack:
    """Middleware by which people who log in come back to the link with which they came.

    Streamlit leads everybody to the first page. A cookie keeps the way back, which is never more than a path of ours.
    """

    COOKIE = "petridish_back"
    PLACE = re.compile(r"/(?!/)[!-\[\]-~]{0,3000}")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI asks for."""
        is_start = scope["type"] == "http" and scope["path"].endswith("/auth/login")
        is_end = scope["type"] == "http" and scope["path"].endswith("/oauth2callback")
        if not is_start and not is_end:
            return await self.app(scope, receive, send)
        request, answer = Request(scope), Response()
        place = self._asked_from(request) if is_start else request.cookies.get(self.COOKIE, "")
        is_known = self.PLACE.fullmatch(place) is not None
        if is_start and is_known:
            answer.set_cookie(self.COOKIE, place, max_age=600, httponly=True, samesite="lax")
        else:
            answer.delete_cookie(self.COOKIE, httponly=True, samesite="lax")

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("set-cookie", answer.headers["set-cookie"])
                if is_end and is_known and "location" in headers:
                    headers["location"] = place
            await send(message)

        return await self.app(scope, receive, sent)

    @staticmethod
    def _asked_from(request: Request) -> str:
        """Return path and query of the page whose button led here, or "" where it is none of ours."""
        page = urlsplit(request.headers.get("referer", ""))
        if f"{page.scheme}://{page.netloc}" != get_origin_from_redirect_uri():
            return ""
        return f"{page.path}?{page.query}" if page.query else page.path
