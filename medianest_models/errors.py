"""All errors that this package raises.

A message names what was wrong (a table, a constraint, a setting, an argument) and never holds a stored value. An error
that replaces one of Tortoise's is a subclass of it, so that `get_or_create`, Aerich and code written for Tortoise keep
working.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

ErrorT = TypeVar("ErrorT", bound=Exception)


class replace_errors(Generic[ErrorT]):  # noqa: N801 - it reads as a verb, like contextlib.suppress
    """Replace an error that contains values by another, without keeping it as the cause or context.

    Args:
        kind: Which errors to replace.
        replacement: Returns the error to raise; None to let the original one propagate.
    """

    __slots__ = ("_kind", "_replacement")

    def __init__(self, kind: type[ErrorT], replacement: Callable[[ErrorT], Exception | None]) -> None:
        self._kind = kind
        self._replacement = replacement

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(raised, self._kind):
            return
        error = self._replacement(raised)
        if error is not None:
            try:
                raise error
            finally:
                error.__context__ = None  # Python sets the original error as the context of the one raised here


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

    unique_constraint: ClassVar[str | None] = None
    """The unique constraint whose violation this class reports."""


class DuplicateRequestError(ConflictError):
    """There is already an open request for this title, season and quality."""

    unique_constraint = "uq_media_requests_tmdb_id_media_type_season"
    request_id: UUID | None = None
    """The id of the open request, if known."""


class DuplicateDownloadError(ConflictError):
    """This user already has an active download of this playlist."""

    unique_constraint = "uq_youtube_downloads_user_id_playlist_url"
    download_id: UUID | None = None
    """The id of the active download, if known."""


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


class DownloadCancelledError(LeaseLostError):
    """The download was cancelled: its worker has to stop."""


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


class OverloadedError(MedianestError):
    """Too many passwords wait to be hashed: nothing was done, try again in a few seconds."""

    retry_after: timedelta = timedelta(seconds=3)
    """The approximate time to wait before a retry: the callers that wait now are done by then."""


class SecretFieldError(MedianestError):
    """A secret column was used in a way that could show or destroy it."""


class DecryptionError(MedianestError):
    """A secret can't be decrypted: its key is missing, or the ciphertext was altered or moved."""


class UnreadableValueError(MedianestError):
    """A stored value can't be read: another client wrote what Python has no value for."""


class ConfigurationError(MedianestError):
    """A setting is missing or wrong."""


class DatabaseUnavailableError(MedianestError):
    """The database can't be reached, or can't serve this now.

    Attributes:
        sent: False when nothing of the statement, or of the transaction's block, was sent: the call can be repeated.
            None when it may have been executed, or the call had done other things before.
    """

    def __init__(self, message: str | None = None, *, sent: Literal[False] | None = None) -> None:
        super().__init__(message)
        self.sent = sent


class NoPrimaryError(DatabaseUnavailableError):
    """None of the URL's hosts has the role that the URL asks for, such as a primary; nothing was sent."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, sent=False)


class DatabaseTimeoutError(DatabaseUnavailableError):
    """The database did not answer, or a lock was not free, within the time allowed.

    Attributes:
        sqlstate: PostgreSQL's five-character code, when it is the server that gave up; None when nobody answered.
    """

    def __init__(
        self, message: str | None = None, *, sqlstate: str | None = None, sent: Literal[False] | None = None
    ) -> None:
        super().__init__(message, sent=sent)
        self.sqlstate = sqlstate


class TransactionConflictError(MedianestError, OperationalError):
    """Another transaction got in the way (serialization failure or deadlock): run this one again."""


class TransactionAbortedError(MedianestError, TransactionManagementError):
    """The transaction was rolled back, or is over: nothing more can be done in it."""


class ReadingError(MedianestError):
    """A write or a transaction inside a block of `reading()`, or such a block inside a transaction."""


class ImportCheckError(MedianestError):
    """The rows that an import wrote differ from those that it read. Nothing of it was kept."""


class BackupError(MedianestError):
    """A backup can't be made, read or restored."""


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
