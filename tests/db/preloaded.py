"""An application that gunicorn imports before it forks its workers, and that connects at the import."""

from __future__ import annotations

import asyncio
from typing import Any

from medianest_models.db import connect_database, disconnect_database
from tests.db.pools import backend

LOOP = asyncio.new_event_loop()
LOOP.run_until_complete(connect_database())  # and not disconnected
MASTERS_BACKEND = LOOP.run_until_complete(backend())


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Connect when the worker starts; respond with the sessions of the master and of the worker."""
    if scope["type"] == "lifespan":
        for event, act in (("startup", connect_database), ("shutdown", disconnect_database)):
            assert (await receive())["type"] == f"lifespan.{event}"
            await act()
            await send({"type": f"lifespan.{event}.complete"})
        return
    body = f"{MASTERS_BACKEND} {await backend()}".encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
