"""Rate limits of requests: exact, and told in the headers."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from medianest_models import web
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.settings import DatabaseUrl
from medianest_models.web import COOKIE, fastapi
from tests.web.conftest import bearer, somebody, starlette_app, visiting


def limited_by_starlette(**options: Any) -> Any:
    @web.rate_limited("media.request", **options)
    async def endpoint(request: Request) -> Response:
        """Answer."""
        return Response("served")

    assert endpoint.__doc__ == "Answer."
    return starlette_app({"/": endpoint})


def limited_by_fastapi(**options: Any) -> Any:
    app = FastAPI()
    fastapi.install(app)

    limited = Depends(fastapi.rate_limited("media.request", **options))

    @app.get("/")
    async def endpoint(hit: RateLimitResult = limited) -> str:
        return f"{hit.remaining} left"

    return app


FRAMEWORKS = pytest.mark.parametrize("make_app", [limited_by_starlette, limited_by_fastapi])
DAY = 86_400


@FRAMEWORKS
async def test_exactly_as_many_as_allowed_of_many_at_once(fresh_db: DatabaseUrl, make_app: Any) -> None:
    headers = await bearer(await somebody())
    async with visiting(make_app(limit=10, window_seconds=DAY, rolling=True)) as visitor:
        responses = await asyncio.gather(*(visitor.get("/", headers=headers) for _ in range(50)))
    assert Counter(response.status_code for response in responses) == {200: 10, 429: 40}
    left = []
    for response in responses:
        assert response.headers["RateLimit-Policy"] == f'"media.request";q=10;w={DAY}'
        found = re.fullmatch(r'"media\.request";r=(\d+);t=(\d+)', response.headers["RateLimit"])
        assert found
        assert 0 < int(found[2]) <= 1.1 * DAY
        left.append(int(found[1]))
        if response.status_code == 429:
            assert response.headers["Retry-After"] == found[2]
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["type"] == "urn:medianest:problem:rate-limited"
            assert response.json()["violated-policies"] == ["media.request"]
    assert sorted(left) == [0] * 41 + list(range(1, 10))


@FRAMEWORKS
async def test_a_user_is_one_caller_everywhere_and_an_address_another(fresh_db: DatabaseUrl, make_app: Any) -> None:
    app = make_app(limit=1, window_seconds=DAY, rolling=True)
    ann, bob = await somebody("ann"), await somebody("bob")

    async def status(client: str, headers: dict[str, str]) -> int:
        async with visiting(app, client=client) as visitor:
            return (await visitor.get("/", headers=headers)).status_code

    assert await status("192.0.2.1", await bearer(ann)) == 200
    assert await status("192.0.2.2", await bearer(ann)) == 429
    assert await status("192.0.2.1", await bearer(bob)) == 200
    assert await status("192.0.2.1", {}) == 200
    assert await status("192.0.2.1", {"X-Forwarded-For": "192.0.2.9"}) == 429
    assert await status("192.0.2.1", {"Cookie": f"{COOKIE}=worthless"}) == 429
    assert await status("2001:db8::1", {}) == 200
    assert await status("2001:db8::2", {}) == 429
    assert await status("2001:db8:0:1::2", {}) == 200


async def test_the_stored_setting_applies_where_none_is_given(fresh_db: DatabaseUrl) -> None:
    async with visiting(limited_by_starlette(rolling=True)) as visitor:
        response = await visitor.get("/")
        assert response.headers["RateLimit-Policy"] == '"media.request";q=20'
        assert response.headers["RateLimit"].startswith('"media.request";r=19;t=')


@pytest.mark.parametrize("client", ["", "unknown", "192.0.2.1, 192.0.2.2", "testclient"])
async def test_without_an_address_an_anonymous_caller_can_t_be_limited(fresh_db: DatabaseUrl, client: str) -> None:
    async with visiting(limited_by_starlette(), client=client) as visitor:
        assert (await visitor.get("/")).status_code == 500
        assert (await visitor.get("/", headers=await bearer(await somebody()))).status_code == 200
