"""Plain asyncpg: with its default pool, and tuned with this package's techniques."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import orjson
from asyncpg import Record

from benchmarks.peers.clients.client import CONNECTIONS, PortalClient, chosen
from benchmarks.peers.clients.inputs import (
    ENDPOINT,
    HITS,
    LEASE,
    LIMIT,
    MOST_RUNNING,
    TOUCH_AFTER,
    USER_COLUMNS,
    window_start,
)

_ORDER: Final = "ORDER BY created_at DESC, id DESC"
_PAGE: Final = f"SELECT * FROM media_requests WHERE user_id = $1 {_ORDER} LIMIT $2 OFFSET $3"  # noqa: S608 - constants
_COUNT: Final = "SELECT count(*) FROM media_requests WHERE user_id = $1"
_CURSOR: Final = f"SELECT * FROM media_requests WHERE (created_at, id) < ($1, $2) {_ORDER} LIMIT $3"  # noqa: S608
_OFFSET: Final = f"SELECT * FROM media_requests {_ORDER} LIMIT $1 OFFSET $2"  # noqa: S608
_FIND: Final = "SELECT * FROM users WHERE plex_id = $1"
_HIT: Final = """
INSERT INTO rate_limits AS counter (ip_address, endpoint, window_start, request_count) VALUES ($1, $2, $3, 1)
ON CONFLICT (ip_address, endpoint, window_start) DO UPDATE SET request_count = counter.request_count + 1
WHERE counter.request_count < $4
RETURNING request_count
"""
_SESSION: Final = """
SELECT s.*, {user} FROM session_tokens s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.expires_at > now() AND s.rotated_at IS NULL AND u.status = 'active'
""".format(user=", ".join(f'u.{column} AS "user.{column}"' for column in (*USER_COLUMNS, "plex_token")))
_TOUCH: Final = "UPDATE session_tokens SET last_used_at = now() WHERE id = $1"
_CLAIM: Final = """
UPDATE youtube_downloads SET
    status = 'downloading', attempts = attempts + 1, worker_id = $1,
    lease_expires_at = now() + $2::interval, progress = 0, started_at = now()
