"""Why a connection could not be made: what is wrong, where, and what to do about it."""

from __future__ import annotations

import re
import socket
import ssl
from errno import ECONNREFUSED, ENOENT
from typing import TYPE_CHECKING, Final

from asyncpg import ClientConfigurationError

from medianest_models.errors import (
    ConfigurationError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    MedianestError,
)

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

_REASONS: Final = {
    "28P01": "the server refused the password: correct DATABASE_URL",
    "28": "the server does not let this user in: correct the user in DATABASE_URL, or pg_hba.conf on the server",
    "3D000": "the database does not exist: create it, or correct DATABASE_URL",
    "42501": "the user may not connect to this database: GRANT CONNECT ON DATABASE",
    "53300": "the server has too many connections: lower DATABASE_POOL_MAX, or raise its max_connections",
    "57P03": "the server is starting up or shutting down: try again in a moment",
    "08": "the server closed the connection while it was being made: look in its log",
    "08P01": "the server refused the connection's parameters: behind PgBouncer set DATABASE_PGBOUNCER=true",
}
"""By SQLSTATE, or by the beginning of one."""

_NOBODY_LISTENS: Final = (
    "nothing listens there: start the server (`medianest db up` starts the embedded one), or correct DATABASE_URL"
)


def connect_failure(error: Exception, where: DatabaseUrl | None, seconds: float | None) -> MedianestError:
    """The error of ours for one raised while connecting.

    Args:
        error: What was raised.
        where: The database; None for the embedded server that could not be started.
        seconds: How long was waited, should it be a timeout.
    """
    if isinstance(error, MedianestError):
        return error
    place = where.masked if where else "the embedded server"
    if isinstance(error, TimeoutError):
        waited = f" within {seconds:g} s" if seconds else ""
        return DatabaseTimeoutError(
            f"can't connect to {place}: no answer{waited}: look whether the server is up, "
            "and whether the network lets you through"
        )
    if isinstance(error, ClientConfigurationError):
        return ConfigurationError(f"can't connect to {place}: the URL's parameters do not fit together")
    return DatabaseUnavailableError(f"can't connect to {place}: {_reason(error)}")


def _reason(error: Exception) -> str:
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        for length in (5, 2):
            if reason := _REASONS.get(sqlstate[:length]):
                return reason
        return f"the server refused (SQLSTATE {sqlstate})"
    if isinstance(error, socket.gaierror):
        return "the host name is not known: correct DATABASE_URL"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no reason given'}): correct sslmode or sslrootcert in DATABASE_URL"
    if isinstance(error, PermissionError):
        return "this process may not open the server's socket"
    if isinstance(error, OSError):
        return _network_reason(error)
    return f"what listens there does not speak PostgreSQL's protocol ({type(error).__name__})"


def _network_reason(error: OSError) -> str:
    # Where a name has several addresses, asyncio raises one OSError that only names the errors of all.
    numbers = {error.errno} if error.errno else {int(n) for n in re.findall(r"\[Errno (\d+)\]", str(error))}
    if numbers and numbers <= {ECONNREFUSED, ENOENT}:
        return _NOBODY_LISTENS
    if "SSL" in str(error):
        return "the server does not offer TLS: set sslmode=disable or prefer in DATABASE_URL"
    if isinstance(error, ConnectionError) or not error.strerror:
        return "the connection was closed at once: look whether that is a PostgreSQL server, and in its log"
    return f"{error.strerror}"
