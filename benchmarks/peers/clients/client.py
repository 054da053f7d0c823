"""What every client of a peer is."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from benchmarks.peers.clients.inputs import HITS, LIMIT, REQUEST_COLUMNS, TOGETHER, USER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.peers.clients.inputs import Inputs

Call: TypeAlias = Callable[[int], Awaitable[Any]]
CONNECTIONS = 10
"""Every peer's pool has so many: as many as there are calls at once."""


class Client(ABC):
    """A peer, set up as its documentation does.

    An operation is a method of the same name in `operations`, which takes the number of the call and returns what
    the peer gives its users; `plain` makes JSON of that, outside of the time that is measured.
    """

    inputs: Inputs

    @abstractmethod
    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect to host, port, user and database."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    def plain(self, operation: str, answer: Any) -> Any:
        """What an operation gave, comparable with what other peers gave.

        Args:
            operation: Its name.
            answer: What it returned.
        """
        method = getattr(self, f"plain_{operation}", None)
        return answer if method is None else method(answer)


class PortalClient(Client):
    """A peer that can do all the work of a portal, and what is the same for every one of them."""

    @abstractmethod
    async def find(self, call: int) -> Any:
        """The user of a Plex account."""

    @abstractmethod
    async def hit_from(self, address: str) -> Any:
        """A hit of an anonymous caller."""

    async def find_together(self, call: int) -> list[Any]:
        """Fifty users, each asked for by itself, at once."""
        return await asyncio.gather(*(self.find(call * TOGETHER + place) for place in range(TOGETHER)))

    async def hit(self, call: int) -> Any:
        """A hit of one of many callers."""
        return await self.hit_from(self.inputs.address(call))

    async def hit_hot(self, call: int) -> Any:  # noqa: ARG002 - a call as any other
        """A hit of the same caller, always."""
        return await self.hit_from("10.1.0.0")

    def pagination(self, call: int, total: int) -> dict[str, int]:
        """What stands beside the rows in a page's JSON."""
        return {"page": self.inputs.page(call), "limit": LIMIT, "total": total, "totalPages": -(-total // LIMIT)}

    def plain_page(self, answer: Any) -> Any:
        """Rows and total."""
        return {"rows": rows(answer[0], REQUEST_COLUMNS), "total": answer[1]}

    def plain_page_json(self, answer: bytes) -> Any:
        """What it says."""
        return json.loads(answer)

    def plain_cursor(self, answer: Any) -> Any:
        """Rows."""
        return rows(answer, REQUEST_COLUMNS)

    def plain_find(self, answer: Any) -> Any:
        """Columns."""
        return chosen(answer, USER_COLUMNS)

    def plain_find_together(self, answer: list[Any]) -> Any:
        """Rows."""
        return rows(answer, USER_COLUMNS)

    def plain_hit(self, answer: Any) -> Any:
        """What is left, from what is used up."""
        return None if answer is None else HITS - answer

    def plain_hit_hot(self, answer: Any) -> Any:
        """What is left."""
        return self.plain_hit(answer)

    def plain_verify(self, answer: Any) -> Any:
        """Session and user."""
        user = chosen(answer.user, USER_COLUMNS)
        return {"id": str(answer.id), "user": {f"user.{name}": value for name, value in user.items()}}

    def plain_verify_noting(self, answer: Any) -> Any:
        """Session and user."""
        return self.plain_verify(answer)

    def plain_claim(self, answer: Any) -> Any:
        """Which one."""
        return chosen(answer, ["playlist_url"])["playlist_url"]

    def plain_claim_limited(self, answer: Any) -> Any:
        """Which one."""
        return self.plain_claim(answer)


def chosen(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    """The columns of a row, whatever kind of row that is."""
    if isinstance(row, Mapping) or hasattr(row, "keys"):
        return {name: as_json(row[name]) for name in columns}
    return {name: as_json(getattr(row, name)) for name in columns}


def rows(found: Sequence[Any], columns: Iterable[str]) -> list[dict[str, Any]]:
    """The columns of rows."""
    return [chosen(row, columns) for row in found]


def as_json(value: Any) -> Any:
    """The value as JSON can hold it."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value
