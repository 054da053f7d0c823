"""The translation of each driver error, without its values."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter, ValidationError
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


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("23505", ConflictError),
        ("23P01", ConflictError),
        ("23503", InvalidReferenceError),
        ("23001", InvalidReferenceError),
        ("23502", ConstraintError),
        ("23514", ConstraintError),
        ("23000", ConstraintError),
        ("40001", TransactionConflictError),
        ("40P01", TransactionConflictError),
        ("25P02", TransactionAbortedError),
        ("57014", DatabaseTimeoutError),
        ("55P03", DatabaseTimeoutError),
        ("25P03", DatabaseTimeoutError),
        ("25P04", DatabaseTimeoutError),
        ("22000", InvalidInputError),
        ("22001", InvalidInputError),
        ("22003", InvalidInputError),
        ("22021", InvalidInputError),
        ("22P02", InvalidInputError),
        ("22P05", InvalidInputError),
        ("54000", InvalidInputError),
        ("42P01", MigrationError),
        ("42703", MigrationError),
        ("42883", MigrationError),
        ("3F000", MigrationError),
        ("08006", DatabaseUnavailableError),
        ("25006", DatabaseUnavailableError),
        ("28P01", DatabaseUnavailableError),
        ("3D000", DatabaseUnavailableError),
        ("42501", DatabaseUnavailableError),
        ("53000", DatabaseUnavailableError),
        ("53100", DatabaseUnavailableError),
        ("53300", DatabaseUnavailableError),
        ("57P01", DatabaseUnavailableError),
        ("57P03", DatabaseUnavailableError),
        ("58030", DatabaseUnavailableError),
        ("XX000", DatabaseUnavailableError),
        ("22012", StatementError),
        ("42601", StatementError),
        ("P0001", StatementError),
        ("0A000", StatementError),
        ("ZZ999", StatementError),
    ],
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
            {"n": "uq_media_requests_tmdb_id_media_type", "t": "media_requests"},
            DuplicateRequestError,
            "uq_media_requests_tmdb_id_media_type",
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
    ],
)
def test_what_is_no_databases_error_stays(raised: BaseException) -> None:
    assert translate(raised) is None


def test_cancellation_is_never_an_error() -> None:
    assert translate(asyncio.CancelledError()) is None


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


async def test_the_drivers_error_is_nowhere_in_ours_after_an_async_block() -> None:
    @asynccontextmanager
    async def block() -> AsyncIterator[None]:
        with driver_errors():
            yield

    with pytest.raises(DatabaseTimeoutError) as caught:
        async with block():
            raise raised_by_server("57014")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


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


def test_a_value_that_pydantic_refuses_is_nowhere_in_ours() -> None:
    def replacement(error: ValidationError) -> InvalidInputError:
        return InvalidInputError(f"{error.error_count()} problem")

    with (
        pytest.raises(InvalidInputError, match="1 problem") as caught,
        replace_errors(ValidationError, replacement),
    ):
        TypeAdapter(int).validate_python(SECRET)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


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
