"""Plain Tortoise: models, pool and pydantic as in its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from tortoise import Tortoise, connections
from tortoise.contrib.pydantic import pydantic_model_creator
from tortoise.expressions import F, Q
from tortoise.transactions import in_transaction

from benchmarks.peers.clients.client import CONNECTIONS, PortalClient
from benchmarks.peers.clients.inputs import (
    ENDPOINT,
    HITS,
    LEASE,
    LIMIT,
    REQUEST_COLUMNS,
    TOUCH_AFTER,
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


class TortoiseClient(PortalClient):
    """Plain Tortoise."""

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

    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""
        _, found = await connections.get("default").execute_query(sql)
        number: int = found[0][0]
        return number

    async def page(self, call: int) -> tuple[list[MediaRequest], int]:
        """Read a page of a user's requests, and their number."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        page = requests.order_by("-created_at", "-id").offset((self.inputs.page(call) - 1) * LIMIT).limit(LIMIT)
        return await page, await requests.count()

    async def page_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        requests = MediaRequest.filter(user_id=self.inputs.user_id(call))
        page = requests.order_by("-created_at", "-id").offset((self.inputs.page(call) - 1) * LIMIT).limit(LIMIT)
        data, total = await self.schema.from_queryset(page), await requests.count()
        return self.adapter.dump_json({"data": data, "pagination": self.pagination(call, total)})

    async def cursor(self, call: int) -> list[MediaRequest]:
        """Read the page after a position in the list of all requests."""
        instant, id_ = self.inputs.position(call)
        after = MediaRequest.filter(Q(created_at__lt=instant) | Q(id__lt=id_), created_at__lte=instant)
        return await after.order_by("-created_at", "-id").limit(LIMIT)

    async def find(self, call: int) -> User | None:
        """Find the user of a Plex account."""
        return await User.get_or_none(plex_id=self.inputs.plex_id(call))

    async def hit_from(self, address: str) -> int:
        """Count a hit of an anonymous caller."""
        counter, _ = await RateLimit.get_or_create(
            ip_address=address, endpoint=ENDPOINT, window_start=window_start(datetime.now(UTC))
        )
        await RateLimit.filter(id=counter.id, request_count__lt=HITS).update(request_count=F("request_count") + 1)
        await counter.refresh_from_db(fields=["request_count"])
        return counter.request_count

    async def verify(self, call: int) -> SessionToken | None:
        """Return the session of a token with its user; record the use if the last record is older than a minute."""
        now = datetime.now(UTC)
        session = await self._session(call, now)
        if session and session.last_used_at and now - session.last_used_at > TOUCH_AFTER:
            await self._touch(session, now)
        return session

    async def verify_noting(self, call: int) -> SessionToken | None:
        """Do the same, but record every use."""
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

    async def claim(self, call: int) -> Download | None:  # noqa: ARG002 - as for all calls
        """Claim the next download."""
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

    async def record_checks(self, call: int) -> int:  # noqa: ARG002 - as for all calls
        """Record many checks of a service."""
        checks = [ServiceStatusHistory(**check) for check in self.inputs.checks_of(self.plex)]
        await ServiceStatusHistory.bulk_create(checks)
        return len(checks)