WHERE id = (
    SELECT id FROM youtube_downloads WHERE status = 'queued' AND scheduled_at <= now()
    ORDER BY priority DESC, scheduled_at, created_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *
"""
_CLAIM_LIMITED: Final = "SELECT * FROM medianest_claim_next_download($1, $2, $3, 3)"
_RECORD: Final = """
INSERT INTO service_status_history (service_id, status, response_time_ms, error_message, checked_at)
VALUES ($1, $2, $3, $4, $5)
"""


class RawClient(PortalClient):
    """asyncpg with its default pool, with two statements on one connection for a page and its total."""

    pool: asyncpg.Pool[Record]

    async def open(self, server: Mapping[str, Any]) -> None:
        """Open the pool; decode JSON as in asyncpg's documentation."""
        self.pool = await asyncpg.create_pool(
            **server, min_size=CONNECTIONS, max_size=CONNECTIONS, init=self._decode_json
        )
        self.plex = await self.pool.fetchval("SELECT id FROM services WHERE name = 'plex'")

    async def close(self) -> None:
        """Close the pool."""
        await self.pool.close()

    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""
        number: int = await self.pool.fetchval(sql)
        return number

    @staticmethod
    async def _decode_json(connection: asyncpg.Connection[Record]) -> None:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")

    async def page(self, call: int) -> tuple[list[Record], int]:
        """Read a page of a user's requests, and their number."""
        user, offset = self.inputs.user_id(call), (self.inputs.page(call) - 1) * LIMIT
        async with self.pool.acquire() as connection:
            found = await connection.fetch(_PAGE, user, LIMIT, offset)
            return found, await connection.fetchval(_COUNT, user)

    async def page_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        found, total = await self.page(call)
        data = [dict(row) for row in found]
        for row in data:
            row.pop("total", None)
        return orjson.dumps({"data": data, "pagination": self.pagination(call, total)}, default=str)

    async def cursor(self, call: int) -> list[Record]:
        """Read the page after a position in the list of all requests."""
        return await self.pool.fetch(_CURSOR, *self.inputs.position(call), LIMIT)

    async def cursor_json(self, call: int) -> bytes:
        """Return the same as JSON."""
        return orjson.dumps({"data": [dict(row) for row in await self.cursor(call)]}, default=str)

    async def offset(self, call: int) -> list[Record]:  # noqa: ARG002 - as for all calls
        """Read the same page by its number, for the depth curve."""
        return await self.pool.fetch(_OFFSET, LIMIT, self.inputs.depth)

    async def find(self, call: int) -> Record | None:
        """Find the user of a Plex account."""
        return await self.pool.fetchrow(_FIND, self.inputs.plex_id(call))

    async def hit_from(self, address: str) -> int | None:
        """Count a hit of an anonymous caller."""
        count: int | None = await self.pool.fetchval(_HIT, address, ENDPOINT, window_start(datetime.now(UTC)), HITS)
        return count

    async def verify(self, call: int) -> Record | None:
        """Return the session of a token with its user; record the use if the last record is older than a minute."""
        row = await self.pool.fetchrow(_SESSION, self.inputs.token_hash(call))
        if row and datetime.now(UTC) - row["last_used_at"] > TOUCH_AFTER:
            await self.pool.execute(_TOUCH, row["id"])
        return row

    async def verify_noting(self, call: int) -> Record | None:
        """Do the same, but record every use."""
        row = await self.pool.fetchrow(_SESSION, self.inputs.token_hash(call))
        if row:
            await self.pool.execute(_TOUCH, row["id"])
        return row

    async def claim(self, call: int) -> Record | None:  # noqa: ARG002 - as for all calls
        """Claim the next download."""
        return await self.pool.fetchrow(_CLAIM, self.inputs.worker, LEASE)

    async def claim_limited(self, call: int) -> Record | None:  # noqa: ARG002 - as for all calls
        """Claim the next download if fewer than a limit run."""
        return await self.pool.fetchrow(_CLAIM_LIMITED, self.inputs.worker, LEASE.total_seconds(), MOST_RUNNING)

    async def record_checks(self, call: int) -> int:  # noqa: ARG002 - as for all calls
        """Record many checks of a service."""
        given = [(self.plex, *row[1:]) for row in self.inputs.rows]
        await self.pool.executemany(_RECORD, given)
        return len(given)

    plain_offset = PortalClient.plain_cursor

    def plain_verify(self, answer: Record) -> Any:
        """Return session and user."""
        return {"id": str(answer["id"]), "user": chosen(answer, [f"user.{name}" for name in USER_COLUMNS])}


class _NoReset(asyncpg.Connection):
    def get_reset_query(self) -> str:
        """Return no query: the statements here leave no state in the session."""
        return ""


_PAGE_AND_COUNT: Final = f"""
WITH page AS MATERIALIZED ({_PAGE})
SELECT page.*, CASE WHEN (SELECT count(*) FROM page) = $2 THEN ({_COUNT}) END AS total FROM page
"""  # noqa: S608 - constants
_TUNED_CURSOR: Final = _CURSOR.replace("$3", str(LIMIT))  # so that PostgreSQL keeps the plan


class TunedClient(RawClient):
    """asyncpg without the reset query, with orjson, and with a page and its total in one statement."""

    async def open(self, server: Mapping[str, Any]) -> None:
        """Open the pool."""
        self.pool = await asyncpg.create_pool(
            **server,
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            init=self._decode_json,
            connection_class=_NoReset,
        )
        self.plex = await self.pool.fetchval("SELECT id FROM services WHERE name = 'plex'")

    @staticmethod
    async def _decode_json(connection: asyncpg.Connection[Record]) -> None:
        await connection.set_type_codec(
            "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
        )

    async def page(self, call: int) -> tuple[list[Record], int]:
        """Read a page of a user's requests, and their number."""
        user, offset = self.inputs.user_id(call), (self.inputs.page(call) - 1) * LIMIT
        found = await self.pool.fetch(_PAGE_AND_COUNT, user, LIMIT, offset)
        if len(found) == LIMIT:
            return found, found[0]["total"]
        if found or not offset:
            return found, offset + len(found)
        return found, await self.pool.fetchval(_COUNT, user)

    async def cursor(self, call: int) -> list[Record]:
        """Read the page after a position in the list of all requests."""
        return await self.pool.fetch(_TUNED_CURSOR, *self.inputs.position(call))
