"""The routes for an orchestrator."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from medianest_models import web
from medianest_models.db import database
from medianest_models.db.connection import connected_client
from medianest_models.db.requirements import migration_versions
from medianest_models.settings import DatabaseUrl
from tests.clusters import Pair
from tests.web.conftest import visiting

APP: Final = Starlette(routes=web.health_routes())
ON_FASTAPI: Final = FastAPI()
ON_FASTAPI.router.routes.extend(web.health_routes())


async def get(path: str, app: Starlette = APP) -> httpx.Response:
    async with visiting(app) as visitor:
        response = await visitor.get(path)
    assert response.headers["Cache-Control"] == "no-store"
    return response


@pytest.mark.parametrize("app", [APP, ON_FASTAPI])
async def test_a_healthy_application(db: DatabaseUrl, app: Starlette) -> None:
    assert (await get("/livez", app)).json() == {"status": "ok"}
    response = await get("/readyz", app)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.json() == {"status": "ok", "role": "primary", "migrations_pending": []}


async def test_it_lives_without_a_database_but_is_not_ready(
    not_connected: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await get("/livez")).status_code == 200
    assert not caplog.records  # the database was not asked
    response = await get("/readyz")
    assert [record.name for record in caplog.records] == ["medianest_models.db"]
    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert response.json() == {
        "type": "urn:medianest:problem:not-ready",
        "title": "Not ready",
        "status": 503,
        "detail": "The database does not answer; the log says more.",
        "role": None,
        "migrations_pending": [],
    }


async def test_pending_migrations_are_named(empty_url: DatabaseUrl) -> None:
    async with database(empty_url, require_migrated=False):
        response = await get("/readyz")
    assert response.status_code == 503
    assert response.json()["migrations_pending"] == list(migration_versions())
    assert all(version in response.json()["detail"] for version in migration_versions())


async def test_a_standby_is_named_where_a_primary_is_asked_for(migrated_pair: Pair) -> None:
    standby = migrated_pair.standby.url
    async with database(replace(standby, target_session_attrs="any")):
        assert (await get("/readyz")).json() == {"status": "ok", "role": "standby", "migrations_pending": []}
        connected_client().url = standby  # such as behind a pooler, after a failover
        response = await get("/readyz")
        assert (response.status_code, response.json()["role"]) == (503, "standby")
        assert response.json()["detail"] == "The server is a standby, and the URL asks for another role."
        assert str(standby.port) not in response.text
