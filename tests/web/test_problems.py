"""Errors as problems: each has a decision, and none shows what is not the caller's."""

from __future__ import annotations

import inspect
import logging
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import httpx
import pytest
from fastapi import Body, FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from medianest_models import errors, web
from medianest_models.errors import MedianestError
from medianest_models.schemas import UserCreate
from medianest_models.web import fastapi
from tests.web.conftest import Endpoint, fastapi_app, served, starlette_app, visiting

ALL: Final = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MedianestError)]
FRAMEWORKS: Final = [starlette_app, fastapi_app]
SAID: Final = "the host db.internal refused the user 'secret-value'"
"""A text that no response of a server's error may show."""
DEFECT: Final = {"type": "about:blank", "title": "Internal Server Error", "status": 500}

EXPECTED: Final = {
    "not-found": 404,
    "constraint": 422,
    "conflict": 409,
    "duplicate-request": 409,
    "duplicate-download": 409,
    "invalid-reference": 409,
    "invalid-input": 422,
    "invalid-pagination": 422,
    "invalid-sort": 422,
    "invalid-cursor": 422,
    "invalid-transition": 409,
    "lease-lost": 409,
    "download-cancelled": 409,
    "authentication": 401,
    "invalid-token": 401,
    "token-reuse": 401,
    "account-suspended": 403,
    "password-change-required": 403,
    "overloaded": 429,
    "database-unavailable": 503,
    "no-primary": 503,
    "database-timeout": 503,
    "transaction-conflict": 503,
}
"""The status of each problem, by the end of its `type`. Clients rely on both."""


def raising(error: BaseException) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        raise error

    return endpoint


