"""The config for Tortoise and Aerich, and the settings of database sessions."""

from __future__ import annotations

import math
from typing import Any, Final

from medianest_models.errors import ConfigurationError
from medianest_models.settings.environment import Settings
from medianest_models.settings.urls import DatabaseUrl

DEFAULT_ALIAS: Final = "default"
APP: Final = "models"
MODELS_MODULES: Final = ["medianest_models.models", "aerich.models"]
_MIGRATION_CONNECTIONS: Final = 4


def tortoise_config(
    settings: Settings, *, url: DatabaseUrl | None = None, for_migrations: bool = False
) -> dict[str, Any]:
    """Make the config for `Tortoise.init` and Aerich.

    Args:
        settings: The pool's size and the timeouts.
        url: The database; by default the one of the settings, or the embedded server.
        for_migrations: Whether to connect past a pooler, and without the timeouts that would end a long statement.
            That for locks stays, because a migration that waits for one stops everyone.

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
        "url": url,
        **_pool(settings, url, for_migrations=for_migrations),
        "timeout": (url and url.connect_timeout) or settings.database_connect_timeout,
        "command_timeout": None if for_migrations else settings.database_command_timeout or None,
        "server_settings": session_settings(url)
        | ({} if pgbouncer else _timeouts(settings, for_migrations=for_migrations)),
        "resets": for_migrations,  # a migration may use SET
        # A migration may be slow, and its SQL is known.
        "slow_query_ms": math.inf if for_migrations else settings.slow_query_ms,
    }
    return {
        "connections": {DEFAULT_ALIAS: {"engine": "medianest_models.db.client", "credentials": credentials}},
        "apps": {APP: {"models": list(MODELS_MODULES), "default_connection": DEFAULT_ALIAS}},
        "use_tz": True,
        "timezone": "UTC",
    }


def session_settings(url: DatabaseUrl | None) -> dict[str, str]:
    """Return the initial settings of every session, which override those of the server, the database and the role.

    PgBouncer tracks four of these for each client, and rejects any other setting.
    """
    session = {
        "application_name": (url and url.application_name) or "medianest",
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "standard_conforming_strings": "on",
    }
    if url is None or not url.pgbouncer:
        session["default_transaction_isolation"] = "read committed"
        session["idle_session_timeout"] = "0"  # it would end the session that holds a lock or listens
        session["jit"] = "off"  # it takes longer to compile a statement of some milliseconds than to run it
    if url is not None and url.search_path is not None:
        session["search_path"] = url.search_path
    return session


def _timeouts(settings: Settings, *, for_migrations: bool) -> dict[str, str]:
    seconds = {
        "statement_timeout": 0 if for_migrations else settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": 0 if for_migrations else settings.database_idle_in_transaction_timeout,
    }
    # Rounded up, because 0 would mean no timeout.
    return {name: f"{math.ceil(value * 1000)}ms" for name, value in seconds.items()}


def _pool(settings: Settings, url: DatabaseUrl | None, *, for_migrations: bool) -> dict[str, Any]:
    most = settings.database_pool_max if url is None or url.pool_max is None else url.pool_max
    seconds = settings.database_pool_timeout if url is None or url.pool_timeout is None else url.pool_timeout
    # Behind PgBouncer the next transaction may run on another connection of the server.
    statements = 0 if url and url.pgbouncer else url and url.statement_cache_size
    return {
        "minsize": 1 if for_migrations else min(settings.database_pool_min, most),
        "maxsize": _MIGRATION_CONNECTIONS if for_migrations else most,
        "pool_timeout": seconds or None,
        "failover_wait": settings.database_failover_wait,
        **({} if statements is None else {"statement_cache_size": statements}),
    }
