"""Errors as `application/problem+json` (RFC 9457), with the status and the headers that fit them.

Every error of this package has a status in `STATUSES`. An error of the caller (4xx) comes with its message, which never
holds a secret or a stored value. One of the server (5xx) comes without: its message may name hosts and settings, and
goes to the log.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from medianest_models import errors
from medianest_models.errors import MedianestError

logger = logging.getLogger("medianest_models.web")

TYPE_PREFIX: Final = "urn:medianest:problem:"
"""The beginning of every `type`; the error's name follows, such as `duplicate-request`."""

# InvalidInputError is 422, as FastAPI's own validation is: the request could be read, and a value in it is not
# acceptable. So a client has one status for all mistakes that its user can mend. OverloadedError is 429 and not 503,
# because a load balancer would take a server that answers 503 out of service, for everyone and not only for sign-ins.
STATUSES: Final[Mapping[type[MedianestError], int]] = {
    errors.MedianestError: 500,
    errors.NotFoundError: 404,
    errors.ConstraintError: 422,
    errors.ConflictError: 409,
    errors.DuplicateRequestError: 409,
    errors.DuplicateDownloadError: 409,
    errors.InvalidReferenceError: 409,
    errors.InvalidInputError: 422,
    errors.InvalidPaginationError: 422,
    errors.InvalidSortError: 422,
    errors.InvalidCursorError: 422,
    errors.InvalidTransitionError: 409,
    errors.LeaseLostError: 409,
    errors.DownloadCancelledError: 409,
    errors.AuthenticationError: 401,
    errors.InvalidTokenError: 401,
    errors.TokenReuseError: 401,
    errors.AccountSuspendedError: 403,
    errors.PasswordChangeRequiredError: 403,
    errors.OverloadedError: 429,
    errors.SecretFieldError: 500,
    errors.DecryptionError: 500,
    errors.UnreadableValueError: 500,
    errors.ConfigurationError: 500,
    errors.DatabaseUnavailableError: 503,
    errors.NoPrimaryError: 503,
    errors.DatabaseTimeoutError: 503,
    errors.TransactionConflictError: 503,
    errors.TransactionAbortedError: 500,
    errors.ReadingError: 500,
    errors.ImportCheckError: 500,
    errors.BackupError: 500,
    errors.MigrationError: 500,
    errors.StatementError: 500,
}
"""The HTTP status of each error of this package; a subclass without an entry has that of its base."""

_RETRY_SECONDS: Final = {errors.DatabaseUnavailableError: 5, errors.TransactionConflictError: 1}
"""`Retry-After`, in seconds: a failover takes longer than another transaction."""
_CARRIED: Final = ("constraint", "request_id", "download_id")
"""The attributes of errors that their problems have too, where they are known. None is a secret."""
_NAMED: Final = re.compile(r"(?:\w+\.)?(\w+(?:, \w+)*): (.+)", re.DOTALL)
"""The message of an error about named arguments, or about a table's column."""
_PLAIN: Final = (None, None, None)
"""The name, title and members of a problem that says no more than its status."""
_QUERY_NAMES: Final = {"sort_by": "sortBy", "sort_order": "sortOrder"}
"""The arguments that have another name in a URL's query."""


class ProblemError(HTTPException):
    """An error that is answered with a problem of its own.

    Args:
        status: The HTTP status.
        name: The end of the problem's `type`, in lower case with hyphens; the rest is `TYPE_PREFIX`.
        title: A summary, the same each time.
        detail: A sentence about this time, for the caller.
        headers: More headers of the response.
        members: More members of the problem.
    """

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        *,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.name, self.title, self.members = name, title, members or {}


class ProblemResponse(Response):
    """A response with a problem. Without a `name` it says no more than its status (`about:blank`)."""

    media_type = "application/problem+json"

    def __init__(
        self,
        status: int,
        name: str | None = None,
        *,
        title: str | None = None,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        known: dict[str, Any] = {
            "type": "about:blank" if name is None else TYPE_PREFIX + name,
            "title": title or _phrase(status),
            "status": status,
            "detail": detail,
        }
        body = {member: value for member, value in known.items() if value is not None} | dict(members or {})
        # Not orjson, which refuses the lone surrogates that a JSON body can contain.
        super().__init__(json.dumps(body, default=str, separators=(",", ":")), status, headers)


def problem_of(error: MedianestError) -> ProblemResponse:
    """Make the problem of an error of this package."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUSES)
    status = STATUSES[kind]
    headers = _headers(error, status)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProblemResponse(status)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__.removesuffix("Error")).lower()
    title = inspect.cleandoc(kind.__doc__ or _phrase(status)).partition("\n")[0].rstrip(".")
    if status > HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProblemResponse(status, name, title=title, headers=headers)
    carried = {member: getattr(error, member, None) for member in _CARRIED}
    members: dict[str, Any] = {member: value for member, value in carried.items() if value is not None}
    detail = str(error)
    if isinstance(error, errors.InvalidInputError) and (named := _NAMED.fullmatch(detail)):
        argument = _QUERY_NAMES.get(named[1], named[1]) if isinstance(error, errors.InvalidSortError) else named[1]
        detail = f"{argument}: {named[2]}"
        members["errors"] = [{"name": argument, "detail": named[2]}]
    return ProblemResponse(status, name, title=title, detail=detail, headers=headers, members=members)


def invalid_request(problems: Iterable[Mapping[str, Any]], *, skip: int = 0) -> ProblemError:
    """Make the error for what pydantic found in a request, without the values.

    Args:
        problems: What pydantic's `errors()` returns.
        skip: How many parts of each `loc` are no name of the caller's, such as FastAPI's `body`.
    """
    found = []
    for problem in problems:
        # FastAPI puts the position into the place of text that is no JSON.
        place = () if problem["type"] == "json_invalid" else problem["loc"][skip:]
        found.append({"name": ".".join(map(str, place)), "detail": problem["msg"]})
    return ProblemError(422, "invalid-input", "The request is not valid", members={"errors": found})


async def show_error(request: Request, error: Exception) -> Response:
    """Answer a request that ended with an error of this package."""
    assert isinstance(error, MedianestError)  # noqa: S101 - it is registered for these
    response = problem_of(error)
    # Not request.url, which is none if the query is not UTF-8; quoted, because the path may contain control characters.
    where = f"{request.scope.get('method', 'WEBSOCKET')} {quote(request.scope['path'], errors='replace')}"
    if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s: %s", where, error, exc_info=error)
    elif response.status_code > HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("%s: %s", where, error)
    return response


async def show_http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature of a handler
    """Answer a request that ended with an `HTTPException`, such as one without a route."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    status, headers, detail = error.status_code, error.headers, str(error.detail)
    if status < HTTPStatus.OK or status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return Response(status_code=status, headers=headers)  # it may have no body
    name, title, members = (error.name, error.title, error.members) if isinstance(error, ProblemError) else _PLAIN
    known = None if detail in {"", _phrase(status)} else detail  # Starlette puts the phrase where there is no detail
    return ProblemResponse(status, name, title=title, detail=known, headers=headers, members=members)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _headers(error: MedianestError, status: int) -> dict[str, str]:
    if isinstance(error, errors.OverloadedError):
        return {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
    for kind, seconds in _RETRY_SECONDS.items():
        if isinstance(error, kind):
            return {"Retry-After": str(seconds)}
    if isinstance(error, (errors.InvalidTokenError, errors.TokenReuseError)):
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    # RFC 6750: no error code where there was no token
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
