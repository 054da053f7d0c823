"""The attributes of a server and of what it is asked, by OpenTelemetry's conventions for PostgreSQL.

https://opentelemetry.io/docs/specs/semconv/db/postgresql/
"""

from __future__ import annotations

from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from medianest_models.db.client import Client
from medianest_models.db.reading_client import ReadingClient
from medianest_models.db.statements import StatementClient
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry.summaries import describe

Attributes = dict[str, str | int]

BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
"""The bounds of a histogram of seconds."""
_DEFAULT_PORT: Final = 5432
_MOST_KNOWN: Final = 1000


class Statement(NamedTuple):
    """The name of a statement's spans, their attributes, and those of its duration."""

    summary: str
    of_span: Attributes
    of_duration: Attributes


class Server:
    """The server of a pool, and the statements that it was asked.

    Attributes:
        attributes: Those of its spans and durations.
        pool: Those of its connections; the name is `server.address:server.port/db.namespace`, as the conventions say.
    """

    def __init__(self, url: DatabaseUrl | None) -> None:
        self.attributes: Attributes = {"db.system.name": "postgresql", **(_of_url(url) if url else {})}
        address, port, namespace = map(self.attributes.get, ("server.address", "server.port", "db.namespace"))
        self.pool = {"db.client.connection.pool.name": f"{address}:{port or _DEFAULT_PORT}/{namespace}"}
        self._known: dict[str, Statement] = {}

    def statement(self, sql: str) -> Statement:
        """Return what is known of a statement before it runs."""
        known = self._known.get(sql)
        if known is None:
            if len(self._known) == _MOST_KNOWN:
                self._known.clear()
            summary, text = describe(sql)
            of_duration = self.attributes | {"db.query.summary": summary}
            known = self._known[sql] = Statement(summary, of_duration | {"db.query.text": text}, of_duration)
        return known


_servers: Final[WeakKeyDictionary[Client, Server]] = WeakKeyDictionary()


def server_of(client: StatementClient) -> Server:
    """Return the server that a client asks."""
    while not isinstance(client, Client):
        assert isinstance(client, (TransactionClient, ReadingClient))  # noqa: S101 - there is no further kind
        client = client.pool if isinstance(client, ReadingClient) else client.outer
    server = _servers.get(client)
    if server is None:
        server = Server(client.url)
        if client.url is not None:  # otherwise it is the embedded server, not started yet
            _servers[client] = server
    return server


def failure(error: BaseException) -> Attributes:
    """Return the attributes of a failed statement: PostgreSQL's code, or else the name of the error's class."""
    error = getattr(error, "error", error)  # a standby's, which is hidden from the caller
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None:
        return {"error.type": type(error).__qualname__}
    return {"error.type": sqlstate, "db.response.status_code": sqlstate}


def _of_url(url: DatabaseUrl) -> Attributes:
    """Return what the URL says; several hosts are one address, because nobody knows yet which of them answers."""
    ports = {port for _, port in url.places}
    hosts = (host if len(ports) == 1 else f"{host}:{port}" for host, port in url.places)
    named: Attributes = {
        "db.namespace": f"{url.database}|{url.schema}" if url.schema else url.database,
        "server.address": ",".join(hosts),
    }
    if len(ports) == 1 and url.port != _DEFAULT_PORT:
        named["server.port"] = url.port
    return named
