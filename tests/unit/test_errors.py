"""The translation of each driver error, without its values."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from contextlib import ExitStack
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from medianest_models import errors
from medianest_models.db.driver_errors import driver_errors, driver_errors_around_caller, translate
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
    NotFoundError,
    StatementError,
    TransactionAbortedError,
    TransactionConflictError,
    replace_errors,
)

SECRET = "hunter2"


def raised_by_server(sqlstate: str, **fields: str) -> asyncpg.PostgresError:
    """Return the error that asyncpg makes from a response of the server."""
    answer = {"C": sqlstate, "M": f"no {SECRET}", "D": f"Failing row contains ({SECRET}).", **fields}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(answer, query=f"SELECT '{SECRET}'")
    return error


BY_SQLSTATE = {
    ConflictError: "23505 23P01",
    InvalidReferenceError: "23503 23001",
    ConstraintError: "23502 23514 23000",
    TransactionConflictError: "40001 40P01",
    TransactionAbortedError: "25P02",
    DatabaseTimeoutError: "57014 55P03 25P03 25P04",
    InvalidInputError: "22000 22001 22003 22021 22P02 22P05 54000",
    MigrationError: "42P01 42703 42883 3F000",
    DatabaseUnavailableError: "08006 25006 28P01 3D000 42501 53000 53100 53300 57P01 57P03 58030 XX000",
    StatementError: "22012 42601 P0001 0A000 ZZ999",
}


@pytest.mark.parametrize(
    ("sqlstate", "expected"), [(code, kind) for kind, codes in BY_SQLSTATE.items() for code in codes.split()]
)
def test_by_sqlstate(sqlstate: str, expected: type[MedianestError]) -> None:
    error = translate(raised_by_server(sqlstate))
    assert isinstance(error, MedianestError)
    assert type(error) is expected
    assert SECRET not in f"{error!r} {error} {vars(error)}"
    assert error.__cause__ is None
    if isinstance(error, StatementError):
        assert error.sqlstate == sqlstate
        assert sqlstate in str(error)


@pytest.mark.parametrize(
    ("sqlstate", "fields", "expected", "constraint", "message"),
    [
        ("23505", {"n": "uq_users_plex_id", "t": "users"}, ConflictError, "uq_users_plex_id", "users already has"),
        (
            "23505",
            {"n": "uq_media_requests_tmdb_id_media_type_season", "t": "media_requests"},
            DuplicateRequestError,
            "uq_media_requests_tmdb_id_media_type_season",
            "open request",
        ),
        (
            "23505",
            {"n": "uq_youtube_downloads_user_id_playlist_url", "t": "youtube_downloads"},
            DuplicateDownloadError,
            "uq_youtube_downloads_user_id_playlist_url",
            "active download",
        ),
        ("23514", {"n": "ck_users_role", "t": "users"}, ConstraintError, "ck_users_role", "ck_users_role"),
        ("23502", {"c": "title", "t": "media_requests"}, ConstraintError, "media_requests.title NOT NULL", "NULL"),
    ],
)
def test_a_constraints_name_is_kept(
    sqlstate: str, fields: dict[str, str], expected: type[ConstraintError], constraint: str, message: str
) -> None:
    error = translate(raised_by_server(sqlstate, **fields))
    assert isinstance(error, ConstraintError)
    assert type(error) is expected
    assert error.constraint == constraint
    assert message in str(error)
    assert SECRET not in str(error)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(copy), str(copy), copy.constraint) == (expected, str(error), constraint)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (asyncpg.InterfaceError("the server expects 1 argument for this query, 0 were passed"), StatementError),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailableError),
        (asyncpg.InterfaceError("pool is closing"), DatabaseUnavailableError),
        (asyncpg.InternalClientError(SECRET), DatabaseUnavailableError),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), DatabaseUnavailableError),
        (asyncpg.InvalidCachedStatementError("cached"), TransactionConflictError),
        (asyncpg.OutdatedSchemaCacheError("cached"), TransactionConflictError),
        (asyncpg.ClientConfigurationError(SECRET), ConfigurationError),
        (TimeoutError(), DatabaseTimeoutError),
        (ConnectionResetError(104, SECRET), DatabaseUnavailableError),
        (OSError(SECRET), DatabaseUnavailableError),
    ],
)
def test_without_a_sqlstate_of_the_server(raised: Exception, expected: type[MedianestError]) -> None:
    error = translate(raised)
    assert type(error) is expected
    assert SECRET not in str(error)


def test_tortoises_errors_are_looked_through() -> None:
    wrapped = IntegrityError(SECRET)
    wrapped.__cause__ = raised_by_server("23505", n="uq_users_plex_id", t="users")
    error = translate(wrapped)
    assert isinstance(error, ConflictError)
    assert error.constraint == "uq_users_plex_id"


@pytest.mark.parametrize(
    "raised",
    [
        ValueError(),
        KeyError(),
        NotFoundError(),
        ConflictError(),
        OperationalError("Tortoise's own"),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
    ],
)
def test_what_is_no_databases_error_stays(raised: BaseException) -> None:
    assert translate(raised) is None


def raised_through(*managers: replace_errors[Any], error: BaseException) -> BaseException:
    """Return the error that leaves the blocks in which another one is raised."""
    try:
        with ExitStack() as stack:
            for manager in managers:
                stack.enter_context(manager)
            raise error  # noqa: TRY301 - the point
    except BaseException as left:  # noqa: BLE001 - whatever it is
        return left


def test_the_drivers_error_is_nowhere_in_ours() -> None:
    error = raised_through(driver_errors(), error=raised_by_server("57014"))
    assert isinstance(error, DatabaseTimeoutError)
    assert error.sqlstate == "57014"
    assert (error.__cause__, error.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "raised", [StatementError("ours", sqlstate="42601"), asyncio.CancelledError(), KeyError("the caller's")]
)
def test_what_is_not_the_drivers_passes_unchanged(raised: BaseException) -> None:
    raised.__context__ = context = ZeroDivisionError()
    assert raised_through(driver_errors(), driver_errors(), error=raised) is raised
    assert raised.__context__ is context


def test_blocks_in_blocks_raise_the_same() -> None:
    error = raised_through(driver_errors(), driver_errors_around_caller(), error=raised_by_server("42601"))
    assert isinstance(error, StatementError)
    assert (error.sqlstate, error.__context__) == ("42601", None)


@pytest.mark.parametrize("raised", [OSError("a file"), TimeoutError()])
def test_around_a_caller_a_file_may_be_missing(raised: OSError) -> None:
    assert raised_through(driver_errors_around_caller(), error=raised) is raised
    assert isinstance(raised_through(driver_errors(), error=raised), DatabaseUnavailableError)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ConstraintError, IntegrityError),
        (ConflictError, IntegrityError),
        (InvalidReferenceError, IntegrityError),
        (TransactionConflictError, OperationalError),
        (StatementError, OperationalError),
        (MigrationError, OperationalError),
        (TransactionAbortedError, TransactionManagementError),
        (InvalidInputError, ValueError),
        (DatabaseTimeoutError, DatabaseUnavailableError),
    ],
)
def test_code_written_against_tortoise_goes_on_working(ours: type[Exception], theirs: type[Exception]) -> None:
    assert issubclass(ours, theirs)


def every_error() -> list[Any]:
    return [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, MedianestError)]


@pytest.mark.parametrize("kind", every_error())
def test_an_error_without_a_message_says_what_its_docstring_says(kind: type[MedianestError]) -> None:
    assert kind.__doc__
    assert str(kind()).startswith(kind.__doc__.splitlines()[0])
    copy = pickle.loads(pickle.dumps(kind("what")))  # noqa: S301 - our own
    assert (type(copy), str(copy)) == (kind, "what")
