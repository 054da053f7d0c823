"""The studio as an ASGI application, and its web server: on this machine only, until it is interrupted."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from starlette_admin.contrib.tortoise import Admin
from starlette_admin.export import ExportConfig
from starlette_admin.helpers import list_url

from medianest_models._version import __version__
from medianest_models.db import database
from medianest_models.db.connection import connected_url
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError, InvalidInputError, MedianestError
from medianest_models.studio.csv_export import export_csv
from medianest_models.studio.dashboard import Dashboard
from medianest_models.studio.guard import Guard
from medianest_models.studio.live import LiveEvents
from medianest_models.studio.paging import COUNTED
from medianest_models.studio.tables import TABLES

_FOLDER: Final = Path(__file__).parent
_HOST: Final = "127.0.0.1"


class Studio:
    """The application. It uses this process's connection to the database.

    Every page needs the `token`: the URL `/?token=...` sets a cookie. `place` names the database without secrets.
    """

    def __init__(self, *, place: str, read_only: bool) -> None:
        self.token = secrets.token_urlsafe(32)
        logging.getLogger("starlette_admin").setLevel(logging.ERROR)  # its debug log contains the form's input
        admin = Admin(
            title="MediaNest studio",
            secret_key=secrets.token_urlsafe(32),
            base_url="",
            index_view=Dashboard(),
            templates_dir=str(_FOLDER / "templates"),
            static_dir=str(_FOLDER / "static"),
            timezone_config=None,  # the fields show UTC themselves
            export_config=ExportConfig(max_rows=COUNTED),
        )
        names: dict[str, Any] = admin.templates.env.globals
        names["studio"] = {"place": place, "read_only": read_only, "version": __version__}
        names["list_url"] = _list_url
        for table in TABLES:
            admin.add_view(table(read_only=read_only))
        admin.routes.insert(0, Route("/_csv/{key}", partial(export_csv, admin), name="csv"))
        self._live = LiveEvents()
        application = Starlette(routes=[Route("/_live", self._live.respond)])
        admin.mount_to(application)

        async def show_error(request: Request, error: Exception) -> Response:
            codes = {InvalidInputError: 400, DatabaseUnavailableError: 503}
            code = next((code for kind, code in codes.items() if isinstance(error, kind)), 500)
            return await admin._render_error(request, HTTPException(code, str(error)))  # noqa: SLF001 - its page

        async def show_defect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the log has it
            return await show_error(request, MedianestError("A defect of the studio: its log says which."))

        admin.app.add_exception_handler(MedianestError, show_error)
        admin.app.add_exception_handler(Exception, show_defect)
        self._guarded = Guard(application, token=self.token, read_only=read_only)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._guarded(scope, receive, send)

    def close(self) -> None:
        """End the pages' streams of events."""
        self._live.close()


def _list_url(request: Request, **changed: Any) -> str:
    """Make the library's URL without the cursor, which is valid for one order and filter only."""
    return list_url(request, **{"cursor": None, "end": None, "page": None, **changed})


class _Server(uvicorn.Server):
    """A server that ends at Ctrl-C, also with a page open, and does not send itself the signal again."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(
            uvicorn.Config(studio, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
        )
        self._studio = studio

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals for as long as it serves."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams of events, and wait for the other requests."""
        self._studio.close()
        await super().shutdown(sockets)


async def serve(*, port: int, read_only: bool, open_browser: bool, announce: Callable[[str], None]) -> None:
    """Connect to the database and serve the studio until it is interrupted.

    It takes a port of 127.0.0.1, any free one for 0, and announces the address, token included, once it can be opened.

    Raises:
        ConfigurationError: The port can't be used, or a setting is wrong.
        DatabaseUnavailableError: The database can't be reached.
    """
    async with database():
        url = connected_url()
        studio = Studio(place="embedded PostgreSQL" if url is None else url.masked, read_only=read_only)
        with _listen(port) as listener, contextlib.ExitStack() as stack:
            address = f"http://{_HOST}:{listener.getsockname()[1]}/?token={studio.token}"
            announce(address)
            if open_browser:
                _open(address, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medianest-studio-"))))
            await _Server(studio).serve(sockets=[listener])


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        problem = f"port {port} of {_HOST} can't be used ({error.strerror}); --port chooses another"
        raise ConfigurationError(problem) from None


def _open(address: str, folder: Path) -> None:
    """Open a browser by way of a file that only this user can read: everyone can read a command line."""
    page = folder / "open.html"
    page.touch(mode=0o600)
    page.write_text(f'<meta http-equiv="refresh" content="0; url={escape(address)}">', encoding="utf-8")
    # In a thread, because a browser in the terminal would keep the studio from serving it.
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
