"""The embedded PostgreSQL: a real server of this checkout, for development and tests.

`embedded_server(settings).start()` makes the data folder once, starts the server when none runs, and
returns its URL. The server is left running when Python ends, listens on a Unix socket only, and is stopped
by `stop()`. Everything here blocks: async callers use `asyncio.to_thread`.
"""

from medianest_models.embedded.server import EmbeddedServer, ServerStatus, embedded_server

__all__ = ["EmbeddedServer", "ServerStatus", "embedded_server"]
