"""The only module that reads a driver's error.

A driver's message and detail can contain a whole row; the error that replaces it names only a table, constraint or
column.
"""

from __future__ import annotations

import re
import socket
import ssl
from errno import ECONNREFUSED, ENOENT
from typing import Final

from asyncpg import exceptions as driver
from tortoise.exceptions import IntegrityError, OperationalError

from medianest_models.errors import (
    ConfigurationError,
    ConflictError,
    ConstraintError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    InvalidInputError,
    InvalidReferenceError,
    MedianestError,
    MigrationError,
    StatementError,
    TransactionAbortedError,
    TransactionConflictError,
    replace_errors,
)
from medianest_models.settings import DatabaseUrl

_PARTITION: Final = re.compile(
    r"(service_status_history|activity_logs)_(?:(?:before_)?\d{4}_\d\d|before_infinity|default)"
)
"""The name of a partition, which its key begins with. Errors name the partitioned table, which callers know."""

_UNIQUE: Final = frozenset({"23505", "23P01"})
_REFERENCE: Final = frozenset({"23503", "23001"})  # RESTRICT is 23001 from version 18 on
_NOT_NULL: Final = "23502"

_LACKING: Final = (
    "the database lacks a table, column or function that this version needs: "
    "run `medianest db migrate` (`medianest db status` shows what is pending)"
)
_ABORTED: Final = (
    "an earlier statement of this transaction failed, so it can only be rolled back: "
    "catch an error outside of the transaction, or put what may fail into a nested one"
)
_WRONG_FORM: Final = "a value has the wrong form for its column"

_MEANINGS: Final[dict[str, tuple[type[MedianestError], str | None]]] = {
    "08": (DatabaseUnavailableError, "the connection to the database failed"),
    # asyncpg's own argument checks also use 22000, with the value in the message.
    "22000": (InvalidInputError, "a value has the wrong type or is out of range for its column"),
    "22001": (InvalidInputError, "a text is too long for its column"),
    "22003": (InvalidInputError, "a number is out of range for its column"),
    "22007": (InvalidInputError, "a date or time has the wrong form"),
    "22008": (InvalidInputError, "a date or time is out of range"),
    "22021": (InvalidInputError, "a text holds a NUL byte or is not valid UTF-8"),
    "22030": (InvalidInputError, _WRONG_FORM),
    "22032": (InvalidInputError, _WRONG_FORM),
    "22P02": (InvalidInputError, _WRONG_FORM),
    "22P05": (InvalidInputError, "a JSON text holds a NUL character, which PostgreSQL can't store"),
    "25006": (DatabaseUnavailableError, "the database is read-only"),
    "25P02": (TransactionAbortedError, _ABORTED),
    "25P03": (DatabaseTimeoutError, "the transaction was idle for longer than allowed and was ended"),
    "25P04": (DatabaseTimeoutError, "the transaction ran longer than allowed and was ended"),
    "28": (DatabaseUnavailableError, "the database refused the user name or password"),
    "3D": (DatabaseUnavailableError, "the database does not exist on this server"),
    "3F000": (MigrationError, _LACKING),
    "40001": (TransactionConflictError, None),
    "40P01": (TransactionConflictError, None),
    "42501": (DatabaseUnavailableError, "the database user lacks a privilege"),
    "42703": (MigrationError, _LACKING),
    "42883": (MigrationError, _LACKING),
    "42P01": (MigrationError, _LACKING),
    "53": (DatabaseUnavailableError, "the database server lacks a resource"),
    "53100": (DatabaseUnavailableError, "the database server's disk is full"),
    "53200": (DatabaseUnavailableError, "the database server is out of memory"),
    "53300": (DatabaseUnavailableError, "the database server has too many connections"),
    "54000": (InvalidInputError, "a value is too large for its column's index"),
    "55P03": (DatabaseTimeoutError, "a lock was not free within the time allowed"),
    "57014": (DatabaseTimeoutError, "the statement was cancelled: it ran longer than allowed, or someone cancelled it"),
    "57P": (DatabaseUnavailableError, "the database server is shutting down or starting up"),
    "58": (DatabaseUnavailableError, "the database server had a system error"),
    "XX": (DatabaseUnavailableError, "the database server had an internal error"),
}
"""PostgreSQL's error codes or code prefixes (its manual, appendix A), and this package's errors for them."""

