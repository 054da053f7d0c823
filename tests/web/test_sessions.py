"""Sessions over HTTP: by bearer token and by cookie, and with many requests at once."""

from __future__ import annotations

import asyncio
import re
from http.cookies import SimpleCookie
from typing import Any, Final

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from medianest_models import web
from medianest_models.enums import UserRole
from medianest_models.models import SessionToken
from medianest_models.repositories import sessions, users
from medianest_models.settings import DatabaseUrl
from medianest_models.web import COOKIE
from tests.db.crashes import execute
from tests.web.conftest import OURS, bearer, browser, fastapi_app, somebody, starlette_app, token_of, visiting
from tests.web.endpoints import ENDPOINTS

PASSWORD: Final = "correct horse battery"


@pytest.fixture(params=[starlette_app, fastapi_app])
def app(request: pytest.FixtureRequest) -> Any:
    """Make an application of each framework."""
    return request.param(ENDPOINTS)


def set_cookie(response: httpx.Response) -> Any:
    """Return the only cookie that a response sets."""
    (header,) = response.headers.get_list("Set-Cookie")
    (found,) = SimpleCookie(header).values()
    assert found.key == COOKIE
    assert (found["path"], found["domain"], found["secure"], found["httponly"]) == ("/", "", True, True)
    assert found["samesite"] == "Lax"
    assert response.headers["Cache-Control"] == "no-store"
    return found


def is_removed(response: httpx.Response) -> bool:
    cookie = set_cookie(response)
    return bool(cookie.value == "" and cookie["max-age"] == "0")


async def test_a_session_by_bearer_token_and_by_cookie(fresh_db: DatabaseUrl, app: Any) -> None:
    ann, bob = await somebody("ann"), await somebody("bob")
    async with browser(app, ann) as visitor:
        assert (await visitor.get("/who")).json() == "ann"
        assert (await visitor.get("/who", headers=await bearer(bob))).json() == "bob"  # the header comes first
        basic = {"Authorization": "Basic eDp5"}  # of a proxy, for example
        assert (await visitor.get("/who", headers=basic)).json() == "ann"


@pytest.mark.parametrize(
    ("token", "challenge"),
    [(None, "Bearer"), ("", 'Bearer error="invalid_token"'), ("wrong", 'Bearer error="invalid_token"')],
)
async def test_without_a_session(fresh_db: DatabaseUrl, app: Any, token: str | None, challenge: str) -> None:
    async with browser(app) as visitor:
        headers = {} if token is None else {"Authorization": f"bearer {token}"}
        for path in ("/who", "/admin"):
            response = await visitor.get(path, headers=headers)
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, challenge)
        assert (await visitor.get("/guest", headers=headers)).json() is None


async def test_an_admin_is_required(fresh_db: DatabaseUrl, app: Any) -> None:
    ann, boss = await somebody("ann"), await somebody("boss", role=UserRole.ADMIN)
    async with visiting(app) as visitor:
        response = await visitor.get("/admin", headers=await bearer(ann))
        assert (response.status_code, response.json()["type"]) == (403, "urn:medianest:problem:admin-required")
        assert (await visitor.get("/admin", headers=await bearer(boss))).json() == "boss"


async def test_a_suspended_user_is_refused(fresh_db: DatabaseUrl, app: Any) -> None:
    ann = await somebody("ann")
    headers = await bearer(ann)
    await execute(fresh_db, "UPDATE users SET status = 'suspended'")  # without ending the sessions
    async with visiting(app) as visitor:
        assert (await visitor.get("/who", headers=headers)).status_code == 403
        assert (await visitor.get("/guest", headers=headers)).json() is None


async def test_signing_in_and_out(fresh_db: DatabaseUrl, app: Any) -> None:
    await users.bootstrap_admin()
    await users.change_password("admin", password="admin", new_password=PASSWORD)
    async with browser(app) as visitor:
        response = await visitor.post("/in", json={"name": "admin", "password": "wrong"})
        assert (response.status_code, response.headers.get_list("Set-Cookie")) == (401, [])
        response = await visitor.post(
            "/in", json={"name": "admin", "password": PASSWORD}, headers={"User-Agent": "x/1"}
        )
        assert response.status_code == 204
        session = await SessionToken.get()
        left = int(set_cookie(response)["max-age"])
        assert 0 <= (session.expires_at - session.created_at).total_seconds() - left < 60
        assert (session.ip_address, session.user_agent) == ("192.0.2.1", "x/1")
        assert (await visitor.get("/who")).json() == "admin"
        response = await visitor.post("/out", headers=OURS)
        assert is_removed(response)
        assert COOKIE not in visitor.cookies
        assert not await SessionToken.exists()
        assert is_removed(await visitor.post("/out", headers=OURS))  # a second time does no harm


async def test_a_session_of_an_earlier_visit_does_not_stand_in_the_way_of_signing_in(
    fresh_db: DatabaseUrl, app: Any
) -> None:
    await users.bootstrap_admin()
    await users.change_password("admin", password="admin", new_password=PASSWORD)
    async with browser(app) as visitor:
        visitor.cookies.set(COOKIE, "from-another-time", domain="portal.test")
        response = await visitor.post("/in", json={"name": "admin", "password": PASSWORD}, headers=OURS)
        assert set_cookie(response).value


async def test_who_signs_in_is_the_user_from_then_on(fresh_db: DatabaseUrl) -> None:
    async def endpoint(request: Request) -> Response:
        before = await web.optional_user(request)
        issued = await web.start_session(request, bob)
        assert before == ann
        assert await web.current_session(request) is issued.session
        return JSONResponse((await web.current_user(request)).plex_username)

    ann, bob = await somebody("ann"), await somebody("bob")
    async with browser(starlette_app({"/": endpoint}), ann) as visitor:
        response = await visitor.post("/", headers=OURS)
        assert response.json() == "bob"
        assert (await sessions.verify(set_cookie(response).value)).user == bob


