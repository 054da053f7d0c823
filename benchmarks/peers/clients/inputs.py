"""The arguments of the operations, the same for every peer: they depend on the number of the call."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

LIMIT: Final = 20
"""The number of rows of a page."""
PAGES: Final = 4
"""The number of a user's pages that are read."""
TOGETHER: Final = 50
"""The number of concurrent lookups."""
ENDPOINT: Final = "benchmark"
HITS: Final = 1_000_000
"""The allowed hits of an address in a day: more than are made, so that every hit is counted."""
DAY: Final = 86_400
ADDRESSES: Final = 10_000
LEASE: Final = timedelta(minutes=5)
MOST_RUNNING: Final = 1_000
TOUCH_AFTER: Final = timedelta(minutes=1)
CHECKED_FROM: Final = datetime(2030, 1, 1, tzinfo=UTC)
"""The time from which the benchmark records its checks, to delete them again."""

USER_COLUMNS: Final = (
    "id", "plex_id", "plex_username", "email", "role", "created_at", "last_login_at", "status",
)  # fmt: skip
REQUEST_COLUMNS: Final = (
    "id", "user_id", "title", "media_type", "tmdb_id", "season", "is_4k", "imdb_id", "status", "overseerr_id",
    "request_data", "created_at", "completed_at",
)  # fmt: skip

_PRIME: Final = 7919  # so that successive calls do not read adjacent rows


@dataclass
class Inputs:
    """The contents of the database.

    Attributes:
        users: The number of users, which are numbered from 0.
        checks: The number of checks per call of `record_checks`.
        positions: By depth, positions in the list of all requests, newest first: timestamp and id.
        depth: The depth at which `cursor` and `offset` begin.
    """

    users: int
    checks: int
    positions: dict[int, list[tuple[datetime, UUID]]]
    depth: int = 0
    worker: str = "benchmark"
    rows: list[tuple[str, str, int, None, datetime]] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [
            ("plex", "up", number % 500, None, CHECKED_FROM + timedelta(seconds=number))
            for number in range(self.checks)
        ]

    @classmethod
    def read(cls, message: dict[str, Any]) -> Inputs:
        """Make it from the harness's message."""
        positions = {
            int(depth): [(datetime.fromisoformat(instant), UUID(id_)) for instant, id_ in places]
            for depth, places in message["positions"].items()
        }
        return cls(message["users"], message["checks"], positions)

    def checks_of(self, service_id: int) -> list[dict[str, Any]]:
        """Return the checks of `rows` by the names of their columns."""
        names = ("service_id", "status", "response_time_ms", "error_message", "checked_at")
        return [dict(zip(names, (service_id, *values), strict=True)) for _, *values in self.rows]

    def number(self, call: int) -> int:
        """Return the number of a call's user."""
        return call * _PRIME % self.users

    def user_id(self, call: int) -> UUID:
        """Return that user's id."""
        return UUID(f"00000000-0000-7000-8000-{self.number(call):012d}")

    def page(self, call: int) -> int:
        """Return the page of a call, from 1."""
        return call % PAGES + 1

    def plex_id(self, call: int) -> str:
        """Return the user's Plex id."""
        return f"plex-{self.number(call)}"

    def address(self, call: int) -> str:
        """Return the address of an anonymous caller."""
        number = call * _PRIME % ADDRESSES
        return f"10.0.{number // 256}.{number % 256}"

    def token(self, call: int) -> str:
        """Return the token of the user's session."""
        return f"token-{self.number(call)}"

    def token_hash(self, call: int) -> str:
        """Return the stored hash of that token."""
        return hashlib.sha256(self.token(call).encode()).hexdigest()

    def position(self, call: int) -> tuple[datetime, UUID]:
        """Return the position after which a page begins."""
        places = self.positions[self.depth]
        return places[call % len(places)]


def window_start(now: datetime) -> datetime:
    """Return the beginning of the present window of a day."""
    return datetime.fromtimestamp(now.timestamp() // DAY * DAY, UTC)
