"""The Tortoise config: the options that reach the driver, and those that do not."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from medianest_models.errors import ConfigurationError
from medianest_models.settings import MODELS_MODULES, DatabaseUrl, Settings, tortoise_config

SESSION = {
    "application_name": "medianest",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "standard_conforming_strings": "on",
}
NOT_BEHIND_PGBOUNCER = {
    "default_transaction_isolation": "read committed",
    "idle_session_timeout": "0",
    "jit": "off",
}
TIMEOUTS = {
    "statement_timeout": "30000ms",
    "lock_timeout": "10000ms",
    "idle_in_transaction_session_timeout": "60000ms",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def credentials(settings: Settings, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = tortoise_config(settings, **options)["connections"]["default"]["credentials"]
    return found


def test_a_migration_is_never_slow() -> None:
    settings = Settings(database_url="postgresql://u:p@h/db", slow_query_ms=1)
    assert credentials(settings)["slow_query_ms"] == 1
    assert credentials(settings, for_migrations=True)["slow_query_ms"] == float("inf")


def test_the_config() -> None:
    settings = Settings(database_url="postgresql://u:p@h/db")
    config = tortoise_config(settings)
    given = config["connections"]["default"].pop("credentials")
    assert config == {
        "connections": {"default": {"engine": "medianest_models.db.client"}},
        "apps": {"models": {"models": MODELS_MODULES, "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }
    assert given == {
        "url": settings.url(),
        "timeout": 10,
        "minsize": 1,
        "maxsize": 20,
        "pool_timeout": 10,
        "failover_wait": 0,
        "command_timeout": 60,
        "server_settings": {**SESSION, **NOT_BEHIND_PGBOUNCER, **TIMEOUTS},
        "resets": False,
        "slow_query_ms": 500,
    }


def test_the_embedded_server_has_no_address_yet() -> None:
    given = credentials(Settings())
    assert given["url"] is None
    assert given["server_settings"] == {**SESSION, **NOT_BEHIND_PGBOUNCER, **TIMEOUTS}


def test_parameters_of_the_url_win() -> None:
    settings = Settings(
        database_url="postgresql://h/db?connection_limit=3&pool_timeout=4&connect_timeout=5&schema=x"
        "&application_name=worker&statement_cache_size=7",
        database_pool_min=10,
    )
    given = credentials(settings)
    assert (given["minsize"], given["maxsize"]) == (3, 3)
    assert (given["pool_timeout"], given["timeout"]) == (4, 5)
    assert given["server_settings"]["search_path"] == '"x"'
    assert given["server_settings"]["application_name"] == "worker"
    assert given["statement_cache_size"] == 7


def test_another_url_can_be_given() -> None:
    other = DatabaseUrl(host="other", database="x", pool_max=2)
    given = credentials(Settings(database_url="postgresql://h/db?connection_limit=3"), url=other)
    assert (given["url"], given["maxsize"]) == (other, 2)


def test_zero_means_no_timeout() -> None:
    settings = Settings(
        database_url="postgresql://h/db?pool_timeout=0",
        database_command_timeout=0,
        database_statement_timeout=0,
        database_lock_timeout=0,
        database_idle_in_transaction_timeout=0,
    )
    given = credentials(settings)
    assert given["pool_timeout"] is None
    assert given["command_timeout"] is None
    assert given["server_settings"] == {**SESSION, **NOT_BEHIND_PGBOUNCER, **dict.fromkeys(TIMEOUTS, "0ms")}


@pytest.mark.parametrize(
    "settings",
    [
        {"database_url": "postgresql://h/db?pgbouncer=true&statement_cache_size=9"},
        {"database_url": "postgresql://h/db", "database_pgbouncer": True},
    ],
    ids=["says the URL", "says the variable"],
)
def test_through_a_pooler(settings: dict[str, Any]) -> None:
    made = Settings(**settings)
    given = credentials(made)
    assert given["server_settings"] == SESSION
    assert given["statement_cache_size"] == 0
    with pytest.raises(ConfigurationError, match=r"^DATABASE_DIRECT_URL: is needed for migrations"):
        tortoise_config(made, for_migrations=True)


def test_migrations_go_past_the_pooler_and_take_their_time() -> None:
    settings = Settings(
        database_url="postgresql://h/db",
        database_pgbouncer=True,
        database_direct_url="postgresql://direct/db?connection_limit=50",
    )
    given = credentials(settings, for_migrations=True)
    assert given["url"] == settings.direct_url()
    assert given["command_timeout"] is None
    for name, value in (("statement", "0ms"), ("lock", "10000ms"), ("idle_in_transaction_session", "0ms")):
        assert given["server_settings"][f"{name}_timeout"] == value
    assert given["maxsize"] == 4
    assert "statement_cache_size" not in given


async def test_a_user_without_a_name_has_to_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    async with TortoiseContext() as context:
        await context.init(tortoise_config(Settings(database_url="postgresql:///db")))
        with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: needs a user name, as in postgresql://USER@"):
            await context.db("default").execute_query("SELECT 1")


async def test_libpqs_variables_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check with a fake server, which asks for a password, that PG* variables do not change asyncpg's messages."""
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        seen.append(await reader.readexactly(length - 4))
        writer.write(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        seen.append(kind + await reader.readexactly(length - 4))
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        url = DatabaseUrl.parse(f"postgresql://127.0.0.1:{port}/db?sslmode=disable")
        for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGPASSFILE", "PGSERVICE"):
            monkeypatch.setenv(name, "hush")
        monkeypatch.setenv("PGSSLMODE", "require")
        monkeypatch.setenv("PGSSLNEGOTIATION", "direct")
        monkeypatch.setenv("PGTARGETSESSIONATTRS", "hush")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await asyncpg.connect(**url.connect_arguments(), timeout=10)
    assert seen[0].startswith(struct.pack("!i", 0x30000))  # a plain startup message, no TLS request
    assert b"user\0hush" not in seen[0]
    assert b"database\0db\0" in seen[0]
    assert seen[1] == b"p\0"  # an empty password
