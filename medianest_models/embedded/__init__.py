"""The embedded PostgreSQL: a real server per checkout, for development and tests.

`embedded_server(settings).start()` creates the data folder if there is none, starts the server unless it runs, and
returns its URL. The server listens on a Unix socket only, and keeps running after Python exits, until `stop()`. All
functions here block: async callers use `asyncio.to_thread`.
"""

from medianest_models.embedded.server import EmbeddedServer, ServerStatus, embedded_server

__all__ = ["EmbeddedServer", "ServerStatus", "embedded_server"]