async def test_signing_in_is_limited_by_the_address(fresh_db: DatabaseUrl, app: Any) -> None:
    async def attempt(client: str) -> httpx.Response:
        async with visiting(app, client=client) as visitor:
            return await visitor.post("/in", json={"name": "nobody", "password": "wrong"})

    response = await attempt("192.0.2.1")
    assert (response.status_code, response.headers["RateLimit-Policy"]) == (401, '"sign_in";q=10;w=60')
    assert response.headers["RateLimit"].startswith('"sign_in";r=9;')
    await execute(fresh_db, _USED_UP)
    assert (await attempt("192.0.2.1")).status_code == 429
    assert (await attempt("192.0.2.2")).status_code == 401


# In this minute and in the next one, which may begin before the request.
_USED_UP: Final = """
DELETE FROM rate_limits;
INSERT INTO rate_limits (ip_address, endpoint, window_start, request_count)
SELECT '192.0.2.1', 'sign_in', date_bin('60 s', now(), 'epoch') + number * interval '60 s', 10
FROM generate_series(0, 1) AS number
"""


async def test_of_many_that_rotate_at_once_one_sets_the_cookie_and_nobody_is_signed_out(
    fresh_db: DatabaseUrl, app: Any
) -> None:
    async with browser(app, await somebody("ann")) as visitor:
        old = visitor.cookies[COOKIE]
        requests = [visitor.post("/rotate", headers=OURS | {"Cookie": f"{COOKIE}={old}"}) for _ in range(30)]
        others = [visitor.get("/who", headers={"Cookie": f"{COOKIE}={old}"}) for _ in range(30)]
        responses = await asyncio.gather(*requests, *others)
        assert {response.status_code for response in responses} == {200}
        setting = [response for response in responses if "Set-Cookie" in response.headers]
        assert [response.json() for response in responses[:30]].count(True) == len(setting) == 1
        new = set_cookie(setting[0]).value
        assert visitor.cookies[COOKIE] == new != old
        assert (await visitor.get("/who")).json() == "ann"
        assert (await visitor.get("/who", headers={"Cookie": f"{COOKIE}={old}"})).json() == "ann"


async def test_a_replay_ends_the_session_and_removes_the_cookie(fresh_db: DatabaseUrl, app: Any) -> None:
    async with browser(app, await somebody("ann")) as visitor:
        stolen = {"Cookie": f"{COOKIE}={visitor.cookies[COOKIE]}"}
        await visitor.post("/rotate", headers=OURS)
        await execute(fresh_db, "UPDATE session_tokens SET rotated_at = rotated_at - interval '31 s'")
        response = await visitor.get("/who", headers=stolen)
        assert (response.status_code, "Set-Cookie" in response.headers) == (401, False)  # maybe it was only slow
        assert (await visitor.get("/who")).json() == "ann"
        response = await visitor.post("/rotate", headers=OURS | stolen)
        assert (response.status_code, response.json()["type"]) == (401, "urn:medianest:problem:token-reuse")
        assert is_removed(response)
        assert (await visitor.get("/who")).status_code == 401


async def test_a_token_that_is_unknown_removes_the_cookie(fresh_db: DatabaseUrl, app: Any) -> None:
    async with browser(app) as visitor:
        assert (await visitor.post("/rotate", headers=OURS)).status_code == 401
        visitor.cookies.set(COOKIE, "unknown", domain="portal.test")
        response = await visitor.post("/rotate", headers=OURS)
        assert response.status_code == 401
        assert is_removed(response)


async def test_a_bearer_token_s_client_gets_no_cookie(fresh_db: DatabaseUrl, app: Any) -> None:
    ann = await somebody("ann")
    async with browser(app, ann) as visitor:
        response = await visitor.post("/rotate", headers=await bearer(ann))
        assert (response.json(), "Set-Cookie" in response.headers) == (True, False)
        response = await visitor.post("/rotate", headers={"Authorization": "Bearer unknown"})
        assert (response.status_code, "Set-Cookie" in response.headers) == (401, False)


async def test_the_new_cookie_is_set_also_by_the_response_to_a_defect(fresh_db: DatabaseUrl, app: Any) -> None:
    async with browser(app, await somebody("ann")) as visitor:
        response = await visitor.post("/rotate-and-fail", headers=OURS)
        assert (response.status_code, response.json()["title"]) == (500, "Internal Server Error")
        assert set_cookie(response).value == visitor.cookies[COOKIE]
        session = await sessions.verify(visitor.cookies[COOKIE])
        assert session.rotated_at is None


async def test_a_response_with_the_cookie_is_never_cached(fresh_db: DatabaseUrl) -> None:
    async def endpoint(request: Request) -> Response:
        await web.rotate_session(request)
        return Response(headers={"Cache-Control": "public, max-age=60"})

    async with browser(starlette_app({"/": endpoint}), await somebody("ann")) as visitor:
        assert set_cookie(await visitor.post("/", headers=OURS)).value  # it looks at Cache-Control


async def test_the_cookie_may_have_another_name(fresh_db: DatabaseUrl) -> None:
    app = starlette_app(ENDPOINTS, cookie="portal")
    async with visiting(app) as visitor:
        visitor.cookies.set("portal", await token_of(await somebody("ann")))
        assert (await visitor.get("/who")).json() == "ann"
        response = await visitor.post("/rotate", headers=OURS)
        assert re.match(r"portal=[\w-]{40,}; ", response.headers["Set-Cookie"])
