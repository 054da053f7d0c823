"""Every error this package raises, and the one place that reads a driver's error: `translate`.

A message names what was wrong (a table, a constraint, a setting, an argument) and never holds a stored value.
Errors that replace one of Tortoise's are also of its type, so that `get_or_create`, Aerich and code written
against Tortoise go on working.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar, Final

from asyncpg import exceptions as driver
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

if TYPE_CHECKING:
    from uuid import UUID


class MedianestError(Exception):
    """The base of all errors of this package."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


class NotFoundError(MedianestError):
    """There is no row with that id."""


class ConstraintError(MedianestError, IntegrityError):
    """The database refused a row: it breaks a constraint.

    Attributes:
        constraint: The constraint's name, such as `ck_users_role`; None where the server gives none.
    """

    def __init__(self, message: str | None = None, *, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint


class ConflictError(ConstraintError):
    """Another row already has that value."""


class DuplicateRequestError(ConflictError):
    """There is already an open request for this title."""

    request_id: UUID | None = None
    """The open one, where it is known."""


class DuplicateDownloadError(ConflictError):
    """This user already has an active download of this playlist."""


class InvalidReferenceError(ConstraintError):
    """A row refers to another one that does not exist, or that others still refer to."""


class InvalidInputError(MedianestError, ValueError):
    """A value can't be stored: too long, out of range, a NUL byte, a naive datetime, not JSON."""


class InvalidPaginationError(InvalidInputError):
    """A page or a limit is out of range."""


class InvalidSortError(InvalidInputError):
    """Rows can't be sorted by that name."""


class InvalidCursorError(InvalidInputError):
    """The cursor was altered, or was made for another query."""


class InvalidTransitionError(MedianestError):
    """The status can't change in that way."""


class LeaseLostError(MedianestError):
    """The download no longer belongs to this worker: its lease ran out, or it was cancelled."""


class AuthenticationError(MedianestError):
    """The credentials are not valid."""


class InvalidTokenError(AuthenticationError):
    """The session token is unknown, expired or revoked."""


class TokenReuseError(AuthenticationError):
    """A session token was used after it had been exchanged: its whole family is revoked."""


class AccountSuspendedError(AuthenticationError):
    """The account is suspended."""


class PasswordChangeRequiredError(AuthenticationError):
    """The password has to be changed before anything else."""


class SecretFieldError(MedianestError):
    """A secret column was used in a way that could show or destroy it."""


class DecryptionError(MedianestError):
    """A secret can't be decrypted: its key is missing, or the ciphertext was altered or moved."""


class ConfigurationError(MedianestError):
    """A setting is missing or wrong."""


class DatabaseUnavailableError(MedianestError):
    """The database can't be reached, or can't serve this now."""


class DatabaseTimeoutError(DatabaseUnavailableError):
    """The database did not answer, or a lock was not free, within the time allowed."""


class TransactionConflictError(MedianestError, OperationalError):
    """Another transaction got in the way (serialization failure or deadlock): run this one again."""


class TransactionAbortedError(MedianestError, TransactionManagementError):
    """The transaction was rolled back, or is over: nothing more can be done in it."""


class MigrationError(MedianestError, OperationalError):
    """The database's schema is not the one this version of the package needs."""


class StatementError(MedianestError, OperationalError):
    """The database refused a statement.

    Attributes:
        sqlstate: PostgreSQL's five-character code for the reason.
    """

    def __init__(self, message: str | None = None, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


UNIQUE_ERRORS: Final[dict[str, type[ConflictError]]] = {
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
        return DatabaseTimeoutError(_TIMEOUTS[sqlstate])
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
        kind = UNIQUE_ERRORS.get(constraint or "")
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
