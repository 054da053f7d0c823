"""Access control of the studio: the token, the host, and the origin of changes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HERE: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
"""The names of this machine, with a port. With DNS rebinding, a page of another site sends that site's name as Host."""

_READING: Final = frozenset({"GET", "HEAD"})

_HEADERS: Final = {
    # Whatever the library's pages request, the browser loads nothing from another host.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form would be sent with `Origin: null`
}
_PAGES: Final = {"Cache-Control": "no-store"}
_FILES: Final = {"Cache-Control": "private, max-age=3600"}
"""For style sheets, scripts and fonts: without a cache, pages would flicker."""


class Guard:
    """A middleware that passes on only requests with the token or, after the first one, the cookie.

    Args:
        app: The application.
        token: The token that the URL must contain once.
        read_only: Whether to reject every request that could change data.
    """

    def __init__(self, app: ASGIApp, *, token: str, read_only: bool) -> None:
        self._app = app
        self._token = token
        self._read_only = read_only
        self._session = secrets.token_urlsafe(32)
        # Browsers send a cookie to every port of a host, so two studios need two cookie names.
        self._cookie = f"medianest_studio_{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or pass it to the application."""
        if scope["type"] != "http":
            return  # there are no web sockets here, and nothing to start or stop

        headers = _HEADERS | (_FILES if scope["path"].startswith("/static/") else _PAGES)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        response = self._answer(Request(scope))
        await (response or self._app)(scope, receive, send_with_headers)

    def _answer(self, request: Request) -> Response | None:
        """Return the guard's own response; None to pass the request to the application."""
        host = request.headers.get("host", "")
        if not _HERE.fullmatch(host):
            return _refusal("This is not the studio's own address: open it as 127.0.0.1 or localhost.")
        given = request.query_params.get("token")
        if given is not None and request.method in _READING and _same(given, self._token):
            return self._welcome(request)
        if not _same(request.cookies.get(self._cookie, ""), self._session):
            return _refusal("Open the address that `medianest studio` printed: it holds the token.")
        if request.method in _READING:
            return None
        # Of the same origin, port included: another port is another program.
        if request.headers.get("origin") != f"http://{host}":
            return _refusal("This was not sent by a page of the studio.")
        # An export is the only POST that changes nothing.
        is_export = request.url.path.endswith("/action") and request.query_params.getlist("name") == ["export"]
        if self._read_only and not is_export:
            return _refusal("The studio is read-only here: start it with --read-write to change something.")
        return None

    def _welcome(self, request: Request) -> Response:
        """Redirect to the same page without the token, which would stay in the browser's history."""
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        path = "/" + request.url.path.lstrip("/")  # two slashes would lead to another host
        response = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), status_code=303)
        response.set_cookie(self._cookie, self._session, httponly=True, samesite="lax")
        return response


_REFUSAL: Final = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Refused</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; }}
main {{ max-width: 40em; margin: 4em auto; padding: 0 1em; }}
</style><main><h1>403</h1><p>{}</p></main></html>
"""


def _refusal(reason: str) -> Response:
    return HTMLResponse(_REFUSAL.format(reason), status_code=403)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
