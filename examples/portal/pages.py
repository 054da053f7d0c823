"""The pages. They work without JavaScript: a form is answered with a redirect, an error is told beside the form."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from medianest_models import (
    AuthenticationError,
    DuplicateDownloadError,
    DuplicateRequestError,
    InvalidInputError,
    InvalidTransitionError,
    MediaRequest,
    OverloadedError,
    RequestStatus,
    User,
    YouTubeDownload,
    paginate_by_cursor,
    web,
)
from medianest_models.repositories import media_requests
from medianest_models.schemas import MediaRequestCreate
from medianest_models.web.fastapi import CurrentAdmin, CurrentUser

from . import rules
from .rendering import redirect, render, told
from .uptime import read_overview

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """Lead to the first page."""
    return redirect("/requests")


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Show the form."""
    return render(request, "sign_in.html")


@router.post("/sign-in")
async def sign_in(request: Request, username: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
    """Sign in, or tell why not: also how long to wait after too many attempts."""
    try:
        await web.sign_in(request, username, password=password)
    except (AuthenticationError, OverloadedError, web.ProblemError) as error:
        return render(request, "sign_in.html", username=username, **told(error))
    return redirect("/requests")


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Sign out."""
    await web.sign_out(request)
    return redirect("/sign-in")


@router.get("/requests")
async def list_requests(request: Request, user: CurrentUser) -> Response:
    """Show one's own requests, and those that one follows."""
    return await _show_requests(request, user)


@router.post("/requests")
async def submit(request: Request, user: CurrentUser, wish: Annotated[MediaRequestCreate, Form()]) -> Response:
    """Request a title, or offer to follow the request that there is."""
    try:
        await web.rate_limit(request, "media.request")
        await media_requests.submit(user.id, **wish.model_dump())
    except DuplicateRequestError as error:
        return await _show_requests(request, user, wish, status=409, duplicate=error.request_id)
    except (InvalidInputError, web.ProblemError) as error:
        return await _show_requests(request, user, wish, **told(error))
    return redirect("/requests")


@router.post("/requests/{request_id}/follow")
async def follow(request_id: UUID, user: CurrentUser) -> Response:
    """Follow somebody else's request."""
    await media_requests.follow(request_id, user_id=user.id)
    return redirect("/requests")


@router.get("/downloads")
async def list_downloads(request: Request, user: CurrentUser) -> Response:
    """Show one's own downloads."""
    return await _show_downloads(request, user)


@router.post("/downloads")
async def enqueue(request: Request, user: CurrentUser, playlist_url: Annotated[str, Form()]) -> Response:
    """Queue a download."""
    try:
        await web.rate_limit(request, "youtube.download")
        await rules.enqueue(user, playlist_url)
    except (DuplicateDownloadError, InvalidInputError, web.ProblemError) as error:
        return await _show_downloads(request, user, playlist_url=playlist_url, **told(error))
    return redirect("/downloads")


@router.post("/downloads/{download_id}/cancel")
async def cancel(download_id: UUID, user: CurrentUser) -> Response:
    """Cancel a download."""
    with suppress(InvalidTransitionError):  # it was over before, and the list tells how it ended
        await rules.cancel(user, download_id)
    return redirect("/downloads")


@router.get("/services")
async def list_services(request: Request, user: CurrentUser) -> Response:
    """Show the services."""
    return render(request, "services.html", user=user, services=await read_overview())


@router.get("/manage")
async def manage(request: Request, user: CurrentAdmin, status: RequestStatus = RequestStatus.PENDING) -> Response:
    """Show everybody's requests of a status, to an admin."""
    return await _show_all(request, user, status)


@router.post("/manage")
async def change_status(
    request: Request,
    user: CurrentAdmin,
    request_id: Annotated[UUID, Form()],
    new: Annotated[RequestStatus, Form()],
    status: RequestStatus = RequestStatus.PENDING,
) -> Response:
    """Change a request's status to a `new` one, as an admin, and go back to the same page of the list."""
    try:
        await media_requests.transition(request_id, status=new)
    except (InvalidTransitionError, DuplicateRequestError) as error:  # somebody else was faster
        return await _show_all(request, user, status, **told(error))
    return redirect(f"/manage?{request.url.query}")


async def _show_requests(
    request: Request, user: User, wish: MediaRequestCreate | None = None, **context: Any
) -> Response:
    page = await paginate_by_cursor(MediaRequest.filter(user_id=user.id), **web.cursor_params(request))
    followed = (await media_requests.list_followed(user.id)).data
    return render(request, "requests.html", user=user, page=page, followed=followed, wish=wish, **context)


async def _show_downloads(request: Request, user: User, **context: Any) -> Response:
    page = await paginate_by_cursor(YouTubeDownload.filter(user_id=user.id), **web.cursor_params(request))
    return render(request, "downloads.html", user=user, page=page, **context)


async def _show_all(request: Request, user: User, shown: RequestStatus, **context: Any) -> Response:
    rows = MediaRequest.filter(status=shown).select_related("user")
    page = await paginate_by_cursor(rows, **web.cursor_params(request))
    counts = await media_requests.counts_by_status()
    return render(request, "manage.html", user=user, page=page, shown=shown, counts=counts, **context)
