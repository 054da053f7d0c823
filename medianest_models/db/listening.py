"""LISTEN connections: one per process and channel, shared by all that wait for its notifications."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

import asyncpg

from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import connected_client, connected_url
from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import translate
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl, load_settings

logger = logging.getLogger("medianest_models.db")

Subscriber: TypeAlias = Callable[[str | None], None]
"""Called with the payload of each notification; with None when LISTEN has started anew, and when it has ended."""

_ALIVE_SECONDS: Final = 10.0
"""The longest time between two signs of life of the connection.

With the time for an answer, it is less than the time in which a cluster replaces a silent primary.
"""
_ANSWER_SECONDS: Final = 5.0
_BEGIN_SECONDS: Final = 30.0
"""The longest time until LISTEN has started, longer than what its `begin` may wait for locks."""
_PAUSE_SECONDS: Final = 1.0
"""The pause before connecting again, which delays waiting callers after a failover."""
_LINGER_SECONDS: Final = 2.0
"""The time that the connection stays open after its last subscriber: a worker that could not claim soon waits again."""


def listening_url() -> DatabaseUrl | None:
    """Return the URL of the connected database that bypasses a pooler, if there is one; None for the embedded server.

    If the URL still has `pgbouncer`, notifications do not arrive.
    """
    url, settings = connected_url(), load_settings()
    if settings.database_direct_url is not None and url == settings.url():
        return settings.direct_url()
    return url


class Listener:
    """A LISTEN connection and its subscribers.

    A separate task holds it, so that a subscriber can be cancelled at any time. A connection that is lost is replaced.
    Whenever LISTEN has started, it calls all subscribers, because earlier notifications may be lost; so they may also
    look before that.

    Attributes:
        is_listening: Whether LISTEN has started, and the connection is not known to be lost.
        problem: Why it listens no more.
    """

    def __init__(self, client: Client, url: DatabaseUrl | None, channel: str, begin: str) -> None:
        self.is_listening = False
        self.problem: Exception | None = None
        # A standby can't listen, so another role in the URL does not count.
        self._url = url and replace(url, target_session_attrs="primary")
        self._channel, self._begin = channel, begin
        self._subscribers: set[Subscriber] = set()
        self._closing: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run())
        client.background.add(self._task)
        self._task.add_done_callback(client.background.discard)

    @classmethod
    def shared(cls, channel: str, *, begin: str = "") -> Listener:
        """Return the listener of this process to a channel, or make it; it ends with the process's pool.

        Args:
            channel: The channel, always with the same `begin`.
            begin: SQL that the connection runs when LISTEN has started, before anyone relies on it.
        """
        client = connected_client()
        client.check_loop()
        listeners = _listeners.setdefault(client, {})
        listener = listeners.get(channel)
        if listener is None or listener.is_over:
            listener = listeners[channel] = cls(client, listening_url(), channel, begin)
        return listener

    @property
    def is_over(self) -> bool:
        """Whether it no longer listens."""
        return self._task.done() or self._task.cancelling() > 0

    @contextmanager
    def subscribed(self, subscriber: Subscriber) -> Iterator[None]:
        """Call a subscriber for the duration of a `with` block."""
        if self._closing is not None:
            self._closing.cancel()
        self._subscribers.add(subscriber)
        try:
            yield
        finally:
            self._subscribers.remove(subscriber)
            if not self._subscribers:
                self._closing = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._task.cancel)

    def check(self) -> None:
        """Raise the error that ended the listening, if there is one."""
        if self.problem is not None:
            raise copy.copy(self.problem)  # each its own: raising an error changes it

    async def _run(self) -> None:
        problem: Exception = not_connected()  # the only reason for a cancellation while a subscriber exists
        try:
            problem = await self._stay_connected()
        finally:
            self.problem, self.is_listening = problem, False
            self._call(None)

    async def _stay_connected(self) -> Exception:
        """Keep listening; return the error that ends it: of the first attempt, or not about the connection."""
        has_listened = False
        while True:
            try:
                async with direct_connection(self._url) as connection:
                    await self._listen(connection)
            except Exception as raised:  # noqa: BLE001 - whatever it is, the subscribers raise it
                problem = translate(raised) or raised
                if not (has_listened or self.is_listening) or not isinstance(problem, DatabaseUnavailableError):
                    return problem
            if self.is_listening:
                self.is_listening, has_listened = False, True
                logger.warning("lost the connection that listens to %s: connecting again", self._channel)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, connection: asyncpg.Connection[Any]) -> None:
        """Return when the connection is closed; raise an error when the server does not respond."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        async with asyncio.timeout(_BEGIN_SECONDS):
            await connection.add_listener(self._channel, lambda *notification: self._call(str(notification[-1])))
            if self._begin:
                await connection.execute(self._begin)
        self.is_listening = True
        self._call(None)
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_ALIVE_SECONDS):
                    await lost.wait()
                    return
            await connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)

    def _call(self, payload: str | None) -> None:
        for subscriber in self._subscribers:
            subscriber(payload)


_listeners: Final[WeakKeyDictionary[Client, dict[str, Listener]]] = WeakKeyDictionary()