async def answer(app: Any, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
    async with visiting(app) as visitor:
        return await visitor.request(method, path, **options)


async def sent_by(app: ASGIApp, scope: Scope) -> list[Message]:
    """Return what an application sends, for what no client would send to it."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    await app(scope, receive, send)
    return sent


def test_every_error_of_the_package_has_a_status() -> None:
    assert set(ALL) == set(web.STATUSES), "an error needs an entry in STATUSES, and in this file if it is not a 500"


@pytest.mark.parametrize("make_app", FRAMEWORKS)
@pytest.mark.parametrize("kind", ALL)
async def test_each_error_is_a_problem(kind: type[MedianestError], make_app: Any) -> None:
    response = await answer(make_app({"/": raising(kind(SAID))}))
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == response.status_code == web.STATUSES[kind]
    if response.status_code == 500:
        assert problem == DEFECT
    else:
        assert EXPECTED[problem["type"].removeprefix("urn:medianest:problem:")] == response.status_code
        assert problem["title"] == (kind.__doc__ or "").partition("\n")[0].rstrip(".")
        assert (SAID in response.text) is (response.status_code < 500)
    assert ("Retry-After" in response.headers) is (response.status_code in {429, 503})
    assert ("WWW-Authenticate" in response.headers) is (response.status_code == 401)


def test_every_type_stands_for_an_error() -> None:
    shown = {web.problem_of(kind()).body for kind in ALL}
    assert len(shown) == len(EXPECTED) + 1  # all defects look alike


async def test_the_headers() -> None:
    async def header(error: MedianestError, name: str) -> str:
        return (await answer(starlette_app({"/": raising(error)}))).headers[name]

    overloaded = errors.OverloadedError()
    overloaded.retry_after = timedelta(seconds=6.5)
    assert await header(overloaded, "Retry-After") == "7"
    assert await header(errors.NoPrimaryError(), "Retry-After") == "5"
    assert await header(errors.TransactionConflictError(), "Retry-After") == "1"
    for error in (errors.InvalidTokenError(), errors.TokenReuseError()):
        assert await header(error, "WWW-Authenticate") == 'Bearer error="invalid_token"'
    assert await header(errors.AuthenticationError(), "WWW-Authenticate") == "Bearer"


async def test_a_conflict_carries_what_is_known() -> None:
    error = errors.DuplicateRequestError("it is open", constraint="uq_x")
    error.request_id = UUID(int=1)
    problem = (await answer(starlette_app({"/": raising(error)}))).json()
    assert (problem["request_id"], problem["constraint"], problem["detail"]) == (str(UUID(int=1)), "uq_x", "it is open")
    active = errors.DuplicateDownloadError()
    active.download_id = UUID(int=2)
    assert (await answer(starlette_app({"/": raising(active)}))).json()["download_id"] == str(UUID(int=2))
    for kind in (errors.DuplicateRequestError, errors.DuplicateDownloadError):
        problem = (await answer(starlette_app({"/": raising(kind())}))).json()
        assert not problem.keys() & {"request_id", "download_id", "constraint"}


async def test_an_error_of_the_application_s_own_is_as_its_base() -> None:
    class OutOfStockError(errors.ConflictError):
        pass

    response = await answer(starlette_app({"/": raising(OutOfStockError("sold"))}))
    assert (response.status_code, response.json()["type"]) == (409, "urn:medianest:problem:conflict")
    assert response.json()["title"] == "Another row already has that value"


@pytest.mark.parametrize("make_app", FRAMEWORKS)
async def test_the_framework_s_own_errors_are_problems(make_app: Any) -> None:
    app = make_app(
        {"/": raising(HTTPException(418, "Not here.", {"X-Pot": "tea"})), "/empty": raising(HTTPException(304))}
    )
    response = await answer(app)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Pot"] == "tea"
    assert response.json() == {"type": "about:blank", "title": "I'm a Teapot", "status": 418, "detail": "Not here."}
    response = await answer(app, "/nowhere")
    assert response.json() == {"type": "about:blank", "title": "Not Found", "status": 404}
    response = await answer(app, method="PUT")
    assert response.json() == {"type": "about:blank", "title": "Method Not Allowed", "status": 405}
    assert "POST" in response.headers["Allow"]
    assert (await answer(app, "/empty")).content == b""
    response = await answer(make_app({"/": raising(HTTPException(599))}))
    assert response.json() == {"type": "about:blank", "title": "Unknown", "status": 599}


@pytest.mark.parametrize("make_app", FRAMEWORKS)
async def test_a_problem_of_the_application_s_own(make_app: Any) -> None:
    error = web.ProblemError(402, "quota", "No quota is left", detail="Pay.", headers={"X-A": "b"}, members={"left": 0})
    response = await answer(make_app({"/": raising(error)}))
    assert response.headers["X-A"] == "b"
    assert response.json() == {
        "type": "urn:medianest:problem:quota",
        "title": "No quota is left",
        "status": 402,
        "detail": "Pay.",
        "left": 0,
    }


@pytest.mark.parametrize("make_app", FRAMEWORKS)
async def test_a_defect_is_a_problem_and_the_server_logs_it(make_app: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app({"/": raising(RuntimeError(SAID))})
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        response = await client.get("/")
    assert (response.status_code, response.json()) == (500, DEFECT)
    assert response.headers["Content-Type"] == "application/problem+json"
    (logged,) = (record for record in caplog.records if record.name == "uvicorn.error" and record.exc_info)
    assert SAID in str(logged.exc_info)


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (errors.DecryptionError(SAID), logging.ERROR),
        (errors.DatabaseUnavailableError(SAID), logging.WARNING),
        (errors.NotFoundError(SAID), None),
    ],
)
async def test_the_log_has_what_the_response_leaves_out(
    error: MedianestError, level: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    await answer(starlette_app({"/": raising(error), "/x\ny": raising(error)}), "/x%0Ay?token=never-in-the-log")
    records = [record for record in caplog.records if record.name == "medianest_models.web"]
    assert [record.levelno for record in records] == ([] if level is None else [level])
    for record in records:
        assert record.getMessage() == f"GET /x%0Ay: {SAID}"
        assert bool(record.exc_info) is (level == logging.ERROR)


@pytest.mark.parametrize("error", [errors.NotFoundError("no"), errors.NoPrimaryError("no")])
async def test_an_error_is_a_problem_also_if_the_url_is_not_utf_8(error: MedianestError) -> None:
    """Some servers pass on such a query, and Starlette has no `request.url` then."""
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"x=\xff", "headers": [(b"host", b"x")]}
    sent = await sent_by(starlette_app({"/": raising(error)}), scope)
    assert sent[0]["status"] == web.STATUSES[type(error)]


async def test_the_handshake_of_a_web_socket_is_answered_with_a_problem() -> None:
    async def endpoint(socket: WebSocket) -> None:
        raise errors.NotFoundError("no")

    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    web.install(app)
    sent = await sent_by(app, {"type": "websocket", "path": "/", "query_string": b"", "headers": []})
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 404


async def test_a_response_that_has_no_headers_of_its_own_carries_those_of_the_request() -> None:
    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        await web.sign_out(Request(scope))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    app = Starlette(routes=[Mount("/", bare)])
    web.install(app)
    response = await answer(app)
    assert (response.status_code, "Set-Cookie" in response.headers) == (200, True)


async def test_what_fastapi_finds_in_a_request_is_a_problem_without_the_values() -> None:
    app = FastAPI()
    fastapi.install(app)

    @app.post("/{number}")
    async def endpoint(number: int, day: int, password: Annotated[int, Body()], name: Annotated[str, Body()]) -> None:
        pass

    response = await answer(app, "/x?day=monday", "POST", json={"password": "hunter2"})
    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "urn:medianest:problem:invalid-input")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["name"] for error in problem["errors"]] == ["number", "day", "password", "name"]
    assert not any(value in response.text for value in ("hunter2", "monday"))
    response = await answer(
        app, "/1?day=1", "POST", content=b'{"password": hunter2}', headers={"Content-Type": "application/json"}
    )
    assert [error["name"] for error in response.json()["errors"]] == [""]
    assert "hunter2" not in response.text


async def test_what_is_no_unicode_can_be_part_of_a_problem() -> None:
    response = await answer(starlette_app({"/": raising(HTTPException(400, "There is no \ud800."))}))
    assert (response.status_code, response.json()["detail"]) == (400, "There is no \ud800.")


async def test_what_a_schema_finds_in_a_body_is_a_problem_without_the_values() -> None:
    async def endpoint(request: Request) -> Response:
        read = await web.read_body(request, UserCreate)
        return Response(read.plex_username)

    app = starlette_app({"/": endpoint})
    response = await answer(app, "/", "POST", json={"plex_id": 1, "plex_token": ["hunter2"]})
    assert (response.status_code, response.json()["type"]) == (422, "urn:medianest:problem:invalid-input")
    assert [error["name"] for error in response.json()["errors"]] == ["plex_id", "plex_username", "plex_token"]
    assert "hunter2" not in response.text
    response = await answer(app, "/", "POST", content="hunter2")
    assert (response.status_code, "hunter2" in response.text) == (422, False)
    assert [error["name"] for error in response.json()["errors"]] == [""]
    response = await answer(app, "/", "POST", json={"plex_id": "1", "plex_username": "ann"})
    assert response.text == "ann"


async def test_an_argument_that_makes_no_sense_is_named() -> None:
    error = errors.InvalidInputError("user_id, ip_address: exactly one of the two must be given")
    problem = (await answer(starlette_app({"/": raising(error)}))).json()
    assert problem["errors"] == [{"name": "user_id, ip_address", "detail": "exactly one of the two must be given"}]
    problem = (await answer(starlette_app({"/": raising(errors.InvalidInputError("no name"))}))).json()
    assert (problem["detail"], "errors" in problem) == ("no name", False)
    problem = (await answer(starlette_app({"/": raising(errors.InvalidInputError("users.email: too long"))}))).json()
    assert problem["errors"] == [{"name": "email", "detail": "too long"}]  # without its table


async def test_an_application_that_was_not_prepared_is_told_so() -> None:
    with pytest.raises(errors.ConfigurationError, match=r"medianest_models\.web\.install"):
        await web.current_user(Request({"type": "http", "headers": []}))
