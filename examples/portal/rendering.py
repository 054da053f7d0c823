"""From templates to pages, and from errors to what a page tells of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

from medianest_models import MedianestError, web
from medianest_models.enums import REQUEST_TRANSITIONS

templates = Jinja2Templates(Path(__file__).with_name("templates"))
templates.env.globals.update(
    transitions=REQUEST_TRANSITIONS,
    actions={"approved": "Approve", "available": "Make available", "pending": "Reopen", "failed": "Fail"},
)


def render(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    """Make a page of a template."""
    return templates.TemplateResponse(request, name, context, status_code=status)


def redirect(path: str) -> Response:
    """Answer a form in such a way that reloading the page does not send it again."""
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)


def told(error: MedianestError | web.ProblemError) -> dict[str, Any]:
    """Return what `render` needs to show an error beside its form: the status, and the `problem` in words."""
    if isinstance(error, web.ProblemError):
        return {"status": error.status_code, "problem": f"{error.title}. {error.detail}"}
    return {"status": web.problem_of(error).status_code, "problem": str(error)}


def show_as_pages(app: FastAPI) -> None:
    """Show the problems of a prepared application as pages to browsers, and the sign-in where there is no session.

    Programs, whose `Accept` does not name HTML, get the problems as they are.
    """
    for kind in (MedianestError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _as_page(app.exception_handlers[kind]))


def _as_page(show_problem: Callable[[Request, Any], Any]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def show(request: Request, error: Exception) -> Response:
        response: Response = await show_problem(request, error)
        if "text/html" not in request.headers.get("accept", ""):
            return response
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            return redirect("/sign-in")
        problem = json.loads(bytes(response.body))
        page = render(request, "problem.html", status=response.status_code, problem=problem)
        page.raw_headers += [header for header in response.raw_headers if not header[0].startswith(b"content-")]
        return page

    return show
