"""Errors of the database, the driver and the connection that could contain a secret."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from asyncpg import exceptions as driver
from tortoise.connection import get_connection

from medianest_models.backups.programs import run_program
from medianest_models.db import connect_database, disconnect_database, transaction
from medianest_models.db.direct import direct_connection
from medianest_models.db.replicas import reading
from medianest_models.db.statements import execute, fetch
from medianest_models.embedded.programs import wheel_bindirs
from medianest_models.encryption.keys import key_ring
from medianest_models.encryption.stored_secrets import SecretParameter
from medianest_models.models import User
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl, load_settings
from tests.leaks.canaries import Canaries
from tests.leaks.failures import Failures
from tests.leaks.failures_of_models import undone
from tests.servers import connect

SQLSTATES: Final = sorted(
    {
        sqlstate
        for error in vars(driver).values()
        if isinstance(sqlstate := getattr(error, "sqlstate", None), str) and not sqlstate.startswith(("00", "01", "02"))
    }
)
"""Every error code that the driver knows."""

# Every part of a server's error that can contain a value.
_LEAK: Final = """
CREATE FUNCTION leak(code text) RETURNS void LANGUAGE plpgsql AS $leak$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = '{value}', DETAIL = 'Failing row contains ({value}).',
        HINT = '{value}', DATATYPE = 'text', SCHEMA = 'public';
