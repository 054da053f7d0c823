"""Stock Tortoise: models, pool and pydantic as its documentation shows them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from tortoise import Tortoise
from tortoise.contrib.pydantic import pydantic_model_creator
from tortoise.expressions import F, Q
from tortoise.transactions import in_transaction

from benchmarks.peers.clients.client import CONNECTIONS, Client, chosen, rows
from benchmarks.peers.clients.inputs import (
    ENDPOINT,
    HITS,
    LEASE,
    LIMIT,
    REQUEST_COLUMNS,
    TOGETHER,
    TOUCH_AFTER,
    USER_COLUMNS,
    window_start,
)
from benchmarks.peers.clients.tortoise_models import (
    Download,
    MediaRequest,
    RateLimit,
    Service,
    ServiceStatusHistory,
    SessionToken,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class TortoiseClient(Client):
    """Stock Tortoise."""

    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect."""
        credentials = {**server, "minsize": CONNECTIONS, "maxsize": CONNECTIONS}
        await Tortoise.init(
            config={
                "connections": {
                    "default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials},
                },
                "apps": {
                    "models": {"models": ["benchmarks.peers.clients.tortoise_models"], "default_connection": "default"}
                },
                "use_tz": True,
                "timezone": "UTC",
            }
        )
        self.schema: Any = pydantic_model_creator(MediaRequest, include=REQUEST_COLUMNS)
        self.adapter = TypeAdapter(dict[str, Any])
        self.plex = (await Service.get(name="plex")).id

    async def close(self) -> None:
        """Disconnect."""
        await Tortoise.close_connections()

    async def page(self, call: int) -> tuple[list[MediaRequest], int]:
        """A page of a user's requests, and how many there are."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        page = requests.order_by("-created_at", "-id").offset((self.inputs.page(call) - 1) * LIMIT).limit(LIMIT)
        return await page, await requests.count()

    async def page_json(self, call: int) -> bytes:
        """The same as JSON."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        page = requests.order_by("-created_at", "-id").offset((self.inputs.page(call) - 1) * LIMIT).limit(LIMIT)
        data, total = await self.schema.from_queryset(page), await requests.count()
        pagination = {
            "page": self.inputs.page(call), "limit": LIMIT, "total": total, "totalPages": -(-total // LIMIT),
        }  # fmt: skip
        return self.adapter.dump_json({"data": data, "pagination": pagination})

    async def cursor(self, call: int) -> list[MediaRequest]:
        """The page after a place in the list of all requests."""
        instant, id_ = self.inputs.position(call)
        after = MediaRequest.filter(Q(created_at__lt=instant) | Q(id__lt=id_), created_at__lte=instant)
        return await after.order_by("-created_at", "-id").limit(LIMIT)

    async def find(self, call: int) -> User | None:
        """The user of a Plex account."""
        return await User.get_or_none(plex_id=self.inputs.plex_id(call))

    async def find_together(self, call: int) -> list[User | None]:
        """Fifty users, each asked for by itself, at once."""
        return await asyncio.gather(*(self.find(call * TOGETHER + place) for place in range(TOGETHER)))

    async def hit(self, call: int) -> int:
        """A hit of one of many callers."""
        return await self._hit(self.inputs.address(call))

    async def hit_hot(self, call: int) -> int:  # noqa: ARG002 - a call as any other
        """A hit of the same caller, always."""
        return await self._hit("10.1.0.0")

    async def _hit(self, address: str) -> int:
        counter, _ = await RateLimit.get_or_create(
            ip_address=address, endpoint=ENDPOINT, window_start=window_start(datetime.now(UTC))
        )
        await RateLimit.filter(id=counter.id, request_count__lt=HITS).update(request_count=F("request_count") + 1)
        await counter.refresh_from_db(fields=["request_count"])
        return counter.request_count

    async def verify(self, call: int) -> SessionToken | None:
        """The session of a token with its user; the use is noted when the last one is more than a minute ago."""
        now = datetime.now(UTC)
        session = await self._session(call, now)
        if session and session.last_used_at and now - session.last_used_at > TOUCH_AFTER:
            await self._touch(session, now)
        return session

    async def verify_noting(self, call: int) -> SessionToken | None:
        """The same, and the use is noted each time."""
        now = datetime.now(UTC)
        session = await self._session(call, now)
        if session:
            await self._touch(session, now)
        return session

    async def _session(self, call: int, now: datetime) -> SessionToken | None:
        return (
            await SessionToken.filter(
                token_hash=self.inputs.token_hash(call),
                expires_at__gt=now,
                rotated_at__isnull=True,
                user__status="active",
            )
            .select_related("user")
            .first()
        )

    async def _touch(self, session: SessionToken, now: datetime) -> None:
        session.last_used_at = now
        await session.save(update_fields=["last_used_at"])

    async def claim(self, call: int) -> Download | None:  # noqa: ARG002 - a call as any other
        """The next download."""
        now = datetime.now(UTC)
        async with in_transaction():
            queued = Download.filter(status="queued", scheduled_at__lte=now).select_for_update(skip_locked=True)
            download = await queued.order_by("-priority", "scheduled_at", "created_at").first()
            if download is not None:
                download.status, download.attempts = "downloading", download.attempts + 1
                download.worker_id, download.lease_expires_at = self.inputs.worker, now + LEASE
                download.progress, download.started_at = 0, now
                await download.save()
        return download

    async def record_checks(self, call: int) -> int:  # noqa: ARG002 - a call as any other
        """Many checks of a service."""
        names = ("status", "response_time_ms", "error_message", "checked_at")
        checks = [
            ServiceStatusHistory(service_id=self.plex, **dict(zip(names, values, strict=True)))
            for _, *values in self.inputs.rows
        ]
        await ServiceStatusHistory.bulk_create(checks)
        return len(checks)

    def plain_page(self, answer: tuple[list[MediaRequest], int]) -> Any:
        """Rows and total."""
        return {"rows": rows(answer[0], REQUEST_COLUMNS), "total": answer[1]}

    def plain_page_json(self, answer: bytes) -> Any:
        """What it says."""
        return self.adapter.validate_json(answer)

    def plain_cursor(self, answer: list[MediaRequest]) -> Any:
        """Rows."""
        return rows(answer, REQUEST_COLUMNS)

    def plain_find(self, answer: User) -> Any:
        """Columns."""
        return chosen(answer, USER_COLUMNS)

    def plain_find_together(self, answer: list[User]) -> Any:
        """Rows."""
        return rows(answer, USER_COLUMNS)

    def plain_hit(self, answer: int) -> Any:
        """What is left."""
        return HITS - answer

    plain_hit_hot = plain_hit

    def plain_verify(self, answer: SessionToken) -> Any:
        """Session and user."""
        user = chosen(answer.user, USER_COLUMNS)
        return {"id": str(answer.id), "user": {f"user.{name}": value for name, value in user.items()}}

    plain_verify_noting = plain_verify

    def plain_claim(self, answer: Download) -> Any:
        """Which one."""
        return answer.playlist_url
