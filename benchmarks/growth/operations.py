"""The operations that are measured, by the table that they work on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import uuid4

from benchmarks.growth.data import REQUEST, SERVICES, USER, Size, row_id
from medianest_models import MediaRequest, YouTubeDownload, paginate, paginate_by_cursor
from medianest_models.enums import RequestStatus, ServiceStatus
from medianest_models.pagination.arguments import choose_column
from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.repositories import activity, downloads, media_requests, rate_limits, services, sessions, users

_WORKER: Final = "worker"
_NEAR: Final = 20
_PENDING: Final = 10  # of so many requests one is pending


class Portal:
    """The state of the calls to a database.

    Args:
        size: The database.
    """

    def __init__(self, size: Size) -> None:
        self.size = size
        self.claimed: list[YouTubeDownload] = []
        requests = MediaRequest.all()
        self._codec = CursorCodec.of(requests, choose_column(MediaRequest, (), None, "desc"))
        self.near = [self._cursor(size.rows - _NEAR - call) for call in range(_NEAR)]
        self.deep = [self._cursor(size.rows // 2 + size.pick(call) // _NEAR) for call in range(_NEAR)]

    def _cursor(self, number: int) -> str:
        """Return the cursor after a request."""
        created_at = self.size.since + number * self.size.step
        return self._codec.encode(
            Position(backward=False, inclusive=False, value=created_at, id=row_id(REQUEST, number))
        )

    def owner(self, call: int) -> str:
        """Return the id of a user who has requests, downloads and activity."""
        return row_id(USER, self.size.pick(call, self.size.owners))

    def address(self, call: int) -> str:
        """Return the address of a caller that was counted today."""
        number = self.size.pick(call, self.size.rows // 2)
        return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    async def claim(self, most: int | None) -> None:
        """Claim a download."""
        download = await downloads.claim(_WORKER, max_running=most)
        assert download is not None
        self.claimed.append(download)

    async def complete(self) -> None:
        """Complete the download that was claimed last."""
        await downloads.complete(self.claimed.pop().id, worker_id=_WORKER)

    async def enqueue(self, call: int) -> None:
        """Queue a download."""
        await downloads.enqueue(self.owner(call), playlist_url=f"https://example.org/{uuid4()}")


Call: TypeAlias = Callable[[Portal, int], Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """An operation.

    Attributes:
        table: What it works on.
        title: Its title.
        call: Does it; the second argument is the number of the call, which is never the same.
        before: Does what has to be done before a call, outside of the measurement.
        is_slow: Whether it takes so long that it is called a few times only.
    """

    table: str
    title: str
    call: Call
    before: Call | None = None
    is_slow: bool = False

    @property
    def name(self) -> str:
        """The table and the title."""
        return f"{self.table}: {self.title}"


def _page(title: str, call: Call, *, is_slow: bool = False) -> Operation:
    return Operation("requests", title, call, is_slow=is_slow)


def _of_queue(table: str, before: Call | None) -> list[Operation]:
    return [
        Operation(table, "enqueue", Portal.enqueue),
        Operation(table, "claim", lambda portal, _: portal.claim(None), before),
        Operation(table, "claim under a limit", lambda portal, _: portal.claim(1_000), before),
        Operation(
            table, "report progress",
            lambda portal, call: downloads.report_progress(
                portal.claimed[call % len(portal.claimed)].id, worker_id=_WORKER, progress=call % 100
            ),
        ),
        Operation(table, "complete", lambda portal, _: portal.complete()),
    ]  # fmt: skip


def _checks() -> list[services.Check]:
    return [services.Check(name, ServiceStatus.UP, 20) for name in SERVICES]


OF_QUEUE: Final = _of_queue("downloads, all queued", None)
"""Those of a database whose downloads all wait."""
OF_PORTAL: Final = [
    _page("page of a user's 50, with total", lambda portal, call: media_requests.list_for_user(portal.owner(call))),
    _page("page of all, exact total", lambda *_: paginate(MediaRequest.all(), total="exact"), is_slow=True),
    _page("page of all, capped total", lambda *_: paginate(MediaRequest.all(), total="capped")),
    _page("page of all, no total", lambda *_: paginate(MediaRequest.all(), total=None)),
    _page(
        "page by cursor, near",
        lambda portal, call: paginate_by_cursor(MediaRequest.all(), cursor=portal.near[call % _NEAR]),
    ),
    _page(
        "page by cursor, deep",
        lambda portal, call: paginate_by_cursor(MediaRequest.all(), cursor=portal.deep[call % _NEAR]),
    ),
    _page(
        "submit",
        lambda portal, call: media_requests.submit(
            portal.owner(call), title="A title", media_type="movie", tmdb_id=f"new-{call}"
        ),
    ),
    _page(
        "transition",
        lambda portal, call: media_requests.transition(
            row_id(REQUEST, _PENDING * portal.size.pick(call, portal.size.rows // _PENDING)),
            status=RequestStatus.APPROVED,
        ),
    ),
    Operation(
        "users", "find by Plex id",
        lambda portal, call: users.find_by_plex_id(f"plex-{portal.size.pick(call)}"),
    ),
    *_of_queue("downloads, nearly all done", Portal.enqueue),
    Operation(
        "downloads, nearly all done", "page of a user's 50, with total",
        lambda portal, call: downloads.list_for_user(portal.owner(call)),
    ),
    Operation(
        "rate limits", "hit, known key",
        lambda portal, call: rate_limits.hit(
            "media.request", ip_address=portal.address(call), limit=1_000, window_seconds=86_400
        ),
    ),
    Operation(
        "rate limits", "hit, new key",
        lambda _, call: rate_limits.hit(
            "media.request", ip_address=f"11.0.{call >> 8}.{call & 255}", limit=1_000, window_seconds=86_400
        ),
    ),
    Operation(
        "sessions", "verify, use noted a moment ago",
        lambda portal, call: sessions.verify(f"token-{portal.size.pick(call, portal.size.rows // 2) * 2}"),
    ),
    Operation(
        "sessions", "verify, and note the use",
        lambda portal, call: sessions.verify(f"token-{portal.size.pick(call, portal.size.rows // 2) * 2 + 1}"),
    ),
    Operation("sessions", "issue", lambda portal, call: sessions.issue(row_id(USER, portal.size.pick(call)))),
    Operation(
        "activity log", "record",
        lambda portal, call: activity.record(
            "request.create", user_id=portal.owner(call), entity_type="media_request", entity_id=f"new-{call}"
        ),
    ),
    Operation(
        "activity log", "page of a user's 50, with total",
        lambda portal, call: activity.list_for_user(portal.owner(call)),
    ),
    Operation(
        "activity log", "page of an entity's 4, with total",
        lambda portal, call: activity.list_for_entity(
            "media_request", entity_id=str(portal.size.pick(call, portal.size.rows // 4))
        ),
    ),
    Operation("service checks", "record one of each of 4 services", lambda *_: services.record_checks(_checks())),
    Operation("service checks", "latest statuses of 4 services", lambda *_: services.latest_statuses()),
    Operation(
        "service checks", "uptime of 30 days",
        lambda *_: services.uptime(SERVICES[0], since=datetime.now(UTC) - timedelta(days=30)),
    ),
]  # fmt: skip
"""Those of the other databases."""
