"""This package, used as in its README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.peers.clients.client import CONNECTIONS, PortalClient, rows
from benchmarks.peers.clients.inputs import (
    DAY,
    ENDPOINT,
    HITS,
    LEASE,
    LIMIT,
    MOST_RUNNING,
    REQUEST_COLUMNS,
)
from medianest_models import (
    CursorPage,
    MediaRequest,
    PaginatedResult,
    PaginationParams,
    SessionToken,
    User,
    YouTubeDownload,
    connect_database,
    disconnect_database,
    paginate,
    paginate_by_cursor,
    paginate_by_cursor_json,
    paginate_json,
)
from medianest_models.db.statements import fetch
from medianest_models.enums import ServiceStatus
from medianest_models.pagination.arguments import choose_column
from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.repositories import downloads, rate_limits, services, sessions, users
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.schemas import MediaRequestRead
from medianest_models.settings import DatabaseUrl

_MIX: Final = (
    *("verify", "hit", "find", "verify", "hit", "page"), *("verify", "hit", "find", "hit_hot", "page_json"),
    *("verify", "hit", "find", "hit_hot", "cursor"), *("find", "claim", "find", "record_checks"),
)  # fmt: skip
"""The operations of `mixed`, in order; those that every request to a portal needs occur most often."""


class MedianestClient(PortalClient):
    """This package."""

    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect."""
        await connect_database(DatabaseUrl(**server, pool_max=CONNECTIONS))
        requests = MediaRequest.all()
        codec = CursorCodec.of(requests, choose_column(MediaRequest, (), None, "desc"))
        self.cursors = {
            depth: [
                codec.encode(Position(backward=False, inclusive=False, value=instant, id=id_))
                for instant, id_ in places
            ]
            for depth, places in self.inputs.positions.items()
        }
        self.checks = [
            services.Check(service, ServiceStatus(status), milliseconds, message, instant)
            for service, status, milliseconds, message, instant in self.inputs.rows
        ]

    async def close(self) -> None:
        """Disconnect."""
        await disconnect_database()

    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""
        number: int = (await fetch(sql))[0][0]
        return number

    async def page(self, call: int) -> PaginatedResult[MediaRequest]:
        """Read a page of a user's requests, and their number."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        return await paginate(requests, page=self.inputs.page(call), limit=LIMIT)

    async def page_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        params = PaginationParams(page=self.inputs.page(call), limit=LIMIT)
        return (await paginate_json(requests, params, schema=MediaRequestRead)).body

    async def cursor(self, call: int) -> CursorPage[MediaRequest]:
        """Read the page after a position in the list of all requests."""
        places = self.cursors[self.inputs.depth]
        return await paginate_by_cursor(MediaRequest.all(), limit=LIMIT, cursor=places[call % len(places)])

    async def cursor_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        places = self.cursors[self.inputs.depth]
        requests, cursor = MediaRequest.all(), places[call % len(places)]
        page = await paginate_by_cursor_json(requests, limit=LIMIT, cursor=cursor, schema=MediaRequestRead)
        return page.body

    async def find(self, call: int) -> User | None:
        """Find the user of a Plex account."""
        return await users.find_by_plex_id(self.inputs.plex_id(call))

    async def hit_from(self, address: str) -> RateLimitResult:
        """Count a hit of an anonymous caller."""
        return await rate_limits.hit(ENDPOINT, ip_address=address, limit=HITS, window_seconds=DAY)

    async def verify(self, call: int) -> SessionToken:
        """Return the session of a token with its user; record the use if the last record is older than a minute."""
        return await sessions.verify(self.inputs.token(call))

    verify_noting = verify

    async def claim(self, call: int) -> YouTubeDownload | None:  # noqa: ARG002 - as for all calls
        """Claim the next download."""
        return await downloads.claim(self.inputs.worker, lease=LEASE, max_running=None)

    async def claim_limited(self, call: int) -> YouTubeDownload | None:  # noqa: ARG002 - as for all calls
        """Claim the next download if fewer than a limit run."""
        return await downloads.claim(self.inputs.worker, lease=LEASE, max_running=MOST_RUNNING)

    async def record_checks(self, call: int) -> int:  # noqa: ARG002 - as for all calls
        """Record many checks of a service."""
        return await services.record_checks(self.checks)

    async def mixed(self, call: int) -> None:
        """Run the next of the frequent operations."""
        turn, place = divmod(call, len(_MIX))
        await getattr(self, _MIX[place])(call + turn)  # so that every user gets every operation

    def plain_page(self, answer: PaginatedResult[MediaRequest]) -> Any:
        """Return rows and total."""
        return {"rows": rows(answer.data, REQUEST_COLUMNS), "total": answer.pagination.total}

    def plain_cursor(self, answer: CursorPage[MediaRequest]) -> Any:
        """Return the rows."""
        return rows(answer.data, REQUEST_COLUMNS)

    def plain_hit(self, answer: RateLimitResult) -> Any:
        """Return the remaining hits."""
        return answer.remaining
