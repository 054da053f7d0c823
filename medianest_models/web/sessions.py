"""Sessions of an application: signing in and out, and exchanging the token, with the cookie that holds it."""

from __future__ import annotations

import datetime
from typing import Final

from pydantic import SecretStr
from starlette.requests import Request

from medianest_models.errors import InvalidTokenError, TokenReuseError
from medianest_models.models import SessionToken, User
from medianest_models.repositories import sessions, users
from medianest_models.repositories.sessions import IssuedSession, RotatedSession
from medianest_models.web.callers import check_origin, client_address, has_cookie, required_token, session_token
from medianest_models.web.installation import Exchange
from medianest_models.web.limits import count_hit

_SIGN_INS: Final = 10
_SIGN_IN_SECONDS: Final = 60


async def sign_in(request: Request, username: str, *, password: SecretStr | str) -> IssuedSession:
    """Sign a user in by name and password, and set the session's cookie.

    An address has 10 attempts a minute, counted as the endpoint `sign_in`.

    Raises:
        ProblemError: With status 429: the address has used its attempts. With status 403: the request was sent by a
            page of another origin.
        AuthenticationError: The name or the password is wrong, and what else `users.authenticate` raises.
    """
    check_origin(request, has_cookie=False)
    await count_hit(request, "sign_in", user=None, limit=_SIGN_INS, window_seconds=_SIGN_IN_SECONDS)
    return await start_session(request, await users.authenticate(username, password=password))


async def start_session(request: Request, user: User, *, device_fingerprint: str | None = None) -> IssuedSession:
    """Start a session of a user who has proved who they are, such as at Plex, and set the session's cookie.

    The token in the result is for a client that keeps it itself and sends it as a bearer token. Raises what
    `sessions.issue` raises.
    """
    issued = await sessions.issue(
        user,
        device_fingerprint=device_fingerprint,
        ip_address=client_address(request),
        user_agent=request.headers.get("user-agent"),
    )
    issued.session.user = user
    exchange = Exchange.of(request)
    exchange.session = issued.session
    _set_cookie(exchange, issued.session, issued.token)
    return issued


async def rotate_session(request: Request) -> RotatedSession:
    """Exchange the token of a request for the next one of its session, and set the cookie to that.

    Of many requests that do so at once, exactly one gets the new token and sets the cookie. The others get none, and
    go on for `sessions.ROTATION_GRACE` with the one they have. A token that is not valid any more, or was exchanged
    before that, removes the cookie. A bearer token's successor is only in the result.

    Raises:
        TokenReuseError: The token was exchanged too long ago: the whole session has ended.
        InvalidTokenError: The token is unknown, expired or revoked.
        AuthenticationError: The request has no token.
        AccountSuspendedError: The user is suspended.
        ProblemError: As for `session_token`.
    """
    exchange = Exchange.of(request)
    try:
        rotated = await sessions.rotate(
            required_token(request), ip_address=client_address(request), user_agent=request.headers.get("user-agent")
        )
    except (InvalidTokenError, TokenReuseError):
        if has_cookie(request):
            _remove_cookie(exchange)
        raise
    if rotated.token is not None and has_cookie(request):
        _set_cookie(exchange, rotated.session, rotated.token)
    return rotated


async def sign_out(request: Request) -> None:
    """End the session of a request, if it has one, and remove the cookie.

    Raises:
        ProblemError: With status 403: the request writes, and was sent by a page of another origin.
    """
    exchange = Exchange.of(request)
    token = session_token(request)
    if token is None:  # the browser keeps a Lax cookie from another site's form, and yet does as its response says
        check_origin(request, has_cookie=False)
    else:
        await sessions.revoke(token)
    exchange.session = None
    _remove_cookie(exchange)


def _set_cookie(exchange: Exchange, session: SessionToken, token: SecretStr) -> None:
    left = session.expires_at - datetime.datetime.now(datetime.UTC)
    exchange.set_cookie = _cookie(exchange.cookie, token.get_secret_value(), max(0, int(left.total_seconds())))


def _remove_cookie(exchange: Exchange) -> None:
    exchange.set_cookie = _cookie(exchange.cookie, "", 0)


def _cookie(name: str, value: str, seconds: int) -> str:
    return f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax"
