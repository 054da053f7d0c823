"""An application is connected from its start to its end, which open streams do not delay."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from medianest_models import web
from medianest_models.db import check_database_health
from medianest_models.errors import DatabaseUnavailableError, MigrationError
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from tests.conftest import CHECKOUT
from tests.web.conftest import bearer, somebody


@asynccontextmanager
async def own(app: Any) -> AsyncIterator[dict[str, int]]:
    """Connect, and share something of the application's own."""
    async with web.lifespan(app):
        yield {"users": await User.all().count()}


@pytest.mark.parametrize("make_app", [Starlette, FastAPI])
@pytest.mark.parametrize("lifespan", [web.lifespan, own])
async def test_it_connects_and_disconnects(fresh_url: DatabaseUrl, make_app: Any, lifespan: Any) -> None:
    app = make_app(lifespan=lifespan)
    async with app.router.lifespan_context(app):
        assert await User.all().count() == 0
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await User.all().count()


async def test_an_application_does_not_start_on_a_database_that_lacks_migrations(empty_url: DatabaseUrl) -> None:
    with pytest.raises(MigrationError):
        async with web.lifespan(None):
            raise AssertionError
    assert not await check_database_health()


async def test_the_signals_handlers_are_put_back(fresh_url: DatabaseUrl) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with web.lifespan(None):
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_server_in_another_thread_may_use_it(fresh_url: DatabaseUrl) -> None:
    async def live() -> None:
        async with web.lifespan(None):
            connected.append(await check_database_health())

    connected: list[bool] = []
    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    thread.join()
    assert connected == [True]


@pytest.mark.usefixtures("no_pooler")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_streams_and_then_the_server(fresh_db: DatabaseUrl, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "uvicorn", "--port=0", "--timeout-graceful-shutdown=60", "tests.web.portal:app"]
    headers = await bearer(await somebody())
    with subprocess.Popen(  # noqa: ASYNC220 - starting it takes no time
        command, cwd=CHECKOUT, env=os.environ.copy(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        try:
            said: list[str] = []
            while "running on" not in (line := await asyncio.to_thread(process.stderr.readline)):
                assert line, said
                said.append(line)
            url = line.partition("running on ")[2].split()[0]
            async with httpx.AsyncClient(timeout=30) as client:
                assert (await client.get(f"{url}/readyz")).json()["status"] == "ok"
                async with client.stream("GET", f"{url}/events", headers=headers) as stream:
                    lines = stream.aiter_lines()
                    assert await anext(lines) == "retry: 3000"
                    process.send_signal(number)
                    assert [line async for line in lines][-3:] == ["event: ChangesMissed", "data: {}", ""]
            said = (await asyncio.to_thread(process.communicate, timeout=60))[1].splitlines()
        finally:
            process.kill()
    assert "INFO:     Application shutdown complete." in said
    assert not any("Cancel" in line or "ERROR" in line for line in said)