END
$leak$
"""


_WRONG: Final = {
    "a number": "SELECT $1::int",
    "an instant": "SELECT $1::timestamptz",
    "a cast": "SELECT $1::text::int",
    "a JSON text": "SELECT $1::text::jsonb",
    "an enum": "UPDATE users SET role = $1",
    "a long text": "UPDATE users SET plex_id = repeat($1, 1000)",
    "a missing table": "SELECT $1 FROM nothing",
    "a wrong word": "SELEC $1::text",
    "too many parameters": "SELECT 1",
    "too few parameters": "SELECT $1::text, $2::text",
}
"""Failing statements, each with a parameter that appears in the driver's or the server's error."""


async def statements(failures: Failures, canaries: Canaries, url: DatabaseUrl) -> None:
    """Cause errors of every kind in the server and the driver, whose texts contain a secret."""
    value = canaries.new("what the server's errors say").text
    bare = await connect(url)
    try:
        await bare.execute(_LEAK.format(value=value))
        for sqlstate in SQLSTATES:
            await failures.expect(f"SQLSTATE {sqlstate}", partial(fetch, "SELECT leak($1)", sqlstate))
            await failures.expect(
                f"SQLSTATE {sqlstate}, on a connection", partial(_on_a_connection, "SELECT leak($1)", sqlstate)
            )
            await failures.expect(
                f"SQLSTATE {sqlstate}, when committed", partial(_in_a_transaction, "SELECT leak($1)", sqlstate)
            )
        await failures.expect("swallowed in a transaction", partial(_swallow, "SELECT leak('23505')"))
        await failures.expect("a conflict", partial(_conflict, bare, value))
    finally:
        await bare.execute("DROP FUNCTION leak")
        await bare.close()
    await written_out(canaries)
    secret = SecretParameter(value)
    await failures.expect(
        "a timeout", partial(undone, partial(_with_a_timeout, "SELECT pg_sleep(5), $1::text", secret))
    )
    await failures.expect("a write in a block that reads", partial(_write_while_reading, secret))
    for what, sql in _WRONG.items():
        await failures.expect(f"a statement, {what}", partial(undone, partial(fetch, sql, secret)))
        await failures.expect(f"a connection's statement, {what}", partial(_on_a_connection, sql, value))


async def written_out(canaries: Canaries) -> None:
    """Run statements and parameters that contain an unmarked secret."""
    value = canaries.new("what the server's errors say").text
    for sql in (
        f"UPDATE users SET plex_token = '{value}' WHERE FALSE",
        f"INSERT INTO users (plex_id, plex_token) SELECT 'x', '{value}' WHERE FALSE",
        f"SELECT FROM services WHERE url = 'https://plex.local/?X-Plex-Token={value}'",
        f'SELECT FROM services WHERE config_data = \'{{"password": "{value}"}}\'',
    ):
        await fetch(sql)
    for parameter in (
        f"https://plex.local/?X-Plex-Token={value}",
        f"//ada:{value}@host",
        f'{{"x-api-key": "{value}"}}',
    ):
        await fetch("SELECT $1::text", parameter)


async def _write_while_reading(secret: str) -> None:
    async with reading():
        await execute("UPDATE users SET plex_token = $1", secret)


async def _with_a_timeout(sql: str, *values: object) -> None:
    await execute("SET LOCAL statement_timeout = '50ms'")
    await fetch(sql, *values)


async def _on_a_connection(sql: str, *values: object) -> None:
    async with get_connection(DEFAULT_ALIAS).acquire_connection() as connection:
        await connection.fetch(sql, *values)


async def _in_a_transaction(sql: str, *values: object) -> None:
    async with transaction(), transaction():
        await fetch(sql, *values)


async def _swallow(sql: str) -> None:
    async with transaction():
        with suppress(Exception):
            await fetch(sql)


async def _conflict(bare: Any, value: str) -> None:
    user = await User.all().first()
    assert user is not None
    async with transaction("repeatable read"):
        await User.get(id=user.id)
        await bare.execute("UPDATE users SET last_login_at = now() WHERE id = $1", user.id)
        user.plex_token = value
        await user.save()


async def connecting(failures: Failures, canaries: Canaries, url: DatabaseUrl, patch: pytest.MonkeyPatch) -> None:
    """Connect to unreachable servers, and with invalid settings, which contain a password or a key."""
    password = canaries.new("the database's password").text
    key = canaries.new("a key that is none").text
    target = f"postgresql://ada:{password}@127.0.0.1:1/medianest"
    await failures.expect("connected already", partial(connect_database, target))
    await disconnect_database()
    await failures.expect("not connected", partial(fetch, "SELECT $1", SecretParameter(password)))
    await failures.expect("nobody listens", partial(connect_database, target))
    await failures.expect("nobody listens to a direct connection", partial(_direct, DatabaseUrl.parse(target)))
    several = target.replace("127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2")
    await failures.expect("none of several hosts listens", partial(connect_database, several))
    pg_dump = wheel_bindirs()[0] / "pg_dump"
    await failures.expect("nobody listens to pg_dump", partial(run_program, pg_dump, url=DatabaseUrl.parse(target)))
    for what, wrong in {
        "another scheme": f"mysql://ada:{password}@127.0.0.1:1/x",
        "a port that is none": f"postgresql://ada:x@127.0.0.1:{password}/x",
        "a password with an at sign": f"postgresql://ada:{password}@@127.0.0.1:x/x",
        "no database": f"postgresql://ada:{password}@127.0.0.1:1",
        "a parameter": f"postgresql://ada:{password}@127.0.0.1:1/x?connection_limit={password}",
        "an unknown parameter": f"postgresql://ada:{password}@127.0.0.1:1/x?password2={password}",
        "a half": f"postgresql://ada:{password}",
        "nothing of a URL": password,
    }.items():
        await failures.catch(f"DATABASE_URL, {what}", partial(connect_database, wrong))
        with patch.context() as environment:
            environment.setenv("DATABASE_URL", wrong)
            await failures.catch(f"the environment's DATABASE_URL, {what}", connect_database)
            await disconnect_database()
    with patch.context() as environment:
        for what, wrong in {"one": key, "the second": f"{'A' * 43}=,{key}"}.items():
            environment.setenv("ENCRYPTION_KEYS", wrong)
            key_ring.cache_clear()
            await failures.expect(f"ENCRYPTION_KEYS, {what}", _read_keys)
    key_ring.cache_clear()
    await connect_database(url)


async def _direct(url: DatabaseUrl) -> None:
    async with direct_connection(url):
        pass


async def _read_keys() -> None:
    load_settings()
    key_ring()
