"""Committed changes as server-sent events, for a page that follows them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import orjson
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from medianest_models.errors import AuthenticationError, DatabaseUnavailableError
from medianest_models.models import User
from medianest_models.repositories import changes, sessions
from medianest_models.web.callers import current_user, required_token

logger = logging.getLogger("medianest_models.web")

_HEARTBEAT_SECONDS: Final = 15.0
"""The time between two comments, which keep proxies from closing a quiet stream."""
_RETRY_MS: Final = 3_000
"""The milliseconds after which a page connects again."""
_LAST_SECONDS: Final = 1.0
"""The time to send the end of a stream to a client that may not read."""


async def change_events(request: Request) -> Response:
    """Follow the committed changes that concern the signed-in user, as an endpoint of Starlette.

    An event is named after its class in `medianest_models.repositories.changes`, and its data are that object's
    attributes as JSON. A user sees the changes of their own requests and downloads, an admin those of all, and everyone
    those of services. `ChangesMissed` comes at the beginning of each stream and wherever changes may be missing: read
    the state anew then.

    It ends when the client is gone, when the session has ended (which is checked every 15 s), and when the application
    stops. It uses no connection of the pool, except for that check.

    Raises:
        AuthenticationError: As for `current_user`.
    """
    user = await current_user(request)
    return _EventStream(user, required_token(request))


def stop_events() -> None:
    """End all streams of events, also those that begin later, so that a server does not wait for them.

    `lifespan` calls it at the signals that stop a server. Call it yourself if you stop yours in another way.
    """
    global _is_stopping  # noqa: PLW0603 - it is the process that stops
    _is_stopping = True
    for stop in _stops:
        stop.set()


@contextmanager
def events_served() -> Iterator[None]:
    """Allow streams for the duration of a block, and end them with it."""
    global _is_stopping  # noqa: PLW0603 - as above
    _is_stopping = False
    try:
        yield
    finally:
        stop_events()
        _is_stopping = False


_stops: Final[set[asyncio.Event]] = set()
_is_stopping = False


class _EventStream(Response):
    media_type = "text/event-stream"

    def __init__(self, user: User, token: SecretStr) -> None:
        self.status_code, self.background = 200, None
        self._user, self._token = user, token
        self._has_begun = False
        # X-Accel-Buffering: nginx would keep events back otherwise.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one of the reasons to stop."""
        stop = asyncio.Event()
        if _is_stopping:
            stop.set()
        _stops.add(stop)
        try:
            problem = await _first_of(self._follow(scope, send), _gone(receive), stop.wait())
        finally:
            _stops.discard(stop)
        if problem is not None and not self._has_begun:
            raise problem  # to be answered
        if problem is not None and not isinstance(problem, AuthenticationError):
            logger.warning("a stream of events has ended: %s", problem, exc_info=problem)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self._begin(send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send) -> None:
        if not self._has_begun:
            self._has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _follow(self, scope: Scope, send: Send) -> None:
        async with changes.listen() as stream:
            await self._begin(send)
            if scope["method"] != "HEAD":
                problem = await _first_of(self._send_changes(stream, send), self._send_heartbeats(send))
                if problem is not None:
                    raise problem

    async def _send_changes(self, stream: changes.ChangeStream, send: Send) -> None:
        await _write(send, b"retry: %d\n\n" % _RETRY_MS + _event(changes.ChangesMissed()))
        async for change in stream:
            owner = getattr(change, "user_id", self._user.id)
            if self._user.is_admin or owner == self._user.id:
                await _write(send, _event(change))

    async def _send_heartbeats(self, send: Send) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            with suppress(DatabaseUnavailableError):  # the stream outlasts that, and tells what was missed
                self._user = (await sessions.verify(self._token)).user
            await _write(send, b":\n\n")


async def _first_of(*waits: Coroutine[Any, Any, object]) -> Exception | None:
    """Run coroutines until the first of them ends, and cancel the others; return an error, if there was one."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)


def _event(change: changes.Change) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (type(change).__name__.encode(), orjson.dumps(change))


async def _write(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
