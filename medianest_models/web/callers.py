"""The caller of a request: its session, by bearer token or cookie, with the user, and its address.

A writing request that is signed in by its cookie has to come from a page of the same origin: browsers say so in
`Sec-Fetch-Site`, and older ones in `Origin`. Without both it is refused. A bearer token needs no such check, because
no browser sends it by itself.
"""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr
from starlette.requests import Request

from medianest_models.checks import as_ip_address
from medianest_models.errors import AuthenticationError, InvalidInputError
from medianest_models.models import SessionToken, User
from medianest_models.repositories import sessions
from medianest_models.web.installation import Exchange
from medianest_models.web.problems import ProblemError

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SAME_ORIGIN: Final = frozenset({"same-origin", "none"})
"""The values of `Sec-Fetch-Site` for a page's own requests, and for those that no page has made."""


def session_token(request: Request) -> SecretStr | None:
    """Return the session's token of a request: its bearer token, or else its cookie; None if it has neither.

    Raises:
        ProblemError: With status 403: the request writes, has the token in its cookie, and is from another origin.
    """
    if (bearer := _bearer_token(request)) is not None:
        return bearer
    cookie = request.cookies.get(Exchange.of(request).cookie)
    if cookie is None:
        return None
    check_origin(request, has_cookie=True)
    return SecretStr(cookie)


def required_token(request: Request) -> SecretStr:
    """Return the session's token of a request.

    Raises:
        AuthenticationError: It has none.
        ProblemError: As for `session_token`.
    """
    token = session_token(request)
    if token is None:
        raise AuthenticationError("this needs a session: sign in first")
    return token


async def current_session(request: Request) -> SessionToken:
    """Return the session of a request, with its user. The database is asked once for each request.

    Raises:
        AuthenticationError: The request has no token.
        InvalidTokenError: The token is unknown, expired or revoked.
        AccountSuspendedError: The user is suspended.
        ProblemError: As for `session_token`.
    """
    exchange = Exchange.of(request)
    if exchange.session is None:
        exchange.session = await sessions.verify(required_token(request))
    return exchange.session


async def current_user(request: Request) -> User:
    """Return the signed-in user of a request; raises what `current_session` raises."""
    return (await current_session(request)).user


async def current_admin(request: Request) -> User:
    """Return the signed-in user of a request, who has to be an admin.

    Raises:
        ProblemError: With status 403: the user is no admin. It also raises what `current_session` raises.
    """
    user = await current_user(request)
    if not user.is_admin:
        raise ProblemError(403, "admin-required", "This needs an admin")
    return user


async def optional_user(request: Request) -> User | None:
    """Return the signed-in user of a request; None for a request without a token, or with one that is not valid."""
    try:
        return await current_user(request)
    except AuthenticationError:
        return None


def has_cookie(request: Request) -> bool:
    """Return whether the session's token of a request is that of its cookie."""
    return _bearer_token(request) is None and Exchange.of(request).cookie in request.cookies


def check_origin(request: Request, *, has_cookie: bool) -> None:
    """Refuse a writing request that a page of another origin has sent, or may have sent with a cookie.

    Raises:
        ProblemError: With status 403.
    """
    if request.method in _READING:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site in _SAME_ORIGIN
    elif origin is not None:
        host = request.headers.get("host", "").lower()
        is_ours = host != "" and origin.partition("://")[2].lower() == host  # what follows in "null" is empty, too
    else:  # no browser
        is_ours = not has_cookie
    if not is_ours:
        raise ProblemError(
            403,
            "cross-origin",
            "A page of another origin may not do this",
            detail="A writing request with the session's cookie needs Sec-Fetch-Site or Origin, of the same origin.",
        )


def client_address(request: Request) -> str | None:
    """Return the IP address of a request's client, as the server knows it; None if it knows none.

    It knows none of a client that is connected by a socket file, or that a proxy names in another way ("unknown").

    Behind a proxy it is the proxy's, unless the server trusts the proxy's headers (uvicorn's `--forwarded-allow-ips`).
    """
    host = "" if request.client is None else request.client.host
    try:
        return as_ip_address(host, "client")
    except InvalidInputError:
        return None


def _bearer_token(request: Request) -> SecretStr | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return SecretStr(token.strip()) if scheme.lower() == "bearer" else None
