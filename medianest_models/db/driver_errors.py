"""The one place that reads a driver's error.

A driver's message and detail can hold a whole row; what is made of it names a table, a constraint or a column.
"""

from __future__ import annotations

from typing import ClassVar, Final

from asyncpg import exceptions as driver
from tortoise.exceptions import IntegrityError, OperationalError

from medianest_models.errors import (
    ConfigurationError,
    ConflictError,
    ConstraintError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DuplicateDownloadError,
    DuplicateRequestError,
    InvalidInputError,
    InvalidReferenceError,
    MedianestError,
    MigrationError,
    StatementError,
    TransactionAbortedError,
    TransactionConflictError,
)

_UNIQUE_ERRORS: Final[dict[str, type[ConflictError]]] = {
    "uq_media_requests_tmdb_id_media_type": DuplicateRequestError,
    "uq_youtube_downloads_user_id_playlist_url": DuplicateDownloadError,
}
"""Unique constraints whose violation has a name of its own."""


class _Sqlstates:
    """PostgreSQL's codes, by what they mean to a caller (PostgreSQL manual, appendix A)."""

    unique: ClassVar = frozenset({"23505", "23P01"})
    reference: ClassVar = frozenset({"23503", "23001"})  # RESTRICT is 23001 from version 18 on
    transaction_conflict: ClassVar = frozenset({"40001", "40P01"})
    aborted: ClassVar = frozenset({"25P02"})
    timeout: ClassVar = frozenset({"57014", "55P03", "25P03", "25P04"})
    schema: ClassVar = frozenset({"42P01", "42703", "42883", "3F000"})
    bad_value: ClassVar = frozenset(
        # 22000 is also what asyncpg's own check of an argument says, whose message holds the value
        {"22000", "22001", "22003", "22007", "22008", "22021", "22030", "22032", "22P02", "22P05", "54000"}
    )


_UNAVAILABLE: Final[dict[str, str]] = {
    "08": "the connection to the database failed",
    "25006": "the database is read-only",
    "28": "the database refused the user name or password",
    "3D": "the database does not exist on this server",
    "42501": "the database user lacks a privilege",
    "53100": "the database server's disk is full",
    "53200": "the database server is out of memory",
    "53300": "the database server has too many connections",
    "53": "the database server lacks a resource",
    "57P": "the database server is shutting down or starting up",
    "58": "the database server had a system error",
    "XX": "the database server had an internal error",
}
"""Codes, or the beginning of codes, of a server that can't serve now, and what to say."""


def translate(error: BaseException) -> MedianestError | None:
    """The error of ours for one raised by asyncpg, Tortoise or the network.

    Only codes and names are read from it (SQLSTATE, constraint, table, column): its message and detail can
    hold a whole row.

    Args:
        error: What was raised.

    Returns:
        The error to raise instead; None when `error` is no database's error, or is already one of ours.
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
        return _from_sqlstate(sqlstate, error)
    if isinstance(error, driver.ClientConfigurationError):
        return ConfigurationError("the parameters of the database's URL do not fit together")
    if isinstance(error, driver.InterfaceError) and not _is_about_connection(error):
        return StatementError("the driver refused the statement: its arguments do not fit it")
    if type(error).__module__.startswith("asyncpg"):
        return DatabaseUnavailableError("the connection to the database failed")
    if isinstance(error, TimeoutError):
        return DatabaseTimeoutError()
    if isinstance(error, OSError):
        return DatabaseUnavailableError(f"the database can't be reached ({type(error).__name__})")
    return None


def _is_about_connection(error: driver.InterfaceError) -> bool:
    """Whether asyncpg complains of the connection or the pool, and not of what it was asked."""
    return any(word in str(error) for word in ("connection", "pool", "operation"))


def _from_sqlstate(sqlstate: str, error: BaseException) -> MedianestError:
    if sqlstate.startswith("23"):
        return _from_constraint(sqlstate, error)
    if sqlstate in _Sqlstates.transaction_conflict:
        return TransactionConflictError()
    if sqlstate in _Sqlstates.timeout:
        return DatabaseTimeoutError(_TIMEOUTS[sqlstate], sqlstate=sqlstate)
    if sqlstate in _Sqlstates.aborted:
        return TransactionAbortedError(
            "an earlier statement of this transaction failed, so it can only be rolled back: "
            "catch an error outside of the transaction, or put what may fail into a nested one"
        )
    if sqlstate in _Sqlstates.bad_value:
        return InvalidInputError(_BAD_VALUES.get(sqlstate, "a value has the wrong form for its column"))
    if sqlstate in _Sqlstates.schema:
        return MigrationError(
            "the database lacks a table, column or function that this version needs: "
            "run `medianest db migrate` (`medianest db status` shows what is pending)"
        )
    for length in (5, 3, 2):
        if reason := _UNAVAILABLE.get(sqlstate[:length]):
            return DatabaseUnavailableError(reason)
    return StatementError(f"the database refused the statement (SQLSTATE {sqlstate})", sqlstate=sqlstate)


_TIMEOUTS: Final = {
    "57014": "the statement was cancelled: it ran longer than allowed, or someone cancelled it",
    "55P03": "a lock was not free within the time allowed",
    "25P03": "the transaction was idle for longer than allowed and was ended",
    "25P04": "the transaction ran longer than allowed and was ended",
}

_BAD_VALUES: Final = {
    "22000": "a value has the wrong type or is out of range for its column",
    "22001": "a text is too long for its column",
    "22003": "a number is out of range for its column",
    "22007": "a date or time has the wrong form",
    "22008": "a date or time is out of range",
    "22021": "a text holds a NUL byte or is not valid UTF-8",
    "54000": "a value is too large for its column's index",
    "22P05": "a JSON text holds a NUL character, which PostgreSQL can't store",
}


def _from_constraint(sqlstate: str, error: BaseException) -> ConstraintError:
    constraint: str | None = getattr(error, "constraint_name", None)
    table = getattr(error, "table_name", None) or "a table"
    if sqlstate in _Sqlstates.unique:
        kind = _UNIQUE_ERRORS.get(constraint or "")
        if kind is not None:
            return kind(constraint=constraint)
        return ConflictError(f"{table} already has a row with that value ({constraint})", constraint=constraint)
    if sqlstate in _Sqlstates.reference:
        return InvalidReferenceError(
            f"{table}: the row referred to does not exist, or others still refer to it ({constraint})",
            constraint=constraint,
        )
    if sqlstate == "23502":
        column = getattr(error, "column_name", None)
        return ConstraintError(f"{table}.{column} must not be NULL", constraint=f"{table}.{column} NOT NULL")
    return ConstraintError(f"{table}: a value is not allowed ({constraint})", constraint=constraint)
