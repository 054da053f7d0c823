"""The studio's web server: on this machine only, until it is interrupted."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from medianest_models.db import database
from medianest_models.db.connection import connected_url
from medianest_models.errors import ConfigurationError
from medianest_models.studio.app import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOST: Final = "127.0.0.1"


class _Server(uvicorn.Server):
    """A server that ends at Ctrl-C and does not send itself the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals for as long as it serves."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


async def serve(*, port: int, read_only: bool, open_browser: bool, announce: Callable[[str], None]) -> None:
    """Connect to the database and serve the studio until it is interrupted.

    Args:
        port: The port on 127.0.0.1; 0 for any that is free.
        read_only: Whether nothing can be changed.
        open_browser: Whether to open the studio in a browser.
        announce: Called with the address, token included, as soon as it can be opened.

    Raises:
        ConfigurationError: The port can't be used, or a setting is wrong.
        DatabaseUnavailableError: The database can't be reached.
    """
    async with database():
        url = connected_url()
        studio = Studio(place="embedded PostgreSQL" if url is None else url.masked, read_only=read_only)
        with _listening(port) as listener, contextlib.ExitStack() as stack:
            address = f"http://{_HOST}:{listener.getsockname()[1]}/?token={studio.token}"
            announce(address)
            if open_browser:
                _open(address, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medianest-studio-"))))
            config = uvicorn.Config(
                studio, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3
            )
            await _Server(config).serve(sockets=[listener])


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((_HOST, port))
    except OSError as error:
        problem = f"port {port} of {_HOST} can't be used ({error.strerror}); --port chooses another"
    else:
        with listener:
            yield listener
        return
    raise ConfigurationError(problem)


def _open(address: str, folder: Path) -> None:
    """Open a browser by way of a file that only this user can read: everyone can read a command line."""
    page = folder / "open.html"
    page.touch(mode=0o600)
    page.write_text(f'<meta http-equiv="refresh" content="0; url={escape(address)}">', encoding="utf-8")
    # In a thread, because a browser in the terminal would keep the studio from serving it.
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
