"""The life of an application: connected from its start to its end."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from types import FrameType
from typing import Any, Final

from medianest_models.db import database
from medianest_models.web.events import events_served, stop_events

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:  # noqa: ARG001 - the signature of a lifespan
    """Connect to the database when an application starts, and disconnect at its end.

    Use it as `Starlette(lifespan=lifespan)` or `FastAPI(lifespan=lifespan)`, or in a lifespan of your own:
    `async with lifespan(app): yield`. A server waits for open streams of events before it ends the lifespan, so this
    ends them when a signal tells the server to stop.

    Raises:
        ConfigurationError: As for `connect_database`, like the others: the application does not start.
        DatabaseUnavailableError: The database can't be reached.
        MigrationError: The database lacks migrations.
    """
    async with database():
        with events_served(), _before_signals():
            yield


@contextmanager
def _before_signals() -> Iterator[None]:
    """Call `stop_events` at the signals that stop the server, before the server's own handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals
        return
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for number in _SIGNALS:
            theirs = signal.getsignal(number)
            if not callable(theirs):
                continue

            def handle(caught: int, frame: FrameType | None, theirs: Any = theirs) -> None:
                loop.call_soon_threadsafe(stop_events)
                theirs(caught, frame)

            signal.signal(number, handle)
            stack.callback(signal.signal, number, theirs)
        yield
