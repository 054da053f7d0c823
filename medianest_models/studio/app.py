"""The studio as an ASGI application."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette_admin.contrib.tortoise import Admin
from starlette_admin.export import ExportConfig
from starlette_admin.helpers import list_url

from medianest_models._version import __version__
from medianest_models.errors import DatabaseUnavailableError, InvalidInputError, MedianestError
from medianest_models.studio.dashboard import Dashboard
from medianest_models.studio.guard import Guard
from medianest_models.studio.paging import COUNTED
from medianest_models.studio.tables import TABLES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class _Shown:
    """The studio's own values in the templates."""

    place: str
    read_only: bool
    version: str = __version__


class Studio:
    """The application. It uses this process's connection to the database.

    Args:
        place: What the pages call the database; no secret.
        read_only: Whether nothing can be changed.

    Attributes:
        token: Without it nothing is shown. The address `/?token=...` leaves a cookie.
    """

    def __init__(self, *, place: str, read_only: bool) -> None:
        self.token = secrets.token_urlsafe(32)
        logging.getLogger("starlette_admin").setLevel(logging.ERROR)  # its debug log holds what was typed
        admin = Admin(
            title="MediaNest studio",
            secret_key=secrets.token_urlsafe(32),
            base_url="",
            index_view=Dashboard(),
            templates_dir=str(_HERE / "templates"),
            static_dir=str(_HERE / "static"),
            timezone_config=None,  # the fields show UTC themselves
            export_config=ExportConfig(max_rows=COUNTED),
        )
        names: dict[str, Any] = admin.templates.env.globals
        names["studio"] = _Shown(place, read_only)
        names["list_url"] = _list_url
        for table in TABLES:
            admin.add_view(table(read_only=read_only))
        application = Starlette()
        admin.mount_to(application)

        async def show_error(request: Request, error: Exception) -> Response:
            status = {InvalidInputError: 400, DatabaseUnavailableError: 503}
            code = next((code for kind, code in status.items() if isinstance(error, kind)), 500)
            return await admin._render_error(request, HTTPException(code, str(error)))  # noqa: SLF001 - its page

        admin.app.add_exception_handler(MedianestError, show_error)
        self._guarded = Guard(application, token=self.token, read_only=read_only)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._guarded(scope, receive, send)


def _list_url(request: Request, **changed: Any) -> str:
    """Make the library's address, without the cursor, which holds for one order and one filter only."""
    return list_url(request, **{"cursor": None, "end": None, "page": None, **changed})