_CONNECT_REASONS: Final = {
    "28P01": "the server refused the password: correct DATABASE_URL",
    "28": "the server does not let this user in: correct the user in DATABASE_URL, or pg_hba.conf on the server",
    "3D000": "the database does not exist: create it, or correct DATABASE_URL",
    "42501": "the user may not connect to this database: GRANT CONNECT ON DATABASE",
    "53300": "the server has too many connections: lower DATABASE_POOL_MAX, or raise its max_connections",
    "57P03": "the server is starting up or shutting down: try again in a moment",
    "08": "the server closed the connection while it was being made: look in its log",
    "08P01": "the server refused the connection's parameters: behind PgBouncer set DATABASE_PGBOUNCER=true",
}
"""The same while connecting, with the remedy."""

_STARTING_UP: Final = "57P03"
_FAILOVER: Final = frozenset({"25006", "57P01", "57P02", _STARTING_UP})
_PASSING: Final = ("08", "53", "57", "58", "XX")
"""The beginnings of the codes of errors that may pass with time."""

_NO_TLS: Final = "rejected SSL"  # in asyncpg's message, of an error that has no code
_NOBODY_LISTENS: Final = "nothing listens there: start the server, or correct DATABASE_URL"


def driver_errors() -> replace_errors[Exception]:
    """Replace errors of the database, the driver and the network by this package's errors.

    Use it only around database calls: a TimeoutError or an OSError is treated as a network error.
    """
    return replace_errors(Exception, translate)


def driver_errors_around_caller() -> replace_errors[Exception]:
    """Replace only the driver's own errors, because an OSError may come from the caller's file."""
    return replace_errors(Exception, lambda raised: translate(raised) if _is_drivers(raised) else None)


def translate(error: BaseException) -> MedianestError | None:
    """Make the error of ours for one raised by asyncpg, Tortoise or the network; None for any other, or for ours.

    It reads only codes and names from the error (SQLSTATE, constraint, table, column).
    """
    if isinstance(error, MedianestError):
        return None
    cause = error.__cause__ if isinstance(error, (IntegrityError, OperationalError)) else None
    if cause is not None and (translated := translate(cause)) is not None:
        return translated
    if isinstance(error, (driver.InvalidCachedStatementError, driver.OutdatedSchemaCacheError)):
        return TransactionConflictError("the database's schema changed in the middle: run this again")
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        return _from_constraint(sqlstate, error) if sqlstate.startswith("23") else _from_sqlstate(sqlstate)
    if isinstance(error, driver.ClientConfigurationError):
        return ConfigurationError("the parameters of the database's URL do not fit together")
    is_about_connection = any(word in str(error) for word in ("connection", "pool", "operation"))
    if isinstance(error, driver.InterfaceError) and not is_about_connection:
        return StatementError("the driver refused the statement: its arguments do not fit it")
    if _is_drivers(error):
        return DatabaseUnavailableError("the connection to the database failed")
    if isinstance(error, TimeoutError):
        return DatabaseTimeoutError()
    if isinstance(error, OSError):
        return DatabaseUnavailableError(f"the database can't be reached ({type(error).__name__})")
    return None


def _is_drivers(error: BaseException) -> bool:
    return type(error).__module__.startswith("asyncpg")


def _from_sqlstate(sqlstate: str) -> MedianestError:
    for length in (5, 3, 2):
        kind, message = _MEANINGS.get(sqlstate[:length], (None, None))
        if kind is DatabaseTimeoutError:
            return DatabaseTimeoutError(message, sqlstate=sqlstate)
        if kind is not None:
            return kind(message)
    return StatementError(f"the database refused the statement (SQLSTATE {sqlstate})", sqlstate=sqlstate)


