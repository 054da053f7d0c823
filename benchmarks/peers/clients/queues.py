"""Two job queues for PostgreSQL, which only support the claim."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
import procrastinate
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job as PgqueuerJob
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from pgqueuer.types import QueueEntrypoint, QueueManagerId
from procrastinate.jobs import Job as ProcrastinateJob

from benchmarks.peers.clients.client import CONNECTIONS, Client


class ProcrastinateClient(Client):
    """procrastinate with its psycopg connector."""

    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect."""
        connector = procrastinate.PsycopgConnector(
            kwargs={
                "host": server["host"], "port": server["port"], "user": server["user"], "dbname": server["database"],
            },
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
        )  # fmt: skip
        self.app = procrastinate.App(connector=connector)
        await self.app.open_async()
        self.worker = await self.app.job_manager.register_worker()

    async def close(self) -> None:
        """Disconnect."""
        await self.app.close_async()

    async def query(self, sql: Any) -> int:  # psycopg is typed for literals only
        """Return the number that a query selects."""
        number: int = (await self.app.connector.execute_query_one_async(sql))["pid"]
        return number

    async def claim(self, call: int) -> ProcrastinateJob | None:  # noqa: ARG002 - as for all calls
        """Claim the next job."""
        return await self.app.job_manager.fetch_job(queues=None, worker_id=self.worker)

    def plain_claim(self, answer: ProcrastinateJob) -> Any:
        """Return the id."""
        return answer.task_kwargs["playlist_url"]


class PgqueuerClient(Client):
    """pgqueuer with an asyncpg pool."""

    async def open(self, server: Mapping[str, Any]) -> None:
        """Connect."""
        self.pool = await asyncpg.create_pool(**server, min_size=CONNECTIONS, max_size=CONNECTIONS)
        self.queries = Queries(AsyncpgPoolDriver(self.pool))
        self.manager = QueueManagerId(uuid.uuid4())
        self.entrypoints = {QueueEntrypoint("download"): EntrypointExecutionParameter(0)}

    async def close(self) -> None:
        """Disconnect."""
        await self.pool.close()

    async def query(self, sql: str) -> int:
        """Return the number that a query selects."""
        number: int = await self.pool.fetchval(sql)
        return number

    async def claim(self, call: int) -> PgqueuerJob | None:  # noqa: ARG002 - as for all calls
        """Claim the next job."""
        jobs = await self.queries.dequeue(1, self.entrypoints, self.manager, None, timedelta(minutes=5))
        return jobs[0] if jobs else None

    def plain_claim(self, answer: PgqueuerJob) -> Any:
        """Return the id."""
        return (answer.payload or b"").decode()
