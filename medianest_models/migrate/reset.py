"""Emptying a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import translate
from medianest_models.errors import ConfigurationError
from medianest_models.settings import load_settings

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


async def drop_everything(url: DatabaseUrl) -> None:
    """Drops the schema with all that is in it, and makes it anew, empty.

    Raises:
        ConfigurationError: This is production.
        DatabaseUnavailableError: The database can't be reached, or others hold its tables for too long.
    """
    settings = load_settings()
    if settings.is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where nothing is dropped")
    async with direct_connection(url) as connection:
        schema = await connection.fetchval("SELECT quote_ident(coalesce($1, 'public'))", url.schema)
        await connection.execute(f"SET lock_timeout = {int(settings.database_lock_timeout * 1000)}")
        problem = None
        try:
            # One string, one implicit transaction: the schema is never left half-dropped.
            await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")
        except Exception as error:
            problem = translate(error)
            if problem is None:
                raise
        if problem is not None:
            raise problem
