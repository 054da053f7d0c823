"""Server-sent events for the pages that follow committed changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from medianest_models.errors import ConfigurationError, MedianestError
from medianest_models.repositories import changes


class LiveEvents:
    """The stream of events for each open page: the kinds of changes, and none of their values."""

    def __init__(self) -> None:
        self._open: set[asyncio.Queue[str | None]] = set()
        self._is_closed = False

    def close(self) -> None:
        """End all streams, also of pages that connect at this moment: the server would wait for each."""
        self._is_closed = True
        for events in self._open:
            events.put_nowait(None)

    async def respond(self, request: Request) -> Response:  # noqa: ARG002 - the signature of a route
        """Return a stream that lasts until the page is closed, or the studio stops."""
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        events: asyncio.Queue[str | None] = asyncio.Queue()
        if self._is_closed:
            return
        self._open.add(events)
        following = asyncio.create_task(_follow(events))
        try:
            while (event := await events.get()) is not None:
                yield f"event: {event}\ndata:\n\n"
        finally:
            self._open.discard(events)
            following.cancel()


async def _follow(events: asyncio.Queue[str | None]) -> None:
    """Put the name of each change into a queue; None at the end."""
    try:
        async with changes.listen() as stream:
            events.put_nowait("Reload")  # a change since the page was loaded would be missed
            async for change in stream:
                events.put_nowait("Reload" if isinstance(change, changes.ChangesMissed) else type(change).__name__)
    except ConfigurationError:  # behind a pooler: the page does not ask again
        events.put_nowait("Unavailable")
    except MedianestError:
        pass  # the page connects again
    finally:
        events.put_nowait(None)
