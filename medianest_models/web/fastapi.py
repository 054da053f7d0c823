"""The same as dependencies of FastAPI, which its OpenAPI document shows.

`CurrentUser`, `PageParams` and the like are types of a route's parameters, and `Depends(rate_limited("media.request"))`
limits it. Everything that takes a request is in `medianest_models.web`, and so is `lifespan`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from medianest_models import web
from medianest_models.models import SessionToken, User
from medianest_models.pagination import MAX_LIMIT, PaginationParams
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.web.installation import COOKIE
from medianest_models.web.pages import parse_cursor_params, parse_page_params
from medianest_models.web.problems import invalid_request, show_http_error

_REFERENCE: Final = "#/components/schemas/{model}"


class InvalidValue(BaseModel):
    """A value of the request that is not acceptable."""

    name: str = Field(description="The parameter, or the place in the body, with dots; empty for all of it.")
    detail: str


class Problem(BaseModel):
    """A problem (RFC 9457). Some have more members, such as `request_id` of a request that is open already."""

    type: str = Field(description="A URI that names the kind of problem; about:blank where the status says it all.")
    title: str
    status: int
    detail: str | None = None
    errors: list[InvalidValue] | None = None


def install(app: FastAPI, *, cookie: str = COOKIE) -> None:
    """Prepare an application as `medianest_models.web.install` does, with FastAPI's own errors and its OpenAPI.

    Call it before routes are added: each of them then shows the schema of problems instead of FastAPI's.

    Args:
        app: The application.
        cookie: The name of the session's cookie.
    """
    web.install(app, cookie=cookie)
    app.add_exception_handler(RequestValidationError, _show_invalid_request)
    schema = {"$ref": _REFERENCE.format(model=Problem.__name__)}
    app.router.responses["default"] = {
        "description": "A problem",
        "content": {web.ProblemResponse.media_type: {"schema": schema}},
    }
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        _, problem = models_json_schema([(Problem, "serialization")], ref_template=_REFERENCE)
        document.setdefault("components", {}).setdefault("schemas", {}).update(problem["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _show_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    return await show_http_error(request, invalid_request(error.errors(), skip=1))


_BEARER: Final = HTTPBearer(auto_error=False, description="The token of a session. Browsers have it in a cookie.")
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]  # for OpenAPI: it reads the same header


async def current_session(request: Request, _bearer: _Bearer) -> SessionToken:
    """Return the session of a request, with its user, as `medianest_models.web.current_session` does."""
    return await web.current_session(request)


async def current_user(request: Request, _bearer: _Bearer) -> User:
    """Return the signed-in user of a request, as `medianest_models.web.current_user` does."""
    return await web.current_user(request)


async def current_admin(request: Request, _bearer: _Bearer) -> User:
    """Return the signed-in user of a request, who has to be an admin."""
    return await web.current_admin(request)


async def optional_user(request: Request, _bearer: _Bearer) -> User | None:
    """Return the signed-in user of a request, if there is one."""
    return await web.optional_user(request)


CurrentSession = Annotated[SessionToken, Depends(current_session)]
"""The session of the request."""
CurrentUser = Annotated[User, Depends(current_user)]
"""The signed-in user."""
CurrentAdmin = Annotated[User, Depends(current_admin)]
"""The signed-in user, who has to be an admin."""
OptionalUser = Annotated[User | None, Depends(optional_user)]
"""The signed-in user; None where nobody is signed in."""


def rate_limited(
    endpoint: str, *, limit: int | None = None, window_seconds: int | None = None, rolling: bool = False
) -> Callable[[Request], Awaitable[RateLimitResult]]:
    """Make a dependency that limits a route; the arguments are those of `medianest_models.web.rate_limit`."""

    async def limited(request: Request) -> RateLimitResult:
        return await web.rate_limit(request, endpoint, limit=limit, window_seconds=window_seconds, rolling=rolling)

    return limited


# Texts for FastAPI, so that a bad value is an error of this package; numbers for OpenAPI.
_Page = Annotated[str | None, WithJsonSchema({"type": "integer", "minimum": 1}), Query(description="From 1.")]
_Limit = Annotated[
    str | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
    Query(description=f"The most rows on a page; {PaginationParams.limit} by default."),
]
_SortBy = Annotated[str | None, WithJsonSchema({"type": "string"}), Query(alias="sortBy", description="A column.")]
_SortOrder = Annotated[
    str | None, WithJsonSchema({"enum": ["asc", "desc"]}), Query(alias="sortOrder", description="desc by default.")
]
_Cursor = Annotated[
    str | None, WithJsonSchema({"type": "string"}), Query(description="The cursor of another page of the list.")
]


def _page_params(
    page: _Page = None, limit: _Limit = None, sort_by: _SortBy = None, sort_order: _SortOrder = None
) -> PaginationParams:
    return parse_page_params(page, limit, sort_by, sort_order)


def _cursor_params(
    cursor: _Cursor = None, limit: _Limit = None, sort_by: _SortBy = None, sort_order: _SortOrder = None
) -> web.CursorParams:
    return parse_cursor_params(cursor, limit, sort_by, sort_order)


PageParams = Annotated[PaginationParams, Depends(_page_params)]
"""The parameters of a numbered page: `page`, `limit`, `sortBy` and `sortOrder`."""
CursorParams = Annotated[web.CursorParams, Depends(_cursor_params)]
"""The parameters of a cursor page: `cursor`, `limit`, `sortBy` and `sortOrder`."""
