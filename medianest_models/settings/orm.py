"""The config that Tortoise and Aerich are started with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from medianest_models.settings.environment import Settings
    from medianest_models.settings.urls import DatabaseUrl

DEFAULT_ALIAS: Final = "default"
APP: Final = "models"
MODELS_MODULES: Final = ["medianest_models.models", "aerich.models"]
_APPLICATION_NAME: Final = "medianest"
_MIGRATION_CONNECTIONS: Final = 4


def tortoise_config(
    settings: Settings, *, url: DatabaseUrl | None = None, for_migrations: bool = False
) -> dict[str, Any]:
    """The config for `Tortoise.init` and Aerich.

    Args:
        settings: The pool's size and the timeouts.
        url: The database; without it the settings' own, or the embedded server.
        for_migrations: Whether to connect past a pooler, and without the timeouts that would end a long
            statement. The lock timeout stays, because a migration that waits for a lock stops everyone.

    Raises:
        ConfigurationError: There is no database in production, or migrations would go through PgBouncer.
    """
    if url is None:
        url = settings.direct_url() if for_migrations else settings.url()
    pgbouncer = url is not None and url.pgbouncer
    if for_migrations and pgbouncer:
        raise ConfigurationError(
            "DATABASE_DIRECT_URL: is needed for migrations, because DATABASE_URL leads through PgBouncer"
        )
    credentials: dict[str, Any] = {
        **_connection(settings, url),
        **_pool(settings, url, for_migrations=for_migrations),
        "command_timeout": None if for_migrations else settings.database_command_timeout or None,
        "server_settings": _server_settings(settings, url, for_migrations=for_migrations),
        "resets": for_migrations,  # a migration may SET what it likes
        # A migration may take its time, and its text is no news.
        "slow_query_ms": math.inf if for_migrations else settings.slow_query_ms,
    }
    return {
        "connections": {DEFAULT_ALIAS: {"engine": "medianest_models.db.client", "credentials": credentials}},
        "apps": {APP: {"models": list(MODELS_MODULES), "default_connection": DEFAULT_ALIAS}},
        "use_tz": True,
        "timezone": "UTC",
    }


def _connection(settings: Settings, url: DatabaseUrl | None) -> dict[str, Any]:
    if url is None:
        return {"embedded": True, "timeout": settings.database_connect_timeout}
    arguments = url.connect_arguments()
    arguments["timeout"] = url.connect_timeout or settings.database_connect_timeout
    if url.schema is not None:
        arguments["schema"] = url.schema
    if url.pgbouncer:
        arguments["statement_cache_size"] = 0  # the next transaction may run on another server connection
    elif url.statement_cache_size is not None:
        arguments["statement_cache_size"] = url.statement_cache_size
    return arguments


def _pool(settings: Settings, url: DatabaseUrl | None, *, for_migrations: bool) -> dict[str, Any]:
    most = settings.database_pool_max if url is None or url.pool_max is None else url.pool_max
    seconds = settings.database_pool_timeout if url is None or url.pool_timeout is None else url.pool_timeout
    return {
        "minsize": 1 if for_migrations else min(settings.database_pool_min, most),
        "maxsize": _MIGRATION_CONNECTIONS if for_migrations else most,
        "pool_timeout": seconds or None,
    }


def _server_settings(settings: Settings, url: DatabaseUrl | None, *, for_migrations: bool) -> dict[str, str]:
    name = {"application_name": (url and url.application_name) or _APPLICATION_NAME}
    if url is not None and url.pgbouncer:
        return name  # PgBouncer refuses any other startup parameter
    return {
        **name,
        "statement_timeout": _milliseconds(0 if for_migrations else settings.database_statement_timeout),
        "lock_timeout": _milliseconds(settings.database_lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(
            0 if for_migrations else settings.database_idle_in_transaction_timeout
        ),
    }


def _milliseconds(seconds: float) -> str:
    return f"{math.ceil(seconds * 1000)}ms"  # rounded up: 0 would mean none
