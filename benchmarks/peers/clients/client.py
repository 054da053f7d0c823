"""The base classes of the peers' clients."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from benchmarks.peers.clients.inputs import HITS, LIMIT, REQUEST_COLUMNS, TOGETHER, USER_COLUMNS, Inputs

Call: TypeAlias = Callable[[int], Awaitable[Any]]
CONNECTIONS = 10
"""The size of every peer's pool: the number of concurrent calls."""

_ATTEMPTS: Final = 20
# A session publishes what it counted at most once a second, or when it is asked. The sleep keeps a connection busy, so
# that concurrent queries run on all of them. The first one sleeps longest, because most pools lend the connection that
# came back last: afterwards it is the same one as before.
_REPORTS: Final = [
    f"SELECT pg_backend_pid() AS pid FROM pg_stat_force_next_flush(), pg_sleep({0.03 - 0.001 * number})"  # noqa: S608
    for number in range(CONNECTIONS)
]


class Client(ABC):
    """A peer, set up as its documentation recommends.

    A method with the name of each operation in `operations` takes the number of the call and returns the peer's usual
    result; `plain` converts that to JSON, outside the measured time.
    """

    inputs: Inputs

    @abstractmethod
    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect to host, port, user and database."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""

    async def report(self) -> list[int]:
        """Make the server's session of each connection publish its statistics; return the sessions' process ids.

        Raises:
            RuntimeError: The queries did not run on all connections.
        """
        for _ in range(_ATTEMPTS):
            sessions = set(await asyncio.gather(*map(self.query, _REPORTS)))
            if len(sessions) == CONNECTIONS:
                return sorted(sessions)
        raise RuntimeError(f"{CONNECTIONS} concurrent queries did not run on as many connections")

    def plain(self, operation: str, answer: Any) -> Any:
        """Return an operation's result in a form that can be compared with those of other peers.

        Args:
            operation: The operation's name.
            answer: Its result.
        """
        method = getattr(self, f"plain_{operation}", None)
        return answer if method is None else method(answer)


class PortalClient(Client):
    """The base of the peers that can do all operations of a portal."""

    @abstractmethod
    async def find(self, call: int) -> Any:
        """Find the user of a Plex account."""

    @abstractmethod
    async def hit_from(self, address: str) -> Any:
        """Count a hit of an anonymous caller."""

    async def find_together(self, call: int) -> list[Any]:
        """Find fifty users by concurrent calls."""
        return await asyncio.gather(*(self.find(call * TOGETHER + place) for place in range(TOGETHER)))

    async def hit(self, call: int) -> Any:
        """Count a hit of one of many callers."""
        return await self.hit_from(self.inputs.address(call))

    async def hit_hot(self, call: int) -> Any:  # noqa: ARG002 - as for all calls
        """Count a hit of always the same caller."""
        return await self.hit_from("10.1.0.0")

    def pagination(self, call: int, total: int) -> dict[str, int]:
        """Return the pagination data of a page's JSON."""
        return {"page": self.inputs.page(call), "limit": LIMIT, "total": total, "totalPages": -(-total // LIMIT)}

    def plain_page(self, answer: Any) -> Any:
        """Return rows and total."""
        return {"rows": rows(answer[0], REQUEST_COLUMNS), "total": answer[1]}

    def plain_page_json(self, answer: bytes) -> Any:
        """Return the parsed JSON."""
        return json.loads(answer)

    def plain_cursor(self, answer: Any) -> Any:
        """Return the rows."""
        return rows(answer, REQUEST_COLUMNS)

    def plain_cursor_json(self, answer: bytes) -> Any:
        """Return the rows of the parsed JSON; only this package has cursors in it."""
        return json.loads(answer)["data"]

    def plain_find(self, answer: Any) -> Any:
        """Return the columns."""
        return chosen(answer, USER_COLUMNS)

    def plain_find_together(self, answer: list[Any]) -> Any:
        """Return the rows."""
        return rows(answer, USER_COLUMNS)

    def plain_hit(self, answer: Any) -> Any:
        """Return the remaining hits, computed from the used ones."""
        return None if answer is None else HITS - answer

    def plain_hit_hot(self, answer: Any) -> Any:
        """Return the remaining hits."""
        return self.plain_hit(answer)

    def plain_verify(self, answer: Any) -> Any:
        """Return session and user."""
        user = chosen(answer.user, USER_COLUMNS)
        return {"id": str(answer.id), "user": {f"user.{name}": value for name, value in user.items()}}

    def plain_verify_noting(self, answer: Any) -> Any:
        """Return session and user."""
        return self.plain_verify(answer)

    def plain_claim(self, answer: Any) -> Any:
        """Return the id."""
        return chosen(answer, ["playlist_url"])["playlist_url"]

    def plain_claim_limited(self, answer: Any) -> Any:
        """Return the id."""
        return self.plain_claim(answer)


def chosen(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    """Return the columns of a row of any kind."""
    if isinstance(row, Mapping) or hasattr(row, "keys"):
        return {name: as_json(row[name]) for name in columns}
    return {name: as_json(getattr(row, name)) for name in columns}


def rows(found: Sequence[Any], columns: Iterable[str]) -> list[dict[str, Any]]:
    """Return the columns of rows."""
    return [chosen(row, columns) for row in found]


def as_json(value: Any) -> Any:
    """Convert a value for JSON."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value
