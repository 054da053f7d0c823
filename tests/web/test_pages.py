"""Pages and rows over HTTP."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from medianest_models import web
from medianest_models.models import Service, User
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate, paginate_by_cursor
from medianest_models.schemas import ServiceRead, UserWithoutSecrets
from medianest_models.settings import DatabaseUrl
from medianest_models.web import fastapi
from tests.web.conftest import somebody, starlette_app, visiting


def on_starlette() -> Any:
    async def numbered(request: Request) -> Response:
        page = await paginate(User.all(), web.page_params(request), schema=UserWithoutSecrets)
        return web.PageResponse(page, request)

    async def by_cursor(request: Request) -> Response:
        page = await paginate_by_cursor(User.all(), **web.cursor_params(request), schema=UserWithoutSecrets)
        return web.PageResponse(page, request)

    return starlette_app({"/pages": numbered, "/cursor": by_cursor})


def on_fastapi() -> Any:
    app = FastAPI()
    fastapi.install(app)

    @app.get("/pages", response_model=PaginatedResult[UserWithoutSecrets])
    async def numbered(request: Request, params: fastapi.PageParams) -> Response:
        return web.PageResponse(await paginate(User.all(), params, schema=UserWithoutSecrets), request)

    @app.get("/cursor")
    async def by_cursor(request: Request, params: fastapi.CursorParams) -> Response:
        return web.PageResponse(await paginate_by_cursor(User.all(), **params, schema=UserWithoutSecrets), request)

    return app


@pytest.fixture(params=[on_starlette, on_fastapi])
def app(request: pytest.FixtureRequest) -> Any:
    """Make an application of each framework, with two lists of users."""
    return request.param()


async def get(app: Any, path: str) -> httpx.Response:
    async with visiting(app) as visitor:
        return await visitor.get(path)


async def test_a_numbered_page_is_its_own_json(db: DatabaseUrl, app: Any) -> None:
    for name in ("ann", "bob", "cat"):
        await somebody(name)
    response = await get(app, "/pages?page=2&limit=1&sortBy=plex_username&sortOrder=asc")
    params = PaginationParams(2, 1, "plex_username", "asc")
    assert response.text == (await paginate(User.all(), params, schema=UserWithoutSecrets)).model_dump_json()
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["data"][0]["plex_username"] == "bob"
    assert response.json()["pagination"] == {"page": 2, "limit": 1, "total": 3, "totalPages": 3}
    assert "Link" not in response.headers
    assert (await get(app, "/pages")).json()["pagination"] == {"page": 1, "limit": 20, "total": 3, "totalPages": 1}


async def test_pages_that_are_not_counted_to_the_end_are_json_too(db: DatabaseUrl) -> None:
    async def capped(request: Request) -> Response:
        return web.PageResponse(await paginate(User.all(), schema=UserWithoutSecrets, total="capped"), request)

    async def uncounted(request: Request) -> Response:
        return web.PageResponse(await paginate(User.all(), schema=UserWithoutSecrets, total=None), request)

    app = starlette_app({"/capped": capped, "/uncounted": uncounted})
    await somebody("ann")
    position = {"page": 1, "limit": 20}
    pagination = (await get(app, "/capped")).json()["pagination"]
    assert pagination == position | {"total": 1, "totalPages": 1}
    pagination = (await get(app, "/uncounted")).json()["pagination"]
    assert pagination == position | {"total": None, "totalPages": None}


async def test_the_links_of_cursor_pages_lead_through_the_list_and_back(db: DatabaseUrl, app: Any) -> None:
    for name in ("ann", "bob", "cat"):
        await somebody(name)
    seen, url = [], "/cursor?limit=2&sortBy=plex_username&sortOrder=asc&x=%26a%20b"
    response = await get(app, url)
    assert 'rel="prev"' not in response.headers["Link"]
    for rel in ("next", "prev"):
        seen.append([row["plex_username"] for row in response.json()["data"]])
        found = re.search(rf'<(\?[^>]*)>; rel="{rel}"', response.headers["Link"])
        assert found
        url = str(httpx.URL(f"https://portal.test{url}").join(found[1])).removeprefix("https://portal.test")
        assert httpx.URL(url).params["x"] == "&a b"
        response = await get(app, url)
    assert [row["plex_username"] for row in response.json()["data"]] == ["ann", "bob"]
    assert seen == [["ann", "bob"], ["cat"]]
    response = await get(app, "/cursor")
    assert (len(response.json()["data"]), "Link" in response.headers) == (3, False)


@pytest.mark.parametrize(
    ("query", "type_", "name"),
    [
        ("/pages?page=0", "invalid-pagination", "page"),
        ("/pages?page=x", "invalid-pagination", "page"),
        ("/pages?page=", "invalid-pagination", "page"),
        ("/pages?page=-1", "invalid-pagination", "page"),
        ("/pages?page=1.0", "invalid-pagination", "page"),
        ("/pages?page=%D9%A1", "invalid-pagination", "page"),
        ("/pages?page=9223372036854775807", "invalid-pagination", "page"),
        (f"/pages?page={'9' * 5_000}", "invalid-pagination", "page"),
        ("/pages?limit=101", "invalid-pagination", "limit"),
        ("/cursor?limit=0", "invalid-pagination", "limit"),
        ("/cursor?limit=ten", "invalid-pagination", "limit"),
        ("/pages?sortOrder=up", "invalid-sort", "sortOrder"),
        ("/cursor?sortOrder=DESC", "invalid-sort", "sortOrder"),
        ("/pages?sortBy=plex_token", "invalid-sort", "sortBy"),
        ("/cursor?sortBy=session_tokens__token_hash", "invalid-sort", "sortBy"),
        ("/pages?sortBy=", "invalid-sort", "sortBy"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    db: DatabaseUrl, app: Any, query: str, type_: str, name: str
) -> None:
    response = await get(app, query)
    assert (response.status_code, response.json()["type"]) == (422, f"urn:medianest:problem:{type_}")
    assert [error["name"] for error in response.json()["errors"]] == [name]
    assert len(response.text) < 1_000


async def test_a_cursor_that_was_altered(db: DatabaseUrl, app: Any) -> None:
    response = await get(app, "/cursor?cursor=x")
    assert (response.status_code, response.json()["type"]) == (422, "urn:medianest:problem:invalid-cursor")


async def test_rows_in_a_schema(db: DatabaseUrl) -> None:
    one = await Service.create(name="Plex", display_name="Plex", url="http://u:hidden@plex.test", api_key="hidden")
    await Service.create(name="Overseerr", display_name="Overseerr", url="http://overseerr.test", api_key="hidden")

    async def row(request: Request) -> Response:
        return web.RowResponse(one, ServiceRead, status_code=201, headers={"Location": "/x"})

    async def rows(request: Request) -> Response:
        return web.RowResponse(await Service.all().order_by("id"), ServiceRead)

    app = starlette_app({"/row": row, "/rows": rows})
    response = await get(app, "/row")
    assert (response.status_code, response.headers["Location"], response.json()["name"]) == (201, "/x", "Plex")
    assert response.headers["Content-Type"] == "application/json"
    assert "hidden" not in response.text
    response = await get(app, "/rows")
    assert [row["name"] for row in response.json()] == ["Plex", "Overseerr"]
    assert "hidden" not in response.text


def test_the_parameters_are_in_the_openapi_document() -> None:
    document = on_fastapi().openapi()
    shown = {parameter["name"]: parameter["schema"] for parameter in document["paths"]["/pages"]["get"]["parameters"]}
    assert shown["page"]["type"] == "integer"
    assert shown["limit"]["maximum"] == 100
    assert set(shown["sortOrder"]["enum"]) == {"asc", "desc"}
    assert set(shown) == {"page", "limit", "sortBy", "sortOrder"}
    names = [parameter["name"] for parameter in document["paths"]["/cursor"]["get"]["parameters"]]
    assert names == ["cursor", "limit", "sortBy", "sortOrder"]
