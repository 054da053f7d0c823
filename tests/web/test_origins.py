"""Requests from other sites: what a browser sends with the cookie has to come from our own pages."""

from __future__ import annotations

from typing import Any, Final

import pytest

from medianest_models.settings import DatabaseUrl
from tests.web.conftest import OURS, PORTAL, bearer, browser, fastapi_app, somebody, starlette_app
from tests.web.endpoints import ENDPOINTS

SAME: Final = {"Sec-Fetch-Site": "same-origin"}
FOREIGN: Final = {"Origin": "https://evil.test"}


@pytest.fixture(params=[starlette_app, fastapi_app])
def app(request: pytest.FixtureRequest) -> Any:
    """Make an application of each framework."""
    return request.param(ENDPOINTS)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        (SAME, True),
        (SAME | FOREIGN, True),  # the browser's own word counts
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"} | OURS, False),
        (OURS, True),
        ({"Origin": PORTAL.upper()}, True),
        (FOREIGN, False),
        ({"Origin": f"{PORTAL}.evil.test"}, False),
        ({"Origin": f"{PORTAL}:8443"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://["}, False),
        ({}, False),
    ],
)
async def test_a_write_by_cookie_comes_from_our_own_pages(
    fresh_db: DatabaseUrl, app: Any, headers: dict[str, str], passes: Any
) -> None:
    ann = await somebody("ann")
    async with browser(app, ann) as visitor:
        for path in ("/who", "/guest", "/out"):
            for method in ("POST", "DELETE"):
                response = await visitor.request(method, path, headers=headers)
                assert (response.status_code < 400) is passes
                if not passes:
                    problem = (response.status_code, response.json()["type"])
                    assert problem == (403, "urn:medianest:problem:cross-origin")
        if not passes:
            assert (await visitor.get("/who", headers=headers)).json() == "ann"
        assert (await visitor.post("/who", headers=headers | await bearer(ann))).json() == "ann"


@pytest.mark.parametrize(
    ("headers", "passes"), [(FOREIGN, False), ({"Sec-Fetch-Site": "cross-site"}, False), ({}, True)]
)
async def test_another_page_can_t_sign_its_visitor_out(
    fresh_db: DatabaseUrl, app: Any, headers: dict[str, str], passes: Any
) -> None:
    async with browser(app) as visitor:  # sends no cookie: it is SameSite=Lax
        response = await visitor.post("/out", headers=headers)
        assert (response.status_code == 204, "Set-Cookie" in response.headers) == (passes, passes)


@pytest.mark.parametrize("origin", ["null", "file://"])
async def test_an_origin_that_names_no_host_is_not_that_of_a_request_without_one(
    fresh_db: DatabaseUrl, app: Any, origin: str
) -> None:
    async with browser(app, await somebody("ann")) as visitor:
        response = await visitor.post("/who", headers={"Origin": origin, "Host": ""})
        assert response.status_code == 403


@pytest.mark.parametrize(("headers", "status"), [(FOREIGN, 403), ({"Sec-Fetch-Site": "cross-site"}, 403), ({}, 401)])
async def test_another_page_can_t_sign_its_visitor_in(
    fresh_db: DatabaseUrl, app: Any, headers: dict[str, str], status: int
) -> None:
    async with browser(app) as visitor:
        response = await visitor.post("/in", json={"name": "mallory", "password": "known"}, headers=headers)
        assert response.status_code == status
