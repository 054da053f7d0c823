"""What every client of a peer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

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
