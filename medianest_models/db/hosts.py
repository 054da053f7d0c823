"""Opening a connection: the hosts of a URL are asked in a race, and the first with the right role is taken."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary, WeakValueDictionary

import asyncpg

from medianest_models.db.driver_errors import connect_failure, connect_reason, is_starting_up, may_pass
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.errors import MedianestError, NoPrimaryError
from medianest_models.settings import DatabaseUrl
from medianest_models.settings.urls import ServerRole

_Place: TypeAlias = tuple[str, int]

_HEAD_START_SECONDS: Final = 0.25
"""The time that a host gets to answer before the next one is asked too."""
_PAUSE_SECONDS: Final = 0.25
"""The pause of this process before it asks a host that has failed once more."""
_PREFERENCE_SECONDS: Final = 1.0
"""The time that a standby gets to answer with `prefer-standby`, before any server is taken."""

_ROLE: Final = (
    "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS locked"
)
_WANTED: Final[dict[ServerRole, str]] = {
    "any": "server",
    "prefer-standby": "server",
    "primary": "primary",
    "read-only": "server that is read-only",
    "read-write": "primary that can be written to",
    "standby": "standby",
}


class _WrongRoleError(Exception):
    """The server has another role than the URL asks for."""


class _Hosts:
    """The hosts of a URL as this process knows them, from all its searches.

    Attributes:
        last_good: The host that was taken last.
        answers: The last failure of each host, and its time by `monotonic`.
    """

    def __init__(self) -> None:
        self.last_good: _Place | None = None
        self.answers: dict[_Place, tuple[float, Exception]] = {}

    def answers_since(self, time: float) -> dict[_Place, Exception]:
        return {place: error for place, (at, error) in self.answers.items() if at >= time}


_known: Final[defaultdict[DatabaseUrl, _Hosts]] = defaultdict(_Hosts)
_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[_Place, asyncio.Lock]]] = (
    WeakKeyDictionary()
)
"""Locks hold their event loop, so they are only kept as long as somebody uses them."""


async def open_connection(url: DatabaseUrl, *, seconds: float, wait: float = 0, **options: Any) -> ForkSafeConnection:
    """Connect to the first host that answers and has the role that the URL asks for.

    The host that was used last is asked first; each further one as soon as an earlier one fails, or after 250 ms. A
    host that is silent, full or refuses never ends the search. While one of several is starting up, or is a standby
    where a primary is wanted, all are asked again.

    Args:
        url: The hosts, and the role.
        seconds: The time that a host gets to answer, and several get until one has the role.
        wait: The time for which even a single host is asked again after a failure that may pass, such as in a
            failover. The whole search takes at most the longer of the two.
        **options: Further arguments of `asyncpg.connect`.

    Raises:
        NoPrimaryError: No host has the role; the message says what each of them answered.
        ConfigurationError: The parameters of the URL do not fit together.
        DatabaseUnavailableError: The only host can't be reached, or refuses the connection.
    """
    search = _Search(url, seconds, wait, options)
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, wait)):
            connection = await search.run()
            if connection is not None:
                return connection
    raise _failure(url, search.answers(), max(seconds, wait))


def search_failure(error: Exception, url: DatabaseUrl | None, seconds: float | None) -> MedianestError:
    """Make the error for a search that a timeout of `seconds` ended, from the answers of the hosts."""
    if isinstance(error, TimeoutError) and url is not None and seconds:
        answers = _known[url].answers_since(monotonic() - seconds)
        if answers:
            return _failure(url, answers, seconds)
    return connect_failure(error, url, seconds)


class _Search:
    """The search for one connection; the arguments are those of `open_connection`."""

    def __init__(self, url: DatabaseUrl, seconds: float, wait: float, options: dict[str, Any]) -> None:
        self._url, self._seconds = url, seconds
        self._begun = monotonic()
        self._wait, self._waits_until = wait, self._begun
        self._hosts = _known[url]
        self._arguments = url.connect_arguments() | options

    def answers(self) -> dict[_Place, Exception]:
        """Return the failure of each host that has answered since the search began, even if to another search."""
        return self._hosts.answers_since(self._begun)

    async def run(self) -> ForkSafeConnection | None:
        """Return the first connection with the right role; None when asking again is of no use."""
        role = self._url.server_role
        if role == "prefer-standby":
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_PREFERENCE_SECONDS, self._seconds / 2)):
                    connection = await self._race("standby")
                    if connection is not None:
                        return connection
            role = "any"
        self._waits_until = self._begun + self._wait  # not before, for a role that is only preferred
        return await self._race(role)

    async def _race(self, role: ServerRole) -> ForkSafeConnection | None:
        waiting = sorted(self._url.places, key=lambda place: place != self._hosts.last_good)
        asked: dict[asyncio.Task[ForkSafeConnection], _Place] = {}
        try:
            while waiting or asked:
                if waiting:
                    place = waiting.pop(0)
                    asked[asyncio.create_task(self._ask(place, role))] = place
                done, _ = await asyncio.wait(
                    asked, timeout=_HEAD_START_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if task.exception() is None:
                        self._hosts.last_good = asked.pop(task)
                        return task.result()
                    del asked[task]
                if self._may_end_well(role):
                    for place in {*self._url.places} - {*waiting, *asked.values()}:
                        asked[asyncio.create_task(self._ask_again(place, role))] = place
        finally:
            for task in asked:
                task.cancel()
                task.add_done_callback(_discard)
        return None

    def _may_end_well(self, role: ServerRole) -> bool:
        """Return whether it is of use to ask the hosts that have failed again."""
        answers = self.answers().values()
        if monotonic() < self._waits_until:
            return any(isinstance(answer, _WrongRoleError) or may_pass(answer) for answer in answers)
        if not self._url.fallbacks:
            return False
        may_be_promoted = _WrongRoleError if role in {"primary", "read-write"} else ()
        return any(isinstance(answer, may_be_promoted) or is_starting_up(answer) for answer in answers)

    async def _ask(self, place: _Place, role: ServerRole) -> ForkSafeConnection:
        """Connect to one host, and check its role."""
        host, port = place
        try:
            connection: ForkSafeConnection = await asyncpg.connect(
                **self._arguments | {"host": host, "port": port},
                connection_class=ForkSafeConnection,
                timeout=self._seconds,
            )
            try:
                await self._check_role(connection, role)
            except BaseException:
                connection.terminate()
                raise
        except Exception as error:
            self._hosts.answers[place] = monotonic(), error.with_traceback(None)
            raise
        return connection

    async def _ask_again(self, place: _Place, role: ServerRole) -> ForkSafeConnection:
        """Ask a host again that has failed; searches of this process take turns."""
        async with _turn(place):
            try:
                return await self._ask(place, role)
            except Exception:
                await asyncio.sleep(_PAUSE_SECONDS)
                raise

    async def _check_role(self, connection: ForkSafeConnection, role: ServerRole) -> None:
        """Raise an error unless the server has the role."""
        if role == "any":
            return
        if self._url.pgbouncer:  # what it reports may be older than a failover
            ((is_standby, is_locked),) = await connection.fetch(_ROLE)
        else:
            reported = connection.get_settings()
            is_standby = getattr(reported, "in_hot_standby", "off") == "on"
            is_locked = getattr(reported, "default_transaction_read_only", "off") == "on"
        problem = wrong_role(role, is_standby=is_standby, is_read_only=is_standby or is_locked)
        if problem is not None:
            raise _WrongRoleError(problem)


def wrong_role(role: ServerRole, *, is_standby: bool, is_read_only: bool) -> str | None:
    """Say what a server without the role is; None if it has the role. A standby is read-only, too."""
    if role in {"any", "prefer-standby"}:
        return None
    fits = {"primary": not is_standby, "standby": is_standby, "read-write": not is_read_only, "read-only": is_read_only}
    if fits[role]:
        return None
    return "is a standby" if is_standby else "is read-only" if is_read_only else "is the primary"


@asynccontextmanager
async def _turn(place: _Place) -> AsyncIterator[None]:
    """Let one search of this event loop at a time ask a host again, to spare a standby that is being promoted."""
    turns = _turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    async with turns.setdefault(place, asyncio.Lock()):
        yield


def _discard(task: asyncio.Task[ForkSafeConnection]) -> None:
    """End a connection that was made too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()


def _failure(url: DatabaseUrl, answers: dict[_Place, Exception], seconds: float) -> MedianestError:
    if not url.fallbacks and not isinstance(answer := answers.get(url.places[0], TimeoutError()), _WrongRoleError):
        return connect_failure(answer, url, seconds)
    said = "; ".join(f"{_shown(place)} {_said(answers.get(place, TimeoutError()), seconds)}" for place in url.places)
    return NoPrimaryError(f"can't connect to {url.masked}: no {_WANTED[url.server_role]} among its hosts: {said}")


def _shown(place: _Place) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host and not host.startswith("/") else f"{host}:{port}"


def _said(answer: Exception, seconds: float) -> str:
    return str(answer) if isinstance(answer, _WrongRoleError) else f"({connect_reason(answer, seconds)})"
