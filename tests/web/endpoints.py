"""Endpoints for sessions: each calls what it is named after."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from medianest_models import web


async def who(request: Request) -> Response:
    session = await web.current_session(request)
    assert await web.current_session(request) is session
    return JSONResponse((await web.current_user(request)).plex_username)


async def guest(request: Request) -> Response:
    user = await web.optional_user(request)
    return JSONResponse(None if user is None else user.plex_username)


async def admin(request: Request) -> Response:
    return JSONResponse((await web.current_admin(request)).plex_username)


async def sign_in(request: Request) -> Response:
    given = await request.json()
    await web.sign_in(request, given["name"], password=given["password"])
    return Response(status_code=204)


async def sign_out(request: Request) -> Response:
    await web.sign_out(request)
    return Response(status_code=204)


async def rotate(request: Request) -> Response:
    rotated = await web.rotate_session(request)
    return JSONResponse(rotated.token is not None)


async def rotate_and_fail(request: Request) -> Response:
    await web.rotate_session(request)
    raise RuntimeError


ENDPOINTS: Final = {
    "/who": who,
    "/guest": guest,
    "/admin": admin,
    "/in": sign_in,
    "/out": sign_out,
    "/rotate": rotate,
    "/rotate-and-fail": rotate_and_fail,
}