def _from_constraint(sqlstate: str, error: BaseException) -> ConstraintError:
    constraint: str | None = getattr(error, "constraint_name", None)
    table = getattr(error, "table_name", None) or "a table"
    if partition := _PARTITION.match(table):
        table = partition[1]
        if constraint == f"{partition[0]}_pkey":
            constraint = f"pk_{table}"
    if sqlstate in _UNIQUE:
        for kind in ConflictError.__subclasses__():
            if constraint is not None and constraint == kind.unique_constraint:
                return kind(constraint=constraint)
        return ConflictError(f"{table} already has a row with that value ({constraint})", constraint=constraint)
    if sqlstate in _REFERENCE:
        return InvalidReferenceError(
            f"{table}: the row referred to does not exist, or others still refer to it ({constraint})",
            constraint=constraint,
        )
    if sqlstate == _NOT_NULL:
        column = getattr(error, "column_name", None)
        return ConstraintError(f"{table}.{column} must not be NULL", constraint=f"{table}.{column} NOT NULL")
    return ConstraintError(f"{table}: a value is not allowed ({constraint})", constraint=constraint)


def connect_failure(error: Exception, where: DatabaseUrl | None, seconds: float | None) -> MedianestError:
    """Return this package's error for one raised while connecting: the target, the problem and the remedy.

    One of ours is returned itself. `where` is None for the embedded server, and `seconds` is how long was waited.
    """
    if isinstance(error, DatabaseUnavailableError):
        error.sent = False
    if isinstance(error, MedianestError):
        return error
    problem = f"can't connect to {where.masked if where else 'the embedded server'}: {connect_reason(error, seconds)}"
    if isinstance(error, TimeoutError):
        return DatabaseTimeoutError(problem, sent=False)
    if isinstance(error, driver.ClientConfigurationError):
        return ConfigurationError(problem)
    return DatabaseUnavailableError(problem, sent=False)


def may_pass(error: Exception) -> bool:
    """Return whether connecting may succeed in a moment after this error, such as during a failover."""
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        return sqlstate.startswith(_PASSING)
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    is_about_tls = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    return isinstance(error, OSError) and not is_about_tls and _NO_TLS not in str(error)


def shows_failover(error: BaseException) -> bool:
    """Return whether a statement failed because the server is read-only, or is being stopped."""
    return getattr(error, "sqlstate", None) in _FAILOVER


def is_starting_up(error: Exception) -> bool:
    """Return whether a connection failed because the server is starting up or shutting down."""
    return getattr(error, "sqlstate", None) == _STARTING_UP


def connect_reason(error: Exception, seconds: float | None) -> str:
    """Say why a connection could not be made, with the remedy, after waiting for so many seconds."""
    if isinstance(error, TimeoutError):
        waited = f" within {seconds:g} s" if seconds else ""
        return f"no answer{waited}: look whether the server is up, and whether the network lets you through"
    if isinstance(error, driver.ClientConfigurationError):
        return "the URL's parameters do not fit together"
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        found = _CONNECT_REASONS.get(sqlstate) or _CONNECT_REASONS.get(sqlstate[:2])
        return found or f"the server refused (SQLSTATE {sqlstate})"
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
    # If a name has several addresses, asyncio raises one OSError that only lists the errors of all of them.
    numbers = {error.errno} if error.errno else {int(n) for n in re.findall(r"\[Errno (\d+)\]", str(error))}
    if numbers and numbers <= {ECONNREFUSED, ENOENT}:
        return _NOBODY_LISTENS
    if _NO_TLS in str(error):
        return "the server does not offer TLS: set sslmode=disable or prefer in DATABASE_URL"
    if isinstance(error, ConnectionError) or not error.strerror:
        return "the connection was closed at once: look whether that is a PostgreSQL server, and in its log"
    return f"{error.strerror}"
