"""The JSON API, for programs: they sign in once and send the token as a bearer token."""

from __future__ import annotations

import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel

from medianest_models import CursorPage, MediaRequest, User, YouTubeDownload, paginate_by_cursor_json, web
from medianest_models.repositories import media_requests
from medianest_models.schemas import (
    MediaRequestCreate,
    MediaRequestRead,
    MediaRequestStatusUpdateCreate,
    UserWithoutSecrets,
    YouTubeDownloadRead,
)
from medianest_models.web.fastapi import CurrentAdmin, CurrentUser, CursorParams, rate_limited

from . import rules
from .uptime import ServiceOverview, read_overview

router = APIRouter(prefix="/api")


class SignedIn(BaseModel):
    """A new session. Nobody can read its token again."""

    token: str
    expires_at: datetime.datetime


@router.post("/session", status_code=201, tags=["session"])
async def sign_in(request: Request, username: Annotated[str, Body()], password: Annotated[str, Body()]) -> SignedIn:
    """Sign in with name and password."""
    issued = await web.sign_in(request, username, password=password)
    return SignedIn(token=issued.token.get_secret_value(), expires_at=issued.session.expires_at)


@router.get("/session", response_model=UserWithoutSecrets, tags=["session"])
async def who_is_signed_in(user: CurrentUser) -> User:
    """Say whose session it is."""
    return user


@router.delete("/session", status_code=204, tags=["session"])
async def sign_out(request: Request) -> None:
    """End the session."""
    await web.sign_out(request)


@router.get("/requests", response_model=CursorPage[MediaRequestRead], tags=["requests"])
async def list_requests(request: Request, user: CurrentUser, params: CursorParams) -> Response:
    """List one's own requests, the newest first."""
    mine = MediaRequest.filter(user_id=user.id)
    return web.PageResponse(await paginate_by_cursor_json(mine, **params, schema=MediaRequestRead), request)


@router.post(
    "/requests",
    status_code=201,
    response_model=MediaRequestRead,
    dependencies=[Depends(rate_limited("media.request"))],
    tags=["requests"],
)
async def submit(user: CurrentUser, wish: MediaRequestCreate) -> MediaRequest:
    """Request a title. If it is requested already, the problem's `request_id` is what to follow."""
    return await media_requests.submit(user.id, **wish.model_dump())


@router.put("/requests/{request_id}/follow", status_code=204, tags=["requests"])
async def follow(request_id: UUID, user: CurrentUser) -> None:
    """Follow somebody else's request."""
    await media_requests.follow(request_id, user_id=user.id)


@router.post("/requests/{request_id}/status", response_model=MediaRequestRead, tags=["requests"])
async def change_status(request_id: UUID, _: CurrentAdmin, change: MediaRequestStatusUpdateCreate) -> MediaRequest:
    """Approve, make available, fail or reopen a request, as an admin."""
    return await media_requests.transition(request_id, **change.model_dump())


@router.get("/downloads", response_model=CursorPage[YouTubeDownloadRead], tags=["downloads"])
async def list_downloads(request: Request, user: CurrentUser, params: CursorParams) -> Response:
    """List one's own downloads, the newest first."""
    mine = YouTubeDownload.filter(user_id=user.id)
    return web.PageResponse(await paginate_by_cursor_json(mine, **params, schema=YouTubeDownloadRead), request)


@router.post(
    "/downloads",
    status_code=201,
    response_model=YouTubeDownloadRead,
    dependencies=[Depends(rate_limited("youtube.download"))],
    tags=["downloads"],
)
async def enqueue(user: CurrentUser, playlist_url: Annotated[str, Body(embed=True)]) -> YouTubeDownload:
    """Queue a download of a YouTube playlist."""
    return await rules.enqueue(user, playlist_url)


@router.delete("/downloads/{download_id}", response_model=YouTubeDownloadRead, tags=["downloads"])
async def cancel(download_id: UUID, user: CurrentUser) -> YouTubeDownload:
    """Cancel a download; the row stays."""
    return await rules.cancel(user, download_id)


@router.get("/services", tags=["services"])
async def list_services(_: CurrentUser) -> list[ServiceOverview]:
    """List the services with their uptime."""
    return await read_overview()
