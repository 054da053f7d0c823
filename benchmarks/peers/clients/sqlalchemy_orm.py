"""SQLAlchemy 2 with asyncpg: declarative models, and one session per operation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import URL, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload

from benchmarks.peers.clients.client import CONNECTIONS, PortalClient
from benchmarks.peers.clients.inputs import (
    ENDPOINT,
    HITS,
    LEASE,
    LIMIT,
    TOUCH_AFTER,
    window_start,
)
from benchmarks.peers.clients.sqlalchemy_models import (
    Download,
    MediaRequest,
    RateLimit,
    RequestSchema,
    Service,
    ServiceStatusHistory,
    SessionToken,
    User,
)


class SqlalchemyClient(PortalClient):
    """SQLAlchemy's ORM."""

    session: async_sessionmaker[AsyncSession]

    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect."""
        url = URL.create(
            "postgresql+asyncpg",
            username=server["user"],
            database=server["database"],
            query={"host": server["host"], "port": str(server["port"])},
        )
        self.engine = create_async_engine(url, pool_size=CONNECTIONS, max_overflow=0)
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)
        self.adapter = TypeAdapter(dict[str, Any])
        async with self.session() as session:
            self.plex = (await session.scalars(select(Service.id).where(Service.name == "plex"))).one()

    async def close(self) -> None:
        """Disconnect."""
        await self.engine.dispose()

    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""
        async with self.session() as session:
            number: int = (await session.scalars(text(sql))).one()
        return number

    async def page(self, call: int) -> tuple[Sequence[MediaRequest], int]:
        """Read a page of a user's requests, and their number."""
        user = self.inputs.user_id(call)
        page = (
            select(MediaRequest)
            .where(MediaRequest.user_id == user)
            .order_by(MediaRequest.created_at.desc(), MediaRequest.id.desc())
            .limit(LIMIT)
            .offset((self.inputs.page(call) - 1) * LIMIT)
        )
        count = select(func.count()).select_from(MediaRequest).where(MediaRequest.user_id == user)
        async with self.session() as session:
            found = (await session.scalars(page)).all()
            return found, (await session.scalars(count)).one()

    async def page_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        found, total = await self.page(call)
        data = [RequestSchema.model_validate(request) for request in found]
        return self.adapter.dump_json({"data": data, "pagination": self.pagination(call, total)})

    async def cursor(self, call: int) -> Sequence[MediaRequest]:
        """Read the page after a position in the list of all requests."""
        page = (
            select(MediaRequest)
            .where(tuple_(MediaRequest.created_at, MediaRequest.id) < self.inputs.position(call))
            .order_by(MediaRequest.created_at.desc(), MediaRequest.id.desc())
            .limit(LIMIT)
        )
        async with self.session() as session:
            return (await session.scalars(page)).all()

    async def find(self, call: int) -> User | None:
        """Find the user of a Plex account."""
        async with self.session() as session:
            return (await session.scalars(select(User).where(User.plex_id == self.inputs.plex_id(call)))).one_or_none()

    async def hit_from(self, address: str) -> int | None:
        """Count a hit of an anonymous caller."""
        counter = upsert(RateLimit).values(
            ip_address=address, endpoint=ENDPOINT, window_start=window_start(datetime.now(UTC)), request_count=1
        )
        counted = counter.on_conflict_do_update(
            index_elements=["ip_address", "endpoint", "window_start"],
            set_={"request_count": RateLimit.request_count + 1},
            where=RateLimit.request_count < HITS,
        ).returning(RateLimit.request_count)
        async with self.session.begin() as session:
            return (await session.scalars(counted)).one_or_none()

    async def verify(self, call: int) -> SessionToken | None:
        """Return the session of a token with its user; record the use if the last record is older than a minute."""
        return await self._verify(call, TOUCH_AFTER)

    async def verify_noting(self, call: int) -> SessionToken | None:
        """Do the same, but record every use."""
        return await self._verify(call, dt.timedelta(0))

    async def _verify(self, call: int, touch_after: dt.timedelta) -> SessionToken | None:
        now = datetime.now(UTC)
        wanted = (
            select(SessionToken)
            .join(SessionToken.user)
            .options(joinedload(SessionToken.user))
            .where(
                SessionToken.token_hash == self.inputs.token_hash(call),
                SessionToken.expires_at > now,
                SessionToken.rotated_at.is_(None),
                User.status == "active",
            )
        )
        async with self.session.begin() as session:
            found = (await session.scalars(wanted)).one_or_none()
            if found and found.last_used_at and now - found.last_used_at > touch_after:
                found.last_used_at = now
            return found

    async def claim(self, call: int) -> Download | None:  # noqa: ARG002 - as for all calls
        """Claim the next download."""
        now = datetime.now(UTC)
        queued = (
            select(Download.id)
            .where(Download.status == "queued", Download.scheduled_at <= now)
            .order_by(Download.priority.desc(), Download.scheduled_at, Download.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(Download)
            .where(Download.id == queued.scalar_subquery())
            .values(
                status="downloading",
                attempts=Download.attempts + 1,
                worker_id=self.inputs.worker,
                lease_expires_at=now + LEASE,
                progress=0,
                started_at=now,
            )
            .returning(Download)
            .execution_options(synchronize_session=False)
        )
        async with self.session.begin() as session:
            return (await session.scalars(claimed)).one_or_none()

    async def record_checks(self, call: int) -> int:  # noqa: ARG002 - as for all calls
        """Record many checks of a service."""
        checks = self.inputs.checks_of(self.plex)
        async with self.session.begin() as session:
            await session.execute(insert(ServiceStatusHistory), checks)
        return len(checks)
