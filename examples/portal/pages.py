"""The pages. They work without JavaScript: a form is answered with a redirect, an error is told beside the form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates

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
from medianest_models.enums import REQUEST_TRANSITIONS
from medianest_models.repositories import media_requests
from medianest_models.schemas import MediaRequestCreate
from medianest_models.web.fastapi import CurrentAdmin, CurrentUser

from . import rules
from .uptime import read_overview

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(Path(__file__).with_name("templates"))
templates.env.globals.update(
    transitions=REQUEST_TRANSITIONS,
    actions={"approved": "Approve", "available": "Make available", "failed": "Fail", "pending": "Reopen"},
)


def render(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    """Make a page of a template."""
    return templates.TemplateResponse(request, name, context, status_code=status)


def redirect(path: str) -> Response:
    """Answer a form, so that reloading the page does not send it again."""
    return RedirectResponse(path, status_code=303)


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
    """Sign in, or tell why not: also that there were too many attempts, and how long to wait."""
    try:
        await web.sign_in(request, username, password=password)
    except (AuthenticationError, OverloadedError, web.ProblemError) as error:
        return render(request, "sign_in.html", status=_status(error), username=username, problem=_text(error))
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
        return await _show_requests(request, user, status=_status(error), wish=wish, duplicate=error.request_id)
    except (InvalidInputError, web.ProblemError) as error:
        return await _show_requests(request, user, status=_status(error), wish=wish, problem=_text(error))
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
        is_double = isinstance(error, DuplicateDownloadError)
        told = "You have this playlist in the list below already." if is_double else _text(error)
        return await _show_downloads(request, user, status=_status(error), playlist_url=playlist_url, problem=told)
    return redirect("/downloads")


@router.post("/downloads/{download_id}/cancel")
async def cancel(request: Request, download_id: UUID, user: CurrentUser) -> Response:
    """Cancel a download."""
    try:
        await rules.cancel(user, str(download_id))
    except InvalidTransitionError as error:
        return await _show_downloads(request, user, status=_status(error), problem="That download has just ended.")
    return redirect("/downloads")


@router.get("/services")
async def list_services(request: Request, user: CurrentUser) -> Response:
    """Show the services."""
    return render(request, "services.html", user=user, services=await read_overview())


@router.get("/manage")
async def manage(request: Request, user: CurrentAdmin, status: RequestStatus = RequestStatus.PENDING) -> Response:
    """Show everybody's requests of a status, to an admin."""
    return await _show_all(request, user, status)


@router.post("/manage/{request_id}")
async def change_status(
    request: Request,
    request_id: UUID,
    user: CurrentAdmin,
    status: Annotated[RequestStatus, Form()],
    shown: Annotated[RequestStatus, Form()],
) -> Response:
    """Change a request's status, as an admin, and go back to the list of the status that was `shown`."""
    try:
        await media_requests.transition(request_id, status=status)
    except (InvalidTransitionError, DuplicateRequestError) as error:  # somebody else was faster
        return await _show_all(request, user, shown, code=_status(error), problem=_text(error))
    return redirect(f"/manage?status={shown}")


async def _show_requests(
    request: Request, user: User, *, status: int = 200, wish: MediaRequestCreate | None = None, **told: Any
) -> Response:
    page = await paginate_by_cursor(MediaRequest.filter(user_id=user.id), **web.cursor_params(request))
    followed = await media_requests.list_followed(user.id)
    context = {"user": user, "page": page, "followed": followed.data, "wish": wish, **told}
    return render(request, "requests.html", status=status, **context)


async def _show_downloads(request: Request, user: User, *, status: int = 200, **told: Any) -> Response:
    page = await paginate_by_cursor(YouTubeDownload.filter(user_id=user.id), **web.cursor_params(request))
    return render(request, "downloads.html", status=status, user=user, page=page, **told)


async def _show_all(request: Request, user: User, shown: RequestStatus, *, code: int = 200, **told: Any) -> Response:
    rows = MediaRequest.filter(status=shown).select_related("user")
    page = await paginate_by_cursor(rows, **web.cursor_params(request))
    counts = await media_requests.counts_by_status()
    return render(request, "manage.html", status=code, user=user, page=page, shown=shown, counts=counts, **told)


def _status(error: Exception) -> int:
    if isinstance(error, web.ProblemError):
        return error.status_code
    return next(web.STATUSES[kind] for kind in type(error).__mro__ if kind in web.STATUSES)


def _text(error: Exception) -> str:
    if isinstance(error, web.ProblemError):
        return f"{error.title}. {error.detail}"
    return str(error)
